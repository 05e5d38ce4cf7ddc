"""Who calls what, how often: ten thousand students who play at once. Data, and plain arithmetic over it. Pure."""

from __future__ import annotations

from typing import NamedTuple

CONCURRENT_STUDENTS = 10_000
SESSION_MINUTES = 30
# A school year has some 180 days of school; half as many sessions again at home.
SESSIONS_A_YEAR = 270


class Step(NamedTuple):
	"""A call of the app. why: where the figure comes from."""

	call: str
	times_a_session: float
	why: str


SESSION = (
	Step("login", 1, "opens the app; a phone that stays logged in asks validate_session instead"),
	Step("validate_session", 2, "comes back to the app after something else"),
	Step("get_wallet", 5, "the home screen: on opening, and now and then between lessons"),
	Step("get_progress", 3, "opens a subject; what a lesson unlocked stands in the reply of complete_lesson"),
	Step("complete_lesson", 10, "a lesson takes about three minutes"),
)
# Manifest, hierarchy, bitmap and lessons come from the CDN: 1 + 3 + 10 files a session that no server of ours sees.


def requests_a_session() -> float:
	return sum(step.times_a_session for step in SESSION)


def requests_a_second(students: float) -> float:
	"""What so many students who play at once send."""
	return students * requests_a_session() / (SESSION_MINUTES * 60)


def students_for(requests_per_second: float) -> float:
	"""How many students who play at once send so much."""
	return requests_per_second / requests_a_second(1)


def ledger_rows_a_year() -> float:
	"""Of one player: an award for each lesson, an audit row for each login and the session that it replaced."""
	times = {step.call: step.times_a_session for step in SESSION}
	return SESSIONS_A_YEAR * (times["complete_lesson"] + 2 * times["login"])


def shares() -> dict[str, float]:
	"""Call -> its share of all requests."""
	return {step.call: step.times_a_session / requests_a_session() for step in SESSION}
