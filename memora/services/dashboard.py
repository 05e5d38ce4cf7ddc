"""What the workspace counts: players, plays, XP, streaks, devices and publishes. Figures alone, never a player.

Days are UTC days. What is counted by day is the ledger's and true at once; distributions of XP and streaks are those of
the wallets' rows, which follow the ledger within 15 minutes; publishes are those of CDN Sync Log. Every statement uses an
index, none writes. Days whose rows `ledger_retention` has folded show what is left of them; what erased players did is in
their daily totals.

Days that are over hardly change, and a month of them may be a million rows: their figures stay in Redis for an hour.
Without it they are counted anew.
"""

import contextlib
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import frappe
from memora.exceptions import StoreUnavailable
from memora.services import interaction_log
from memora.services.cdn_export import sync_log
from memora.services.device_auth import MAX_DEVICES_PER_PLAYER
from memora.services.privacy import daily_totals
from memora.services.privacy.daily_totals import LOGIN, PLAYS
from memora.services.streak import ONE_DAY
from memora.utils import clock, redis_keys, redis_store

PAST_DAYS_TTL_SECONDS = 3600
XP_STEPS = (1, 100, 500, 1000, 5000, 10_000)
STREAK_STEPS = (1, 2, 3, 7, 14, 30)
PUBLISH_RESULTS = (sync_log.SUCCESS, sync_log.FAILED, sync_log.DEAD_LETTER)

# One select for each day: a range of the index on created_at, also across a change of the site's clock.
_DAY = """
select count(case when interaction_type = %s then 1 end), count(distinct player),
	ifnull(sum(case when interaction_type in %s then xp_awarded end), 0)
from `tabMemora Interaction Log`
where created_at >= %s and created_at < %s and interaction_type in %s
"""
_PLAYERS_BY_DEVICES = """
select devices, count(*) from (
	select count(*) as devices from `tabMemora Authorized Device` group by parent
) counted group by devices
"""


class Day(NamedTuple):
	"""lessons: how often one was completed. players: who logged in, played or claimed XP. xp: earned by that."""

	day: date
	lessons: int
	players: int
	xp: int


class Step(NamedTuple):
	"""How many players have a figure from `low` to `high`; high None: and more."""

	low: int
	high: int | None
	players: int


def count_players() -> int:
	return frappe.db.count("Memora Player Profile")


def count_devices() -> int:
	return frappe.db.count("Memora Authorized Device")


def today() -> Day:
	[day] = last_days(1)
	return day


def last_days(number: int) -> list[Day]:
	"""The last days, today as the last one."""
	last = clock.utc_today()
	past = [last - timedelta(days=back) for back in range(number - 1, 0, -1)]
	return [*_past_days(past), *_count_days([last])]


def _past_days(days: Sequence[date]) -> list[Day]:
	if not days:
		return []
	key = redis_keys.get_dashboard_days_key(days[0].isoformat(), days[-1].isoformat())
	try:
		kept = redis_store.get(key)
		if kept is None:
			kept = json.dumps([day[1:] for day in _count_days(days)])
			redis_store.set(key, kept, PAST_DAYS_TTL_SECONDS)
	except StoreUnavailable:
		return _count_days(days)
	return _days(days, json.loads(kept))


def forget_past_days() -> None:
	"""Have days that are over counted anew at the next look: something was written into them, or removed from them."""
	with contextlib.suppress(StoreUnavailable):
		redis_store.delete(*redis_store.keys_matching(redis_keys.get_dashboard_days_key("*", "*")))


def _count_days(days: Sequence[date]) -> list[Day]:
	values = [value for day in days for value in _values_of_day(day)]
	counted = _days(days, frappe.db.sql(" union all ".join([_DAY] * len(days)), values))
	erased = daily_totals.read(days)
	return [_with_erased(day, erased[day.day]) if day.day in erased else day for day in counted]


def _with_erased(day: Day, total: daily_totals.Total) -> Day:
	"""What players did on that day who are erased by now."""
	return Day(day.day, day.lessons + total.lessons, day.players + total.players, day.xp + total.xp)


def _days(days: Iterable[date], figures: Iterable[Sequence[int]]) -> list[Day]:
	return [Day(day, *map(int, row)) for day, row in zip(days, figures, strict=True)]


def _values_of_day(day: date) -> tuple[Any, ...]:
	completion = interaction_log.LESSON_COMPLETION
	return completion, PLAYS, start_of(day), start_of(day + ONE_DAY), (*PLAYS, LOGIN)


def start_of(day: date) -> datetime:
	"""When a UTC day begins, in site time."""
	return clock.to_site_time(datetime.combine(day, time()))


def players_by_xp() -> list[Step]:
	return _by_steps("total_xp", XP_STEPS)


def players_by_streak() -> list[Step]:
	"""Streaks that still stand. Who has let his lapse, or never had one, has 0."""
	since = clock.utc_today() - ONE_DAY
	steps = _by_steps("current_streak", STREAK_STEPS, "where last_success_date >= %s", (since,))
	others = frappe.db.count("Memora Player Wallet") - sum(step.players for step in steps)
	return [steps[0]._replace(players=steps[0].players + others), *steps[1:]]


def _by_steps(column: str, steps: Sequence[int], where: str = "", values: Sequence[Any] = ()) -> list[Step]:
	"""The wallets by the step that a column has reached; the first step is 0."""
	bounds = ", ".join(map(str, steps))
	players = dict(
		frappe.db.sql(
			f"""select interval({column}, {bounds}) as step, count(*) from `tabMemora Player Wallet`
			{where} group by step""",
			values,
		)
	)
	highs = [*(step - 1 for step in steps), None]
	return [
		Step(low, high, players.get(index, 0))
		for index, (low, high) in enumerate(zip((0, *steps), highs, strict=True))
	]


def players_by_devices() -> list[int]:
	"""How many players have 0, 1, 2, ... authorized devices."""
	players = dict(frappe.db.sql(_PLAYERS_BY_DEVICES))
	without = max(0, count_players() - sum(players.values()))
	return [without, *(players.get(devices, 0) for devices in range(1, MAX_DEVICES_PER_PLAYER + 1))]


def publishes_by_result(number_of_days: int) -> dict[str, int]:
	"""How the publishes of the last days ended, by status."""
	since = start_of(clock.utc_today() - timedelta(days=number_of_days - 1))
	rows = frappe.db.sql(
		# Closing a row is its last change, and the column of changes has an index.
		f"""select status, count(*) from `tab{sync_log.DOCTYPE}`
		where modified >= %s and completed_at is not null and status in %s group by status""",
		(since, PUBLISH_RESULTS),
	)
	return {**dict.fromkeys(PUBLISH_RESULTS, 0), **dict(rows)}
