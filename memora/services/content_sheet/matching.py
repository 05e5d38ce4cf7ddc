"""What an import of a sheet has to do to the subject that is there. Pure.

A row with an ID is that document, which has to be of the same subject; it may have another parent in the sheet, then it
moves. A row without an ID is the document of the same title below the same parent, else a new one. The order of rows
below one parent becomes the order of the documents. What the sheet does not name is left as it is, and keeps its place.
A lesson's stages are one list: where a sheet names stages of a lesson, they are the list.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from memora.services import content_order
from memora.services.content_sheet.columns import ID, LESSON, LEVELS, STAGE, SUBJECT, columns_of
from memora.services.content_sheet.outline import Node, Problem

NEW, CHANGED, UNCHANGED = "new", "changed", "unchanged"
# What no spreadsheet can hold: the characters that XML does not have. Line ends come back as one character.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile("\r\n?")


@dataclass
class Step:
	"""What becomes of one document.

	node: its row; None for a document that the sheet does not name, and whose place has to be numbered anew.
	stored: what is there; None for a new one.
	parent: the row above, or None for the subject and for documents that stay where they are.
	values: the fields to set, the title among them. stages: the rows of the table to set, or None.
	"""

	level: int
	node: Node | None
	stored: Node | None
	parent: Node | None = None
	values: dict[str, Any] = field(default_factory=dict)
	stages: list[dict[str, Any]] | None = None
	sort_order: int | None = None

	@property
	def action(self) -> str:
		if not self.stored:
			return NEW
		is_changed = self.values or self.parent or self.stages is not None or self.sort_order is not None
		return CHANGED if is_changed else UNCHANGED


def as_written(text: str) -> str:
	"""A text as a sheet can hold it."""
	return _NOT_IN_XML.sub("", _LINE_END.sub("\n", text))


def match(
	sheet: Node, stored: Node | None, as_stored: Callable[[str], str] = str
) -> tuple[list[Step], list[Problem]]:
	"""The steps of an import, parents before their children, and what stands in its way.

	Args:
		stored: the subject that is there, whole; None for a new one.
		as_stored: a text as the database will have it; markup is cleaned when a document is saved.
	"""
	matcher = _Matcher(sheet, stored, as_stored)
	matcher.find_all()
	steps = [step for node in matcher.nodes for step in (matcher.step_of(node), *matcher.renumbered(node))]
	return steps, matcher.problems


class _Matcher:
	def __init__(self, sheet: Node, stored: Node | None, as_stored: Callable[[str], str]):
		self.nodes = [node for node in sheet if node.level != STAGE]
		self.problems: list[Problem] = []
		self._as_stored = as_stored
		self._stored_root = stored
		self._stored_by_id = {node.id: node for node in stored or () if node.level != STAGE}
		self._parent_of_stored = {
			child.id: node for node in self._stored_by_id.values() for child in node.children
		}
		self._parents = {id(child): node for node in self.nodes for child in node.children}
		self._found: dict[int, Node] = {}  # id() of a row's node -> what is stored
		self._node_by_key: dict[str | int, Node] = {}
		self._sort_orders: dict[int, int] = {}
		self._renumbered: dict[int, list[Step]] = {}

	# --- Which document is it? -----------------------------------------------------------------------------

	def find_all(self) -> None:
		taken = {node.id for node in self.nodes if node.id}
		for node in self.nodes:
			found = self._by_id(node) if node.id else self._by_title(node, taken)
			if found:
				self._found[id(node)] = found
				taken.add(found.id)
		self._node_by_key = {self._key(node): node for node in self.nodes}
		for node in self.nodes:
			self._order_children(node)

	def _by_id(self, node: Node) -> Node | None:
		found = self._stored_by_id.get(node.id)
		if found and found.level == node.level:
			return found
		kind = LEVELS[node.level].lower()
		message = (
			f"There is no subject {node.id}."
			if node.level == SUBJECT
			else f"{node.id} is no {kind} of this subject."
		)
		self.problems.append(Problem(node.row, ID, message))
		return None

	def _by_title(self, node: Node, taken: set[str]) -> Node | None:
		if node.level == SUBJECT:
			return self._stored_root
		parent = self._found.get(id(self._parents[id(node)]))
		same = [
			child
			for child in (parent.children if parent else ())
			if child.id not in taken and self._is_same(node.title, child.title)
		]
		if len(same) > 1:
			ids = ", ".join(child.id for child in same[:5])
			message = f"“{node.title}” could be any of {ids}. Fill in the {ID}."
			self.problems.append(Problem(node.row, LEVELS[node.level], message))
		return same[0] if same else None

	def _is_same(self, value: Any, stored: Any) -> bool:
		if not isinstance(value, str):
			return value == (stored or 0)
		stored = as_written(stored or "")
		return as_written(value) == stored or as_written(self._as_stored(value)) == stored

	# --- What changes ------------------------------------------------------------------------------------------

	def step_of(self, node: Node) -> Step:
		stored, parent = self._found.get(id(node)), self._parents.get(id(node))
		step = Step(node.level, node, stored, sort_order=self._sort_orders.get(id(node)))
		given = {"title": node.title, **node.values}
		step.values = {
			fieldname: value
			for fieldname, value in given.items()
			if not stored or not self._is_same(value, self._value_of(stored, fieldname))
		}
		if parent and not (stored and self._found.get(id(parent)) is self._parent_of_stored[stored.id]):
			step.parent = parent
		if node.level == LESSON and node.children and not self._has_stages(stored, node.children):
			step.stages = [_stage_values(stage) for stage in node.children]
		return step

	@staticmethod
	def _value_of(node: Node, fieldname: str) -> Any:
		return node.title if fieldname == "title" else node.values.get(fieldname)

	def _has_stages(self, lesson: Node | None, stages: Sequence[Node]) -> bool:
		stored = lesson.children if lesson else ()
		return len(stored) == len(stages) and all(
			self._is_same(value, _stage_values(there)[fieldname])
			for given, there in zip(stages, stored, strict=True)
			for fieldname, value in _stage_values(given).items()
		)

	# --- Order ---------------------------------------------------------------------------------------------------

	def _order_children(self, node: Node) -> None:
		"""Which sort_orders make the order of the rows that of the documents, with few documents changed."""
		if node.level >= LESSON:
			return
		parent = self._found.get(id(node))
		stored = {child.id: child.sort_order for child in parent.children} if parent else {}
		order: list[str | int] = [name for name in stored if self._stays(name, node)]
		sort_orders: dict[str | int, int] = {name: stored[name] for name in order}
		for name, before in _placements([self._key(child) for child in node.children], order):
			order.insert(order.index(before) if before is not None else len(order), name)
			sort_orders.update(content_order.new_sort_orders(order, name, sort_orders))
		for name, sort_order in sort_orders.items():
			if stored.get(name) != sort_order:
				self._note_order(node, name, sort_order)

	def _stays(self, name: str, node: Node) -> bool:
		"""Whether a stored child of the node's document is still below it: named there, or not named at all."""
		named = self._node_by_key.get(name)
		return named is None or self._parents.get(id(named)) is node

	def _key(self, node: Node) -> str | int:
		found = self._found.get(id(node))
		return found.id if found else id(node)

	def _note_order(self, node: Node, key: str | int, sort_order: int) -> None:
		if key in self._node_by_key:
			self._sort_orders[id(self._node_by_key[key])] = sort_order
		else:
			step = Step(node.level + 1, None, self._stored_by_id[key], sort_order=sort_order)
			self._renumbered.setdefault(id(node), []).append(step)

	def renumbered(self, node: Node) -> list[Step]:
		"""Documents below the node that the sheet does not name, and whose sort_order changes all the same."""
		return self._renumbered.get(id(node), [])


def _placements(names: Sequence, order: list) -> Iterator[tuple[Any, Any]]:
	"""(name, the one that it comes in front of or None for the end) for each that is not where it should be.

	The name is taken out of `order`; the caller puts it in before it asks for the next.
	"""
	known = set(order)
	for index, name in enumerate(names):
		if index:
			at = order.index(names[index - 1]) + 1
			if name in known and order.index(name) >= at:
				continue
			if name in known:
				order.remove(name)
				at = order.index(names[index - 1]) + 1
			yield name, order[at] if at < len(order) else None
		elif name not in known:
			yield name, next((other for other in names if other in known), None)


def _stage_values(stage: Node) -> dict[str, Any]:
	defaults = {column.fieldname: column.default for column in columns_of(STAGE)}
	given = {fieldname: value for fieldname, value in stage.values.items() if value not in (None, "")}
	return {"title": stage.title, **defaults, **given}
