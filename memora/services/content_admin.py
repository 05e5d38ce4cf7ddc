"""Content as its editors look at it: a subject's tree, with what a plan makes of each node. Reads only.

One query a level whatever the size of the subject; published or not, everything is there.
"""

from collections.abc import Mapping
from typing import Any

import frappe
from frappe import _
from memora.services.cdn_export import content_repository
from memora.services.cdn_export.access_rules import Access, combine_overrides, resolve_access
from memora.services.cdn_export.plan_content import (
	LESSON,
	PARENT_FIELDS,
	SUBJECT,
	TRACK,
	assemble_tree,
)

PLAN = "Memora Academic Plan"
_FIELDS = ("name", "title", "is_published", "is_free_preview", "sort_order")
_MORE_FIELDS = {
	SUBJECT: ("is_public", "required_item"),
	TRACK: ("required_item", "is_sold_separately", "parent_item_required"),
}


def load_tree(subject: str, plan_id: str | None) -> dict[str, Any]:
	"""A subject with everything below it.

	Args:
		plan_id: whose overrides apply; None for what holds without a plan.

	Returns:
		{"doctype", "name", "title", "is_published", "is_overridden", "access": the `access` object of published files,
		 None where players are not shown the node, "stage_count" of a lesson, "children": [the same]}

	Raises:
		frappe.DoesNotExistError: there is no such subject, or no such plan with the subject in it.
	"""
	_require_plan_with(subject, plan_id)
	roots = read_rows(SUBJECT, {"name": subject})
	if not roots:
		frappe.throw(_("There is no subject {0}.").format(subject), frappe.DoesNotExistError)
	rows_by_level, parents = {}, roots
	for doctype, parent_field in PARENT_FIELDS.items():
		names = [row["name"] for row in parents]
		parents = read_rows(doctype, {parent_field: ["in", names]}, parent_field) if names else []
		rows_by_level[doctype] = parents
	overrides = combine_overrides(content_repository.load_overrides(plan_id)) if plan_id else {}
	stages = _stage_counts([row["name"] for row in rows_by_level[LESSON]])
	return _node(assemble_tree(roots, rows_by_level)[0], None, overrides, stages, is_root=True)


def _require_plan_with(subject: str, plan_id: str | None) -> None:
	listed = {"parent": plan_id, "parenttype": PLAN, "subject": subject}
	if plan_id and not frappe.db.exists("Memora Plan Subject", listed):
		frappe.throw(_("{0} is not in the plan {1}.").format(subject, plan_id), frappe.DoesNotExistError)


def read_rows(doctype: str, filters: dict, *fields: str) -> list[dict]:
	wanted = [*_FIELDS, *_MORE_FIELDS.get(doctype, ()), *fields]
	rows = frappe.get_all(doctype, filters=filters, fields=wanted)
	return [{**row, "doctype": doctype} for row in rows]


def _stage_counts(lessons: list[str]) -> dict[str, int]:
	if not lessons:
		return {}
	return dict(
		frappe.db.sql(
			f"""select parent, count(*) from `tabMemora Lesson Stage`
			where parent in %s and parenttype = '{LESSON}' group by parent""",
			(tuple(lessons),),
		)
	)


def _node(
	row: Mapping[str, Any],
	parent: Access | None,
	overrides: Mapping,
	stages: Mapping[str, int],
	is_root: bool = False,
) -> dict[str, Any]:
	# Below what is hidden all is hidden, whatever it says itself.
	access = resolve_access(row, parent, overrides) if parent or is_root else None
	node = {
		"doctype": row["doctype"],
		"name": row["name"],
		"title": row["title"],
		"is_published": bool(row["is_published"]),
		"is_overridden": (row["doctype"], row["name"]) in overrides,
		"access": access.to_dict() if access else None,
	}
	if row["doctype"] == LESSON:
		return {**node, "stage_count": stages.get(row["name"], 0), "children": []}
	children = [_node(child, access, overrides, stages) for child in row["children"]]
	return {**node, "children": children}
