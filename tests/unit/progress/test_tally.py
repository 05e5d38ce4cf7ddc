from hypothesis import given
from hypothesis import strategies as st

from memora.services.progress_engine import tally
from memora.services.progress_engine.bits import check_bit, set_bit
from memora.services.progress_engine.outline import Outline
from memora.services.progress_engine.unlock_calculator import node_states

from . import reference
from .strategies import bitmaps, subjects


def state_by_lesson(subject: dict, bitmap: bytes) -> dict[str, str]:
	outline = Outline(subject)
	return outline.state_by_lesson(node_states(outline, bitmap))


@given(subjects(), bitmaps())
def test_passed_lessons_are_those_whose_bits_are_on(subject, bitmap):
	passed = [lesson for lesson in reference.lessons(subject) if check_bit(bitmap, lesson["bit_index"])]
	assert tally.count_passed_lessons(state_by_lesson(subject, bitmap)) == len(passed)


@given(subjects(), bitmaps())
def test_percent_lies_between_0_and_100_and_only_all_lessons_are_100(subject, bitmap):
	states = state_by_lesson(subject, bitmap)
	percent = tally.completion_percentage(tally.count_passed_lessons(states), len(states))
	assert 0 <= percent <= 100
	assert (percent == 100) == reference.is_passed(subject, bitmap)


def test_percent_has_two_decimals_and_is_zero_for_no_lessons():
	assert [tally.completion_percentage(*case) for case in ((1, 3), (2, 3), (0, 0), (7, 7))] == [
		33.33,
		66.67,
		0.0,
		100.0,
	]


@given(subjects(), bitmaps())
def test_the_next_lesson_is_the_first_that_is_open_and_not_passed_with_no_locked_node_above(subject, bitmap):
	playable = [
		lesson["id"]
		for lesson in reference.lessons(subject)
		if reference.state(subject, lesson["id"], bitmap) == "unlocked"
		and all(
			reference.state(subject, node["id"], bitmap) != "locked"
			for node in reference.path_to(subject, lesson["id"])
		)
	]
	assert tally.find_next_lesson(state_by_lesson(subject, bitmap)) == next(iter(playable), None)


@given(subjects(), bitmaps(), st.integers(0, 90))
def test_newly_unlocked_are_the_nodes_that_were_locked_and_are_unlocked_in_tree_order(
	subject, bitmap, bit_index
):
	outline, later = Outline(subject), set_bit(bitmap, bit_index)
	expected = [
		node["id"]
		for node in reference.nodes(subject)
		if reference.state(subject, node["id"], bitmap) == "locked"
		and reference.state(subject, node["id"], later) == "unlocked"
	]
	before, after = node_states(outline, bitmap), node_states(outline, later)
	assert tally.newly_unlocked_ids(outline, before, after) == expected
