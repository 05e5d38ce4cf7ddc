"""How an award becomes true: the one sequence behind a finished lesson, claimed XP and a day of the streak.

Lock the wallet row and ask the ledger (`players_mutex`), read the copies at its last seq and mark them in flight
(`award_in_flight`), decide, INSERT, COMMIT, apply (`AwardInFlight.commit`). `progress_engine.completion` says what a
crash after each step leaves behind. A correction by an administrator is a ledger row too, but belongs to the
transaction that saves the wallet row.
"""

import contextlib
import uuid
from collections.abc import Iterator

import frappe
from frappe import _, throw
from memora.exceptions import NoPlayerProfile, StoreUnavailable
from memora.services import interaction_log, player_copies, recovery, wallet_sync
from memora.services.interaction_log import History
from memora.services.player_copies import Award, Copies
from memora.services.recovery import Wallet
from memora.services.streak import StreakOutcome
from memora.utils import failpoints, logs, transactions


@contextlib.contextmanager
def players_mutex(
	user_id: str, client_event_id: str | None = None, lesson_id: str | None = None
) -> Iterator[History]:
	"""What the ledger knows, under the player's mutex. What is not committed inside is undone.

	Args:
		lesson_id: None before an award that is no lesson's.

	Raises:
		NoPlayerProfile: the user is no player.
	"""
	with transactions.fresh_transaction():
		if not recovery.lock_wallet(user_id):
			throw(_("This account has no player profile."), NoPlayerProfile)
		failpoints.reach("award.locked")
		yield interaction_log.read_history(user_id, lesson_id, client_event_id)


class AwardInFlight:
	"""The copies of a player as they stand before an award, and the one way to make it true.

	seq: the award's. progress: None before an award that is no lesson's.
	"""

	def __init__(self, user_id: str, last_seq: int, copies: Copies):
		self.user_id, self.seq = user_id, last_seq + 1
		self.wallet, self.progress = copies.wallet, copies.progress
		self._mark = copies.mark

	def commit(
		self, award: Award, interaction_type: str, *, xp_awarded: int, data: dict, event_id: str, **keys
	) -> None:
		"""Write the ledger row, and bring the copies forward.

		Args:
			award: its wallet is as the award leaves it, and carries the award's seq.
			keys: reference_id, subject, first_completion_of, client_event_id, as `interaction_log.append_award` takes
				them.
		"""
		interaction_log.append_award(
			self.user_id,
			interaction_type,
			seq=self.seq,
			xp_awarded=xp_awarded,
			event_id=event_id,
			data=data,
			**keys,
		)
		failpoints.reach("award.inserted")
		if xp_awarded < 0:
			wallet_sync.rewrite_wallets([self.user_id])  # the row, too: a sync never lowers a total
		self._mark = None  # a commit that raises may have reached the database
		frappe.db.commit()  # the award is true from here on, before anybody is told
		failpoints.reach("award.committed")
		try:
			player_copies.apply_award(self.user_id, award)
		except StoreUnavailable:
			# Best effort: the mark makes the copies a miss.
			logs.get_logger().warning("award %s is in the ledger, its copies are not", event_id)
		failpoints.reach("award.applied")

	def give_up(self) -> None:
		"""Take the mark back, unless a row was on its way to the database."""
		if self._mark:
			player_copies.take_back_mark(self.user_id, self._mark)


@contextlib.contextmanager
def award_in_flight(user_id: str, history: History, subject_id: str | None = None) -> Iterator[AwardInFlight]:
	"""The copies, marked in flight. Call it inside `players_mutex`; what is not committed inside leaves no mark.

	Args:
		subject_id: None before an award that is no lesson's.

	Raises:
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	copies = player_copies.read_for_award(user_id, subject_id, history.last_seq)
	failpoints.reach("award.marked")
	award = AwardInFlight(user_id, history.last_seq, copies)
	try:
		yield award
	finally:
		award.give_up()


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
