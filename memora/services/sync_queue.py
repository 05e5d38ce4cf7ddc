"""Queues of rows that are behind the ledger, and how a scheduled sync drains one.

Members wait in a Redis set. A sync moves them into a working set and strikes a batch from it after the batch's commit,
so a sync that dies at any step leaves them there for the next one. A lock with a token keeps a second sync out; whoever
has lost it strikes nobody, since another sync may have taken the same member again, for a later award.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import frappe
from memora.utils import redis_store

ATTEMPTS_PER_BATCH = 3
LOCK_TTL_SECONDS = 60

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
	"""Write all who wait. A batch that fails stays for the next sync and does not stop the others.

	Args:
		write: writes and commits a batch of members and returns how many it brought up to date. It is called again where
			a lock of the database stood in its way.
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
	for members in chunk_list(take(queue), batch_size):
		try:
			synced += retry_locked(write, members)
			written = members
		except Exception:
			errors += 1
			written = []
			frappe.db.rollback()
			frappe.log_error(title=queue.error_title)
		if written and settle:
			settle(written)
		if not strike(queue, token, written):
			break
	return {"synced": synced, "duration": round(time.monotonic() - started, 2), "errors": errors}


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
		except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
			frappe.db.rollback()
			if not attempts_left:
				raise
