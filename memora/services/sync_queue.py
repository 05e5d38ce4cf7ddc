"""Queues of rows that are behind the ledger, and how a scheduled sync drains one.

Members wait in a Redis set. A sync moves them into a working set and strikes a batch from it after the batch's commit,
so a sync that dies at any step leaves them there for the next one. A lock with a token keeps a second sync out; whoever
has lost it strikes nobody, since another sync may have taken the same member again, for a later award.
"""

import secrets
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import frappe
from memora.exceptions import StoreUnavailable
from memora.utils import failpoints, redis_store

ATTEMPTS_PER_BATCH = 3
LOCK_TTL_SECONDS = 60
MEMBERS_IN_REPORT = 20
LOCK_ERRORS = (frappe.QueryDeadlockError, frappe.QueryTimeoutError)

# KEYS: pending, working. What a sync that died has left in the working set stays there.
_TAKE = """
redis.call("SUNIONSTORE", KEYS[2], KEYS[1], KEYS[2])
redis.call("DEL", KEYS[1])
return redis.call("SMEMBERS", KEYS[2])
"""

# KEYS: lock, working. ARGV: token, lifetime of the lock, then members.
_STRIKE = """
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("EXPIRE", KEYS[1], ARGV[2])
if #ARGV > 2 then redis.call("SREM", KEYS[2], unpack(ARGV, 3)) end
return 1
"""


class SyncQueue(NamedTuple):
	"""A queue by its Redis keys. error_title: of the Error Log entry of a batch that failed."""

	pending: str
	working: str
	lock: str
	error_title: str


def drain(
	queue: SyncQueue,
	batch_size: int,
	write: Callable[[list[str]], int],
	settle: Callable[[list[str]], None] | None = None,
) -> dict | None:
	"""Write all who wait. What fails stays for the next sync and does not stop the others.

	Args:
		write: writes and commits a batch of members and returns how many it brought up to date. It is called again where
			a lock of the database stood in its way, and with each member alone where the batch failed otherwise: a row
			that can never be written must not keep its neighbours waiting for ever.
		settle: called after a batch's commit, before its members are struck.

	Returns:
		{"synced": how many are up to date now, "duration": seconds, "errors": batches that failed}
		None while another sync has the lock.

	Raises:
		StoreUnavailable: Redis did not answer; everything that was not written yet waits for the next sync.
	"""
	token = secrets.token_hex(16)
	if not redis_store.set_if_absent(queue.lock, token, LOCK_TTL_SECONDS):
		return None
	try:
		return _drain(queue, token, batch_size, write, settle)
	finally:
		redis_store.delete_if_equals(queue.lock, token)


def chunk_list(lst: Sequence, chunk_size: int) -> list[list]:
	"""Split a list into lists of at most chunk_size items.

	Raises:
		ValueError: chunk_size is not positive.
	"""
	if chunk_size < 1:
		raise ValueError(f"chunk_size must be one or more, got {chunk_size}")
	return [list(lst[start : start + chunk_size]) for start in range(0, len(lst), chunk_size)]


def _drain(queue: SyncQueue, token: str, batch_size: int, write: Callable, settle: Callable | None) -> dict:
	started = time.monotonic()
	synced = errors = 0
	waiting = take(queue)
	failpoints.reach("sync.taken")
	for members in chunk_list(waiting, batch_size):
		try:
			count, written = retry_locked(write, members), members
		except StoreUnavailable:
			raise
		except Exception as error:
			errors += 1
			frappe.db.rollback()
			count, written = (0, []) if isinstance(error, LOCK_ERRORS) else _write_apart(write, members)
			_report(queue, set(members) - set(written), error)
		synced += count
		if written and settle:
			settle(written)
		if not strike(queue, token, written):
			break
		failpoints.reach("sync.struck")
	return {"synced": synced, "duration": round(time.monotonic() - started, 2), "errors": errors}


def _write_apart(write: Callable, members: Sequence[str]) -> tuple[int, list[str]]:
	"""Write each member alone. Returns how many are up to date now, and the members that could be written."""
	synced, written = 0, []
	for member in members:
		try:
			synced += write([member])
			written.append(member)
		except StoreUnavailable:
			raise
		except Exception:
			frappe.db.rollback()
	return synced, written


def _report(queue: SyncQueue, left: Collection[str], error: Exception) -> None:
	"""One Error Log entry for a batch that failed."""
	names = "\n".join(sorted(left)[:MEMBERS_IN_REPORT])
	trace = "".join(traceback.format_exception(error))
	frappe.log_error(
		title=queue.error_title, message=f"{len(left)} left for the next sync:\n{names}\n\n{trace}"
	)


def take(queue: SyncQueue) -> list[str]:
	"""All who wait, neighbours beside each other."""
	return sorted(
		member.decode() for member in redis_store.run_script(_TAKE, [queue.pending, queue.working], [])
	)


def strike(queue: SyncQueue, token: str, members: Sequence[str]) -> bool:
	"""Strike a batch that is committed, and renew the lock. False: the lock is another's by now."""
	arguments = [token, LOCK_TTL_SECONDS, *members]
	return bool(redis_store.run_script(_STRIKE, [queue.lock, queue.working], arguments))


def retry_locked(write: Callable[[list], int], batch: list) -> int:
	"""Call `write` again where a deadlock or another's lock stood in its way."""
	for attempts_left in reversed(range(ATTEMPTS_PER_BATCH)):
		try:
			return write(batch)
		except LOCK_ERRORS:
			frappe.db.rollback()
			if not attempts_left:
				raise
