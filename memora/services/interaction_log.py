"""The ledger: the only writer of Memora Interaction Log.

Rows that change what a player owns (completions, claims, adjustments) are *awards*: they carry the player's next
`seq` (1, 2, 3, ... unique with the player in the database) and are written in the transaction that makes the reply
true. Everything else is audit and has no `seq`. Rows end only by retention and with an erased player.
"""

import json
from collections.abc import Mapping, Sequence
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
# A lesson that the server itself notes as passed, without XP: {"hearts": best hearts, 0 for unknown}.
PROGRESS_GRANT = "progress_grant"
# Stands for all rows up to its seq, which retention has folded into it.
BALANCE_FORWARD = "balance_forward"

# Awards that pass the lesson which they refer to, with the hearts that they tell.
PASSES = (LESSON_COMPLETION, PROGRESS_GRANT)
# Awards whose data may hold "balance": {"xp_by_subject": {subject: XP}, "best_hearts": {lesson: hearts}}, what rows that
# are gone had brought. The lessons are passed ones; 0 hearts where nobody knows them.
WITH_BALANCE = (BALANCE_FORWARD, ADJUSTMENT)

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


def last_seqs(players: Sequence[str]) -> dict[str, int]:
	"""The last seq of each player who has one."""
	rows = frappe.db.sql(
		"""select player, max(seq) from `tabMemora Interaction Log`
		where player in %s and seq is not null group by player""",
		(tuple(players),),
	)
	return {player: int(seq) for player, seq in rows}


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


def append_keys(keys: Sequence[tuple[str, str, int]]) -> None:
	"""Rows that pay nothing and only say: this lesson's first completion is behind the player. One INSERT.

	Args:
		keys: (player, lesson, hearts); of pairs that have no such row yet.
	"""
	if not keys:
		return
	rows = [
		_columns(
			player=player,
			interaction_type=PROGRESS_GRANT,
			data={"hearts": hearts},
			reference_id=lesson_id,
			first_completion_of=lesson_id,
		)
		for player, lesson_id, hearts in keys
	]
	names = list(rows[0])
	values = ", ".join(
		[f"(nextval(`memora_interaction_log_id_seq`), 0, 0, {', '.join(['%s'] * len(names))})"] * len(rows)
	)
	frappe.db.sql(
		f"insert into `tabMemora Interaction Log` (name, docstatus, idx, {', '.join(names)}) values {values}",
		[row[name] for row in rows for name in names],
	)


def keys_held(players: Sequence[str], lesson_ids: Sequence[str]) -> set[tuple[str, str]]:
	"""(player, lesson) of the first completions that are behind these players."""
	if not players or not lesson_ids:
		return set()
	rows = frappe.db.sql(
		"""select player, first_completion_of from `tabMemora Interaction Log`
		where player in %s and first_completion_of in %s""",
		(tuple(players), tuple(lesson_ids)),
	)
	return set(rows)


def restore_award(player: str, seq: int, values: Mapping[str, object]) -> None:
	"""Put back columns of an award that was tampered with. Under the player's mutex.

	Args:
		values: xp_awarded, first_completion_of or interaction_data (a dict).
	"""
	columns = {name: _json(value) if name == "interaction_data" else value for name, value in values.items()}
	frappe.db.sql(
		f"""update `tabMemora Interaction Log` set {", ".join(f"{name} = %({name})s" for name in columns)}
		where player = %(player)s and seq = %(seq)s""",
		{**columns, "player": player, "seq": seq},
	)


def replace_by_balance(player: str, through: int, xp: int, event_id: str, data: dict) -> None:
	"""Put one BALANCE_FORWARD at the seq `through` in the place of all awards up to it. Under the player's mutex.

	Rows that hold a key stay without a seq and without XP: what they keep from being paid again stays paid.
	"""
	values = {"player": player, "through": through}
	frappe.db.sql(
		"""update `tabMemora Interaction Log` set seq = null, xp_awarded = 0
		where player = %(player)s and seq <= %(through)s
			and (first_completion_of is not null or client_event_id is not null)""",
		values,
	)
	frappe.db.sql(
		"delete from `tabMemora Interaction Log` where player = %(player)s and seq <= %(through)s", values
	)
	append_award(player, BALANCE_FORWARD, seq=through, xp_awarded=xp, event_id=event_id, data=data)


def delete_events(begin: datetime, end: datetime, limit: int) -> int:
	"""Delete entries between two site times that award nothing and hold no key. Returns how many, `limit` at most."""
	frappe.db.sql(
		"""delete from `tabMemora Interaction Log` where created_at >= %s and created_at < %s
			and seq is null and first_completion_of is null and client_event_id is null limit %s""",
		(begin, end, limit),
	)
	return frappe.db._cursor.rowcount


def first_moment(player: str) -> datetime | None:
	"""When the player's oldest row was written, in site time."""
	return frappe.db.sql_list(
		"select min(created_at) from `tabMemora Interaction Log` where player = %s", player
	)[0]


def take_between(player: str, begin: datetime, end: datetime) -> list[tuple[datetime, str, int]]:
	"""Delete a player's rows between two site times. Returns (created_at, interaction_type, xp_awarded) of each."""
	values = (player, begin, end)
	rows = frappe.db.sql(
		"""select created_at, interaction_type, xp_awarded from `tabMemora Interaction Log`
		where player = %s and created_at >= %s and created_at < %s for update""",
		values,
	)
	frappe.db.sql(
		"delete from `tabMemora Interaction Log` where player = %s and created_at >= %s and created_at < %s",
		values,
	)
	return list(rows)


def device_ids_of(player: str) -> list[str]:
	"""The devices that the player's rows name."""
	return frappe.db.sql_list(
		"""select distinct json_value(interaction_data, '$.device_id') from `tabMemora Interaction Log`
		where player = %s and json_value(interaction_data, '$.device_id') > ''""",
		player,
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


def last_awards(player: str, limit: int) -> list[dict]:
	"""The player's last awards, the newest first: seq, interaction_type, reference_id, subject, xp_awarded, created_at
	(site time), owner, interaction_data (JSON)."""
	return frappe.db.sql(
		"""select seq, interaction_type, reference_id, subject, xp_awarded, created_at, owner, interaction_data
		from `tabMemora Interaction Log` force index (unique_player_seq)
		where player = %s and seq > 0 order by seq desc limit %s""",
		(player, limit),
		as_dict=True,
	)


def count_events_since(player: str | None, interaction_type: str, since: datetime) -> int:
	"""How many such rows there are from `since` (naive UTC) on."""
	[[rows]] = frappe.db.sql(
		"""select count(*) from `tabMemora Interaction Log`
		where created_at >= %s and player <=> %s and interaction_type = %s""",
		(clock.to_site_time(since), player, interaction_type),
	)
	return rows


def _insert(**columns) -> None:
	row = _columns(**columns)
	frappe.db.sql(
		f"""insert into `tabMemora Interaction Log` (name, docstatus, idx, {", ".join(row)})
		values (nextval(`memora_interaction_log_id_seq`), 0, 0, {", ".join(f"%({name})s" for name in row)})""",
		row,
	)


def _columns(*, player: str | None, data: dict, **columns) -> dict:
	"""All columns of a row but its name."""
	owner = frappe.session.user or player
	now = clock.to_site_time(clock.utc_now())
	return {
		**dict.fromkeys(
			("reference_id", "subject", "seq", "first_completion_of", "client_event_id", "event_id")
		),
		"xp_awarded": 0,
		**columns,
		"player": player,
		"owner": owner,
		"modified_by": owner,
		"creation": now,
		"modified": now,
		"created_at": now,
		"interaction_data": _json(data),
	}


def _json(data: dict) -> str:
	return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
