"""Bringing the rows of Memora Player Wallet up to the ledger, in bulk. Scheduled every 15 minutes.

The row is a snapshot: total, streak and times as they were after the ledger row `synced_through`. What is written is
computed from MariaDB alone, by the same query that every copy is loaded from (`recovery.read_wallets`); only
last_played_at may be newer in Redis. It is a fact about that ledger row and stays one, so nothing needs to be locked
between reading and writing: the UPDATE itself refuses to go back, and what was awarded meanwhile comes after
`synced_through`.

Users wait in the pending set. A sync moves them into a working set and strikes a chunk from it after the chunk's
commit, so a sync that dies at any step leaves them there for the next one.
"""

import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter

import frappe
from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.services import player_copies, recovery
from memora.services.recovery import Wallet
from memora.utils import clock, redis_store, transactions, validators
from memora.utils.redis_keys import (
	get_pending_wallet_sync_key,
	get_syncing_wallets_key,
	get_wallet_sync_lock_key,
)

WALLETS_PER_CHUNK = 500
ATTEMPTS_PER_CHUNK = 3
LOCK_TTL_SECONDS = 60
ROW_LOCK_WAIT_SECONDS = 2

# KEYS: pending, working. What a sync that died has left in the working set stays there.
_TAKE = """
redis.call("SUNIONSTORE", KEYS[2], KEYS[1], KEYS[2])
redis.call("DEL", KEYS[1])
return redis.call("SMEMBERS", KEYS[2])
"""

# KEYS: lock, working. ARGV: token, lifetime of the lock, then users. Whoever lost the lock strikes nobody: another sync
# may have taken the same user again, for a later award.
_STRIKE = """
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("EXPIRE", KEYS[1], ARGV[2])
if #ARGV > 2 then redis.call("SREM", KEYS[2], unpack(ARGV, 3)) end
return 1
"""

# A join instead of one long CASE for each column: measured twice as fast, and it cannot insert a row. Joined from the
# new figures to the wallets, by name: any other way round would read, and so lock, wallets that are not meant.
# The lock wait is the statement's own: a chunk must not hold hundreds of wallets for long while it waits for one.
_UPDATE = """
set statement innodb_lock_wait_timeout = {wait} for
update ({rows}) fresh straight_join `tabMemora Player Wallet` wallet force index (primary) on wallet.name = fresh.name
set wallet.total_xp = fresh.total_xp,
	wallet.current_streak = fresh.current_streak,
	wallet.last_success_date = fresh.last_success_date,
	wallet.last_played_at = ifnull(greatest(wallet.last_played_at, cast(fresh.last_played_at as datetime(6))),
		ifnull(fresh.last_played_at, wallet.last_played_at)),
	wallet.synced_through = fresh.synced_through
where wallet.synced_through <= fresh.synced_through and wallet.total_xp <= fresh.total_xp
"""
_COLUMNS = (
	"name",
	"total_xp",
	"current_streak",
	"last_success_date",
	"last_played_at",
	"synced_through",
)
_FIRST_ROW = "select " + ", ".join(f"%s as {column}" for column in _COLUMNS)
_ROW = " union all select " + ", ".join(["%s"] * len(_COLUMNS))


def sync_pending_wallets() -> dict:
	"""Write the wallets that changed since the last sync.

	A chunk that fails stays for the next sync and does not stop the others. While another sync runs, nothing is done.

	Returns:
		{"synced": wallets that are up to date now, "duration": seconds, "errors": chunks that failed}

	Raises:
		StoreUnavailable: Redis did not answer; everything that was not written yet waits for the next sync.
	"""
	return _sync_under_lock() or {"synced": 0, "duration": 0.0, "errors": 0}


def trigger_wallet_sync(force: bool = False) -> dict:
	"""Sync now. As `sync_pending_wallets`.

	Args:
		force: every player whose user is enabled, not only those who wait.

	Raises:
		InvalidInput: another sync is running.
	"""
	if validators.parse_bool(force, "force"):
		for user_ids in chunk_list(_enabled_players(), WALLETS_PER_CHUNK):
			redis_store.add_members(get_pending_wallet_sync_key(), *user_ids)
	result = _sync_under_lock()
	if result is None:
		throw(_("Another wallet sync is running. Please try again in a moment."), InvalidInput)
	return result


def chunk_list(lst: Sequence, chunk_size: int) -> list[list]:
	"""Split a list into lists of at most chunk_size items.

	Raises:
		ValueError: chunk_size is not positive.
	"""
	if chunk_size < 1:
		raise ValueError(f"chunk_size must be one or more, got {chunk_size}")
	return [list(lst[start : start + chunk_size]) for start in range(0, len(lst), chunk_size)]


def _enabled_players() -> list[str]:
	return frappe.db.sql_list(
		"""select profile.user from `tabMemora Player Profile` profile
		join `tabUser` user on user.name = profile.user where user.enabled = 1"""
	)


def _sync_under_lock() -> dict | None:
	"""None while another sync has the lock."""
	token = secrets.token_hex(16)
	if not redis_store.set_if_absent(get_wallet_sync_lock_key(), token, LOCK_TTL_SECONDS):
		return None
	try:
		return _sync(token)
	finally:
		redis_store.delete_if_equals(get_wallet_sync_lock_key(), token)


def _sync(token: str) -> dict:
	started = time.monotonic()
	synced = errors = 0
	for user_ids in chunk_list(_take_pending_users(), WALLETS_PER_CHUNK):
		try:
			synced += _sync_chunk(user_ids)
			written = user_ids
		except Exception:
			errors += 1
			written = []
			frappe.db.rollback()
			frappe.log_error(title="Wallet Sync Critical Error")
		if not _strike(token, written):
			break
	return {"synced": synced, "duration": round(time.monotonic() - started, 2), "errors": errors}


def _take_pending_users() -> list[str]:
	"""All who wait, neighbours in the ledger's index beside each other."""
	members = redis_store.run_script(_TAKE, [get_pending_wallet_sync_key(), get_syncing_wallets_key()], [])
	return sorted(member.decode() for member in members)


def _strike(token: str, user_ids: Sequence[str]) -> bool:
	"""Strike a chunk that is committed, and renew the lock. False: the lock is another's by now."""
	keys = [get_wallet_sync_lock_key(), get_syncing_wallets_key()]
	return bool(redis_store.run_script(_STRIKE, keys, [token, LOCK_TTL_SECONDS, *user_ids]))


def _sync_chunk(user_ids: Sequence[str]) -> int:
	"""Write and commit one chunk, again where a lock stood in its way. Returns how many wallets it had."""
	for attempts_left in reversed(range(ATTEMPTS_PER_CHUNK)):
		try:
			return _write_chunk(user_ids)
		except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
			frappe.db.rollback()
			if not attempts_left:
				raise


def _write_chunk(user_ids: Sequence[str]) -> int:
	transactions.begin_fresh()
	updates = _read_updates(user_ids)
	_bulk_update_wallets(updates)
	frappe.db.commit()  # each chunk by itself: short locks, and a chunk that fails takes no other with it
	return len(updates)


def _read_updates(user_ids: Sequence[str]) -> list[dict]:
	"""What the wallets of these users should say, as `_bulk_update_wallets` takes it. Locks nothing."""
	last_played = player_copies.read_last_played(user_ids)
	names = _wallet_names(user_ids)
	updates = [
		_update(names[user_id], wallet, last_played.get(user_id))
		for user_id, wallet in recovery.read_wallets(user_ids).items()
	]
	return sorted(updates, key=itemgetter("name"))  # one order of locking for all


def _wallet_names(user_ids: Sequence[str]) -> dict[str, str]:
	return dict(
		frappe.db.sql(
			"""select profile.user, wallet.name from `tabMemora Player Profile` profile
			join `tabMemora Player Wallet` wallet on wallet.player = profile.name where profile.user in %s""",
			(tuple(user_ids),),
		)
	)


def _update(name: str, wallet: Wallet, last_played_at: datetime | None) -> dict:
	times = [moment for moment in (wallet.last_played_at, last_played_at) if moment]
	return {
		"name": name,
		"total_xp": wallet.total_xp,
		"current_streak": wallet.current_streak,
		"last_success_date": wallet.last_success_date,
		"last_played_at": clock.to_site_time(max(times, default=None)),
		"synced_through": wallet.seq,
	}


def _bulk_update_wallets(wallet_updates: list[dict]) -> None:
	"""Update wallets in one statement, where that neither lowers a total nor goes back in the ledger. Inserts none.

	Args:
		wallet_updates: dicts with name, total_xp, current_streak, last_success_date, last_played_at (site time) and
			synced_through.

	Raises:
		frappe.QueryDeadlockError, frappe.QueryTimeoutError: a row's lock stood in the way; nothing was written.
	"""
	if not wallet_updates:
		return
	rows = _FIRST_ROW + _ROW * (len(wallet_updates) - 1)
	values = [update[column] for update in wallet_updates for column in _COLUMNS]
	frappe.db.sql(_UPDATE.format(wait=ROW_LOCK_WAIT_SECONDS, rows=rows), values)
