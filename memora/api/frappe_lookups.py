"""Frappe's own lookups that tell of a document without asking whether the caller may read it.

hooks.py puts these in their place (`override_whitelisted_methods`): they ask first, and then call Frappe's.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

from typing import NoReturn

import frappe
from frappe import _
from frappe.desk import search
from frappe.desk.form import linked_with
from frappe.utils import cstr
from memora import permissions
from memora.api.guards import rate_limit
from memora.utils import validators

MAX_NAME = 140


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit(max_requests=1000)
def get_link_title(doctype: str | None = None, docname: str | int | None = None) -> str | None:
	"""What a link to a document shows in its place; a player's profile shows his address, to who may see players.

	Raises:
		PermissionError: the caller may not.
	"""
	doctype, docname = _parse(doctype, docname)
	if doctype in permissions.PLAYER_DOCTYPES and not permissions.sees_players():
		_refuse()
	return search.get_link_title(doctype, docname)


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit(max_requests=1000)
def get_links(doctype: str | None = None, docname: str | int | None = None) -> dict[str, list]:
	"""The documents that link to one: {DocType: [row]}, of those DocTypes that the caller may read.

	Early version 15 tells all of them; later ones refuse the whole answer for one that the caller may not read.

	Raises:
		PermissionError: he may not read the document itself.
	"""
	doctype, docname = _parse(doctype, docname)
	if not frappe.has_permission(doctype, doc=docname):
		_refuse()
	linked = linked_with.get_linked_doctypes(doctype)
	readable = {name: fields for name, fields in linked.items() if _may_list(name)}
	return linked_with.get_linked_docs(doctype, docname, readable)


def _parse(doctype: object, docname: object) -> tuple[str, str]:
	"""
	Raises:
		InvalidInput: one of them is no name.
	"""
	return (
		validators.parse_text(cstr(doctype), "doctype", 1, MAX_NAME),
		validators.parse_text(cstr(docname), "docname", 1, MAX_NAME),
	)


def _may_list(doctype: str) -> bool:
	if doctype in permissions.PLAYER_DOCTYPES and not permissions.sees_players():
		return False
	return bool(frappe.has_permission(doctype))


def _refuse() -> NoReturn:
	frappe.throw(_("You are not allowed to read this."), frappe.PermissionError)
