"""Who may see the rows of players: administrators, and nobody else.

Players read through the API, never a row of these DocTypes, not even their own. The DocTypes' role permissions say
so already; these hooks hold where a role permission was widened by mistake (a custom DocPerm, a share, a user
permission). Content managers also read the interaction log.
"""

import frappe

NO_ROWS = "1 = 0"

PLAYER_ROW_ROLES = frozenset({"System Manager"})
LOG_ROLES = frozenset({"System Manager", "Memora Content Manager"})


def player_rows_condition(user: str | None = None) -> str:
	"""SQL that narrows lists and reports of profiles, wallets and progress."""
	return "" if _has_any_role(user, PLAYER_ROW_ROLES) else NO_ROWS


def log_rows_condition(user: str | None = None) -> str:
	"""SQL that narrows lists and reports of the interaction log."""
	return "" if _has_any_role(user, LOG_ROLES) else NO_ROWS


def may_see_player_row(doc, ptype: str | None = None, user: str | None = None) -> bool:
	return _has_any_role(user, PLAYER_ROW_ROLES)


def may_see_log_row(doc, ptype: str | None = None, user: str | None = None) -> bool:
	return _has_any_role(user, LOG_ROLES)


def _has_any_role(user: str | None, roles: frozenset[str]) -> bool:
	user = user or frappe.session.user
	return user == "Administrator" or not roles.isdisjoint(frappe.get_roles(user))
