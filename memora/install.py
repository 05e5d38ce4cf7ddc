"""What a site needs besides the tables: roles, and settings with their defaults. Safe to run any number of times."""

import frappe
from memora.utils import table_indexes

DESK_ACCESS_BY_ROLE = {
	"Memora Student": 0,
	"Memora Content Manager": 1,
}


def before_install():
	# Before the DocTypes are synced: naming a missing role in a DocType creates it with desk access.
	create_roles()


def after_install():
	create_roles()
	save_settings_with_defaults()


def after_migrate():
	create_roles()
	save_settings_with_defaults()
	restore_indexes()


def create_roles():
	for role_name, desk_access in DESK_ACCESS_BY_ROLE.items():
		if not frappe.db.exists("Role", role_name):
			role = {"doctype": "Role", "role_name": role_name, "desk_access": desk_access}
			frappe.get_doc(role).insert(ignore_permissions=True)


def save_settings_with_defaults():
	"""Store the defaults of CDN Settings that no administrator has set yet."""
	stored = frappe.db.get_singles_dict("CDN Settings")
	for field in frappe.get_meta("CDN Settings").fields:
		if field.default and field.fieldname not in stored:
			frappe.db.set_single_value("CDN Settings", field.fieldname, field.default)


def restore_indexes():
	"""Frappe creates indexes over several columns only when the DocType changes; one that was lost comes back here."""
	for doctype in table_indexes.DOCTYPES_WITH_DECLARATIONS:
		table_indexes.ensure_declared(doctype)
