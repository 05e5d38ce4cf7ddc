"""Many students at once. Inserting a User through its document takes half a second, and Frappe allows sixty an hour."""

import uuid

import frappe
from tests import committed

_PASSWORD = """
insert into `__Auth` (doctype, name, fieldname, password, encrypted)
select doctype, %s, fieldname, password, encrypted from `__Auth`
where doctype = 'User' and name = %s and fieldname = 'password'
"""


def fill_pool(users: int) -> None:
	"""Have at least so many idle users in `committed`, all with its password."""
	if len(committed._idle_users) >= users:
		return
	model = committed.take_user()
	committed._idle_users.append(model)
	while len(committed._idle_users) < users:
		committed._idle_users.append(_copy(model))
	frappe.db.commit()


def _copy(model: str) -> str:
	user = frappe.copy_doc(frappe.get_doc("User", model))
	user.name = user.email = f"{uuid.uuid4().hex[:12]}@example.com"
	user.username = None
	user.db_insert()
	for row in user.roles:
		row.update({"parent": user.name, "name": frappe.generate_hash(length=10)})
		row.db_insert()
	frappe.db.sql(_PASSWORD, (user.name, model))
	return user.name
