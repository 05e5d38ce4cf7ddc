"""What one finished lesson changes. Pure: the state before goes in, the outcome comes out, nothing is stored.

The two endpoints that complete a lesson differ in how XP is counted (`XpPolicy`); everything else is one rule.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from memora.services import streak
from memora.services.progress_engine import bits, tally, unlock_calculator, xp_calculator
from memora.services.progress_engine.outline import Outline


class XpPolicy(NamedTuple):
	"""How a completion is paid. `xp_for` takes (lesson, hearts, is_first_completion, best_hearts)."""

	name: str
	max_hearts: int
	xp_for: Callable[[Mapping, int, bool, Mapping[str, int]], int]


def _progress_xp(lesson: Mapping, hearts: int, is_first: bool, best_hearts: Mapping[str, int]) -> int:
	return xp_calculator.calculate_xp(lesson["id"], hearts, is_first, best_hearts, lesson["base_xp"])[
		"xp_earned"
	]


def _player_xp(lesson: Mapping, hearts: int, is_first: bool, best_hearts: Mapping[str, int]) -> int:
	return xp_calculator.calculate_player_xp(hearts)


PROGRESS_POLICY = XpPolicy("progress", xp_calculator.MAX_HEARTS, _progress_xp)
PLAYER_POLICY = XpPolicy("player", xp_calculator.MAX_PLAYER_HEARTS, _player_xp)


class Before(NamedTuple):
	"""A player's state before the lesson.

	best_hearts: lesson id -> hearts. was_completed: the ledger has a first completion of this lesson; a bitmap alone
	could have lost its bit.
	"""

	total_xp: int
	current_streak: int
	last_success_date: date | None
	bitmap: bytes
	best_hearts: Mapping[str, int]
	was_completed: bool


def decide(
	outline: Outline,
	states: list[str],
	lesson: Mapping,
	hearts: int,
	before: Before,
	policy: XpPolicy,
	now: datetime,
) -> dict:
	"""The outcome of finishing an unlocked lesson, as it is stored in the ledger and told to the player.

	Args:
		outline: of the subject's tree as the player's plan shows it.
		states: of its nodes before the lesson.
		now: UTC.

	Returns:
		{"xp_awarded": 35, "new_total_xp": 150, "is_first_completion": True, "is_new_record": True,
		 "streak": {"old_streak", "new_streak", "streak_action", "last_success_date": "YYYY-MM-DD" | None},
		 "unlocked_node_ids": [...], "suggested_next_lesson_id": "LESSON-002" | None,
		 "completion_percentage": 12.5}
	"""
	is_passed = hearts > 0
	was_passed = bits.check_bit(before.bitmap, lesson["bit_index"])
	is_first = is_passed and not was_passed and not before.was_completed
	best_hearts = _beatable_hearts(before, lesson["id"], was_passed)
	best = best_hearts.get(lesson["id"])
	xp = policy.xp_for(lesson, hearts, is_first, best_hearts) if is_passed else 0
	after = states
	if is_passed and not was_passed:
		after = unlock_calculator.node_states(outline, bits.set_bit(before.bitmap, lesson["bit_index"]))
	state_by_lesson = outline.state_by_lesson(after)
	run = streak.next_streak(before.current_streak, before.last_success_date, now.date(), hearts)
	return {
		"xp_awarded": xp,
		"new_total_xp": before.total_xp + xp,
		"is_first_completion": is_first,
		"is_new_record": is_passed and (best is None or hearts > best),
		"streak": run.as_dict(),
		"unlocked_node_ids": tally.newly_unlocked_ids(outline, states, after),
		"suggested_next_lesson_id": tally.find_next_lesson(state_by_lesson),
		"completion_percentage": tally.completion_percentage(
			tally.count_passed_lessons(state_by_lesson), len(state_by_lesson)
		),
	}


def _beatable_hearts(before: Before, lesson_id: str, was_passed: bool) -> Mapping[str, int]:
	"""The best hearts as a record is measured by them.

	A lesson that the ledger knows as completed, and the bitmap does not, has just moved to this subject. Its best
	follows in a moment; until then there is nothing to beat, for its record was paid where it was.
	"""
	if before.was_completed and not was_passed:
		return {**before.best_hearts, lesson_id: xp_calculator.MAX_HEARTS}
	return before.best_hearts
