"""A subject's tree laid out for quick questions: all nodes in one list, the bits of each container in one number. Pure.

Made once for each view of a structure and shared by all requests of a worker, so nothing may change it. Its nodes are
the tree's own, not copies. What is said of a tree for one player is a plain list beside it: one entry for each of
`nodes`, in their order.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from memora.services.progress_engine.tree import child_key, is_topic, type_of


class Container(NamedTuple):
	"""A subject, track, unit or topic.

	mask: the bits of all lessons below as one number, 0 where there is none.
	lessons: a topic's; the other levels have `containers`.
	"""

	is_linear: bool
	mask: int
	containers: list["Container"]
	lessons: list[dict]

	def is_passed(self, passed: int) -> bool:
		"""Whether there are lessons below, and all their bits are among these."""
		return self.mask != 0 and passed & self.mask == self.mask


class Outline:
	"""nodes: all nodes in tree order, parents first. root: the subject."""

	def __init__(self, tree: dict):
		self.nodes: list[dict] = []
		self.root = self._container(tree)

	@functools.cached_property
	def position_by_lesson(self) -> dict[str, int]:
		"""Lesson id -> index in `nodes`, in tree order."""
		return {node["id"]: position for position, node in enumerate(self.nodes) if child_key(node) is None}

	def lesson(self, lesson_id: str) -> dict | None:
		position = self.position_by_lesson.get(lesson_id)
		return None if position is None else self.nodes[position]

	def state_by_lesson(self, states: Sequence[str]) -> dict[str, str]:
		"""Lesson id -> state, in tree order."""
		return {lesson_id: states[position] for lesson_id, position in self.position_by_lesson.items()}

	def path_to(self, lesson_id: str) -> dict[str, str]:
		"""The ids of a lesson and of the nodes above it, by their type: the last of each type up to the lesson."""
		nodes = self.nodes[: self.position_by_lesson[lesson_id] + 1]
		return {type_of(node): node["id"] for node in nodes}

	def _container(self, node: dict) -> Container:
		self.nodes.append(node)
		is_linear, children = bool(node.get("is_linear")), node[child_key(node)]
		if is_topic(node):
			self.nodes += children
			return Container(is_linear, _mask_of([lesson["bit_index"] for lesson in children]), [], children)
		containers = [self._container(child) for child in children]
		mask = 0
		for container in containers:
			mask |= container.mask
		return Container(is_linear, mask, containers, [])


def _mask_of(bit_indexes: list[int]) -> int:
	lowest = min(bit_indexes, default=0)  # a topic's bits lie close together, and small numbers are quick
	mask = 0
	for bit_index in bit_indexes:
		mask |= 1 << bit_index - lowest
	return mask << lowest


class SubjectStructure(dict):
	"""A subject's tree with its outline."""

	def __init__(self, tree: dict):
		super().__init__(tree)
		self.outline = Outline(self)


def outline_of(structure: dict) -> Outline:
	"""The outline of any tree; a loaded one has it already."""
	return structure.outline if isinstance(structure, SubjectStructure) else Outline(structure)
