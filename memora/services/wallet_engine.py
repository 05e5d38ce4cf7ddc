"""The player's wallet: XP, streak, and when he played last.

Reads come from the Redis copy (`player_copies`), and from MariaDB where it is gone or Redis does not answer. What
changes a wallet is an award in the ledger; `wallet_sync` brings the wallet's row up to it.
"""

import uuid
from datetime import datetime

from frappe import _, throw
from memora.exceptions import NoPlayerProfile
from memora.services import interaction_log, player_copies, wallet_awards, xp_claims
from memora.services.player_copies import Award
from memora.services.recovery import Wallet
from memora.services.streak import StreakOutcome, is_streak_active, next_streak
from memora.services.wallet_awards import AwardInFlight
from memora.utils import clock, validators

LAST_PLAYED_THROTTLE_SECONDS = 15 * 60
MAX_GRANT = 1_000_000


def get_wallet(user_id: str) -> dict:
	"""The wallet, from Redis first.

	Returns:
		{"total_xp": 150, "current_streak": 4, "last_success_date": "2026-01-27",
		 "last_played_at": "2026-01-27T10:30:00", "streak_active": True}
		Dates and times are UTC, null while nothing was played. streak_active: today or yesterday counts.

	Raises:
		NoPlayerProfile: the user is no player.
	"""
	wallet = player_copies.read_wallet(user_id)
	if wallet is None:
		throw(_("This account has no player profile."), NoPlayerProfile)
	return {
		"total_xp": wallet.total_xp,
		"current_streak": wallet.current_streak,
		"last_success_date": wallet.last_success_date.isoformat() if wallet.last_success_date else None,
		"last_played_at": clock.iso(wallet.last_played_at),
		"streak_active": is_streak_active(wallet.last_success_date, clock.utc_today()),
	}


def get_wallet_safe(user_id: str) -> dict:
	"""The same as `get_wallet`, which falls back to MariaDB already; both names are public."""
	return get_wallet(user_id)


def add_xp(user_id: str, xp_amount: int) -> int:
	"""Grant XP: one row of the ledger. Adding 0 changes nothing.

	Returns:
		The new total.

	Raises:
		InvalidInput: the amount is negative or no whole number.
		NoPlayerProfile: the user is no player.
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	amount = validators.parse_int(xp_amount, "xp_amount", 0, MAX_GRANT)
	if amount == 0:
		return get_wallet(user_id)["total_xp"]
	return xp_claims.grant_xp(user_id, amount)["new_total_xp"]


def update_streak(user_id: str, hearts_earned: int) -> dict:
	"""Count today towards the player's run of consecutive days (UTC). Completing a lesson does so by itself.

	The first lesson starts a streak at 1, the next day adds 1, a second lesson on the same day changes nothing, and
	a missed day starts again at 1.

	Args:
		hearts_earned: hearts left at the end of the lesson; zero earns no day.

	Returns:
		{"old_streak": int, "new_streak": int,
		 "streak_action": "first_completion" | "incremented" | "maintained" | "reset" | "no_update",
		 "last_success_date": "YYYY-MM-DD" | None}

	Raises:
		NoPlayerProfile: the user is no player.
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	with (
		wallet_awards.players_mutex(user_id) as history,
		wallet_awards.award_in_flight(user_id, history) as award,
	):
		wallet, now = award.wallet, clock.utc_now()
		run = next_streak(wallet.current_streak, wallet.last_success_date, now.date(), hearts_earned)
		counted = wallet._replace(current_streak=run.new_streak, last_success_date=run.last_success_date)
		if counted != wallet:
			_commit_streak(award, counted._replace(seq=award.seq, last_played_at=now), run)
	return run.as_dict()


def _commit_streak(award: AwardInFlight, wallet: Wallet, run: StreakOutcome) -> None:
	award.commit(
		Award(wallet),
		interaction_log.STREAK_UPDATE,
		xp_awarded=0,
		event_id=str(uuid.uuid4()),
		data={"at": clock.iso(wallet.last_played_at), "outcome": {"streak": run.as_dict()}},
	)


def update_last_played_at(user_id: str, moment: datetime | None = None) -> dict:
	"""Note that the player is active: in the Redis copy at once, in his wallet's row at most every 15 minutes.

	Awards note it by themselves, in the ledger.

	Args:
		moment: UTC; now by default. A moment before the last one changes nothing.

	Returns:
		{"timestamp": "2026-01-27T10:30:00", "sync_required": True, "throttle_status": "sync_queued" | "throttled"}

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	moment = moment or clock.utc_now()
	is_queued = player_copies.touch(user_id, moment, LAST_PLAYED_THROTTLE_SECONDS)
	return {
		"timestamp": clock.iso(moment),
		"sync_required": is_queued,
		"throttle_status": "sync_queued" if is_queued else "throttled",
	}


def load_wallet_copy(user_id: str) -> None:
	"""Fill the Redis copy from MariaDB."""
	player_copies.load_wallet(user_id)


def drop_wallet_copy(user_id: str) -> None:
	"""Forget the Redis copies of the player's wallet and progress; the next read loads them."""
	player_copies.drop(user_id)
