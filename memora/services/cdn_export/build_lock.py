"""One build a plan at a time.

Two locks stand together. The database's named lock decides: it belongs to the connection, so it also holds while Redis
is away, and a killed worker frees it. The Redis lock carries this build's token: it is the one that others see, it is
renewed while building, and only its owner releases it. Who gets the database's lock takes Redis's over, since the
build that left it there has ended. Before the manifest is replaced the build asks whether both are still its own.
"""

import contextlib
import secrets
import time
from collections.abc import Iterator

import frappe
from memora.exceptions import StoreUnavailable
from memora.services.cdn_export import build_progress, generations
from memora.services.cdn_export.errors import BuildLockLost, PlanBuildBusy
from memora.utils import named_locks, redis_keys, redis_store

LOCK_TTL_SECONDS = 300
RENEW_EVERY_SECONDS = 30
TELL_EVERY_SECONDS = 1  # while files are on their way: a Redis that hangs must not hold up each of them

# KEYS[1] the lock, ARGV[1] our token, ARGV[2] its new lifetime in seconds. 1 ours, 0 another's, -1 gone.
_RENEW = """
local owner = redis.call("GET", KEYS[1])
if owner == ARGV[1] then
	return redis.call("EXPIRE", KEYS[1], ARGV[2])
end
return owner and 0 or -1
"""


class BuildLock:
	"""Held inside `plan_build_lock`.

	generation: the newest of the shared files when the lock was taken. What the build reads from a transaction that
	begins later is at least as new.
	"""

	def __init__(self, plan_id: str, ttl_seconds: int = LOCK_TTL_SECONDS):
		self.plan_id = plan_id
		self.ttl_seconds = ttl_seconds
		self.token = secrets.token_hex(16)
		self._key = redis_keys.get_build_lock_key(plan_id)
		self._database_name = named_locks.physical(_lock_name(plan_id))
		self._renewed_at = self._told_at = time.monotonic()
		self.generation = 0

	def acquire(self) -> None:
		"""Raises PlanBuildBusy when another build holds the plan, on this connection too."""
		if not self._acquire_in_database():
			raise PlanBuildBusy(f"{self.plan_id} is being published already")
		with contextlib.suppress(StoreUnavailable):
			redis_store.set(self._key, self.token, self.ttl_seconds)
		self.read_generation()

	def read_generation(self) -> None:
		"""For a build that is about to read the content again, in a new transaction."""
		self.generation = generations.current()

	def renew(self) -> None:
		"""Prolong the lock when it is time to. Cheap: call it often."""
		if time.monotonic() - self._renewed_at >= RENEW_EVERY_SECONDS:
			self.check()

	def tell(self, step: str, done: int = 0, total: int = 0) -> None:
		"""Let others see how far the build is."""
		self._told_at = time.monotonic()
		build_progress.show(self.plan_id, step, done, total)

	def tell_upload(self, done: int, total: int) -> None:
		"""As `tell`, and prolong the lock when it is time to. Cheap: call it often."""
		self.renew()
		if done == total or time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
			self.tell(build_progress.UPLOADING, done, total)

	def check(self) -> None:
		"""Prolong the lock; raises BuildLockLost when it went to another build."""
		rows = frappe.db.sql("SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", self._database_name)
		if not rows[0][0]:
			raise BuildLockLost(f"{self.plan_id} lost its database lock while it was built")
		with contextlib.suppress(StoreUnavailable):
			self._check_in_redis()
		self._renewed_at = time.monotonic()

	def _check_in_redis(self) -> None:
		owned = redis_store.run_script(_RENEW, [self._key], [self.token, self.ttl_seconds])
		# A lock that is gone (Redis was emptied) is taken again; the database's lock kept others out meanwhile.
		if owned == 0 or (
			owned == -1 and not redis_store.set_if_absent(self._key, self.token, self.ttl_seconds)
		):
			raise BuildLockLost(f"{self.plan_id} is being published by another build")

	def release(self) -> None:
		build_progress.forget(self.plan_id)
		with contextlib.suppress(StoreUnavailable):
			redis_store.delete_if_equals(self._key, self.token)
		self._release_in_database()

	def _acquire_in_database(self) -> bool:
		# The server gives a connection its own lock once more; a second build is none of that.
		name = self._database_name
		row = frappe.db.sql(
			"SELECT IF(IS_USED_LOCK(%s) = CONNECTION_ID(), 0, GET_LOCK(%s, 0))", (name, name)
		)[0]
		return row[0] == 1

	def _release_in_database(self) -> None:
		frappe.db.sql("SELECT RELEASE_LOCK(%s)", self._database_name)


def is_held(plan_id: str) -> bool:
	"""Whether a build of the plan is alive. One that was killed holds nothing any more."""
	return named_locks.is_held(_lock_name(plan_id))


def _lock_name(plan_id: str) -> str:
	return f"publish:{plan_id}"


@contextlib.contextmanager
def plan_build_lock(plan_id: str) -> Iterator[BuildLock]:
	"""Hold the plan's build. What is read inside is not older than the lock, unless the caller has written before.

	Raises:
		PlanBuildBusy: another build holds it.
	"""
	lock = BuildLock(plan_id)
	lock.acquire()
	if not frappe.db.transaction_writes:
		frappe.db.begin()
	try:
		yield lock
	finally:
		lock.release()
