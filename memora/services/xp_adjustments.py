"""XP that an administrator gives or takes with a reason: one row of the ledger, which tells both and who it was.

It takes the steps of every award (`wallet_awards`), so a crash after each of them leaves what
`progress_engine.completion` says. It is no playing: streak and last play stay.
"""

import uuid

import frappe
from frappe import _, throw
from memora.exceptions import IdempotencyConflict, InvalidInput
from memora.services import interaction_log, wallet_awards
from memora.services.interaction_log import History, Play
from memora.services.player_copies import Award
from memora.utils import validators

MAX_TOTAL_XP = 2_000_000_000  # the column ends at 2^31 - 1, and later awards need room
MAX_ADJUSTMENT = 1_000_000
MIN_REASON_LENGTH, MAX_REASON_LENGTH = 3, 500


def adjust_xp(user_id: str, xp_amount: int, reason: str, client_event_id: str | None = None) -> dict:
	"""Give XP, or take it with a negative amount.

	Args:
		client_event_id: UUID v4 of the caller's own event; the same id never counts twice.

	Returns:
		{"xp_awarded": -50, "new_total_xp": 150, "event_id": "...", "duplicate": False}
		duplicate: this adjustment was made before, and this is what was answered then.

	Raises:
		InvalidInput: the amount is 0 or over a million, the reason has not 3 to 500 characters, or the total would leave
			its limits; nothing was counted.
		IdempotencyConflict: the client_event_id stands for something else.
		NoPlayerProfile: the user is no player.
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	amount = validators.parse_int(xp_amount, "xp_amount", -MAX_ADJUSTMENT, MAX_ADJUSTMENT)
	if amount == 0:
		throw(_("An adjustment of 0 XP changes nothing."), InvalidInput)
	reason = validators.parse_text(reason, "reason", MIN_REASON_LENGTH, MAX_REASON_LENGTH)
	with wallet_awards.players_mutex(user_id, client_event_id) as history:
		if history.same_event:
			_require_same_adjustment(history.same_event, amount, reason)
			return {**history.same_event.data["outcome"], "duplicate": True}
		return {**_adjust(user_id, amount, reason, history, client_event_id), "duplicate": False}


def _require_same_adjustment(adjustment: Play, amount: int, reason: str) -> None:
	is_same = (
		adjustment.interaction_type == interaction_log.ADJUSTMENT
		and adjustment.data["outcome"]["xp_awarded"] == amount
		and adjustment.data["reason"] == reason
	)
	if not is_same:
		throw(
			_("client_event_id {0} was used for something else.").format(adjustment.client_event_id),
			IdempotencyConflict,
		)


def _adjust(user_id: str, amount: int, reason: str, history: History, client_event_id: str | None) -> dict:
	with wallet_awards.award_in_flight(user_id, history) as award:
		total_xp = award.wallet.total_xp + amount
		_require_possible_total(award.wallet.total_xp, total_xp)
		outcome = {"xp_awarded": amount, "new_total_xp": total_xp, "event_id": str(uuid.uuid4())}
		award.commit(
			Award(award.wallet._replace(seq=award.seq, total_xp=total_xp)),
			interaction_log.ADJUSTMENT,
			xp_awarded=amount,
			event_id=outcome["event_id"],
			data={"reason": reason, "by": frappe.session.user, "outcome": outcome},
			client_event_id=client_event_id,
		)
	return outcome


def _require_possible_total(before: int, after: int) -> None:
	if after < 0:
		throw(_("The player has only {0} XP.").format(before), InvalidInput)
	if after > MAX_TOTAL_XP:
		throw(_("Total XP can be at most {0}.").format(MAX_TOTAL_XP), InvalidInput)
