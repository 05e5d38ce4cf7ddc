"""Writing the rows of wallets and progress anew: from snapshot and ledger, or from the ledger alone.

Under the players' mutexes, chunk by chunk, each chunk one transaction: a rebuild that dies leaves whole chunks, and
running it again, or twice at once, writes the same. The Redis copies are dropped before the commit; whoever loads them
waits for the mutex and finds the new rows.
"""

from collections.abc import Collection, Iterator
from functools import partial

import frappe
from memora.services import player_copies, recovery, sync_queue, wallet_sync
from memora.services.progress_engine import snapshot_syncer
from memora.utils import transactions

PLAYERS_PER_CHUNK = 200

_PLAYERS_AFTER = """
select profile.user from `tabMemora Player Profile` profile
join `tabMemora Player Wallet` wallet on wallet.player = profile.name
where profile.user > %s order by profile.user limit %s
"""
_ROWS = "select player, subject from `tabMemora Structure Progress` where player in %(users)s"
# A progress row may be missing: then the ledger says which subjects there are.
_ROWS_AND_SUBJECTS = f"""{_ROWS}
union
select player, subject from `tabMemora Interaction Log` where player in %(users)s and seq is not null and subject > ''
"""


def rebuild_players(user_ids: Collection[str], from_ledger: bool = False) -> int:
	"""Rebuild these players' rows and drop their copies, in one transaction of its own.

	Args:
		from_ledger: distrust the rows, read the whole ledger.

	Returns:
		How many of the users are players.

	Raises:
		StoreUnavailable: Redis did not answer; nothing was written, or copies that are wrong would have stayed.
	"""
	return sync_queue.retry_locked(partial(_rebuild_chunk, from_ledger=from_ledger), list(user_ids))


def rebuild_all(from_ledger: bool = False, after: str = "") -> Iterator[tuple[str, int]]:
	"""Rebuild every player after the user `after`, in order of their names, as the result is iterated.

	Yields:
		After each chunk: its last user, where another run may go on, and how many players it had.
	"""
	for user_ids in chunks_of_players(after):
		yield user_ids[-1], rebuild_players(user_ids, from_ledger)


def chunks_of_players(after: str = "", size: int = PLAYERS_PER_CHUNK) -> Iterator[list[str]]:
	"""All players after the user `after`, in order of their names."""
	while user_ids := frappe.db.sql_list(_PLAYERS_AFTER, (after, size)):
		yield user_ids
		after = user_ids[-1]


def count_players(after: str = "") -> int:
	[[count]] = frappe.db.sql("select count(*) from `tabMemora Player Profile` where user > %s", after)
	return count


def write_figures(user_ids: Collection[str], from_ledger: bool = False) -> None:
	"""Rewrite wallets and progress. Under the players' mutexes, in the caller's transaction."""
	wallet_sync.rewrite_wallets(user_ids, from_ledger)
	progress = _read_progress(user_ids, from_ledger)
	if progress:
		snapshot_syncer.write_rows(progress, snapshot_syncer.lock_rows(sorted(progress)), may_lower=True)
	player_copies.drop(*user_ids)


def _rebuild_chunk(user_ids: Collection[str], from_ledger: bool) -> int:
	with transactions.fresh_transaction():
		players = recovery.lock_wallets(user_ids)
		if players:
			write_figures(players, from_ledger)
		frappe.db.commit()  # a chunk by itself: short locks, and what dies later takes it not back
	return len(players)


def _read_progress(user_ids: Collection[str], from_ledger: bool) -> dict:
	if from_ledger:
		return recovery.read_all_progress_from_ledger(
			user_ids, frappe.db.sql(_ROWS, {"users": tuple(user_ids)})
		)
	return recovery.read_progress_many(frappe.db.sql(_ROWS_AND_SUBJECTS, {"users": tuple(user_ids)}))
