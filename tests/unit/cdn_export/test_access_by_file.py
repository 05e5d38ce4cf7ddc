"""Every override and pair of overrides at every level: all files of the plan tell the same of every node."""

from itertools import combinations

import pytest

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.file_builder import Stamp, build_plan_files
from memora.services.cdn_export.plan_content import LESSON, SUBJECT, TOPIC, TRACK, UNIT, visible_subjects
from tests.unit.cdn_export.content import override, plan_content, subject_tree

STAMP = Stamp(1_700_000_000, "2023-11-14T22:13:20")
TARGETS = {SUBJECT: "S", TRACK: "S-T1", UNIT: "S-T1-U1", TOPIC: "S-T1-U1-P1", LESSON: "S-T1-U1-P1-L1"}
ACTIONS = {
	"Hide": None,
	"Set Free": None,
	"Set Sold Separately": "ITEM-X",
	"Set Access Level": "public",
	"Set Linear": "1",
}
COMBINATIONS = [pair for size in (0, 1, 2) for pair in combinations(ACTIONS, size)]
SUBJECTS = {
	"plain": {},
	"public": {"is_public": 1},
	"paid": {"required_item": "ITEM-S"},
	"paid with a free unit": {"required_item": "ITEM-S"},
}
CHANGES = {
	"paid with a free unit": {"S-T1-U2": {"is_free_preview": 1}},
	"plain": {"S-T2": {"is_published": 0}, "S-T1-U1-P1-L2": {"is_published": 0}},
}
LEVEL_BY_ACTION = {"Set Free": "free_preview", "Set Sold Separately": "paid", "Set Access Level": "public"}


def expected_levels(row, parent_level, target, actions):
	"""{id: level} by the table of docs/cdn-files.md, read as slowly as possible."""
	if not row["is_published"] or (row["name"] == target and "Hide" in actions):
		return {}
	overriding = [level for action, level in LEVEL_BY_ACTION.items() if action in actions]
	if row["name"] == target and overriding:
		level = overriding[0]
	elif row.get("is_free_preview"):
		level = "free_preview"
	elif row.get("required_item"):
		level = "paid"
	else:
		level = parent_level or ("public" if row.get("is_public") else "authenticated")
	if "children" not in row:
		return {row["name"]: level}
	below = {}
	for child in row["children"]:
		below |= expected_levels(child, level, target, actions)
	return {row["name"]: level, **below} if below else {}


def told(files):
	"""{kind of file: {id: what it says of that node's access}}"""
	told_by = {kind: {} for kind in (paths.MANIFEST, paths.HIERARCHY, paths.TOPIC)}
	for path, data in files.items():
		kind = paths.kind_of(path)
		if kind == paths.MANIFEST:
			told_by[kind] |= {subject["id"]: subject["access"] for subject in data["subjects"]}
		elif kind == paths.HIERARCHY:
			told_by[kind] |= accesses(data)
		elif kind == paths.TOPIC:
			told_by[kind] |= {data["id"]: data["access"]}
			told_by[kind] |= {lesson["id"]: lesson["access"] for lesson in data["lessons"]}
	return told_by


def accesses(node):
	found = {node["id"]: node["access"]}
	for key in ("tracks", "units", "topics"):
		for child in node.get(key, ()):
			found |= accesses(child)
	return found


def searched(files):
	return {
		entry["id"]: entry["access_level"] for data in files.values() for entry in data.get("entries", ())
	}


@pytest.mark.parametrize("actions", COMBINATIONS, ids=lambda actions: " and ".join(actions) or "nothing")
@pytest.mark.parametrize("doctype", TARGETS)
@pytest.mark.parametrize("kind", SUBJECTS)
def test_all_files_tell_the_same_level_of_every_node_and_only_of_what_is_visible(kind, doctype, actions):
	changes = {"S": SUBJECTS[kind], **CHANGES.get(kind, {})}
	tree = subject_tree("S", tracks=2, units=2, topics=1, lessons=2, changes=changes)
	target = TARGETS[doctype]
	overrides = [override(doctype, target, action, ACTIONS[action]) for action in actions]
	content = plan_content(tree, overrides=overrides)
	files = build_plan_files(content, visible_subjects(content), STAMP)

	expected = expected_levels(tree, None, target, actions)
	told_by = told(files)
	everywhere = {}
	for found in told_by.values():
		for name, access in found.items():
			assert everywhere.setdefault(name, access) == access, name
	assert {name: access["access_level"] for name, access in everywhere.items()} == expected
	assert searched(files) == expected
	lessons = {name for name in expected if "-L" in name}
	mapped = {name for data in files.values() for name in data.get("mappings", ())}
	shared = {paths.node_id_of(path) for path in files if paths.kind_of(path) == paths.LESSON}
	assert mapped == shared == lessons
	assert "access" not in str([data for path, data in files.items() if paths.kind_of(path) == paths.LESSON])
