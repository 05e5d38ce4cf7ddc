"""Where a piece of content stands: what is above and below it, and which plans show it to players. Reads only.

Seven queries or fewer, whatever the size of the subject and the number of plans. Whether a plan shows a node is decided
by the rules of publishing (`plan_content`), on the one branch of the subject that the node is in.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import frappe
from frappe import _
from memora.services import content_admin
from memora.services.cdn_export import content_paths, local_storage, url_resolver
from memora.services.cdn_export.access_rules import combine_overrides, override_fields
from memora.services.cdn_export.plan_content import (
	LESSON,
	LEVELS,
	PARENT_FIELDS,
	TOPIC,
	PlanContent,
	VisibleNode,
	assemble_tree,
	visible_subjects,
	walk,
)
from memora.services.content_tree import CHILD_OF, PARENT_OF

MAX_PLANS = 50
MAX_CHILDREN = 200
PLAN = "Memora Academic Plan"

Row = dict[str, Any]


def load_place(doctype: str, name: str) -> dict[str, Any]:
	"""What surrounds a node.

	Returns:
		{"path": nodes from the subject down to this one, "child_doctype": None below lessons,
		 "children": nodes in order, cut at 200, each with "below", how many children it has itself,
		 "children_count": int, "plans": at most 50, those with the node's subject first, "plans_count": int}

		A node is {"doctype", "name", "title", "is_published"}. A plan is {"name", "title", "is_published", "has_subject",
		"access": as in published files, None where its players are not shown the node, "reason": None | "no_subject" |
		"unpublished" | "hidden" | "empty", "because_of": the node that is unpublished or hidden, "url": of the published
		file that tells of the node, None where there is none}.

	Raises:
		frappe.DoesNotExistError: there is no such node, or nothing that it lies in.
	"""
	path, rows_by_level = read_branch(doctype, name)
	root = assemble_tree(path[:1], rows_by_level)[0]
	children = path[-1].get("children", [])
	plans = _read_plans(path[0]["name"])
	return {
		"path": [_node(row) for row in path],
		"child_doctype": CHILD_OF[doctype][0] if doctype in CHILD_OF else None,
		"children": [
			{**_node(row), "below": len(row.get("children", ()))} for row in children[:MAX_CHILDREN]
		],
		"children_count": len(children),
		"plans": _Showing(root, path).by_plans(plans[:MAX_PLANS]),
		"plans_count": len(plans),
	}


def read_branch(doctype: str, name: str) -> tuple[list[Row], dict[str, list[Row]]]:
	"""The rows from the subject down to a node, and {DocType: rows} of these and of all below the node.

	One query a level.

	Raises:
		frappe.DoesNotExistError: the node, or what it lies in, is not there.
	"""
	path = _read_path(doctype, name)
	rows_by_level = {row["doctype"]: [row] for row in path}
	parents = path[-1:]
	for level in LEVELS[LEVELS.index(doctype) + 1 :]:
		parent_field = PARENT_FIELDS[level]
		names = [row["name"] for row in parents]
		parents = content_admin.read_rows(level, {parent_field: ["in", names]}, parent_field) if names else []
		rows_by_level[level] = parents
	return path, rows_by_level


def _read_path(doctype: str, name: str) -> list[Row]:
	path: list[Row] = []
	while True:
		parent_field, parent_doctype = PARENT_OF.get(doctype, (None, None))
		rows = content_admin.read_rows(doctype, {"name": name}, *filter(None, [parent_field]))
		if not rows:
			frappe.throw(_("There is no {0} {1}.").format(_(doctype), name), frappe.DoesNotExistError)
		path.insert(0, rows[0])
		if not parent_field:
			return path
		doctype, name = parent_doctype, rows[0][parent_field]


def _node(row: Mapping[str, Any]) -> dict[str, Any]:
	return {
		"doctype": row["doctype"],
		"name": row["name"],
		"title": row["title"],
		"is_published": bool(row["is_published"]),
	}


# --- Plans -----------------------------------------------------------------------------------------------------


def _read_plans(subject: str) -> list[Row]:
	"""Every plan; those with the subject first, the published ones of them before drafts."""
	return frappe.db.sql(
		f"""select plan.name, plan.title, plan.is_published, row.name is not null as has_subject
		from `tab{PLAN}` plan left join `tabMemora Plan Subject` row
			on row.parent = plan.name and row.parenttype = '{PLAN}' and row.subject = %s
		order by has_subject desc, plan.is_published desc, plan.title, plan.name""",
		subject,
		as_dict=True,
	)


def _read_overrides(plans: Sequence[str]) -> dict[str, list[Row]]:
	overrides: dict[str, list[Row]] = {plan: [] for plan in plans}
	if plans:
		rows = frappe.db.sql(
			f"""select parent, target_doctype, target_name, action, override_value from `tabMemora Plan Override`
			where parent in %s and parenttype = '{PLAN}' order by idx""",
			(tuple(plans),),
			as_dict=True,
		)
		for row in rows:
			overrides[row.parent].append(row)
	return overrides


class _Showing:
	"""What plans make of the node at the end of a path, in the tree that holds that path alone."""

	def __init__(self, root: Row, path: Sequence[Row]):
		self.root, self.path = root, path
		self.node = (path[-1]["doctype"], path[-1]["name"])
		self._shown: dict[tuple, VisibleNode | None] = {}

	def by_plans(self, plans: Sequence[Row]) -> list[dict[str, Any]]:
		overrides = _read_overrides([plan.name for plan in plans if plan.has_subject])
		return [self._by_plan(plan, overrides.get(plan.name)) for plan in plans]

	def _by_plan(self, plan: Row, overrides: list[Row] | None) -> dict[str, Any]:
		told = {"name": plan.name, "title": plan.title, "is_published": bool(plan.is_published)}
		told.update(has_subject=bool(plan.has_subject), access=None, reason=None, because_of=None, url=None)
		if overrides is None:
			return {**told, "reason": "no_subject"}
		shown = self._shown_with(overrides)
		if shown is None:
			return {**told, **self._why_not(overrides)}
		return {
			**told,
			"access": shown.access.to_dict(),
			"url": self._url(plan) if plan.is_published else None,
		}

	def _shown_with(self, overrides: list[Row]) -> VisibleNode | None:
		# Most plans override nothing here, so they share one answer.
		key = tuple(
			(row.target_doctype, row.target_name, row.action, row.override_value) for row in overrides
		)
		if key not in self._shown:
			visible = walk(visible_subjects(PlanContent(None, [self.root], overrides)))
			self._shown[key] = next((each for each in visible if (each.doctype, each.id) == self.node), None)
		return self._shown[key]

	def _why_not(self, overrides: list[Row]) -> dict[str, Any]:
		combined = combine_overrides(overrides)
		for row in self.path:
			if not row["is_published"]:
				return {"reason": "unpublished", "because_of": _node(row)}
			if override_fields(row, combined).get("is_hidden"):
				return {"reason": "hidden", "because_of": _node(row)}
		return {"reason": "empty"}

	def _url(self, plan: Row) -> str | None:
		doctype, name = self.node
		if doctype == LESSON:
			path = content_paths.lesson_path(name)
		elif doctype == TOPIC:
			path = content_paths.topic_path(plan.name, name)
		else:
			path = content_paths.hierarchy_path(plan.name, self.path[0]["name"])
		is_there = os.path.exists(local_storage.absolute_path(path))
		return url_resolver.get_content_url(path) if is_there else None
