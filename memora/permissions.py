"""Who may see players: System Managers, and nobody else.

Players read through the API, never a row of these DocTypes, not even their own; content managers get counts. The DocTypes'
role permissions say so already; these hooks hold where a role permission was widened by mistake (a custom DocPerm, a
share, a user permission).

Frappe lets whoever works in Desk look users up, some of its versions every student, and version 14 lets everybody read
contacts. So players are nobody's to find there but a System Manager's and their own.
"""

import frappe

PLAYER_DOCTYPES = (
	"Memora Player Profile",
	"Memora Player Wallet",
	"Memora Structure Progress",
	"Memora Interaction Log",
)
NO_ROWS = "1 = 0"
SYSTEM_MANAGER = "System Manager"
CONTENT_MANAGER = "Memora Content Manager"
# The field of each of Frappe's DocTypes that names a user.
_USER_FIELD = {"User": "name", "Contact": "user"}


def sees_players(user: str | None = None) -> bool:
	user = user or frappe.session.user
	return user == "Administrator" or SYSTEM_MANAGER in frappe.get_roles(user)


def works_with_memora() -> bool:
	"""Whether the app is among those that Desk offers the user."""
	return bool({SYSTEM_MANAGER, CONTENT_MANAGER} & set(frappe.get_roles()))


def player_rows_condition(user: str | None = None) -> str:
	"""SQL that narrows lists and reports of profiles, wallets, progress and the interaction log."""
	return "" if sees_players(user) else NO_ROWS


def may_see_player_row(doc, ptype: str | None = None, user: str | None = None) -> bool:
	return sees_players(user)


def users_condition(user: str | None = None) -> str:
	return _people_condition("User", user)


def contacts_condition(user: str | None = None) -> str:
	return _people_condition("Contact", user)


def may_see_person(doc, ptype: str | None = None, user: str | None = None) -> bool | None:
	"""False for another player's user or contact; None leaves the answer to Frappe."""
	person = doc.get(_USER_FIELD[doc.doctype])
	is_foreign = person and person != (user or frappe.session.user)
	if is_foreign and not sees_players(user) and frappe.db.exists("Memora Player Profile", {"user": person}):
		return False
	return None


def _people_condition(doctype: str, user: str | None) -> str:
	"""SQL that leaves players out of a list of users or contacts, but not the user himself."""
	if sees_players(user):
		return ""
	return f"""not exists (select 1 from `tabMemora Player Profile` player
		where player.user = `tab{doctype}`.`{_USER_FIELD[doctype]}`
			and player.user != {frappe.db.escape(user or frappe.session.user)})"""
