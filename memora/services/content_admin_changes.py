"""What editors change in a subject's tree: add a node, move it, publish or unpublish all below it.

Each is one transaction: one that dies changes nothing, and the plans it touches are queued once, with its commit.
Adding and moving go through the documents and their rules. Publishing a whole subtree is one statement a level, as a
thousand documents would keep an editor waiting; each changed node still gets its version.
"""

import json
from collections.abc import Iterator

import frappe
from frappe import _
from memora.exceptions import InvalidInput
from memora.services import content_order
from memora.services.cdn_export import change_tracker
from memora.services.content_tree import CHILD_OF, PARENT_OF
from memora.utils import clock, transactions


def add_child(doctype: str, name: str, title: str) -> str:
	"""A new, unpublished node below this one, as its last. Returns its name.

	Raises:
		InvalidInput: lessons have nothing below them, or the title is none.
	"""
	if doctype not in CHILD_OF:
		frappe.throw(_("Nothing can be added below {0}.").format(_(doctype)), InvalidInput)
	child, parent_field = CHILD_OF[doctype]
	_lock(doctype, name)
	siblings = _siblings(child, parent_field, name)
	last = siblings[-1].sort_order if siblings else 0
	values = {"doctype": child, parent_field: name, "title": title, "sort_order": last + content_order.STEP}
	return frappe.get_doc(values).insert().name


def move_node(doctype: str, name: str, parent: str, before: str | None) -> dict[str, int]:
	"""Put a node below a parent, in front of one of its children.

	Args:
		before: the sibling that comes next; None makes the node the last one.

	Returns:
		{name: sort_order} of the nodes that changed.

	Raises:
		InvalidInput: subjects have no parent, or `before` is no child of the parent (any more).
		frappe.DoesNotExistError: there is no such node or parent.
	"""
	if doctype not in PARENT_OF:
		frappe.throw(_("{0} is no part of a tree.").format(_(doctype)), InvalidInput)
	parent_field, parent_doctype = PARENT_OF[doctype]
	# Two who move below one parent take turns, and the second one sees what the first one did.
	transactions.begin_fresh()
	_lock(parent_doctype, parent)
	node = frappe.get_doc(doctype, name)
	sort_orders = {row.name: row.sort_order for row in _siblings(doctype, parent_field, parent)}
	names = [sibling for sibling in sort_orders if sibling != name]
	if before is not None and before not in names:
		frappe.throw(_("The tree has changed. Reload it and try again."), InvalidInput)
	names.insert(names.index(before) if before else len(names), name)
	changed = content_order.new_sort_orders(names, name, {**sort_orders, name: node.sort_order})
	for changed_name, sort_order in changed.items():
		document = node if changed_name == name else frappe.get_doc(doctype, changed_name)
		document.update({parent_field: parent, "sort_order": sort_order})
		document.save()
	return changed


def _lock(doctype: str, name: str) -> None:
	"""
	Raises:
		frappe.DoesNotExistError: there is no such document.
	"""
	if not frappe.db.get_value(doctype, name, "name", for_update=True):
		frappe.throw(_("There is no {0} {1}.").format(_(doctype), name), frappe.DoesNotExistError)


def _siblings(doctype: str, parent_field: str, parent: str) -> list:
	return frappe.db.get_values(
		doctype,
		{parent_field: parent},
		["name", "sort_order"],
		as_dict=True,
		for_update=True,
		order_by="sort_order asc, name asc",
	)


def set_published(doctype: str, name: str, is_published: bool) -> int:
	"""Publish or unpublish a node and everything below it. Returns how many nodes changed.

	Raises:
		frappe.DoesNotExistError: there is no such node.
	"""
	_lock(doctype, name)
	changed = 0
	for level, names in _levels(doctype, name):
		changed += _set_published(level, names, is_published)
	if changed:
		change_tracker.note_change(doctype, name)
	return changed


def _levels(doctype: str, name: str) -> Iterator[tuple[str, list[str]]]:
	"""(DocType, names) of the node and of each level below it."""
	names = [name]
	while names:
		yield doctype, names
		if doctype not in CHILD_OF:
			return
		doctype, parent_field = CHILD_OF[doctype]
		names = frappe.db.get_values(
			doctype, {parent_field: ("in", names)}, "name", for_update=True, pluck=True
		)


def _set_published(doctype: str, names: list[str], is_published: bool) -> int:
	other = {"name": ("in", names), "is_published": int(not is_published)}
	changing = frappe.db.get_values(doctype, other, "name", for_update=True, pluck=True)
	if not changing:
		return 0
	now, user = clock.to_site_time(clock.utc_now()), frappe.session.user
	table = frappe.qb.DocType(doctype)
	update = frappe.qb.update(table).set(table.is_published, int(is_published))
	update.set(table.modified, now).set(table.modified_by, user).where(table.name.isin(changing)).run()
	change = json.dumps({"changed": [["is_published", int(not is_published), int(is_published)]]})
	for node in changing:
		version = {"doctype": "Version", "ref_doctype": doctype, "docname": node, "data": change}
		frappe.get_doc(version).insert(ignore_permissions=True)
		frappe.clear_document_cache(doctype, node)
	return len(changing)
