"""Bringing the rows of Memora Structure Progress up to the ledger, in bulk. Scheduled with every run of the scheduler.

A row is a snapshot: bitmap, best hearts and XP of a player in a subject as they were after the ledger row
`synced_through`. What is written is computed from MariaDB alone, by the same query that every copy is loaded from
(`recovery.read_progress_many`). What a ledger row means for a subject changes when a lesson moves, so unlike a wallet's
these figures are computed and written under the lock of the rows. Awards do not wait for it.

Who waits, and how a sync that dies loses nobody: `sync_queue`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import frappe
from memora.exceptions import SubjectNotFound
from memora.services import enrollment, player_copies, recovery, sync_queue
from memora.services.enrollment import PlayersPlan
from memora.services.progress_engine import bitmap_manager, bits, structure_loader, tally
from memora.services.progress_engine.outline import outline_of
from memora.services.recovery import Progress
from memora.services.sync_queue import SyncQueue
from memora.utils import clock, failpoints, transactions
from memora.utils.redis_keys import (
	get_dirty_progress_key,
	get_progress_sync_lock_key,
	get_syncing_progress_key,
)
from memora.utils.sql_tables import table_of

PAIRS_PER_BATCH = 100
ROW_LOCK_WAIT_SECONDS = 2

QUEUE = SyncQueue(
	get_dirty_progress_key(),
	get_syncing_progress_key(),
	get_progress_sync_lock_key(),
	"Progress Sync Error",
)

Pair = tuple[str, str]  # user, subject

# Joined by the unique key, one row after the other, so that only the rows that are meant are locked.
_LOCK = """
set statement innodb_lock_wait_timeout = {wait} for
select pair.user, pair.subject, progress.name, progress.progress_bitmap, progress.best_hearts,
	progress.total_xp_earned, progress.completion_percentage
from ({pairs}) pair
straight_join `tabMemora Structure Progress` progress force index (unique_player_subject)
	on progress.player = pair.user and progress.subject = pair.subject
for update
"""

_COLUMNS = (
	"creation",
	"modified",
	"name",
	"player",
	"subject",
	"progress_bitmap",
	"best_hearts",
	"total_xp_earned",
	"completion_percentage",
	"last_synced_at",
	"synced_through",
)
# Columns are set from left to right, so synced_through, which the condition reads, comes last.
_FIGURES = _COLUMNS[5:]
_ROW = f"('Administrator', 'Administrator', {', '.join(['%s'] * len(_COLUMNS))})"
_FORWARD = "synced_through <= values(synced_through) and total_xp_earned <= values(total_xp_earned)"
_WRITE = f"""
insert into `tabMemora Structure Progress` (modified_by, owner, {", ".join(_COLUMNS)})
values {{rows}}
on duplicate key update {{updates}}
"""
_GO_FORWARD = ", ".join(f"{column} = if({_FORWARD}, values({column}), {column})" for column in _FIGURES)
_OVERWRITE = ", ".join(f"{column} = values({column})" for column in _FIGURES)


class _Row(NamedTuple):
	"""A row as it is before the sync."""

	name: str
	progress_bitmap: str | None
	best_hearts: str | None
	total_xp_earned: int
	completion_percentage: float


def sync_pending_bitmaps() -> dict:
	"""Write the progress that changed since the last sync.

	What fails stays for the next sync and does not stop the others. While another sync runs, nothing is done.

	Returns:
		{"synced": rows that are up to date now, "duration": seconds, "errors": batches that failed}

	Raises:
		StoreUnavailable: Redis did not answer; everything that was not written yet waits for the next sync.
	"""
	result = sync_queue.drain(QUEUE, PAIRS_PER_BATCH, _write_batch, _settle)
	return result or {"synced": 0, "duration": 0.0, "errors": 0}


def sync_best_hearts_with_bitmap(
	player_id: str, subject_id: str, best_hearts_data: Mapping[str, int]
) -> None:
	"""Raise a player's best hearts as `bitmap_manager.set_best_hearts` does, and write his row of the subject now."""
	bitmap_manager.set_best_hearts(player_id, subject_id, best_hearts_data)
	sync_queue.retry_locked(_write_batch, [player_copies.dirty_member(player_id, subject_id)])


def write_rows(
	progress_by_pair: Mapping[Pair, Progress], rows: Mapping[Pair, _Row], may_lower: bool = False
) -> int:
	"""Write what differs from the locked rows, in one statement, and how many percent of his lessons each has passed.

	A missing row is inserted where there is something to say, for a player who has a plan. Without a plan the row is
	the enrolment, and who deleted it ended that.

	Args:
		rows: what `lock_rows` returned, in this transaction.
		may_lower: also where that goes back in the ledger or lowers XP; only under the players' mutexes.

	Returns:
		How many of the pairs are up to date now.
	"""
	if not progress_by_pair:
		return 0
	plans = enrollment.players_plans(sorted({user_id for user_id, _ in progress_by_pair}))
	subjects = _existing_subjects({subject_id for _, subject_id in progress_by_pair.keys() - rows.keys()})
	current = {
		pair: progress
		for pair, progress in progress_by_pair.items()
		if pair[0] in plans
		and (pair in rows or (pair[1] in subjects and _has_begun(progress, plans[pair[0]])))
	}
	percents = _percents(current, plans)
	changed = [
		_values(pair, rows.get(pair), progress, percents[pair])
		for pair, progress in current.items()
		if _differs(rows.get(pair), progress, percents[pair])
	]
	if changed:
		updates = _OVERWRITE if may_lower else _GO_FORWARD
		statement = _WRITE.format(rows=", ".join([_ROW] * len(changed)), updates=updates)
		frappe.db.sql(statement, [value for values in changed for value in values])
	return len(current)


def lock_rows(pairs: Sequence[Pair]) -> dict[Pair, _Row]:
	"""The rows of these pairs that exist, locked until the transaction ends. Pairs in one order, or two can deadlock."""
	if not pairs:
		return {}
	table, values = table_of("user subject", pairs)
	query = _LOCK.format(wait=ROW_LOCK_WAIT_SECONDS, pairs=table)
	return {(user_id, subject_id): _Row(*row) for user_id, subject_id, *row in frappe.db.sql(query, values)}


def _write_batch(members: Sequence[str]) -> int:
	"""Write and commit one batch. Returns how many rows are up to date now."""
	pairs = _pairs(members)
	transactions.begin_fresh()
	rows = lock_rows(pairs)
	written = write_rows(recovery.read_progress_many(pairs), rows)
	failpoints.reach("progress_sync.written")
	frappe.db.commit()  # each batch by itself: short locks, and a batch that fails takes no other with it
	failpoints.reach("progress_sync.committed")
	return written


def _settle(members: Sequence[str]) -> None:
	player_copies.settle(_pairs(members))


def _pairs(members: Sequence[str]) -> list[Pair]:
	return sorted(tuple(json.loads(member)) for member in members)


def _has_begun(progress: Progress, plan: PlayersPlan) -> bool:
	return bool(plan.plan_id and (progress.bitmap or progress.total_xp_earned))


def _existing_subjects(subject_ids: set[str]) -> set[str]:
	if not subject_ids:
		return set()
	return set(frappe.get_all("Memora Subject", filters={"name": ["in", subject_ids]}, pluck="name"))


def _percents(
	progress_by_pair: Mapping[Pair, Progress], plans: Mapping[str, PlayersPlan]
) -> dict[Pair, float]:
	"""How many percent of the lessons that his plan shows a player has passed."""
	masks: dict[tuple[str, str | None], int] = {}
	percents = {}
	for (user_id, subject_id), progress in progress_by_pair.items():
		plan = plans[user_id]
		view = (subject_id, plan.plan_id)
		if view not in masks:
			masks[view] = visible_bits(subject_id, plan)
		passed = bits.count_set(progress.bitmap, masks[view])
		percents[user_id, subject_id] = tally.completion_percentage(passed, masks[view].bit_count())
	return percents


def visible_bits(subject_id: str, plan: PlayersPlan) -> int:
	"""The places of the lessons that a plan shows, as a mask; none in a subject that is unpublished or hidden."""
	if plan.overrides.get(subject_id, {}).get("hide"):
		return 0
	try:
		structure = structure_loader.load_playable_structure(subject_id, plan.overrides)
	except SubjectNotFound:
		return 0
	return outline_of(structure).root.mask


def _differs(row: _Row | None, progress: Progress, percent: float) -> bool:
	if row is None:
		return True
	figures = recovery.read_figures(row.progress_bitmap, row.best_hearts, row.total_xp_earned)
	return (figures, row.completion_percentage) != (progress._replace(seq=0), percent)


def _values(pair: Pair, row: _Row | None, progress: Progress, percent: float) -> tuple:
	"""As _COLUMNS."""
	now = clock.to_site_time(clock.utc_now())
	return (
		now,
		now,
		row.name if row else frappe.generate_hash(length=10),
		*pair,
		bits.encode_bitmap_for_mariadb(progress.bitmap),
		json.dumps(progress.best_hearts, separators=(",", ":")),
		progress.total_xp_earned,
		percent,
		now,
		progress.seq,
	)
