"""Schemas: what they refuse, how they say it, and that a second validator agrees."""

import copy
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memora.services.cdn_export import content_paths, schema_validator
from memora.services.cdn_export.file_builder import Stamp, build_plan_files, build_structure
from memora.services.cdn_export.plan_content import visible_subjects
from tests.unit.cdn_export.content import plan_content, stage, subject_tree

STAMP = Stamp(1_700_000_000, "2023-11-14T22:13:20")


def samples():
	"""One valid file of each kind, by schema name."""
	tree = subject_tree("S", lessons=97, changes={"S-T1-U1-P1-L1": {"stages": [stage()]}})
	content = plan_content(tree)
	files = build_plan_files(content, visible_subjects(content), STAMP)
	files["S.json"] = build_structure(visible_subjects(content)[0])
	return {f"{content_paths.kind_of(path)}.schema.json": data for path, data in reversed(files.items())}


SAMPLES = samples()


def test_there_is_a_schema_and_a_sample_for_every_kind_of_file():
	assert set(SAMPLES) == {f"{kind}.schema.json" for kind in content_paths.KINDS}
	assert {path.name for path in schema_validator.SCHEMAS_FOLDER.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize("schema_name", sorted(SAMPLES))
def test_a_schema_is_valid_draft_2020_12_and_accepts_its_sample(schema_name):
	schema = json.loads((schema_validator.SCHEMAS_FOLDER / schema_name).read_text(encoding="utf-8"))
	assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
	jsonschema.Draft202012Validator.check_schema(schema)
	assert schema_validator.validate_json_schema(SAMPLES[schema_name], schema_name) == (True, [])


@pytest.mark.parametrize("schema_name", sorted(SAMPLES))
def test_a_field_too_many_and_each_missing_field_are_refused(schema_name):
	valid, errors = schema_validator.validate_json_schema({**SAMPLES[schema_name], "secret": 1}, schema_name)
	assert not valid
	assert "secret" in errors[0]
	required = json.loads((schema_validator.SCHEMAS_FOLDER / schema_name).read_text(encoding="utf-8"))[
		"required"
	]
	for field in required:
		rest = {key: value for key, value in SAMPLES[schema_name].items() if key != field}
		valid, errors = schema_validator.validate_json_schema(rest, schema_name)
		assert not valid, field
		assert any(field in error for error in errors)


def test_an_error_says_where_and_what():
	lesson = copy.deepcopy(SAMPLES["lesson.schema.json"])
	lesson["stages"] = [{**stage(config={}, is_skippable=False), "idx": 1, "type": "Game"}]
	valid, errors = schema_validator.validate_json_schema(lesson, "lesson.schema.json")
	assert not valid
	assert errors[0].startswith("stages/0/type: ")
	assert "Game" in errors[0]


@pytest.mark.parametrize("name", ["nothing.schema.json", "../pyproject.toml", "/etc/passwd", ""])
def test_a_schema_that_is_none_of_ours_is_not_found(name):
	with pytest.raises(FileNotFoundError, match="there is no schema"):
		schema_validator.validate_json_schema({}, name)


def test_files_are_checked_together_and_reported_by_path():
	good = SAMPLES["lesson.schema.json"]
	files = {"lessons/A.json": good, "lessons/B.json": {**good, "version": "1"}, "readme.txt": {}}
	report = schema_validator.validate_all_json_files(files)
	assert (report["valid"], report["valid_count"], report["invalid_count"]) == (False, 1, 2)
	assert report["errors"]["lessons/B.json"][0].startswith("version: ")
	assert report["errors"]["readme.txt"] == ["readme.txt is not the path of a published file"]


def paths_into(value, path=()):
	yield path
	items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
	for key, child in list(items)[:3]:
		yield from paths_into(child, (*path, key))


def replaced(value, path, new):
	if not path:
		return new
	copied = copy.copy(value)
	copied[path[0]] = replaced(value[path[0]], path[1:], new)
	return copied


NEW_VALUES = st.one_of(
	st.none(), st.booleans(), st.integers(-2, 2), st.just(""), st.just("x"), st.just([]), st.just({})
)


@settings(max_examples=300)
@given(st.data())
def test_a_second_implementation_of_json_schema_gives_the_same_verdict(data):
	schema_name = data.draw(st.sampled_from(sorted(SAMPLES)))
	sample = SAMPLES[schema_name]
	path = data.draw(st.sampled_from(list(paths_into(sample))))
	changed = replaced(sample, path, data.draw(NEW_VALUES))
	schema = json.loads((schema_validator.SCHEMAS_FOLDER / schema_name).read_text(encoding="utf-8"))
	expected = jsonschema.Draft202012Validator(schema).is_valid(changed)
	assert schema_validator.validate_json_schema(changed, schema_name)[0] is expected
