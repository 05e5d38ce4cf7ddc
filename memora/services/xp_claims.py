"""XP that is not paid for a lesson: what the server grants, and what an app claims for its player.

An app's claims cannot be checked, so they are limited: an amount, a rate and a daily cap, and a site can refuse them
(`memora_allow_client_xp: 0`). The cap (`memora_client_xp_daily_cap`) counts all XP of this kind of a UTC day in the
ledger, so it survives Redis.
"""

import uuid

import frappe
from frappe import _, throw
from frappe.utils import cint
from memora.exceptions import ClaimLimitReached, ClaimsDisabled, IdempotencyConflict
from memora.services import interaction_log, wallet_awards
from memora.services.interaction_log import History, Play
from memora.services.player_copies import Award
from memora.utils import clock

DEFAULT_DAILY_CAP = 5000


def claim_xp(user_id: str, xp_amount: int, client_event_id: str | None = None) -> dict:
	"""Pay what an app claims, within the site's rules.

	Args:
		client_event_id: UUID v4 of the app's own event; the same id never pays twice.

	Returns:
		{"xp_awarded": 50, "new_total_xp": 200, "event_id": "...", "duplicate": False}
		duplicate: this claim was paid before, and this is what was answered then.

	Raises:
		ClaimsDisabled: the site does not take claims.
		ClaimLimitReached: the claim does not fit into today's cap; nothing was counted.
		IdempotencyConflict: the client_event_id stands for something else.
		NoPlayerProfile: the user is no player.
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	if not cint(frappe.conf.get("memora_allow_client_xp", 1)):
		throw(_("This site does not take XP claims."), ClaimsDisabled)
	with wallet_awards.players_mutex(user_id, client_event_id) as history:
		if history.same_event:
			_require_same_claim(history.same_event, xp_amount)
			return {**history.same_event.data["outcome"], "duplicate": True}
		_require_room_today(user_id, xp_amount)
		return {**_pay(user_id, xp_amount, history, client_event_id), "duplicate": False}


def grant_xp(user_id: str, xp_amount: int) -> dict:
	"""Pay what the server grants, without a limit. Returns and raises as `claim_xp`."""
	with wallet_awards.players_mutex(user_id) as history:
		return _pay(user_id, xp_amount, history, None)


def _require_same_claim(claim: Play, xp_amount: int) -> None:
	is_same = claim.interaction_type == interaction_log.XP_CLAIM
	if not is_same or claim.data["outcome"]["xp_awarded"] != xp_amount:
		throw(
			_("client_event_id {0} was used for something else.").format(claim.client_event_id),
			IdempotencyConflict,
		)


def _require_room_today(user_id: str, xp_amount: int) -> None:
	cap = cint(frappe.conf.get("memora_client_xp_daily_cap", DEFAULT_DAILY_CAP))
	left = max(0, cap - interaction_log.xp_claimed_on(user_id, clock.utc_today()))
	if xp_amount > left:
		throw(_("Only {0} more XP can be claimed today.").format(left), ClaimLimitReached)


def _pay(user_id: str, xp_amount: int, history: History, client_event_id: str | None) -> dict:
	now = clock.utc_now()
	with wallet_awards.award_in_flight(user_id, history) as award:
		total_xp = award.wallet.total_xp + xp_amount
		outcome = {"xp_awarded": xp_amount, "new_total_xp": total_xp, "event_id": str(uuid.uuid4())}
		award.commit(
			Award(award.wallet._replace(seq=award.seq, total_xp=total_xp, last_played_at=now)),
			interaction_log.XP_CLAIM,
			xp_awarded=xp_amount,
			event_id=outcome["event_id"],
			data={"at": clock.iso(now), "outcome": outcome},
			reference_id=now.date().isoformat(),
			client_event_id=client_event_id,
		)
	return outcome
