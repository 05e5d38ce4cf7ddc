"""A person's traces in Redis: Memora's keys that name him, his place in the queues, Frappe's cache, ended jobs.

Every one of them is a copy or a counter, so all may go at any time; nothing brings them back once he is no player.
"""

import glob
import json
import re
from collections.abc import Collection

from memora.services.privacy import identity
from memora.utils import redis_store
from memora.utils.redis_keys import (
	get_dirty_progress_key,
	get_nightly_check_key,
	get_pending_wallet_sync_key,
	get_syncing_progress_key,
	get_syncing_wallets_key,
)

WALLET_QUEUES = (get_pending_wallet_sync_key, get_syncing_wallets_key)
PROGRESS_QUEUES = (get_dirty_progress_key, get_syncing_progress_key)


def forget(user_id: str, words: Collection[str]) -> None:
	"""Safe to run twice.

	Raises:
		StoreUnavailable: Redis did not answer; run it again.
	"""
	_forget_keys(user_id)
	_leave_queues(user_id)
	redis_store.delete_if_equals(get_nightly_check_key(), user_id)
	redis_store.forget_in_frappes_cache(identity.compile_bytes(words))
	redis_store.forget_ended_jobs(identity.compile_text(words))


def _forget_keys(user_id: str) -> None:
	# An address may follow the name: rate_limit:ann@x.org@10.0.0.1:login
	is_his = re.compile(rf"(?:^|:){re.escape(user_id)}(?:[:@]|$)")
	found = redis_store.keys_matching(f"*{glob.escape(user_id)}*")
	redis_store.delete(*filter(is_his.search, found))


def _leave_queues(user_id: str) -> None:
	for key in WALLET_QUEUES:
		redis_store.remove_members(key(), user_id)
	for key in PROGRESS_QUEUES:
		pairs = [member for member in redis_store.members(key()) if json.loads(member)[0] == user_id]
		redis_store.remove_members(key(), *pairs)
