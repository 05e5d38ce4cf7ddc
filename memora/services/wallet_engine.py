"""The player's wallet: XP, streak, and when he played last.

Reads come from the Redis copy (`player_copies`), and from MariaDB where it is gone or Redis does not answer. What
changes a wallet is an award in the ledger.
"""

from frappe import _, throw
from memora.exceptions import NoPlayerProfile
from memora.services import player_copies
from memora.services.streak import is_streak_active
from memora.utils import clock


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


def load_wallet_copy(user_id: str) -> None:
	"""Fill the Redis copy from MariaDB."""
	player_copies.load_wallet(user_id)


def drop_wallet_copy(user_id: str) -> None:
	"""Forget the Redis copies of the player's wallet and progress; the next read loads them."""
	player_copies.drop(user_id)
