"""What erased players did, by UTC day: lessons completed, how many players, XP. Nobody's name, device or lesson.

Rows leave the ledger and enter the totals in one transaction, some weeks at a time, so the workspace's figures of past
days stay what they were, and a fold that dies has either counted a row or left it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import frappe
from memora.services import interaction_log
from memora.services.sync_queue import retry_locked
from memora.utils import clock, transactions

DAYS_PER_CHUNK = 30

# What a player does to earn XP. Corrections, grants and folded balances are not earned on the day they are written.
PLAYS = (interaction_log.LESSON_COMPLETION, interaction_log.LESSON_FAILED, interaction_log.XP_CLAIM)
LOGIN = "login"


class Total(NamedTuple):
	lessons: int = 0
	players: int = 0
	xp: int = 0


def fold_player(user_id: str) -> int:
	"""Delete all of the player's ledger rows, each counted in its day. Returns how many; commits."""
	rows = 0
	while taken := retry_locked(_fold_chunk, user_id):
		rows += taken
	return rows


def _fold_chunk(user_id: str) -> int:
	with transactions.fresh_transaction():
		first = interaction_log.first_moment(user_id)
		if first is None:
			return 0
		day = clock.from_site_time(first).date()
		begin, end = _start_of(day), _start_of(day + timedelta(days=DAYS_PER_CHUNK))
		rows = interaction_log.take_between(user_id, begin, end)
		_add(count_by_day((clock.from_site_time(at), kind, xp) for at, kind, xp in rows))
		frappe.db.commit()  # short locks: years of a diligent player are many rows
	return len(rows)


def count_by_day(rows: Iterable[tuple[datetime, str, int]]) -> dict[date, Total]:
	"""One player's (UTC time, interaction type, XP) by day."""
	totals: defaultdict[date, Total] = defaultdict(Total)
	for at, kind, xp in rows:
		if kind in (*PLAYS, LOGIN):
			total = totals[at.date()]
			totals[at.date()] = Total(
				lessons=total.lessons + (kind == interaction_log.LESSON_COMPLETION),
				players=1,
				xp=total.xp + (xp if kind in PLAYS else 0),
			)
	return dict(totals)


def _add(totals: dict[date, Total]) -> None:
	now = clock.to_site_time(clock.utc_now())
	for day, total in sorted(totals.items()):
		frappe.db.sql(
			"""insert into `tabMemora Daily Total`
				(name, owner, modified_by, creation, modified, day, lessons, players, xp)
			values (%(day)s, 'Administrator', 'Administrator', %(now)s, %(now)s, %(day)s, %(lessons)s, %(players)s, %(xp)s)
			on duplicate key update modified = values(modified), lessons = lessons + values(lessons),
				players = players + values(players), xp = xp + values(xp)""",
			{"day": day.isoformat(), "now": now, **total._asdict()},
		)


def read(days: Sequence[date]) -> dict[date, Total]:
	"""The totals of those days that have some."""
	rows = frappe.db.sql(
		"select day, lessons, players, xp from `tabMemora Daily Total` force index (primary) where name in %s",
		(tuple(day.isoformat() for day in days),),
	)
	return {day: Total(*figures) for day, *figures in rows}


def _start_of(day: date) -> datetime:
	return clock.to_site_time(datetime.combine(day, time()))
