"""Progress that follows a lesson into another subject.

A lesson that moves, alone or with anything above it, gets a new place in its new subject, and `moved_at` marks it in
the same transaction (`content_tree`). Who had passed it has passed it still: the ledger says so, and a row of Memora
Structure Progress that was written before the move has to be told. The old subject keeps its bit, which no lesson gets
again.

Done in a job right after the move, and by the scheduler for as long as the mark stands, so a job that was lost or died
is only late. A chunk that was written is written again without effect. A completion that had begun before the move may
still name the old place; it is over long before the mark goes.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import frappe
from frappe.utils.background_jobs import is_job_enqueued
from memora.exceptions import StoreUnavailable
from memora.services import player_copies, recovery, sync_queue
from memora.services.progress_engine import bits, snapshot_syncer
from memora.services.progress_engine.snapshot_syncer import Pair
from memora.services.recovery import Progress
from memora.utils import clock, compat, logs, transactions
from memora.utils.sql_tables import table_of

PLAYERS_PER_CHUNK = 100
# Longer than any request may take.
MARK_STANDS = timedelta(minutes=10)
ERROR_TITLE = "Moved Lessons Error"
JOB_ID = "memora-moved-lessons"

# Who finished a marked lesson, where, and where it is now. Each lookup is one of the unique key.
_PASSED = """
select distinct log.player, log.subject, lesson.subject
from ({users}) player
straight_join `tabMemora Lesson` lesson on lesson.moved_at is not null
straight_join `tabMemora Interaction Log` log force index (unique_player_first_completion_of)
	on log.player = player.user and log.first_completion_of = lesson.name
"""


def carry_progress_soon() -> None:
	"""Run `carry_progress` in the background once the current transaction is committed."""
	compat.after_commit(_enqueue)


def carry_progress() -> dict:
	"""Bring the progress of all who finished a marked lesson up to its new place. Safe to run twice, and two at once.

	A chunk of players that fails leaves the marks for the next run and does not stop the others.

	Returns:
		{"lessons": lessons that were marked, "rows": progress rows that are true now, "errors": chunks that failed}

	Raises:
		StoreUnavailable: Redis did not answer; the marks stand.
	"""
	began = clock.utc_now()
	lesson_ids = _marked_lessons()
	rows = errors = 0
	for user_ids in _players_in_chunks() if lesson_ids else ():
		try:
			rows += sync_queue.retry_locked(_carry_chunk, user_ids)
		except StoreUnavailable:
			raise
		except Exception:
			errors += 1
			frappe.db.rollback()
			frappe.log_error(title=ERROR_TITLE)
	if lesson_ids and not errors:
		_unmark(lesson_ids, clock.to_site_time(began - MARK_STANDS))
	return {"lessons": len(lesson_ids), "rows": rows, "errors": errors}


def _enqueue() -> None:
	try:
		if not is_job_enqueued(JOB_ID):
			frappe.enqueue(f"{__name__}.{carry_progress.__name__}", queue="long", job_id=JOB_ID)
	except Exception:
		# Best effort: the move is saved, and the scheduler finds its mark.
		logs.get_logger().warning("the job for moved lessons could not be queued", exc_info=True)


def _marked_lessons() -> list[str]:
	transactions.begin_fresh()
	return frappe.db.sql_list("select name from `tabMemora Lesson` where moved_at is not null")


def _players_in_chunks() -> Iterator[list[str]]:
	last = ""
	while players := frappe.db.sql(
		"select name, user from `tabMemora Player Profile` where name > %s order by name limit %s",
		(last, PLAYERS_PER_CHUNK),
	):
		last = players[-1][0]
		yield [user_id for _name, user_id in players]


def _carry_chunk(user_ids: Sequence[str]) -> int:
	"""Write and commit the rows of these players. Returns how many rows are true now."""
	transactions.begin_fresh()
	passed = _passed_elsewhere(user_ids)
	if not passed:
		return 0
	users = sorted({user_id for user_id, _old, _new in passed})
	transactions.begin_fresh()  # what is read from here on is read under the players' mutexes
	recovery.lock_wallets(users)
	player_copies.drop(*users)
	written = _write_rows(passed)
	frappe.db.commit()  # each chunk by itself: no player waits for more than his chunk
	return written


def _passed_elsewhere(user_ids: Sequence[str]) -> list[tuple[str, str, str]]:
	"""(user, subject in which he finished a marked lesson, subject in which it is now)."""
	table, values = table_of("user", [(user_id,) for user_id in user_ids])
	return frappe.db.sql(_PASSED.format(users=table), values)


def _write_rows(passed: Sequence[tuple[str, str, str]]) -> int:
	"""Both subjects' rows: the new one gains bits and hearts, and percent change in either.

	A row that does not exist need not be told: without a snapshot the whole ledger is read.
	"""
	new = {(user_id, subject_id) for user_id, _old, subject_id in passed}
	old = {(user_id, subject_id) for user_id, subject_id, _new in passed if subject_id}
	rows = snapshot_syncer.lock_rows(sorted(new | old))
	progress = recovery.read_progress_many(list(rows))
	progress.update(_with_ledger(progress, sorted(new & rows.keys())))
	return snapshot_syncer.write_rows(progress, rows)


def _with_ledger(progress: dict[Pair, Progress], pairs: Sequence[Pair]) -> dict[Pair, Progress]:
	"""What the snapshots say and what the whole ledger says, together: bits of retired places stay on."""
	told = recovery.read_progress_many(pairs, from_ledger=True)
	return {pair: _union(progress[pair], told[pair]) for pair in pairs}


def _union(snapshot: Progress, told: Progress) -> Progress:
	best_hearts = {
		lesson_id: max(snapshot.best_hearts.get(lesson_id, 0), told.best_hearts.get(lesson_id, 0))
		for lesson_id in {**snapshot.best_hearts, **told.best_hearts}
	}
	return snapshot._replace(bitmap=bits.union(snapshot.bitmap, told.bitmap), best_hearts=best_hearts)


def _unmark(lesson_ids: Sequence[str], moved_before: str) -> None:
	frappe.db.sql(
		"update `tabMemora Lesson` set moved_at = null where name in %s and moved_at < %s",
		(tuple(lesson_ids), moved_before),
	)
	frappe.db.commit()  # the end of the job's work
