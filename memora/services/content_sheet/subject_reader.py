"""A subject as it is in the database, as a tree of nodes: one query a level, whatever its size."""

from collections.abc import Container, Iterable

import frappe
from frappe import _
from memora.services.content_sheet.columns import LESSON, LEVELS, STAGE, SUBJECT, columns_of
from memora.services.content_sheet.outline import Node
from memora.services.content_tree import CONTENT_DOCTYPES, PARENT_OF

STAGE_DOCTYPE = "Memora Lesson Stage"
DOCTYPES = (*CONTENT_DOCTYPES, STAGE_DOCTYPE)


def read_subject(name: str, *, is_locked: bool = False) -> Node:
	"""The subject with all below it, in order; `values` has every column of the sheet.

	Args:
		is_locked: read the newest committed rows, and keep others from changing them until the transaction ends.

	Raises:
		frappe.DoesNotExistError: there is no such subject.
	"""
	roots = _read_level(SUBJECT, "name", [name], is_locked)
	if not roots:
		frappe.throw(_("There is no subject {0}.").format(name), frappe.DoesNotExistError)
	parents = {node.id: node for _parent, node in roots}
	for level in range(SUBJECT + 1, len(LEVELS)):
		parent_field = "parent" if level == STAGE else PARENT_OF[DOCTYPES[level]][0]
		children = _read_level(level, parent_field, parents, is_locked) if parents else []
		for parent, node in children:
			parents[parent].children.append(node)
		parents = {node.id: node for _parent, node in children}
	return roots[0][1]


def _read_level(
	level: int, parent_field: str, parents: Iterable[str], is_locked: bool
) -> list[tuple[str, Node]]:
	"""(what `parent_field` says, node) of the rows below the parents, in order."""
	fieldnames = [column.fieldname for column in columns_of(level)]
	place = "idx" if level == STAGE else "sort_order"
	rows = frappe.db.sql(
		f"""select {parent_field}, name, title, {place}, {", ".join(fieldnames)} from `tab{DOCTYPES[level]}`
		where {parent_field} in %(parents)s {"and parenttype = %(parenttype)s" if level == STAGE else ""}
		order by {place}, name {"for update" if is_locked else ""}""",
		{"parents": tuple(parents), "parenttype": DOCTYPES[LESSON]},
	)
	return [
		(
			parent,
			Node(
				level,
				title or "",
				"" if level == STAGE else name,
				dict(zip(fieldnames, values, strict=True)),
				sort_order=at or 0,
			),
		)
		for parent, name, title, at, *values in rows
	]


def subjects_titled(titles: Container[str]) -> list[str]:
	"""Names of the subjects with exactly one of these titles; the database takes "a" and "A" for one."""
	rows = frappe.get_all(DOCTYPES[SUBJECT], fields=["name", "title"], order_by="name", limit_page_length=0)
	return [row.name for row in rows if row.title in titles]
