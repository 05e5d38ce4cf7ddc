"""What the demo's classmates did in the four weeks before today, played through the services that players use.

Nothing here writes a row of a player. The clock stands at the moment of each lesson, and the ledger, the copies and the
syncs do as they always do. A classmate's `past` in people.json, days counted back from today (0):

	first_day, last_day   when he played first and last; both are days on which he played
	days_in_ten           on how many of ten days between them he plays; 10 makes a streak
	lessons               how many he finishes on a day, at most

Who plays what is drawn by his key, so it is the same wherever it is loaded; each lesson carries an event id of its own,
so playing it again after an interruption pays nothing twice.
"""

import contextlib
import hashlib
import uuid
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from random import Random

import frappe
from memora.services import dashboard, enrollment, interaction_log, wallet_sync
from memora.services.progress_engine import (
	completion,
	snapshot_syncer,
	structure_loader,
	tally,
	unlock_calculator,
)
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock

HEARTS = (5, 5, 5, 5, 4, 4, 3, 2)
# Of a day that is over: after school, UTC.
PLAYING_HOURS = (timedelta(hours=12), timedelta(hours=19))
LOGIN_ENDPOINT = "/api/method/memora.api.player.login"


def devices(classmate: dict) -> list[dict]:
	"""His rows of authorized devices. The ids are made up, and no phone's."""
	return [
		{"device_id": _uuid(classmate["key"], name), "device_name": name} for name in classmate["devices"]
	]


@contextlib.contextmanager
def before_first_day(classmate: dict) -> Iterator[None]:
	"""The clock stands at the beginning of the day on which he came; who never played comes today."""
	first_day = classmate["past"]["first_day"] if classmate["past"] else 0
	with clock.freeze(_start_of(first_day, clock.utc_now())):
		yield


def play(classmate: dict, user: str) -> None:
	"""Play his past: each lesson is committed by itself, the logins with the caller's transaction."""
	draw, next_lessons = Random(classmate["key"]), _first_lessons(user)
	logins = []
	with _session_of(user):
		for moments in _days(classmate["past"], draw):
			logins.append(moments[0])
			for moment in moments:
				_complete_lesson(user, moment, next_lessons, draw)
	for moment in logins:
		_note_login(classmate, user, moment)


def settle() -> None:
	"""Bring rows up to the ledger at once, and have the days counted anew that the workspace keeps."""
	wallet_sync.sync_pending_wallets()
	snapshot_syncer.sync_pending_bitmaps()
	dashboard.forget_past_days()


def _first_lessons(user: str) -> dict[str, str | None]:
	"""The lesson that a beginner plays first in each subject of his plan, whatever was played already."""
	plan = frappe.db.get_value("Memora Player Profile", {"user": user}, "current_plan")
	subjects = frappe.get_all(
		"Memora Plan Subject", filters={"parent": plan}, pluck="subject", order_by="idx"
	)
	return {subject: _first_lesson(user, subject) for subject in subjects}


def _first_lesson(user: str, subject: str) -> str | None:
	overrides = enrollment.playable_subject(user, subject).overrides
	outline = structure_loader.load_playable_structure(subject, overrides).outline
	return tally.find_next_lesson(outline.state_by_lesson(unlock_calculator.node_states(outline, b"")))


def _days(past: dict, draw: Random) -> Iterator[list[datetime]]:
	"""The moments of his lessons, a list a day."""
	now = clock.utc_now()
	for day in range(past["first_day"], past["last_day"] - 1, -1):
		plays = draw.randrange(10) < past["days_in_ten"] or day in (past["first_day"], past["last_day"])
		moments = sorted(draw.random() for _ in range(draw.randint(1, past["lessons"])))
		if plays:
			begin, end = _hours_of(day, now)
			yield [(begin + (end - begin) * moment).replace(microsecond=0) for moment in moments]


def _hours_of(day: int, now: datetime) -> tuple[datetime, datetime]:
	start = _start_of(day, now)
	if day == 0:
		return start, now
	return start + PLAYING_HOURS[0], start + PLAYING_HOURS[1]


def _start_of(day: int, now: datetime) -> datetime:
	return datetime.combine(now.date() - timedelta(days=day), time())


def _complete_lesson(user: str, moment: datetime, next_lessons: dict[str, str | None], draw: Random) -> None:
	subject, hearts = draw.choice(list(next_lessons)), draw.choice(HEARTS)
	lesson = next_lessons[subject]
	if lesson is None:
		return  # the subject is finished
	with clock.freeze(moment):
		event_id = _uuid(user, lesson, str(hearts))
		outcome = completion.complete_lesson(user, lesson, hearts, PROGRESS_POLICY, event_id)
	next_lessons[subject] = outcome["suggested_next_lesson_id"]


def _note_login(classmate: dict, user: str, moment: datetime) -> None:
	device_id = _uuid(classmate["key"], classmate["devices"][0])
	details = {"device_id": device_id, "endpoint": LOGIN_ENDPOINT, "result": "success"}
	with clock.freeze(moment), _session_of(user):
		interaction_log.append_event(user, dashboard.LOGIN, details)


@contextlib.contextmanager
def _session_of(user: str) -> Iterator[None]:
	"""Rows of the ledger name who wrote them: the student himself."""
	caller = frappe.session.user
	frappe.set_user(user)
	try:
		yield
	finally:
		frappe.set_user(caller)


def _uuid(*names: str) -> str:
	"""A UUID v4 that is the same for the same names."""
	digest = hashlib.sha256("\n".join(names).encode()).digest()
	return str(uuid.UUID(bytes=digest[:16], version=4))
