"""Jobs in the bench's real worker, waited for; and failpoints laid for the processes of the bench."""

import contextlib
from collections.abc import Callable, Iterator

from rq.job import Job, JobStatus

import frappe
from memora.utils import failpoints, redis_store
from memora.utils.redis_keys import (
	get_dirty_progress_key,
	get_pending_wallet_sync_key,
	get_progress_sync_lock_key,
	get_wallet_sync_lock_key,
)
from tests.chaos import servers

SYNCS = {
	"wallets": "memora.services.wallet_sync.sync_pending_wallets",
	"progress": "memora.services.progress_engine.snapshot_syncer.sync_pending_bitmaps",
}
PUBLISH = "memora.services.cdn_export.batch_processor.process_queue"
QUEUES = {"wallets": get_pending_wallet_sync_key(), "progress": get_dirty_progress_key()}
ENDED = (JobStatus.FINISHED, JobStatus.FAILED)


def run(method: str) -> JobStatus:
	"""Have the worker do a job and return how it ended; FAILED is also a worker that was killed."""
	job = start(method)
	servers.wait_until(lambda: job.get_status(refresh=True) in ENDED, f"{method} did not end")
	return job.get_status()


def start(method: str) -> Job:
	return frappe.enqueue(method, queue="long")


def wait_for_work(sync: str) -> None:
	"""Wait until somebody's row is behind, or the sync would have nothing to die at."""
	servers.wait_until(lambda: redis_store.members(QUEUES[sync]), "nobody plays")


def sync() -> None:
	"""Bring all rows up to the ledger, by the jobs that the scheduler starts."""
	for method in SYNCS.values():
		assert run(method) == JobStatus.FINISHED, method


@contextlib.contextmanager
def armed(point: str, action: str = "kill") -> Iterator[Callable[[], None]]:
	"""Lay a token for whoever reaches the point first; it must have been taken in the end.

	Yields a function that waits until it is taken.
	"""
	assert point in failpoints.POINTS
	token = failpoints.folder() / point
	lay(token, action)

	def wait_until_taken() -> None:
		servers.wait_until(lambda: not token.exists(), f"nobody reached {point}", seconds=30)

	try:
		yield wait_until_taken
		wait_until_taken()
	finally:
		token.unlink(missing_ok=True)


@contextlib.contextmanager
def clock_moved(seconds: int) -> Iterator[None]:
	"""Requests and jobs see the time moved; this process does not."""
	lay(failpoints.folder() / failpoints.CLOCK, str(seconds))
	try:
		yield
	finally:
		(failpoints.folder() / failpoints.CLOCK).unlink(missing_ok=True)


def lay(file, content: str) -> None:
	"""Write a file whole: nobody must read half of it."""
	file.parent.mkdir(exist_ok=True)
	new = file.with_suffix(".new")
	new.write_text(content)
	new.replace(file)


def forget_locks_of_the_dead() -> None:
	"""A minute passes: the lock of a sync that was killed runs out."""
	redis_store.delete(get_wallet_sync_lock_key(), get_progress_sync_lock_key())
