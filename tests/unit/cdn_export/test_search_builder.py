"""Search files: entries, threshold and shards."""

from memora.services.cdn_export import schema_validator, search_builder
from memora.services.cdn_export.file_builder import Stamp
from memora.services.cdn_export.plan_content import visible_subjects
from tests.unit.cdn_export.content import plan_content, subject_tree

STAMP = Stamp(1_700_000_000, "2023-11-14T22:13:20")


def search_files(*subjects):
	files = search_builder.build_search_files("PLAN-1", visible_subjects(plan_content(*subjects)), STAMP)
	assert schema_validator.validate_all_json_files(files)["errors"] == {}
	return files


def test_an_entry_names_its_node_and_its_ancestors():
	index = search_files(subject_tree("S", lessons=1))["plans/PLAN-1/search_index.json"]
	assert [entry["type"] for entry in index["entries"]] == ["subject", "track", "unit", "topic", "lesson"]
	assert index["entries"][-1] == {
		"type": "lesson",
		"id": "S-T1-U1-P1-L1",
		"title": "Title of S-T1-U1-P1-L1",
		"description": "",
		"search_text": "title of s-t1-u1-p1-l1",
		"access_level": "authenticated",
		"topic_id": "S-T1-U1-P1",
		"unit_id": "S-T1-U1",
		"track_id": "S-T1",
		"subject_id": "S",
	}


def test_a_hundred_entries_fit_into_one_file():
	files = search_files(subject_tree("S", lessons=96))
	index = files["plans/PLAN-1/search_index.json"]
	assert (index["total_items"], index["is_sharded"], len(index["entries"])) == (100, False, 100)
	assert list(files) == ["plans/PLAN-1/search_index.json"]


def test_one_more_entry_makes_one_shard_a_subject():
	files = search_files(subject_tree("S1", lessons=90), subject_tree("S2", lessons=3))
	index = files["plans/PLAN-1/search_index.json"]
	assert (index["total_items"], index["is_sharded"]) == (101, True)
	assert "entries" not in index
	assert index["shards"] == [
		{"subject_id": "S1", "shard_url": "plans/PLAN-1/search/S1.json", "item_count": 94},
		{"subject_id": "S2", "shard_url": "plans/PLAN-1/search/S2.json", "item_count": 7},
	]
	for reference in index["shards"]:
		assert len(files[reference["shard_url"]]["entries"]) == reference["item_count"]
	assert files["plans/PLAN-1/search/S2.json"]["subject_title"] == "Title of S2"
