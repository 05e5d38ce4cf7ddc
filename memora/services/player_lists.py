"""Lists of players for their administrators: by XP, by streak, by the time since they last played.

The figures are those of the wallets' rows, which follow the ledger within 15 minutes. Each list is read along an index
and ends at a limit.
"""

from datetime import date

import frappe
from memora.services import dashboard
from memora.services.streak import ONE_DAY
from memora.utils import clock

_PLAYERS = """
select profile.name as player, profile.user, profile.display_name, profile.current_plan as plan,
	wallet.total_xp, wallet.current_streak, wallet.last_success_date, wallet.last_played_at
from `tabMemora Player Wallet` wallet {join} `tabMemora Player Profile` profile on profile.name = wallet.player
where {condition} order by {order} limit %(limit)s
"""
_OF_PLAN = "profile.current_plan = %(plan)s"


def by_xp(limit: int, plan: str | None = None) -> list[dict]:
	"""Players with XP, the most first."""
	return _read("wallet.total_xp > 0", "wallet.total_xp desc, wallet.name desc", plan, limit=limit)


def by_streak(limit: int, plan: str | None = None) -> list[dict]:
	"""Players whose streak still stands, the longest first."""
	condition = "wallet.last_success_date >= %(since)s and wallet.current_streak > 0"
	order = "wallet.current_streak desc, wallet.total_xp desc, wallet.name"
	return _read(condition, order, plan, limit=limit, since=clock.utc_today() - ONE_DAY)


def inactive_since(day: date, limit: int, plan: str | None = None) -> list[dict]:
	"""Players who have not played since this UTC day began: those who never did first, then the longest away."""
	never = _read("wallet.last_played_at is null", "wallet.name", plan, limit=limit)
	condition, order = "wallet.last_played_at < %(before)s", "wallet.last_played_at, wallet.name"
	# Two statements: for both conditions in one the optimizer would sort all wallets.
	away = _read(condition, order, plan, limit=limit, before=dashboard.start_of(day))
	return [*never, *away][:limit]


def _read(condition: str, order: str, plan: str | None, **values) -> list[dict]:
	# Without a plan the wallets come first, in the order of their index, or the optimizer may sort all of them.
	query = _PLAYERS.format(
		join="join" if plan else "straight_join",
		condition=f"{condition} and {_OF_PLAN}" if plan else condition,
		order=order,
	)
	return frappe.db.sql(query, {**values, "plan": plan}, as_dict=True)
