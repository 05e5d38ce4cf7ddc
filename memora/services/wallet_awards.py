"""Awards that are no lesson's: claimed XP, a day of the streak, a correction by an administrator.

The first two follow the steps of `progress_engine.completion`, in the same order, so that a crash leaves the same
behind: lock the wallet row, ask the ledger, read the copy at its last seq, decide, mark in flight, INSERT, COMMIT,
apply. A correction belongs to the transaction that saves the wallet row.
"""

import contextlib
import uuid
from collections.abc import Iterator

import frappe
from frappe import _, throw
from memora.exceptions import NoPlayerProfile, StoreUnavailable
from memora.services import interaction_log, player_copies, recovery
from memora.services.interaction_log import History
from memora.services.player_copies import Award
from memora.services.recovery import Wallet
from memora.services.streak import StreakOutcome
from memora.utils import logs, transactions


@contextlib.contextmanager
def players_mutex(user_id: str, client_event_id: str | None = None) -> Iterator[History]:
	"""What the ledger knows, under the player's mutex. What is not committed inside is undone.

	Raises:
		NoPlayerProfile: the user is no player.
	"""
	with transactions.fresh_transaction():
		if not recovery.lock_wallet(user_id):
			throw(_("This account has no player profile."), NoPlayerProfile)
		yield interaction_log.read_history(user_id, None, client_event_id)


def commit_award(
	user_id: str,
	wallet: Wallet,
	interaction_type: str,
	*,
	xp_awarded: int,
	data: dict,
	event_id: str,
	reference_id: str | None = None,
	client_event_id: str | None = None,
) -> None:
	"""Make an award true, and bring the copy forward. Call it inside `players_mutex`.

	Args:
		wallet: as the award leaves it; its seq is the award's.

	Raises:
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	player_copies.mark_in_flight(user_id, wallet.seq)
	interaction_log.append_award(
		user_id,
		interaction_type,
		seq=wallet.seq,
		xp_awarded=xp_awarded,
		event_id=event_id,
		data=data,
		reference_id=reference_id,
		client_event_id=client_event_id,
	)
	frappe.db.commit()  # the award is true from here on, before anybody is told
	try:
		player_copies.apply_award(user_id, Award(wallet))
	except StoreUnavailable:
		logs.get_logger().warning("award %s is in the ledger, its copy is not", event_id)


def record_adjustment(user_id: str, before: Wallet, saved: Wallet) -> int:
	"""Write the correction of a wallet into the ledger. Under the player's mutex, in the caller's transaction.

	Args:
		before: the wallet as the ledger has it.
		saved: the figures that hold from now on; its seq is not looked at.

	Returns:
		The seq that the saved figures stand at. When nothing was corrected it is the one before, and no row is written.
	"""
	if _figures(saved) == _figures(before):
		return before.seq
	run = StreakOutcome(before.current_streak, saved.current_streak, "corrected", saved.last_success_date)
	interaction_log.append_award(
		user_id,
		interaction_log.ADJUSTMENT,
		seq=before.seq + 1,
		xp_awarded=saved.total_xp - before.total_xp,
		event_id=str(uuid.uuid4()),
		data={"outcome": {"new_total_xp": saved.total_xp, "streak": run.as_dict()}},
	)
	return before.seq + 1


def _figures(wallet: Wallet) -> tuple:
	return wallet.total_xp, wallet.current_streak, wallet.last_success_date
