"""CDN Sync Log: what is to be published and what became of it. One row for one episode of one plan.

    Queued ──claim──▶ Processing ──────────────▶ Success
      ▲                 │     ▲
      │                 ▼     │ claim, when next_retry_at has come
      │               Failed ─┘ ──after the last retry──▶ Dead Letter
      └───────────────────── retried by hand ────────────────┘

The rows are the publishing queue; Redis holds a copy of it (`publish_queue`). A change inserts its row in its own
transaction and looks at no other row, so nobody who edits waits for a build, and whoever sees the row sees the change.
A claim takes all open rows of the plan that it sees as one episode, and the content is read after that: rows that
come later are the next episode. A Failed row without next_retry_at is history.

Claims are made under the plan's build lock. All times are site time.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import frappe
from frappe.utils import add_to_date
from memora.services.cdn_export import retry_policy
from memora.utils import clock

DOCTYPE = "CDN Sync Log"
QUEUED, PROCESSING, SUCCESS, FAILED, DEAD_LETTER = "Queued", "Processing", "Success", "Failed", "Dead Letter"
MAX_ERROR_LENGTH = 10_000
ABANDONED = "The build ended without a result: its process was killed, or lost the database."
_COUNTS = ("files_uploaded", "files_unchanged", "files_deleted", "bytes_uploaded")
_INSERTED = ("name", "creation", "modified", "owner", "modified_by", "plan_id", "status", "triggered_by")

_OPEN_ROWS = f"""
select name, status, retry_count, next_retry_at from `tab{DOCTYPE}`
where plan_id = %(plan)s
	and (status in ('{QUEUED}', '{PROCESSING}', '{DEAD_LETTER}') or (status = '{FAILED}' and next_retry_at is not null))
order by creation, name
"""
# One select for each status, or the index on it would not be used.
_DUE = f"""
select plan_id, min(creation) as since, max(status = '{PROCESSING}') as has_begun,
	max(status != '{PROCESSING}') as has_more from (
	select plan_id, creation, status from `tab{DOCTYPE}` where status = '{QUEUED}'
	union all
	select plan_id, creation, status from `tab{DOCTYPE}` where status = '{PROCESSING}'
	union all
	select plan_id, creation, status from `tab{DOCTYPE}` where status = '{FAILED}' and next_retry_at <= %(now)s
) due group by plan_id order by has_begun, since, plan_id
"""
_WAITING = f"""
select plan_id, creation from `tab{DOCTYPE}` where status = '{QUEUED}'
union all
select plan_id, creation from `tab{DOCTYPE}` where status = '{FAILED}' and next_retry_at > '1000-01-01'
"""
# One select for each status here too.
_WAITING_PLANS = f"""
select plan_id, min(creation) as since, max(status = '{QUEUED}') as is_queued, max(retry_count) as retry_count,
	max(next_retry_at) as next_retry_at from (
	select plan_id, creation, status, 0 as retry_count, null as next_retry_at
	from `tab{DOCTYPE}` where status = '{QUEUED}'
	union all
	select plan_id, creation, status, retry_count, next_retry_at
	from `tab{DOCTYPE}` where status = '{FAILED}' and next_retry_at > '1000-01-01'
) waiting group by plan_id order by since, plan_id limit %(limit)s
"""


@dataclass(frozen=True)
class Episode:
	"""A claimed row. retry_count: how many retries there were, with this one."""

	name: str
	retry_count: int


# --- Into the queue --------------------------------------------------------------------------------------------


def queue(plan_ids: Iterable[str], triggered_by: str, is_fallback: bool = False) -> None:
	"""Insert a row for each plan, part of the current transaction."""
	made = (_now(), _now(), _user(), _user())
	rows = [
		(frappe.generate_hash(length=10), *made, plan_id, QUEUED, triggered_by, is_fallback)
		for plan_id in plan_ids
	]
	if rows:
		placeholders = ", ".join(["%s"] * len(rows))
		frappe.db.sql(
			f"insert into `tab{DOCTYPE}` ({', '.join(_INSERTED)}, is_fallback) values {placeholders}", rows
		)


def is_queued(plan_id: str) -> bool:
	return bool(frappe.db.exists(DOCTYPE, {"plan_id": plan_id, "status": QUEUED}))


def mark_as_fallback(plan_id: str) -> None:
	"""Note on the plan's queued rows that Redis did not hear of them."""
	_update([row.name for row in _open_rows(plan_id) if row.status == QUEUED], is_fallback=1)


# --- Through a publish -----------------------------------------------------------------------------------------


def claim(plan_id: str, triggered_by: str | None = None) -> Episode | None:
	"""Make one episode of all that is to be done for a plan; None when nothing is due.

	What waits for a retry or lies in the dead letter is overtaken by a newer change.

	Args:
		triggered_by: who wants the plan published now, whether anything is due or not.
	"""
	rows = _open_rows(plan_id)
	if triggered_by is not None and not _of(rows, QUEUED):
		queue([plan_id], triggered_by)
		rows = _open_rows(plan_id)
	chosen = _choose(rows)
	if chosen is None:
		return None
	_close_others([row for row in rows if row.name != chosen.name])
	episode = Episode(chosen.name, chosen.retry_count + (chosen.status != QUEUED))
	started = {"status": PROCESSING, "retry_count": episode.retry_count, "started_at": _now()}
	by = {"triggered_by": triggered_by} if triggered_by is not None else {}
	_update([episode.name], **started, **by, next_retry_at=None, completed_at=None)
	return episode


def _choose(rows: Collection[Any]) -> Any:
	"""The newest change, else a build that ended without a result, else a failure whose retry is due."""
	now = _now()
	due = [row for row in _of(rows, FAILED) if row.next_retry_at <= now]
	candidates = _of(rows, QUEUED) or _of(rows, PROCESSING) or due
	return candidates[-1] if candidates else None


def _close_others(rows: Collection[Any]) -> None:
	"""Rows that the claimed one stands for: those that never began go, the others become history."""
	unused = [row.name for row in _of(rows, QUEUED)]
	if unused:
		frappe.db.sql(f"delete from `tab{DOCTYPE}` where name in %s", (unused,))
	_update([row.name for row in _of(rows, PROCESSING)], completed_at=_now(), error_message=ABANDONED)
	_update([row.name for row in rows if row.status != QUEUED], status=FAILED, next_retry_at=None)


def put_back(episode: Episode) -> None:
	"""It could not be tried, through no fault of the plan: due again at once, with the retries that it has left."""
	_update([episode.name], status=QUEUED, retry_count=episode.retry_count)


def close_with_success(name: str, counts: Mapping[str, Any], notes: str = "") -> None:
	"""Note what was done. `notes` is what went wrong without failing the publish, such as a purge."""
	done = {field: counts[field] for field in _COUNTS}
	_close(name, SUCCESS, notes, sync_verified=int(bool(counts["verified"])), **done)


def close_with_failure(episode: Episode, error: str) -> str:
	"""Note when to try again, or that it was the last time. Returns the row's status."""
	delay = retry_policy.delay_before_retry(episode.retry_count)
	if delay is None:
		_close(episode.name, DEAD_LETTER, error)
		return DEAD_LETTER
	_close(episode.name, FAILED, error, next_retry_at=add_to_date(_now(), seconds=delay))
	return FAILED


def _close(name: str, status: str, message: str, **values: Any) -> None:
	_update([name], status=status, completed_at=_now(), error_message=message[:MAX_ERROR_LENGTH], **values)


# --- Dead letter -----------------------------------------------------------------------------------------------


def bury(plan_id: str, reason: str) -> str:
	"""Put a plan into the dead letter, whatever state it is in. Returns the row's name."""
	episode = claim(plan_id, triggered_by="")
	_close(episode.name, DEAD_LETTER, reason)
	return episode.name


def queue_dead_letter(plan_id: str) -> bool:
	"""Take a plan from the dead letter back to the queue, with all its retries. False: it is not there."""
	names = [row.name for row in _of(_open_rows(plan_id), DEAD_LETTER)]
	_update(names, status=QUEUED, retry_count=0, completed_at=None)
	return bool(names)


def clear_dead_letter(plan_id: str) -> bool:
	"""Leave a plan of the dead letter as it is published. False: it is not there."""
	names = [row.name for row in _of(_open_rows(plan_id), DEAD_LETTER)]
	_update(names, status=FAILED)
	return bool(names)


def dead_letters() -> list[dict[str, str]]:
	"""[{"plan_id": ..., "reason": ..., "at": UTC}], the oldest first."""
	rows = frappe.get_all(
		DOCTYPE,
		filters={"status": DEAD_LETTER},
		fields=["plan_id", "error_message as reason", "completed_at"],
		order_by="completed_at, plan_id",
	)
	return [{"plan_id": row.plan_id, "reason": row.reason, "at": _utc(row.completed_at)} for row in rows]


# --- What the queue holds --------------------------------------------------------------------------------------


def due_plans() -> dict[str, Any]:
	"""What is queued, has its retry due, or has begun and not ended; the plan that waits longest comes first.

	Builds that have begun come last: one that killed its worker must not do so before the others had their turn.

	Returns:
		{plan: row with has_begun, and has_more: whether there is anything besides what has begun}
	"""
	return {row.plan_id: row for row in frappe.db.sql(_DUE, {"now": _now()}, as_dict=True)}


def pending_plan_ids() -> list[str]:
	"""Plans that are queued or wait for a retry."""
	return sorted({plan_id for plan_id, _ in frappe.db.sql(_WAITING)})


def oldest_pending_seconds() -> int:
	"""For how long the plan has waited that waits longest; 0 when none does."""
	waiting = [since for _, since in frappe.db.sql(_WAITING)]
	return max(0, int((_now() - min(waiting)).total_seconds())) if waiting else 0


def waiting_plans(limit: int) -> list[dict[str, Any]]:
	"""Plans that are queued or wait for a retry, the longest waiting first.

	Returns:
		[{"plan_id", "since": UTC, "retry_count": retries so far, "next_retry_at": UTC | None}]
		None for what is queued: it is published as soon as a worker is free.
	"""
	rows = frappe.db.sql(_WAITING_PLANS, {"limit": limit}, as_dict=True)
	return [
		{
			"plan_id": row.plan_id,
			"since": _utc(row.since),
			"retry_count": row.retry_count,
			"next_retry_at": None if row.is_queued else _utc(row.next_retry_at),
		}
		for row in rows
	]


def processing_plans() -> list[dict[str, Any]]:
	"""[{"plan_id", "started_at": UTC, "retry_count"}] of builds that began and have not ended, the oldest first."""
	rows = frappe.get_all(
		DOCTYPE,
		filters={"status": PROCESSING},
		fields=["plan_id", "started_at", "retry_count"],
		order_by="started_at, name",
	)
	return [{**row, "started_at": _utc(row.started_at)} for row in rows]


def processing_plan_ids() -> list[str]:
	return sorted(set(frappe.get_all(DOCTYPE, filters={"status": PROCESSING}, pluck="plan_id")))


def next_retry_at() -> str | None:
	"""UTC."""
	waiting = frappe.get_all(
		DOCTYPE,
		filters={"status": FAILED, "next_retry_at": ["is", "set"]},
		pluck="next_retry_at",
		order_by="next_retry_at",
		limit=1,
	)
	return _utc(waiting[0]) if waiting else None


def recent_failures(limit: int) -> list[dict[str, Any]]:
	"""The last publishes that failed, the newest first; times in UTC."""
	fields = ["plan_id", "status", "error_message", "retry_count", "completed_at", "next_retry_at"]
	rows = frappe.get_all(
		DOCTYPE,
		filters={"status": ["in", [FAILED, DEAD_LETTER]]},
		fields=fields,
		order_by="completed_at desc",
		limit=limit,
	)
	return [
		{**row, "completed_at": _utc(row.completed_at), "next_retry_at": _utc(row.next_retry_at)}
		for row in rows
	]


def last_processed() -> str | None:
	"""When a publish last ended, well or not. UTC."""
	ended = frappe.get_all(
		DOCTYPE,
		filters={"completed_at": ["is", "set"]},
		pluck="completed_at",
		order_by="modified desc",  # closing a row is its last change, and this column has an index
		limit=1,
	)
	return _utc(ended[0]) if ended else None


def delete_closed_before(days: int) -> None:
	"""Forget episodes that ended so many days ago, well or not. What is queued or in the dead letter stays."""
	frappe.db.sql(
		f"""delete from `tab{DOCTYPE}` where modified < %s
		and (status = '{SUCCESS}' or (status = '{FAILED}' and next_retry_at is null))""",
		add_to_date(_now(), days=-days),
	)


def _open_rows(plan_id: str) -> list[Any]:
	return frappe.db.sql(_OPEN_ROWS, {"plan": plan_id}, as_dict=True)


def _of(rows: Iterable[Any], status: str) -> list[Any]:
	return [row for row in rows if row.status == status]


def _update(names: Collection[str], **values: Any) -> None:
	if not names:
		return
	values = {**values, "modified": _now(), "modified_by": _user()}
	columns = ", ".join(f"{column} = %({column})s" for column in values)
	frappe.db.sql(
		f"update `tab{DOCTYPE}` set {columns} where name in %(names)s", {**values, "names": tuple(names)}
	)


def _user() -> str:
	return frappe.session.user


def _now():
	return clock.to_site_time(clock.utc_now())


def _utc(moment) -> str | None:
	return clock.iso(clock.from_site_time(moment))
