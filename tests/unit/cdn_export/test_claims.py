"""What manifests promise, and which of them lose a promise before files are replaced."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.cdn_export import claims, schema_validator, stamping
from memora.services.cdn_export.file_builder import Stamp, build_plan_files
from memora.services.cdn_export.plan_content import visible_subjects
from tests.unit.cdn_export.content import plan_content, subject_tree

STAMP = Stamp(1_700_000_000, "2023-11-14T22:13:20")
MANIFEST = "plans/PLAN-1/manifest.json"
HASHES = ["a" * 64, "b" * 64, "c" * 64]


def manifest(files, replacing=(), version=1):
	data = {"version": version, "files": {path: {"sha256": sha, "size": 2} for path, sha in files.items()}}
	return json.dumps(data | ({"replacing": list(replacing)} if replacing else {})).encode()


def test_a_manifest_promises_its_files_and_names_those_that_are_being_replaced():
	content = manifest({"lessons/A.json": HASHES[0]}, ["lessons/B.json"])
	assert claims.promised(content) == {"lessons/A.json": HASHES[0]}
	assert claims.named(content) == {"lessons/A.json", "lessons/B.json"}


@pytest.mark.parametrize("damaged", [None, b"", b"{", b"[]", b"{}", b'{"files": 1}', b"\xff"])
def test_what_nobody_can_read_promises_nothing(damaged):
	assert (claims.promised(damaged), claims.named(damaged)) == ({}, set())
	assert claims.retract({MANIFEST: damaged}, {"lessons/A.json": None}) == {}


def test_a_manifest_loses_exactly_what_is_about_to_break_and_gets_the_next_version():
	content = manifest({"lessons/A.json": HASHES[0], "lessons/B.json": HASHES[1]}, version=7)
	replaced = {"lessons/A.json": HASHES[2], "lessons/B.json": HASHES[1], "lessons/C.json": HASHES[0]}
	retracted = json.loads(claims.retract({MANIFEST: content}, replaced)[MANIFEST])
	assert set(retracted["files"]) == {"lessons/B.json"}
	assert retracted["replacing"] == ["lessons/A.json"]
	assert retracted["version"] == 8


def test_new_and_unchanged_files_take_nothing_back():
	content = manifest({"lessons/A.json": HASHES[0]})
	assert (
		claims.retract({MANIFEST: content}, {"lessons/A.json": HASHES[0], "lessons/N.json": HASHES[1]}) == {}
	)


def test_a_manifest_that_lost_promises_still_fits_its_schema():
	content = plan_content(subject_tree("S"))
	files = stamping.stamp_plan(
		build_plan_files(content, visible_subjects(content), STAMP), lambda path: None, STAMP
	)
	everything = dict.fromkeys(files)
	retracted = json.loads(claims.retract({MANIFEST: files[MANIFEST]}, everything)[MANIFEST])
	assert schema_validator.validate_json_schema(retracted, "manifest.schema.json") == (True, [])
	assert retracted["files"] == {}


def test_a_shared_lesson_may_be_any_plans_and_other_files_their_own_plans():
	manifests = {"plans/A/manifest.json", "plans/B/manifest.json"}
	assert claims.manifests_that_may_name(["lessons/L.json"], manifests) == manifests
	assert claims.manifests_that_may_name(["plans/B/T.json", "S.json"], manifests) == {
		"plans/B/manifest.json"
	}


PATHS = st.sampled_from([f"lessons/{letter}.json" for letter in "ABCD"])
FILES = st.dictionaries(PATHS, st.sampled_from(HASHES))


@given(FILES, st.lists(st.dictionaries(PATHS, st.sampled_from([*HASHES, None])), max_size=4))
def test_after_any_replacements_each_promise_left_is_true_and_every_file_still_belongs_to_the_plan(
	files, rounds
):
	content, disk = manifest(files), dict(files)
	for replaced in rounds:
		content = claims.retract({MANIFEST: content}, replaced).get(MANIFEST, content)
		disk |= replaced
		assert all(disk[path] == sha256 for path, sha256 in claims.promised(content).items())
		assert claims.named(content) == set(files)
