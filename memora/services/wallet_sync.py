"""Bringing the rows of Memora Player Wallet up to the ledger, in bulk. Scheduled every 15 minutes.

The row is a snapshot: total, streak and times as they were after the ledger row `synced_through`. What is written is
computed from MariaDB alone, by the same query that every copy is loaded from (`recovery.read_wallets`); only
last_played_at may be newer in Redis. It is a fact about that ledger row and stays one, so nothing needs to be locked
between reading and writing: the UPDATE itself refuses to go back, and what was awarded meanwhile comes after
`synced_through`.

Who waits, and how a sync that dies loses nobody: `sync_queue`.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter

import frappe
from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.services import player_copies, recovery, sync_queue
from memora.services.recovery import Wallet
from memora.services.sync_queue import SyncQueue, chunk_list
from memora.utils import clock, failpoints, redis_store, transactions, validators
from memora.utils.redis_keys import (
	get_pending_wallet_sync_key,
	get_syncing_wallets_key,
	get_wallet_sync_lock_key,
)

WALLETS_PER_CHUNK = 500
ROW_LOCK_WAIT_SECONDS = 2

QUEUE = SyncQueue(
	get_pending_wallet_sync_key(),
	get_syncing_wallets_key(),
	get_wallet_sync_lock_key(),
	"Wallet Sync Critical Error",
)

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
"""
_FORWARD = "where wallet.synced_through <= fresh.synced_through and wallet.total_xp <= fresh.total_xp"
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

	What fails stays for the next sync and does not stop the others. While another sync runs, nothing is done.

	Returns:
		{"synced": wallets that are up to date now, "duration": seconds, "errors": chunks that failed}

	Raises:
		StoreUnavailable: Redis did not answer; everything that was not written yet waits for the next sync.
	"""
	return _drain() or {"synced": 0, "duration": 0.0, "errors": 0}


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
	result = _drain()
	if result is None:
		throw(_("Another wallet sync is running. Please try again in a moment."), InvalidInput)
	return result


def _enabled_players() -> list[str]:
	return frappe.db.sql_list(
		"""select profile.user from `tabMemora Player Profile` profile
		join `tabUser` user on user.name = profile.user where user.enabled = 1"""
	)


def _drain() -> dict | None:
	"""None while another sync has the lock."""
	return sync_queue.drain(QUEUE, WALLETS_PER_CHUNK, _write_chunk)


def _write_chunk(user_ids: Sequence[str]) -> int:
	"""Write and commit one chunk. Returns how many wallets it had."""
	transactions.begin_fresh()
	updates = _read_updates(user_ids)
	_bulk_update_wallets(updates)
	failpoints.reach("wallet_sync.written")
	frappe.db.commit()  # each chunk by itself: short locks, and a chunk that fails takes no other with it
	failpoints.reach("wallet_sync.committed")
	return len(updates)


def rewrite_wallets(user_ids: Sequence[str], from_ledger: bool = False) -> None:
	"""Write these wallets whatever they say now. Under the players' mutexes, in the caller's transaction.

	Args:
		from_ledger: take XP and streak from the whole ledger, nothing from the row.
	"""
	_bulk_update_wallets(_read_updates(user_ids, from_ledger), may_lower=True)


def _read_updates(user_ids: Sequence[str], from_ledger: bool = False) -> list[dict]:
	"""What the wallets of these users should say, as `_bulk_update_wallets` takes it. Locks nothing."""
	last_played = player_copies.read_last_played(user_ids)
	names = _wallet_names(user_ids)
	updates = [
		_update(names[user_id], wallet, last_played.get(user_id))
		for user_id, wallet in recovery.read_wallets(user_ids, from_ledger=from_ledger).items()
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


def _bulk_update_wallets(wallet_updates: list[dict], may_lower: bool = False) -> None:
	"""Update wallets in one statement, where that neither lowers a total nor goes back in the ledger. Inserts none.

	Args:
		wallet_updates: dicts with name, total_xp, current_streak, last_success_date, last_played_at (site time) and
			synced_through.
		may_lower: also where it does; only under the players' mutexes.

	Raises:
		frappe.QueryDeadlockError, frappe.QueryTimeoutError: a row's lock stood in the way; nothing was written.
	"""
	if not wallet_updates:
		return
	rows = _FIRST_ROW + _ROW * (len(wallet_updates) - 1)
	values = [update[column] for update in wallet_updates for column in _COLUMNS]
	update = _UPDATE.format(wait=ROW_LOCK_WAIT_SECONDS, rows=rows)
	frappe.db.sql(update if may_lower else update + _FORWARD, values)
