"""What one lesson changes, decided from the state before it."""

from datetime import datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from memora.services.progress_engine import award
from memora.services.progress_engine.bits import check_bit, set_bit
from memora.services.progress_engine.outline import Outline
from memora.services.progress_engine.unlock_calculator import node_states

from . import reference
from .strategies import bitmaps, subjects

NOW = datetime(2026, 3, 1, 9, 0, 0)


def decide(
	subject, lesson, hearts, *, bitmap=b"", best=None, was_completed=False, policy=award.PROGRESS_POLICY
):
	outline = Outline(subject)
	best_hearts = {} if best is None else {lesson["id"]: best}
	before = award.Before(100, 3, NOW.date(), bitmap, best_hearts, was_completed)
	return award.decide(outline, node_states(outline, bitmap), lesson, hearts, before, policy, NOW)


@st.composite
def plays(draw):
	"""A subject, a bitmap, and one of the lessons."""
	subject = draw(subjects())
	lessons = reference.lessons(subject)
	assume(lessons)
	return subject, draw(bitmaps()), draw(st.sampled_from(lessons))


@given(plays(), st.integers(1, 5))
def test_what_unlocks_what_comes_next_and_the_percent_are_those_of_the_tree_after_the_lesson(play, hearts):
	subject, bitmap, lesson = play
	outcome = decide(subject, lesson, hearts, bitmap=bitmap)
	after = set_bit(bitmap, lesson["bit_index"])

	def states(node):
		return reference.state(subject, node["id"], bitmap), reference.state(subject, node["id"], after)

	nodes, lessons = reference.nodes(subject), reference.lessons(subject)
	opened = [node["id"] for node in nodes if states(node) == ("locked", "unlocked")]
	playable = [node["id"] for node in lessons if states(node)[1] == "unlocked"]
	passed = sum(states(node)[1] == "passed" for node in lessons)
	assert outcome["unlocked_node_ids"] == opened
	assert outcome["suggested_next_lesson_id"] == next(iter(playable), None)
	assert outcome["completion_percentage"] == round(100 * passed / len(lessons), 2)


@given(plays())
def test_without_hearts_nothing_is_passed_paid_or_opened(play):
	subject, bitmap, lesson = play
	outcome = decide(subject, lesson, 0, bitmap=bitmap)
	assert (outcome["xp_awarded"], outcome["new_total_xp"], outcome["unlocked_node_ids"]) == (0, 100, [])
	assert (outcome["is_first_completion"], outcome["is_new_record"]) == (False, False)
	assert outcome["streak"]["streak_action"] == "no_update"


@given(plays(), st.integers(1, 5), st.booleans())
def test_it_is_the_first_completion_only_where_neither_the_bit_nor_the_ledger_knows_one(
	play, hearts, was_completed
):
	subject, bitmap, lesson = play
	outcome = decide(subject, lesson, hearts, bitmap=bitmap, was_completed=was_completed)
	is_first = not was_completed and not check_bit(bitmap, lesson["bit_index"])
	assert outcome["is_first_completion"] == is_first
	has_moved_here = was_completed and not check_bit(bitmap, lesson["bit_index"])
	assert outcome["xp_awarded"] == 10 + 2 * hearts + 10 * (not has_moved_here) + 5 * is_first
	assert outcome["new_total_xp"] == 100 + outcome["xp_awarded"]


@pytest.mark.parametrize(("best", "hearts", "is_record"), [(None, 1, True), (3, 4, True), (4, 4, False)])
def test_a_record_is_more_hearts_than_the_best_so_far(best, hearts, is_record):
	lesson = {"id": "L", "title": "Lesson", "bit_index": 0, "base_xp": 10}
	topic = {"id": "T", "title": "Topic", "is_linear": 1, "lessons": [lesson]}
	outcome = decide(topic, lesson, hearts, best=best)
	assert outcome["is_new_record"] is is_record


def test_a_lesson_that_was_completed_where_it_was_before_is_no_record_again():
	lesson = {"id": "L", "title": "Lesson", "bit_index": 0, "base_xp": 10}
	topic = {"id": "T", "title": "Topic", "is_linear": 1, "lessons": [lesson]}
	outcome = decide(topic, lesson, 5, was_completed=True)
	assert (outcome["is_first_completion"], outcome["is_new_record"]) == (False, False)
	assert outcome["xp_awarded"] == 10 + 2 * 5


@given(plays(), st.integers(1, 3))
def test_the_player_endpoints_policy_pays_ten_a_heart_whatever_came_before(play, hearts):
	subject, bitmap, lesson = play
	outcome = decide(subject, lesson, hearts, bitmap=bitmap, policy=award.PLAYER_POLICY)
	assert outcome["xp_awarded"] == 10 * hearts
