"""What a tree with unlock states adds up to: lessons passed, percent, the lesson to play next. Pure."""

from memora.services.progress_engine.tree import child_key, lessons_of, type_of
from memora.services.progress_engine.unlock_calculator import LOCKED, PASSED, UNLOCKED


def count_passed_lessons(tree: dict) -> int:
	return sum(lesson["status"] == PASSED for lesson in lessons_of(tree))


def completion_percentage(passed_lessons: int, total_lessons: int) -> float:
	"""0 to 100 with two decimals; 0.0 where there is nothing to pass."""
	return round(100 * passed_lessons / total_lessons, 2) if total_lessons else 0.0


def find_next_lesson(tree: dict) -> str | None:
	"""The first unlocked lesson in tree order, not descending into locked nodes; None when there is none."""
	for child in tree[child_key(tree)]:
		if type_of(child) == "lesson":
			found = child["id"] if child["status"] == UNLOCKED else None
		else:
			found = None if child["status"] == LOCKED else find_next_lesson(child)
		if found:
			return found
	return None
