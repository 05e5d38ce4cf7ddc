"""Access levels and linear mode: every rule, alone and against every override."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.cdn_export.access_rules import (
	ACCESS_LEVELS,
	ACTIONS_BY_STRENGTH,
	Access,
	combine_overrides,
	parse_flag,
	resolve_access,
	resolve_linear,
)
from memora.services.cdn_export.plan_content import LESSON, SUBJECT, TOPIC, TRACK, UNIT, visible_subjects
from tests.unit.cdn_export.content import node, override, plan_content, subject_tree

PAID_PARENT = Access("paid", "ITEM-P", paid_item="ITEM-P")
VALUES = {"Set Sold Separately": "ITEM-X", "Set Access Level": "authenticated", "Set Linear": "no"}


def access_of(row, parent=None, *rows):
	access = resolve_access(row, parent, combine_overrides(rows))
	return access.to_dict() if access else None


@pytest.mark.parametrize(
	("fields", "parent", "expected"),
	[
		({"is_published": 0}, None, None),
		({}, None, "authenticated"),
		({"is_public": 1}, None, "public"),
		({"is_public": 1, "required_item": "ITEM-1"}, None, "paid"),
		({"is_public": 1, "required_item": "ITEM-1", "is_free_preview": 1}, None, "free_preview"),
		({}, PAID_PARENT, "paid"),
		({}, Access("public"), "public"),
		({}, Access("free_preview"), "free_preview"),
		({}, Access("authenticated"), "authenticated"),
		({"is_public": 1}, PAID_PARENT, "paid"),
		({"is_free_preview": 1}, PAID_PARENT, "free_preview"),
		({"required_item": "ITEM-1"}, Access("public"), "paid"),
	],
)
def test_the_first_rule_that_applies_decides_the_level(fields, parent, expected):
	access = access_of(node(TRACK, "N", **fields), parent)
	assert (access and access["access_level"]) == expected


def test_a_paid_child_asks_for_the_nearest_paid_ancestors_item():
	unit = resolve_access(node(UNIT, "U", is_free_preview=1), PAID_PARENT, {})
	topic = access_of(node(TOPIC, "T"), unit, override(TOPIC, "T", "Set Access Level", "paid"))
	assert topic == {"is_published": True, "access_level": "paid", "required_item": "ITEM-P"}


def test_a_node_that_is_not_paid_names_no_item():
	row = node(TRACK, "T", required_item="ITEM-1", is_sold_separately=1, parent_item_required=1)
	assert access_of(row, None, override(TRACK, "T", "Set Free")) == {
		"is_published": True,
		"access_level": "free_preview",
	}


@pytest.mark.parametrize(("value", "item"), [("ITEM-X", "ITEM-X"), (None, "ITEM-1")])
def test_sold_separately_takes_the_overrides_item_else_the_nodes_own(value, item):
	row = node(TRACK, "T", required_item="ITEM-1")
	access = access_of(row, PAID_PARENT, override(TRACK, "T", "Set Sold Separately", value))
	assert access == {
		"is_published": True,
		"access_level": "paid",
		"required_item": item,
		"is_sold_separately": True,
	}


def test_a_track_sold_separately_without_an_item_is_not_opened_by_the_subjects_item():
	access = access_of(node(TRACK, "T"), PAID_PARENT, override(TRACK, "T", "Set Sold Separately"))
	assert "required_item" not in access


def expected_level(actions):
	if "Hide" in actions:
		return None
	if "Set Free" in actions:
		return "free_preview"
	if "Set Sold Separately" in actions:
		return "paid"
	return "authenticated" if "Set Access Level" in actions else "public"


ALL_COMBINATIONS = [actions for size in range(1, 6) for actions in combinations(ACTIONS_BY_STRENGTH, size)]


@pytest.mark.parametrize("actions", ALL_COMBINATIONS, ids="+".join)
@pytest.mark.parametrize("doctype", [SUBJECT, TRACK, UNIT, TOPIC, LESSON])
def test_every_combination_of_overrides_at_every_level(doctype, actions):
	rows = [override(doctype, "N", action, VALUES.get(action)) for action in reversed(actions)]
	row = node(doctype, "N", is_linear=1)
	access = access_of(row, Access("public"), *rows)
	assert (access and access["access_level"]) == expected_level(actions)
	assert resolve_linear(row, combine_overrides(rows)) is ("Set Linear" not in actions)
	assert combine_overrides(rows)[doctype, "N"]["action"] == actions[0]


def test_combined_overrides_carry_what_all_of_them_set():
	rows = [override(TRACK, "T", "Set Linear", "yes"), override(TRACK, "T", "Set Sold Separately", "ITEM-X")]
	assert combine_overrides(rows) == {
		(TRACK, "T"): {
			"action": "Set Sold Separately",
			"target_doctype": TRACK,
			"fields": {
				"access_level": "paid",
				"is_sold_separately": True,
				"required_item": "ITEM-X",
				"is_linear": True,
			},
		}
	}


def test_an_override_of_a_unit_leaves_a_topic_of_the_same_name_alone():
	overrides = combine_overrides([override(UNIT, "SAME", "Hide")])
	assert resolve_access(node(TOPIC, "SAME"), Access("public"), overrides).level == "public"
	by_name = {name: entry for (_, name), entry in overrides.items()}
	assert resolve_access(node(TOPIC, "SAME"), Access("public"), by_name).level == "public"


@pytest.mark.parametrize(
	("row", "message"),
	[
		(override(UNIT, "U", "Set Price"), "unknown override action 'Set Price'"),
		(override(UNIT, "U", "Set Access Level", "secret"), "access level must be one of"),
		(override(UNIT, "U", "Set Linear", "perhaps"), "Set Linear takes 1 or 0"),
	],
)
def test_an_override_nobody_understands_stops_the_build_by_name(row, message):
	with pytest.raises(ValueError, match=message):
		combine_overrides([row])


@pytest.mark.parametrize(
	("value", "flag"),
	[
		(1, True),
		("1", True),
		(True, True),
		("True", True),
		("YES", True),
		(0, False),
		("no", False),
		("false ", False),
	],
)
def test_linear_values_in_all_their_spellings(value, flag):
	assert parse_flag(value) is flag


def test_without_override_and_flag_a_node_is_not_linear():
	assert resolve_linear({"name": "N"}, {}) is False
	assert resolve_linear(node(UNIT, "N", is_linear=1), {}) is True


def levels(content):
	found = {}
	for subject in visible_subjects(content):
		stack = [subject]
		while stack:
			current = stack.pop()
			found[current.id] = current.access
			stack.extend(current.children)
	return found


def test_a_free_preview_unit_in_a_paid_subject_frees_everything_below_it_and_nothing_beside_it():
	tree = subject_tree(
		"S", units=2, changes={"S": {"required_item": "ITEM"}, "S-T1-U1": {"is_free_preview": 1}}
	)
	for name, access in levels(plan_content(tree)).items():
		inside = name.startswith("S-T1-U1")
		assert (access.level, access.required_item) == (
			("free_preview", None) if inside else ("paid", "ITEM")
		), name


def test_a_track_sold_separately_in_a_free_subject_is_paid_with_its_own_item_all_the_way_down():
	tree = subject_tree("S", tracks=2, changes={"S-T1": {"required_item": "ITEM-T", "is_sold_separately": 1}})
	for name, access in levels(plan_content(tree)).items():
		inside = name.startswith("S-T1")
		assert (access.level, access.required_item) == (
			("paid", "ITEM-T") if inside else ("authenticated", None)
		)
		assert access.is_sold_separately is (name == "S-T1")


def test_an_authenticated_topic_in_a_paid_subject_opens_its_lessons_only():
	tree = subject_tree("S", topics=2, changes={"S": {"required_item": "ITEM"}})
	content = plan_content(
		tree, overrides=[override(TOPIC, "S-T1-U1-P2", "Set Access Level", "authenticated")]
	)
	for name, access in levels(content).items():
		assert access.level == ("authenticated" if name.startswith("S-T1-U1-P2") else "paid"), name


def test_a_public_subject_without_item_is_public_all_the_way_down():
	assert {
		access.level
		for access in levels(plan_content(subject_tree("S", changes={"S": {"is_public": 1}}))).values()
	} == {"public"}


overrides_strategy = st.lists(
	st.builds(
		lambda target, action: override(target[0], target[1], action, VALUES.get(action)),
		st.sampled_from(
			[
				(SUBJECT, "S"),
				(TRACK, "S-T1"),
				(UNIT, "S-T1-U2"),
				(TOPIC, "S-T1-U1-P1"),
				(LESSON, "S-T1-U1-P1-L2"),
			]
		),
		st.sampled_from(ACTIONS_BY_STRENGTH),
	),
	max_size=8,
)


@given(overrides_strategy, st.sets(st.sampled_from(["S", "S-T1", "S-T1-U1", "S-T1-U2-P1", "S-T1-U1-P1-L1"])))
def test_whatever_is_hidden_or_unpublished_hides_everything_below_it(overrides, unpublished):
	tree = subject_tree("S", units=2, changes={name: {"is_published": 0} for name in unpublished})
	hidden = unpublished | {row["target_name"] for row in overrides if row["action"] == "Hide"}
	shown = levels(plan_content(tree, overrides=overrides))
	for name, access in shown.items():
		assert not any(name == gone or name.startswith(f"{gone}-") for gone in hidden)
		assert access.level in ACCESS_LEVELS
		if access.required_item:
			assert access.level == "paid"
