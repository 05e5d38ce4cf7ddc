"""How much XP a lesson is worth. Pure: pays nothing, stores nothing.

Two policies, one for each of the endpoints that complete a lesson: `calculate_xp` (0 to 5 hearts, base XP and
bonuses) and `calculate_player_xp` (0 to 3 hearts, ten each).
"""

from collections.abc import Mapping

MAX_HEARTS = 5
MAX_PLAYER_HEARTS = 3
XP_PER_HEART = 2
XP_PER_PLAYER_HEART = 10
FIRST_COMPLETION_BONUS = 5
RECORD_BREAK_BONUS = 10


def calculate_xp(
	lesson_id: str,
	hearts: int,
	is_first_completion: bool,
	best_hearts_data: Mapping[str, int],
	base_xp: int,
) -> dict:
	"""The XP of one completion: base + 2 a heart, +5 the first time, +10 for a record.

	A record is more hearts than the lesson's best so far; a lesson without a best has none to beat, so its first
	completion earns both bonuses.

	Args:
		best_hearts_data: lesson id -> best hearts; left as it is.

	Returns:
		{"xp_earned": 35, "base_xp": 10, "heart_bonus": 10, "first_completion_bonus": 5,
		 "record_break_bonus": 10, "is_new_record": True, "best_hearts_data": a copy that knows this completion}

	Raises:
		ValueError: hearts are not 0 to 5, or base_xp is negative.
	"""
	_require_range("hearts", hearts, MAX_HEARTS)
	if base_xp < 0:
		raise ValueError(f"base_xp must be zero or more, got {base_xp}")
	best = best_hearts_data.get(lesson_id)
	is_new_record = best is None or hearts > best
	heart_bonus = hearts * XP_PER_HEART
	first_bonus = FIRST_COMPLETION_BONUS if is_first_completion else 0
	record_bonus = RECORD_BREAK_BONUS if is_new_record else 0
	return {
		"xp_earned": base_xp + heart_bonus + first_bonus + record_bonus,
		"base_xp": base_xp,
		"heart_bonus": heart_bonus,
		"first_completion_bonus": first_bonus,
		"record_break_bonus": record_bonus,
		"is_new_record": is_new_record,
		"best_hearts_data": {**best_hearts_data, lesson_id: hearts if best is None else max(hearts, best)},
	}


def calculate_player_xp(hearts: int) -> int:
	"""The XP of one completion at the player endpoint: ten for each of 0 to 3 hearts.

	Raises:
		ValueError: hearts are not 0 to 3.
	"""
	_require_range("hearts", hearts, MAX_PLAYER_HEARTS)
	return hearts * XP_PER_PLAYER_HEART


def _require_range(name: str, value: int, high: int) -> None:
	if not 0 <= value <= high:
		raise ValueError(f"{name} must be from 0 to {high}, got {value}")
