"""The run of consecutive days with a finished lesson. Pure: days come in, days go out.

Days are UTC days of the server's clock; the caller asks the clock and stores the outcome.
"""

from datetime import date, timedelta
from typing import NamedTuple

ONE_DAY = timedelta(days=1)


class StreakOutcome(NamedTuple):
	"""What one lesson did to a streak.

	streak_action: first_completion, incremented, maintained, reset or no_update.
	last_success_date: the day the streak now reaches to; None while no day has counted.
	"""

	old_streak: int
	new_streak: int
	streak_action: str
	last_success_date: date | None

	def as_dict(self) -> dict:
		"""As replies and the ledger have it: the day as "YYYY-MM-DD" or None."""
		day = self.last_success_date
		return {**self._asdict(), "last_success_date": day.isoformat() if day else None}


def next_streak(
	current_streak: int, last_success_date: date | None, today: date, hearts: int
) -> StreakOutcome:
	"""Count today towards the streak, at most once.

	The first lesson starts a streak at 1, the next day adds 1, a second lesson on the same day changes nothing, and
	a missed day starts again at 1. A lesson without hearts earns no day. A stored day that lies in the future (the
	clock was set back) stays, so a day never counts twice. A negative streak, which only corruption leaves, is 0.
	"""
	old = max(current_streak, 0)
	if hearts <= 0:
		return StreakOutcome(old, old, "no_update", last_success_date)
	if last_success_date is None:
		return StreakOutcome(old, 1, "first_completion", today)
	if last_success_date >= today:
		return StreakOutcome(old, old, "maintained", last_success_date)
	if last_success_date == today - ONE_DAY:
		return StreakOutcome(old, old + 1, "incremented", today)
	return StreakOutcome(old, 1, "reset", today)


def is_streak_active(last_success_date: date | None, today: date) -> bool:
	"""Whether the streak still stands: a lesson today, or tomorrow at the latest, continues it."""
	return last_success_date is not None and last_success_date >= today - ONE_DAY
