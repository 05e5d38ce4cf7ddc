"""The content of a plan as plain data, and the part of it that the plan shows.

Rows are mappings with the fields of their DocType, `doctype` and `children`; a lesson has `stages` instead. Pure: the
rows come from `content_repository`, the files are made by `file_builder`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memora.services.cdn_export.access_rules import Access, combine_overrides, resolve_access, resolve_linear

SUBJECT, TRACK, UNIT = "Memora Subject", "Memora Track", "Memora Unit"
TOPIC, LESSON = "Memora Topic", "Memora Lesson"
PARENT_FIELDS = {TRACK: "parent_subject", UNIT: "parent_track", TOPIC: "parent_unit", LESSON: "parent_topic"}
LEVELS = (SUBJECT, *PARENT_FIELDS)

NodeKey = tuple[str, str]


@dataclass(frozen=True)
class PlanContent:
	"""Everything that is read for one plan; `plan` is None where subjects are read without one."""

	plan: Mapping[str, Any] | None
	subjects: Sequence[Mapping[str, Any]]
	overrides: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True, eq=False)
class VisibleNode:
	"""A node that is exported, with what the plan makes of it."""

	row: Mapping[str, Any]
	access: Access
	is_linear: bool
	parent: "VisibleNode | None" = None
	children: list["VisibleNode"] = field(default_factory=list)

	@property
	def id(self) -> str:
		return self.row["name"]

	@property
	def title(self) -> str:
		return self.row["title"]

	@property
	def doctype(self) -> str:
		return self.row["doctype"]

	def ancestors(self) -> Iterator["VisibleNode"]:
		"""From the parent up to the subject."""
		node = self.parent
		while node:
			yield node
			node = node.parent

	def descendants(self, doctype: str) -> Iterator["VisibleNode"]:
		"""The nodes of one level below this one, in tree order."""
		for child in self.children:
			if child.doctype == doctype:
				yield child
			else:
				yield from child.descendants(doctype)


def assemble_tree(subjects: Iterable[dict], rows_by_level: Mapping[str, Iterable[dict]]) -> list[dict]:
	"""Hang the rows of every level under their parents, in order of sort_order, then name."""
	subjects = list(subjects)
	parents = {row["name"]: row for row in subjects}
	for doctype, parent_field in PARENT_FIELDS.items():
		children_by_parent = defaultdict(list)
		for row in rows_by_level.get(doctype, ()):
			children_by_parent[row[parent_field]].append(row)
		for name, parent in parents.items():
			parent["children"] = sorted(children_by_parent.get(name, ()), key=position)
		parents = {row["name"]: row for rows in children_by_parent.values() for row in rows}
	return subjects


def position(row: Mapping[str, Any]) -> tuple[int, str]:
	"""The sort key that holds everywhere."""
	return (row.get("sort_order") or 0, row["name"])


def visible_subjects(content: PlanContent) -> list[VisibleNode]:
	"""The trees that are exported: published and not hidden all the way up, containers only with lessons inside.

	Raises:
		ValueError: an override carries an unknown action or value.
	"""
	overrides = combine_overrides(content.overrides)
	nodes = (_visible(subject, None, overrides) for subject in content.subjects)
	return [node for node in nodes if node]


def _visible(row: Mapping[str, Any], parent: VisibleNode | None, overrides: Mapping) -> VisibleNode | None:
	access = resolve_access(row, parent.access if parent else None, overrides)
	if access is None:
		return None
	node = VisibleNode(row, access, resolve_linear(row, overrides), parent)
	if node.doctype == LESSON:
		return node
	node.children = [
		child for child in (_visible(child, node, overrides) for child in row["children"]) if child
	]
	return node if node.children else None


def withheld_nodes(content: PlanContent, visible: Iterable[VisibleNode]) -> set[NodeKey]:
	"""What the plan holds and does not show: hidden, unpublished, or emptied by that."""
	held = {(row["doctype"], row["name"]) for row in _all_rows(content.subjects)}
	return held - {(node.doctype, node.id) for node in walk(visible)}


def _all_rows(rows: Iterable[Mapping]) -> Iterator[Mapping]:
	for row in rows:
		yield row
		yield from _all_rows(row.get("children", ()))


def walk(nodes: Iterable[VisibleNode]) -> Iterator[VisibleNode]:
	for node in nodes:
		yield node
		yield from walk(node.children)
