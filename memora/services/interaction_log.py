"""The ledger: the only writer of Memora Interaction Log.

Rows that change what a player owns (completions, claims, adjustments) are *awards*: they carry the player's next
`seq` (1, 2, 3, ... unique with the player in the database) and are written in the transaction that makes the reply
true. Everything else is audit and has no `seq`. Nothing is ever changed or deleted here.
"""

import json
from datetime import date, datetime
from typing import NamedTuple

import frappe
from memora.utils import clock

LESSON_COMPLETION = "lesson_completion"
LESSON_FAILED = "lesson_failed"
DUPLICATE = "duplicate"
XP_CLAIM = "xp_claim"
STREAK_UPDATE = "streak_update"
ADJUSTMENT = "adjustment"

_INSERT = """
insert into `tabMemora Interaction Log`
	(name, creation, modified, modified_by, owner, docstatus, idx, player, interaction_type, reference_id, subject,
	created_at, xp_awarded, seq, first_completion_of, client_event_id, event_id, interaction_data)
values
	(nextval(`memora_interaction_log_id_seq`), %(created_at)s, %(created_at)s, %(owner)s, %(owner)s, 0, 0, %(player)s,
	%(interaction_type)s, %(reference_id)s, %(subject)s, %(created_at)s, %(xp_awarded)s, %(seq)s,
	%(first_completion_of)s, %(client_event_id)s, %(event_id)s, %(interaction_data)s)
"""

# One statement for the four questions that are asked before an award, so that they cost one round trip.
_HISTORY = """
(select 'last', seq, null, null, null, null from `tabMemora Interaction Log`
	where player = %(player)s and seq is not null order by seq desc limit 1)
union all
(select 'play', seq, interaction_type, reference_id, client_event_id, interaction_data from `tabMemora Interaction Log`
	where player = %(player)s and reference_id = %(lesson)s and seq is not null
	and interaction_type in ('lesson_completion', 'lesson_failed') order by seq desc limit 1)
union all
(select 'event', seq, interaction_type, reference_id, client_event_id, interaction_data from `tabMemora Interaction Log`
	where player = %(player)s and client_event_id = %(client_event_id)s)
union all
(select 'first', seq, null, null, null, null from `tabMemora Interaction Log`
	where player = %(player)s and first_completion_of = %(lesson)s)
"""


class Play(NamedTuple):
	"""An award as the ledger remembers it.

	seq: None for a duplicate, which paid nothing and holds the outcome of the play that it repeated.
	lesson_id: for an award that is no lesson's, whatever else it refers to.
	data: {"at": UTC ISO time, "hearts": int, "outcome": what the caller was told}; hearts only for a lesson.
	"""

	seq: int | None
	interaction_type: str
	lesson_id: str | None
	client_event_id: str | None
	data: dict

	@property
	def hearts(self) -> int | None:
		return self.data.get("hearts")

	@property
	def at(self) -> datetime:
		return datetime.fromisoformat(self.data["at"])


class History(NamedTuple):
	"""What the ledger knows before an award: its last seq (0 for none) and the plays it might repeat."""

	last_seq: int
	last_play: Play | None
	same_event: Play | None
	was_completed: bool


def read_history(player: str, lesson_id: str | None, client_event_id: str | None) -> History:
	"""One SELECT. Call it under the player's lock in a fresh transaction, or `last_seq` may be old.

	Args:
		lesson_id: None before an award that is no lesson's.
	"""
	rows = frappe.db.sql(
		_HISTORY, {"player": player, "lesson": lesson_id, "client_event_id": client_event_id}
	)
	found = {kind: columns for kind, *columns in rows}
	return History(
		last_seq=int(found["last"][0]) if "last" in found else 0,
		last_play=_play(found.get("play")),
		same_event=_play(found.get("event")),
		was_completed="first" in found,
	)


def _play(columns: list | None) -> Play | None:
	if columns is None:
		return None
	seq, interaction_type, lesson_id, client_event_id, data = columns
	return Play(seq and int(seq), interaction_type, lesson_id, client_event_id, json.loads(data))


def xp_claimed_on(player: str, day: date) -> int:
	"""The XP that a player's claims of one UTC day brought. A claim's reference is its day."""
	[[xp]] = frappe.db.sql(
		"""select ifnull(sum(xp_awarded), 0) from `tabMemora Interaction Log`
		where player = %s and reference_id = %s and interaction_type = %s""",
		(player, day.isoformat(), XP_CLAIM),
	)
	return int(xp)


def append_award(
	player: str,
	interaction_type: str,
	*,
	seq: int,
	xp_awarded: int,
	event_id: str,
	data: dict,
	reference_id: str | None = None,
	subject: str | None = None,
	first_completion_of: str | None = None,
	client_event_id: str | None = None,
) -> None:
	"""One INSERT of a row that pays. The unique keys of the table have the last word on `seq` and first completions.

	Raises:
		pymysql.err.IntegrityError: the seq, the first completion or the client's event exists already.
	"""
	_insert(
		player=player,
		interaction_type=interaction_type,
		seq=seq,
		xp_awarded=xp_awarded,
		event_id=event_id,
		data=data,
		reference_id=reference_id,
		subject=subject,
		first_completion_of=first_completion_of,
		client_event_id=client_event_id,
	)


def append_event(
	player: str | None,
	interaction_type: str,
	data: dict,
	reference_id: str | None = None,
	client_event_id: str | None = None,
) -> None:
	"""One INSERT of a row that pays nothing: logins, logouts, refusals, failed lessons, duplicates.

	Args:
		player: None where it concerns no account.
	"""
	_insert(
		player=player,
		interaction_type=interaction_type,
		data=data,
		reference_id=reference_id,
		client_event_id=client_event_id,
	)


def count_events_since(player: str | None, interaction_type: str, since: datetime) -> int:
	"""How many such rows there are from `since` (naive UTC) on."""
	[[rows]] = frappe.db.sql(
		"""select count(*) from `tabMemora Interaction Log`
		where created_at >= %s and player <=> %s and interaction_type = %s""",
		(clock.to_site_time(since), player, interaction_type),
	)
	return rows


def _insert(*, player: str | None, data: dict, **columns) -> None:
	empty = dict.fromkeys(
		("reference_id", "subject", "seq", "first_completion_of", "client_event_id", "event_id")
	)
	now = clock.to_site_time(clock.utc_now())
	frappe.db.sql(
		_INSERT,
		{
			**empty,
			"xp_awarded": 0,
			**columns,
			"player": player,
			"owner": frappe.session.user or player,
			"created_at": now,
			"interaction_data": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
		},
	)
