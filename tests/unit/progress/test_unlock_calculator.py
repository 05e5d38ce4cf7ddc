import copy
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memora.services.progress_engine.bits import check_bit, set_bit
from memora.services.progress_engine.outline import SubjectStructure
from memora.services.progress_engine.tree import child_key
from memora.services.progress_engine.unlock_calculator import (
	compute_container_status,
	compute_node_states,
	find_node_by_id,
	flatten_nodes,
	node_states,
)

from . import reference
from .strategies import CHILD_KEY_BY_TYPE, bitmaps, subjects


def states_by_id(tree: dict) -> dict[str, str]:
	return {node["id"]: node["unlock_state"] for node in flatten_nodes(tree)}


def one_topic(*bit_indexes: int, is_linear: bool) -> dict:
	lessons = [
		{"id": f"L{bit_index}", "title": "Lesson", "bit_index": bit_index} for bit_index in bit_indexes
	]
	topic = {"id": "topic", "title": "Topic", "is_linear": is_linear, "lessons": lessons}
	unit = {"id": "unit", "title": "Unit", "is_linear": True, "topics": [topic]}
	track = {"id": "track", "title": "Track", "is_linear": True, "units": [unit]}
	return {"id": "subject", "title": "Subject", "is_linear": True, "tracks": [track]}


def topics_in_a_line(*topics: list[dict]) -> dict:
	subject = one_topic(is_linear=True)
	subject["tracks"][0]["units"][0]["topics"] = [
		{"id": f"T{number}", "title": "Topic", "is_linear": True, "lessons": lessons}
		for number, lessons in enumerate(topics)
	]
	return subject


def lesson(bit_index: int) -> dict:
	return {"id": f"L{bit_index}", "title": "Lesson", "bit_index": bit_index}


def two_of_each(linear_by_level: tuple[int, ...]) -> dict:
	"""A subject of two tracks of two units of two topics of two lessons, 16 in all; one linear mode for each level."""
	places = itertools.count()

	def node(name: str, keys: tuple[str, ...]) -> dict:
		if not keys:
			return {"id": name, "title": "Lesson", "bit_index": next(places)}
		children = [node(f"{name}.{number}", keys[1:]) for number in (0, 1)]
		return {"id": name, "title": "Node", "is_linear": linear_by_level[-len(keys)], keys[0]: children}

	return node("S", tuple(CHILD_KEY_BY_TYPE.values()))


@settings(max_examples=300)
@given(subjects(), bitmaps())
def test_every_node_has_the_state_that_the_slow_reference_gives_it(subject, bitmap):
	states = states_by_id(compute_node_states(subject, bitmap))
	assert states == {
		node["id"]: reference.state(subject, node["id"], bitmap) for node in reference.nodes(subject)
	}


@pytest.mark.parametrize("linear_by_level", itertools.product([0, 1], repeat=4))
@settings(max_examples=20)
@given(bitmap=st.binary(min_size=2, max_size=2))
def test_every_mix_of_linear_levels_agrees_with_the_slow_reference(linear_by_level, bitmap):
	subject = two_of_each(linear_by_level)
	assert states_by_id(compute_node_states(subject, bitmap)) == {
		node["id"]: reference.state(subject, node["id"], bitmap) for node in reference.nodes(subject)
	}


@settings(max_examples=200)
@given(
	st.tuples(*[st.sampled_from([0, 1])] * 4),
	st.sampled_from(["S.0", "S.0.0", "S.0.0.0", "S.1", "S.1.0", "S.1.1.0"]),
	st.binary(min_size=2, max_size=2),
)
def test_a_container_that_is_empty_at_any_level_agrees_with_the_slow_reference(
	linear_by_level, empty, bitmap
):
	subject = two_of_each(linear_by_level)
	container = find_node_by_id(subject, empty)
	container[child_key(container)] = []
	assert states_by_id(compute_node_states(subject, bitmap)) == {
		node["id"]: reference.state(subject, node["id"], bitmap) for node in reference.nodes(subject)
	}


@given(subjects(), bitmaps())
def test_the_states_of_an_outline_are_those_of_the_tree_in_its_order(subject, bitmap):
	states = node_states(SubjectStructure(subject).outline, bitmap)
	assert states == [node["status"] for node in flatten_nodes(compute_node_states(subject, bitmap))]


@given(subjects(), bitmaps())
def test_a_loaded_structure_gives_the_tree_that_a_plain_one_gives(subject, bitmap):
	assert compute_node_states(SubjectStructure(subject), bitmap) == compute_node_states(subject, bitmap)


class CountedLesson(dict):
	"""Counts how often its place is asked for."""

	asked = 0

	def __getitem__(self, key):
		self.asked += key == "bit_index"
		return super().__getitem__(key)


@pytest.mark.parametrize("is_linear", [0, 1])
def test_no_lesson_is_looked_at_twice_however_many_there_are(is_linear):
	lessons = [CountedLesson(lesson(bit_index)) for bit_index in range(1000)]
	subject = topics_in_a_line(*(lessons[first : first + 10] for first in range(0, 1000, 10)))
	for container in flatten_nodes(subject)[:3]:
		container["is_linear"] = is_linear
	outline = SubjectStructure(subject).outline
	for one in lessons:
		one.asked = 0
	node_states(outline, b"\x55" * 125)
	assert max(one.asked for one in lessons) <= 1


@given(subjects(), bitmaps())
def test_status_and_unlock_state_are_the_same_on_every_node(subject, bitmap):
	for node in flatten_nodes(compute_node_states(subject, bitmap)):
		assert node["status"] == node["unlock_state"]
		assert node["status"] in ("locked", "unlocked", "passed")


@given(subjects(), bitmaps())
def test_the_structure_that_came_in_is_left_as_it_was(subject, bitmap):
	before = copy.deepcopy(subject)
	compute_node_states(subject, bitmap)
	assert subject == before


@given(subjects(), bitmaps())
def test_states_are_all_that_is_added_to_a_tree(subject, bitmap):
	def without_states(node):
		return {
			key: [without_states(child) for child in value] if isinstance(value, list) else value
			for key, value in node.items()
			if key not in ("status", "unlock_state")
		}

	assert without_states(compute_node_states(subject, bitmap)) == subject


@given(subjects(), bitmaps(), st.integers(0, 90))
def test_passing_one_more_lesson_takes_nothing_away(subject, bitmap, bit_index):
	before = states_by_id(compute_node_states(subject, bitmap))
	after = states_by_id(compute_node_states(subject, set_bit(bitmap, bit_index)))
	order = ("locked", "unlocked", "passed")
	assert all(order.index(after[node_id]) >= order.index(state) for node_id, state in before.items())


@given(subjects(), bitmaps())
def test_a_passed_lesson_is_passed_wherever_it_lies(subject, bitmap):
	states = states_by_id(compute_node_states(subject, bitmap))
	for node in reference.lessons(subject):
		assert (states[node["id"]] == "passed") == check_bit(bitmap, node["bit_index"])


@given(subjects(), bitmaps())
def test_computing_again_from_a_computed_tree_gives_the_same_states(subject, bitmap):
	once = compute_node_states(subject, bitmap)
	assert compute_node_states(once, bitmap) == once


@given(subjects())
def test_unless_a_subject_is_empty_there_is_always_a_lesson_to_play_until_all_are_passed(subject):
	bitmap, lessons = b"", reference.lessons(subject)
	for _ in lessons:
		states = states_by_id(compute_node_states(subject, bitmap))
		playable = next(node for node in lessons if states[node["id"]] == "unlocked")
		bitmap = set_bit(bitmap, playable["bit_index"])
	assert compute_node_states(subject, bitmap)["status"] == ("passed" if lessons else "unlocked")


def test_in_a_linear_topic_only_the_lesson_after_a_passed_one_unlocks():
	tree = compute_node_states(one_topic(0, 1, 2, is_linear=True), b"\x01")
	assert [node["status"] for node in flatten_nodes(tree, "lesson")] == ["passed", "unlocked", "locked"]


def test_in_a_free_topic_all_lessons_are_unlocked_at_once():
	tree = compute_node_states(one_topic(0, 1, 2, is_linear=False), b"")
	assert [node["status"] for node in flatten_nodes(tree, "lesson")] == ["unlocked"] * 3


def test_a_lesson_put_in_before_a_passed_one_locks_nothing_behind_it():
	tree = compute_node_states(one_topic(5, 1, 2, is_linear=True), b"\x02")
	assert [node["status"] for node in flatten_nodes(tree, "lesson")] == ["unlocked", "passed", "unlocked"]


def test_an_empty_topic_neither_opens_nor_bars_the_way_for_the_next():
	subject = topics_in_a_line([lesson(0)], [], [lesson(1)])
	untouched, passed = (states_by_id(compute_node_states(subject, bitmap)) for bitmap in (b"", b"\x01"))
	assert (untouched["T1"], untouched["T2"]) == ("locked", "locked")
	assert (passed["T1"], passed["T2"]) == ("unlocked", "unlocked")


def test_an_empty_topic_is_never_passed_and_does_not_keep_its_unit_from_being_passed():
	states = states_by_id(compute_node_states(topics_in_a_line([lesson(0)], []), b"\x01"))
	assert (states["T1"], states["unit"], states["subject"]) == ("unlocked", "passed", "passed")


def test_a_subject_without_lessons_is_unlocked():
	assert compute_node_states(topics_in_a_line(), b"\xff")["status"] == "unlocked"


@pytest.mark.parametrize(
	("statuses", "status"),
	[
		(["passed", "passed"], "passed"),
		(["passed", "not_passed"], "unlocked"),
		(["unlocked", "locked"], "unlocked"),
		([], "unlocked"),
	],
)
def test_a_container_is_passed_only_when_all_its_children_are(statuses, status):
	children = [{"id": str(number), "status": status} for number, status in enumerate(statuses)]
	assert compute_container_status({"id": "topic"}, children, {}) == status


def test_empty_children_do_not_decide_a_containers_status():
	empty = {"id": "empty", "status": "unlocked", "lessons": []}
	passed = {"id": "full", "status": "passed", "lessons": [lesson(0)]}
	assert compute_container_status({"id": "unit"}, [passed, empty], {}) == "passed"
	assert compute_container_status({"id": "unit"}, [empty], {}) == "unlocked"


@given(subjects())
def test_flattening_gives_all_nodes_or_those_of_one_type(subject):
	assert flatten_nodes(subject) == reference.nodes(subject)
	assert flatten_nodes(subject, "subject") == [subject]
	assert flatten_nodes(subject, "lesson") == reference.lessons(subject)
	assert flatten_nodes(subject, "track") == subject["tracks"]


@given(subjects())
def test_a_node_is_found_by_its_id_and_an_unknown_one_is_none(subject):
	for node in reference.nodes(subject):
		assert find_node_by_id(subject, node["id"]) is node
	assert find_node_by_id(subject, "nowhere") is None
