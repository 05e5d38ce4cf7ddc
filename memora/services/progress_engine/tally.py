"""What the states of a subject's nodes add up to: lessons passed, percent, what to play next, what a lesson opened. Pure."""

from collections.abc import Mapping, Sequence

from memora.services.progress_engine.outline import Outline
from memora.services.progress_engine.unlock_calculator import LOCKED, PASSED, UNLOCKED


def count_passed_lessons(state_by_lesson: Mapping[str, str]) -> int:
	return list(state_by_lesson.values()).count(PASSED)


def completion_percentage(passed_lessons: int, total_lessons: int) -> float:
	"""0 to 100 with two decimals; 0.0 where there is nothing to pass."""
	return round(100 * passed_lessons / total_lessons, 2) if total_lessons else 0.0


def find_next_lesson(state_by_lesson: Mapping[str, str]) -> str | None:
	"""The first unlocked lesson; None when there is none. In a locked container no lesson is unlocked.

	Args:
		state_by_lesson: in tree order.
	"""
	return next((lesson_id for lesson_id, state in state_by_lesson.items() if state == UNLOCKED), None)


def newly_unlocked_ids(outline: Outline, before: Sequence[str], after: Sequence[str]) -> list[str]:
	"""The nodes that were locked and are unlocked now, in tree order.

	Args:
		before, after: states as `unlock_calculator.node_states` makes them.
	"""
	return [
		node["id"]
		for node, old, new in zip(outline.nodes, before, after, strict=True)
		if old == LOCKED and new == UNLOCKED
	]
