"""The publishing queue for a person who asks: CDN Sync Log, which is the queue, beside its copy in Redis. Reads only.

The shape is that of `memora.services.inspection`. The copy is rewritten whenever a worker takes a plan, so it may be
behind; that is no fault, and `agrees` is then None.
"""

from collections.abc import Iterable
from typing import Any

from memora.exceptions import StoreUnavailable
from memora.services.cdn_export import sync_log
from memora.utils import redis_keys, redis_store

LOADED, BEHIND, NO_ANSWER = "loaded", "behind", "no answer"


def inspect_queue() -> dict[str, Any]:
	"""What waits, what is built, what was given up; and how many players wait to be synced."""
	letters = {letter["plan_id"]: letter["reason"] for letter in sync_log.dead_letters()}
	truth = _values(sync_log.pending_plan_ids(), sync_log.processing_plan_ids(), letters)
	copy, wallets, progress = _in_redis()
	agrees = True if copy == truth else None
	return {
		"about": "publishing queue",
		"truth": truth,
		"copy": copy,
		"copy_state": NO_ANSWER if copy is None else LOADED if agrees else BEHIND,
		"agrees": agrees,
		"facts": {
			"the oldest has waited": f"{sync_log.oldest_pending_seconds()} s",
			"next retry": sync_log.next_retry_at(),
			"last publish ended": sync_log.last_processed(),
			**{f"given up: {plan_id}": reason for plan_id, reason in letters.items()},
			"wallets that wait to be synced": wallets,
			"progress rows that wait to be synced": progress,
		},
	}


def _in_redis() -> tuple[dict[str, str] | None, int | None, int | None]:
	"""The copy of the queue, and how many wallets and progress rows wait; all None without Redis."""
	try:
		copy = _values(
			redis_store.members(redis_keys.get_pending_plans_key()),
			redis_store.scores(redis_keys.get_processing_plans_key()),
			redis_store.get_hash(redis_keys.get_dead_letter_key()),
		)
		wallets = redis_store.members(redis_keys.get_pending_wallet_sync_key())
		progress = redis_store.members(redis_keys.get_dirty_progress_key())
	except StoreUnavailable:
		return None, None, None
	return copy, len(wallets), len(progress)


def _values(pending: Iterable[str], processing: Iterable[str], dead: Iterable[str]) -> dict[str, str]:
	named = {"pending": pending, "processing": processing, "dead letter": dead}
	return {name: ", ".join(sorted(plans)) for name, plans in named.items()}
