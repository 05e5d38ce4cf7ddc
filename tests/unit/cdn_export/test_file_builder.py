"""The content of published files: shapes, agreement among them, and that nothing withheld is in any byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.cdn_export import file_builder, schema_validator, stamping
from memora.services.cdn_export.file_builder import Stamp
from memora.services.cdn_export.plan_content import (
	LESSON,
	SUBJECT,
	TOPIC,
	TRACK,
	UNIT,
	visible_subjects,
	withheld_nodes,
)
from tests.unit.cdn_export.content import node, override, plan_content, stage, subject_tree

STAMP = Stamp(1_700_000_000, "2023-11-14T22:13:20")


def build(content):
	return file_builder.build_plan_files(content, visible_subjects(content), STAMP)


def published_bytes(content):
	return stamping.stamp_plan(build(content), lambda path: None, STAMP)


def test_every_file_of_a_plan_fits_its_schema_and_the_manifest_comes_last():
	content = plan_content(subject_tree("S1", lessons=3), subject_tree("S2"))
	encoded = published_bytes(content)
	report = schema_validator.validate_all_json_files(
		{path: json.loads(data) for path, data in encoded.items()}
	)
	assert report == {"valid": True, "errors": {}, "valid_count": len(encoded), "invalid_count": 0}
	assert list(encoded)[-1] == "plans/PLAN-1/manifest.json"
	assert sorted(encoded) == [
		*(f"lessons/S1-T1-U1-P1-L{number}.json" for number in (1, 2, 3)),
		*(f"lessons/S2-T1-U1-P1-L{number}.json" for number in (1, 2)),
		"plans/PLAN-1/S1-T1-U1-P1.json",
		"plans/PLAN-1/S1_b.json",
		"plans/PLAN-1/S1_h.json",
		"plans/PLAN-1/S2-T1-U1-P1.json",
		"plans/PLAN-1/S2_b.json",
		"plans/PLAN-1/S2_h.json",
		"plans/PLAN-1/manifest.json",
		"plans/PLAN-1/search_index.json",
	]


def test_the_manifest_names_every_other_file_with_its_hash_and_size():
	encoded = published_bytes(plan_content())
	manifest = json.loads(encoded.pop("plans/PLAN-1/manifest.json"))
	assert manifest["files"] == {path: stamping.describe(data) for path, data in encoded.items()}


def test_the_manifest_has_the_plan_and_its_subjects_in_the_documented_shape():
	tree = subject_tree(
		"S", changes={"S": {"is_linear": 1, "color_code": "#123456", "description": "عن المادة"}}
	)
	assert build(plan_content(tree))["plans/PLAN-1/manifest.json"] == {
		"plan_id": "PLAN-1",
		"title": "Grade 5",
		"version": 1_700_000_000,
		"generated_at": "2023-11-14T22:13:20",
		"season": "2026",
		"grade": "5",
		"subjects": [
			{
				"id": "S",
				"title": "Title of S",
				"is_linear": True,
				"access": {"is_published": True, "access_level": "authenticated"},
				"description": "عن المادة",
				"color_code": "#123456",
				"hierarchy_url": "plans/PLAN-1/S_h.json",
				"bitmap_url": "plans/PLAN-1/S_b.json",
			}
		],
		"search_index_url": "plans/PLAN-1/search_index.json",
		"files": {},
	}


def test_the_plain_manifest_lacks_only_the_atomic_addresses():
	content = plan_content()
	subjects = visible_subjects(content)
	atomic = file_builder.build_manifest(content.plan, subjects, STAMP)
	plain = file_builder.build_manifest(content.plan, subjects, STAMP, atomic=False)
	del atomic["files"]
	for subject in atomic["subjects"]:
		del subject["hierarchy_url"], subject["bitmap_url"]
	assert plain == atomic


def test_a_hierarchy_ends_at_its_topics_and_counts_what_is_below():
	hierarchy = build(plan_content(subject_tree("S", tracks=2, units=2, topics=2, lessons=3)))[
		"plans/PLAN-1/S_h.json"
	]
	assert hierarchy["stats"] == {"total_tracks": 2, "total_units": 4, "total_topics": 8, "total_lessons": 24}
	assert hierarchy["tracks"][1]["units"][0]["topics"][1] == {
		"id": "S-T2-U1-P2",
		"title": "Title of S-T2-U1-P2",
		"is_linear": False,
		"access": {"is_published": True, "access_level": "authenticated"},
		"topic_url": "plans/PLAN-1/S-T2-U1-P2.json",
		"lesson_count": 3,
	}
	assert "S-T1-U1-P1-L1" not in json.dumps(hierarchy)


def test_a_topic_knows_its_place_and_points_to_its_lessons():
	tree = subject_tree(
		"S", changes={"S-T1-U1-P1-L2": {"stages": [stage(), stage()], "description": "About"}}
	)
	topic = build(plan_content(tree))["plans/PLAN-1/S-T1-U1-P1.json"]
	assert topic["parent"] == {
		"unit_id": "S-T1-U1",
		"unit_title": "Title of S-T1-U1",
		"track_id": "S-T1",
		"track_title": "Title of S-T1",
		"subject_id": "S",
		"subject_title": "Title of S",
	}
	assert topic["lessons"][1] == {
		"id": "S-T1-U1-P1-L2",
		"title": "Title of S-T1-U1-P1-L2",
		"bit_index": 1,
		"lesson_url": "lessons/S-T1-U1-P1-L2.json",
		"access": {"is_published": True, "access_level": "authenticated"},
		"stage_count": 2,
		"description": "About",
	}


def test_a_lesson_carries_its_stages_and_nothing_of_any_plan():
	stages = [
		stage(config='{"url": "https://x/v.mp4"}', is_skippable=1),
		stage("Quiz", type="Quiz", config=""),
	]
	row = node(LESSON, "L", stages=stages, image="/files/l.png")
	assert file_builder.build_lesson(row, STAMP) == {
		"id": "L",
		"title": "Title of L",
		"version": 1_700_000_000,
		"generated_at": "2023-11-14T22:13:20",
		"image": "/files/l.png",
		"stages": [
			{
				"idx": 1,
				"title": "Watch",
				"type": "Video",
				"config": {"url": "https://x/v.mp4"},
				"weight": 1,
				"target_time": 60,
				"is_skippable": True,
			},
			{
				"idx": 2,
				"title": "Quiz",
				"type": "Quiz",
				"config": {},
				"weight": 1,
				"target_time": 60,
				"is_skippable": False,
			},
		],
		"navigation": {"is_standalone": True},
	}


@pytest.mark.parametrize(
	("config", "message"),
	[
		("{", "is not valid JSON"),
		('{"a": NaN}', "is not valid JSON"),
		('{"a": 1e999}', "is not valid JSON"),
		('{"a": "\\ud800"}', "contains half a character"),
		('{"a": ' + "[" * 9000 + "]" * 9000 + "}", "is nested too deeply"),
		("[1]", "must be a JSON object"),
		("3", "must be a JSON object"),
	],
)
def test_a_stage_whose_config_no_file_can_carry_stops_the_build_by_name(config, message):
	row = node(LESSON, "L-7", stages=[stage(), stage(config=config)])
	with pytest.raises(ValueError, match=f"the config of stage 2 of L-7 {message}"):
		file_builder.build_lesson(row, STAMP)


def test_the_bitmap_maps_exactly_the_exported_lessons():
	tree = subject_tree("S", lessons=3, changes={"S-T1-U1-P1-L2": {"is_published": 0}})
	bitmap = build(plan_content(tree))["plans/PLAN-1/S_b.json"]
	assert bitmap["total_lessons"] == 2
	assert bitmap["mappings"] == {
		"S-T1-U1-P1-L1": {"bit_index": 0, "topic_id": "S-T1-U1-P1"},
		"S-T1-U1-P1-L3": {"bit_index": 2, "topic_id": "S-T1-U1-P1"},
	}


def test_order_is_sort_order_then_name():
	tree = subject_tree("S", lessons=3, changes={"S-T1-U1-P1-L1": {"sort_order": 5}})
	topic = build(plan_content(tree))["plans/PLAN-1/S-T1-U1-P1.json"]
	assert [lesson["id"][-2:] for lesson in topic["lessons"]] == ["L2", "L3", "L1"]


def test_a_container_without_visible_lessons_is_dropped_and_so_on_up():
	tree = subject_tree(
		"S", tracks=2, changes={f"S-T1-U1-P1-L{number}": {"is_published": 0} for number in (1, 2)}
	)
	hierarchy = build(plan_content(tree))["plans/PLAN-1/S_h.json"]
	assert [track["id"] for track in hierarchy["tracks"]] == ["S-T2"]
	assert hierarchy["stats"]["total_lessons"] == 2


def test_a_plan_that_shows_nothing_publishes_a_manifest_and_an_empty_search_index():
	content = plan_content(subject_tree("S"), overrides=[override(SUBJECT, "S", "Hide")])
	assert sorted(published_bytes(content)) == [
		"plans/PLAN-1/manifest.json",
		"plans/PLAN-1/search_index.json",
	]
	assert withheld_nodes(content, []) >= {(SUBJECT, "S"), (LESSON, "S-T1-U1-P1-L1")}


def test_the_structure_has_bits_and_xp_and_no_stage_content():
	tree = subject_tree(
		"S", lessons=1, changes={"S-T1-U1-P1-L1": {"stages": [stage("Secret stage")], "base_xp": 25}}
	)
	structure = file_builder.build_structure(visible_subjects(plan_content(tree))[0])
	assert schema_validator.validate_json_schema(structure, "subject_structure.schema.json") == (True, [])
	lesson = structure["tracks"][0]["units"][0]["topics"][0]["lessons"][0]
	assert lesson == {
		"id": "S-T1-U1-P1-L1",
		"title": "Title of S-T1-U1-P1-L1",
		"bit_index": 0,
		"base_xp": 25,
		"sort_order": 0,
	}
	assert "Secret stage" not in json.dumps(structure)


@pytest.mark.parametrize("topic_id", ["manifest", "search_index", "S_h", "X_b"])
def test_an_id_that_would_take_another_files_path_is_refused(topic_id):
	tree = subject_tree("S")
	tree["children"][0]["children"][0]["children"][0]["name"] = topic_id
	with pytest.raises(ValueError, match="would be taken by two files"):
		build(plan_content(tree))


@pytest.mark.parametrize("lesson_id", ["../L", "a/b", ".hidden"])
def test_an_id_that_leaves_its_folder_is_refused(lesson_id):
	tree = subject_tree("S")
	tree["children"][0]["children"][0]["children"][0]["children"][0]["name"] = lesson_id
	with pytest.raises(ValueError, match="cannot name a published file"):
		build(plan_content(tree))


NODES = {
	"S1": SUBJECT,
	"S1-T1": TRACK,
	"S1-T2": TRACK,
	"S1-T1-U1": UNIT,
	"S1-T1-U2-P1": TOPIC,
	"S1-T1-U1-P2-L1": LESSON,
	"S2-T1-U1-P1": TOPIC,
	"S2-T1-U1-P1-L1": LESSON,
	"S2-T1-U1-P1-L2": LESSON,
}


@given(hidden=st.sets(st.sampled_from(sorted(NODES))), unpublished=st.sets(st.sampled_from(sorted(NODES))))
def test_no_id_and_no_title_of_a_withheld_node_is_in_any_published_byte(hidden, unpublished):
	changes = {name: {"is_published": 0} for name in unpublished}
	content = plan_content(
		subject_tree("S1", tracks=2, units=2, topics=2, changes=changes),
		subject_tree("S2", changes=changes),
		overrides=[override(NODES[name], name, "Hide") for name in sorted(hidden)],
	)
	files = published_bytes(content)
	published = b"".join([*files.values(), *(path.encode() for path in files)])
	for _, name in withheld_nodes(content, visible_subjects(content)):
		assert f'"{name}"'.encode() not in published
		assert f"/{name}.".encode() not in published
		assert f'Title of {name}"'.encode() not in published


@given(hidden=st.sets(st.sampled_from(sorted(NODES))))
def test_hierarchy_topics_bitmap_manifest_and_search_agree_on_what_is_visible(hidden):
	content = plan_content(
		subject_tree("S1", tracks=2, units=2, topics=2),
		subject_tree("S2"),
		overrides=[override(NODES[name], name, "Hide") for name in sorted(hidden)],
	)
	files = build(content)
	search = files["plans/PLAN-1/search_index.json"]["entries"]
	by_type = {
		kind: {entry["id"]: entry["access_level"] for entry in search if entry["type"] == kind}
		for kind in ("subject", "topic", "lesson")
	}
	manifest = files["plans/PLAN-1/manifest.json"]["subjects"]
	assert {subject["id"]: subject["access"]["access_level"] for subject in manifest} == by_type["subject"]
	in_bitmaps, in_topics, in_hierarchies = {}, {}, {}
	for subject in manifest:
		in_bitmaps |= files[subject["bitmap_url"]]["mappings"]
		for track in files[subject["hierarchy_url"]]["tracks"]:
			for unit in track["units"]:
				for topic in unit["topics"]:
					in_hierarchies[topic["id"]] = topic["access"]["access_level"]
					lessons = files[topic["topic_url"]]["lessons"]
					assert topic["lesson_count"] == len(lessons)
					in_topics |= {lesson["id"]: lesson["access"]["access_level"] for lesson in lessons}
	assert in_hierarchies == by_type["topic"]
	assert in_topics == by_type["lesson"]
	assert set(in_bitmaps) == set(in_topics) == {path[8:-5] for path in files if path.startswith("lessons/")}
