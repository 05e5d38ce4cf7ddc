"""The publishing queue as workers see it: taking plans, giving them back, starting the job that empties it.

The truth is CDN Sync Log (`sync_log`). Redis holds a copy, rewritten whenever a plan is taken: the waiting plans, those
that workers took, the dead letter. It saves two workers from meeting at one plan, and may vanish: then a plan is taken
by whoever gets its build lock. A build that was killed is known from the database's named lock, which died with it.
"""

import contextlib
import json
from collections.abc import Collection, Iterable

from memora.exceptions import StoreUnavailable
from memora.services.cdn_export import build_lock, sync_log
from memora.utils import clock, redis_store
from memora.utils.redis_keys import (
	get_dead_letter_key,
	get_pending_plans_key,
	get_processing_plans_key,
	get_publish_job_key,
)

LEASE_SECONDS = 10  # from taking a plan to claiming its rows, which then say that it is being built
JOB = "memora.services.cdn_export.batch_processor.process_queue"
JOB_START_SECONDS = 60  # after that it is taken for lost, and another is started

# KEYS: pending, processing. ARGV: now, deadline of new leases (Unix seconds), how many to take, JSON with the plans that
# are due: `free` to be taken, the longest waiting first, `busy` with a build or the caller; `killed` names builds whose
# lease is void. Afterwards pending holds what is due and was not taken.
_LEASE = """
local due = cjson.decode(ARGV[4])
redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", ARGV[1])
for _, plan in ipairs(due.killed) do redis.call("ZREM", KEYS[2], plan) end
redis.call("DEL", KEYS[1])
for _, plan in ipairs(due.busy) do redis.call("SADD", KEYS[1], plan) end
local taken = {}
for _, plan in ipairs(due.free) do
	if #taken < tonumber(ARGV[3]) and not redis.call("ZSCORE", KEYS[2], plan) then
		redis.call("ZADD", KEYS[2], ARGV[2], plan)
		table.insert(taken, plan)
	else
		redis.call("SADD", KEYS[1], plan)
	end
end
return taken
"""

# KEYS: processing. ARGV: plans.
_RELEASE = 'return #ARGV > 0 and redis.call("ZREM", KEYS[1], unpack(ARGV)) or 0'

# KEYS: the hash. ARGV: field, value, field, value...
_REPLACE_HASH = """
redis.call("DEL", KEYS[1])
return #ARGV > 0 and redis.call("HSET", KEYS[1], unpack(ARGV)) or 0
"""


def lease(max_count: int, without: Collection[str] = ()) -> list[str]:
	"""Take plans that are due, the longest waiting first. A lease ends by itself after LEASE_SECONDS.

	Args:
		without: plans to leave where they are.
	"""
	due = sync_log.due_plans()
	begun = [plan_id for plan_id, state in due.items() if state.has_begun]
	killed = [plan_id for plan_id in begun if not build_lock.is_held(plan_id)]
	building = set(begun) - set(killed)
	free = [plan_id for plan_id in due if plan_id not in building and plan_id not in without]
	busy = [plan_id for plan_id in due if plan_id not in free and due[plan_id].has_more]
	try:
		return _lease_in_redis(max_count, {"free": free, "busy": busy, "killed": killed})
	except StoreUnavailable:
		return free[:max_count]


def _lease_in_redis(max_count: int, due: dict[str, list[str]]) -> list[str]:
	now = clock.unix_seconds()
	taken = redis_store.run_script(
		_LEASE,
		[get_pending_plans_key(), get_processing_plans_key()],
		[now, now + LEASE_SECONDS, max_count, json.dumps(due)],
	)
	return [plan_id.decode() for plan_id in taken]


def release(plan_ids: Iterable[str]) -> None:
	"""Let others take these plans, if they are still due."""
	with contextlib.suppress(StoreUnavailable):
		redis_store.run_script(_RELEASE, [get_processing_plans_key()], plan_ids)


def hears() -> bool:
	"""Whether Redis answers."""
	try:
		redis_store.exists(get_pending_plans_key())
	except StoreUnavailable:
		return False
	return True


def show_as_pending(plan_ids: Iterable[str]) -> None:
	"""Add plans to the copy, which the next lease rewrites."""
	with contextlib.suppress(StoreUnavailable):
		redis_store.add_members(get_pending_plans_key(), *plan_ids)


def show_dead_letters() -> None:
	"""Rewrite the copy of the dead letter."""
	letters = {
		letter["plan_id"]: json.dumps(letter, ensure_ascii=False) for letter in sync_log.dead_letters()
	}
	with contextlib.suppress(StoreUnavailable):
		redis_store.run_script(
			_REPLACE_HASH, [get_dead_letter_key()], [text for pair in letters.items() for text in pair]
		)


def start_job() -> None:
	"""Have a worker empty the queue soon. One job waits at a time; one that works already may be too late for a change.

	Without RQ's Redis nothing starts: the poll does, once it is back.
	"""
	try:
		if not redis_store.set_if_absent(get_publish_job_key(), "1", JOB_START_SECONDS):
			return
	except StoreUnavailable:
		pass  # RQ may have a Redis of its own; a job too many finds nothing to do
	try:
		redis_store.enqueue(JOB, queue="long")
	except StoreUnavailable:
		job_begins()  # nothing will: leave the next one free to start


def job_begins() -> None:
	"""From now on a change starts another job."""
	with contextlib.suppress(StoreUnavailable):
		redis_store.delete(get_publish_job_key())
