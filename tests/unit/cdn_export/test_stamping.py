"""Versions and bytes: unchanged content keeps both, changed content gets a greater version."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.cdn_export import stamping
from memora.services.cdn_export.file_builder import Stamp, build_plan_files
from memora.services.cdn_export.plan_content import visible_subjects
from tests.unit.cdn_export.content import plan_content, subject_tree

EARLIER, LATER = Stamp(1_700_000_000, "2023-11-14T22:13:20"), Stamp(1_700_000_060, "2023-11-14T22:14:20")


def publish(content, published, stamp):
	return stamping.stamp_plan(
		build_plan_files(content, visible_subjects(content), stamp), published.get, stamp
	)


def test_two_builds_of_unchanged_content_differ_in_nothing():
	first = publish(plan_content(), {}, EARLIER)
	assert publish(plan_content(), first, LATER) == first


def test_editing_one_lesson_changes_exactly_the_files_it_touches_and_the_manifest():
	first = publish(plan_content(subject_tree("S")), {}, EARLIER)
	edited = subject_tree("S", changes={"S-T1-U1-P1-L1": {"image": "/files/new.png"}})
	second = publish(plan_content(edited), first, LATER)
	assert {path for path in second if second[path] != first[path]} == {
		"lessons/S-T1-U1-P1-L1.json",
		"plans/PLAN-1/manifest.json",
	}
	assert json.loads(second["lessons/S-T1-U1-P1-L1.json"])["version"] == LATER.version


def test_a_second_change_within_the_same_second_still_gets_a_greater_version():
	first = stamping.stamp_file("a.json", {"title": "A", "version": 0, "generated_at": ""}, None, EARLIER)
	second = stamping.stamp_file("a.json", {"title": "B", "version": 0, "generated_at": ""}, first, EARLIER)
	assert json.loads(second)["version"] == EARLIER.version + 1


def test_a_clock_that_moved_back_does_not_take_versions_back():
	first = stamping.stamp_file("a.json", {"title": "A", "version": 0, "generated_at": ""}, None, LATER)
	second = stamping.stamp_file("a.json", {"title": "B", "version": 0, "generated_at": ""}, first, EARLIER)
	assert json.loads(second)["version"] == LATER.version + 1


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'"text"', b"\xff\xfe"])
def test_a_damaged_published_file_is_written_anew(damaged):
	written = stamping.stamp_file(
		"a.json", {"title": "A", "version": 0, "generated_at": ""}, damaged, EARLIER
	)
	assert json.loads(written) == {"title": "A", **EARLIER._asdict()}


def test_text_stays_readable_and_bytes_compact():
	assert stamping.encode("a.json", {"title": "درس", "n": 1}) == '{"title":"درس","n":1}'.encode()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_carry_is_refused_with_the_files_name(bad):
	with pytest.raises(ValueError, match=r"lessons/L\.json cannot be written as JSON"):
		stamping.encode("lessons/L.json", {"config": bad})


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 3)), min_size=1, max_size=12))
def test_versions_rise_with_every_change_and_stay_without_one(edits):
	published, title, now = None, None, 1_700_000_000
	for new_title, seconds in edits:
		now += seconds
		data = {"title": new_title, "version": 0, "generated_at": ""}
		written = stamping.stamp_file(
			"a.json", data, published, Stamp(now, f"2023-11-14T22:00:{now % 60:02}")
		)
		if new_title == title:
			assert written == published
		elif published:
			assert json.loads(written)["version"] > json.loads(published)["version"]
		published, title = written, new_title
