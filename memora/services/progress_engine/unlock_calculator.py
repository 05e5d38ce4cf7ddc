"""Which nodes of a subject a player may open: locked, unlocked or passed. Pure.

The rule, the same at all four levels: a child of a linear parent unlocks when the sibling before it is passed, a
child of a non-linear parent when the parent itself is unlocked. The subject is always unlocked, and what is passed
stays passed wherever it lies. A container is passed when all its children are.

A container without any lesson below it is transparent: it neither opens nor bars the way for its successor, does not
keep its parent from being passed, is itself never passed, and is unlocked or locked as a lesson in its place would be.

Trees that come in are shared by all players of a worker: nothing here writes to them.
"""

from collections.abc import Iterator, Mapping

from memora.services.progress_engine.outline import Container, Outline, outline_of
from memora.services.progress_engine.tree import child_key, holds_lessons, is_topic, type_of, walk

PASSED = "passed"
UNLOCKED = "unlocked"
LOCKED = "locked"


def node_states(outline: Outline, bitmap: bytes) -> list[str]:
	"""The state of every node, in the order of `outline.nodes`. One walk, linear in the number of nodes."""
	states: list[str] = []
	_append_states(states, outline.root, int.from_bytes(bitmap, "little"), True)
	return states


def compute_node_states(
	structure: dict, bitmap: bytes, player_id: str | None = None, subject_id: str | None = None
) -> dict:
	"""A new tree with `status` and `unlock_state` (the same value) on every node; the input stays as it is.

	Args:
		player_id, subject_id: part of the public signature; the states depend on neither.
	"""
	outline = outline_of(structure)
	return _with_states(structure, iter(node_states(outline, bitmap)))


def compute_container_status(node: dict, children: list[dict], structure: dict | None) -> str:
	"""`passed` when all children are (empty ones aside, and not all are empty), otherwise `unlocked`.

	Args:
		children: the node's children with their `status`.
		node, structure: part of the public signature; the status depends on the children alone.
	"""
	all_passed = all(child["status"] == PASSED or not holds_lessons(child) for child in children)
	return PASSED if all_passed and any(child["status"] == PASSED for child in children) else UNLOCKED


def flatten_nodes(structure: dict, node_type: str | None = None) -> list[dict]:
	"""All nodes in tree order, parents first; with a `node_type` (subject, track, unit, topic, lesson) only those."""
	return [node for node in walk(structure) if node_type is None or type_of(node) == node_type]


def find_node_by_id(structure: dict, node_id: str) -> dict | None:
	return next((node for node in walk(structure) if node["id"] == node_id), None)


def apply_overrides(structure: dict, overrides: Mapping[str, Mapping]) -> dict:
	"""The tree as a plan shows it: without hidden nodes and with the plan's own linear modes.

	A container that hiding leaves without children goes too, as it does in the published files. Untouched branches
	are shared with the input; without overrides the input itself comes back.

	Args:
		overrides: node id -> {"hide": bool, "is_linear": bool | None}; both may be left out.
	"""
	hidden_ids = {node_id for node_id, override in overrides.items() if override.get("hide")}
	linear_by_id = {
		node_id: bool(override["is_linear"])
		for node_id, override in overrides.items()
		if override.get("is_linear") is not None
	}
	return _overridden(structure, hidden_ids, linear_by_id) if hidden_ids or linear_by_id else structure


def _overridden(node: dict, hidden_ids: set[str], linear_by_id: dict[str, bool]) -> dict:
	key = child_key(node)
	if key is None:
		return node
	children = [child for child in node[key] if child["id"] not in hidden_ids]
	if not is_topic(node):
		views = [_overridden(child, hidden_ids, linear_by_id) for child in children]
		children = [
			view for child, view in zip(children, views, strict=True) if not _was_emptied(child, view)
		]
	changes = {}
	if not _are_same(children, node[key]):
		changes[key] = children
	if node["id"] in linear_by_id:
		changes["is_linear"] = linear_by_id[node["id"]]
	return {**node, **changes} if changes else node


def _was_emptied(node: dict, view: dict) -> bool:
	key = child_key(node)
	return key is not None and bool(node[key]) and not view[key]


def _are_same(some: list[dict], others: list[dict]) -> bool:
	return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


def _append_states(states: list[str], container: Container, passed: int, is_open: bool) -> None:
	"""The states of a container and of all below it.

	Args:
		passed: all bits that are on, as one number.
		is_open: the way to the container is free.
	"""
	if container.is_passed(passed):
		states.append(PASSED)
		is_open = True
	else:
		states.append(UNLOCKED if is_open else LOCKED)
	if container.lessons:
		_append_lesson_states(states, container, passed, is_open)
		return
	child_is_open = is_open
	for child in container.containers:
		_append_states(states, child, passed, child_is_open)
		if is_open and container.is_linear and child.mask:
			child_is_open = child.is_passed(passed)


def _append_lesson_states(states: list[str], topic: Container, passed: int, is_open: bool) -> None:
	"""Nearly all nodes of a subject are lessons, and nearly all topics wholly passed or not begun."""
	if topic.is_passed(passed):
		states += [PASSED] * len(topic.lessons)
		return
	begun = passed & topic.mask  # zero is quick to ask
	next_is_open = is_open
	for lesson in topic.lessons:
		if begun >> lesson["bit_index"] & 1:
			states.append(PASSED)
			next_is_open = is_open
		else:
			states.append(UNLOCKED if next_is_open else LOCKED)
			next_is_open = next_is_open and not topic.is_linear


def _with_states(node: dict, states: Iterator[str]) -> dict:
	"""Copies of a container and of all below it, each with the next state."""
	key = child_key(node)
	tree = node.copy()
	tree["status"] = tree["unlock_state"] = next(states)
	if is_topic(node):
		tree[key] = _lessons_with_states(node[key], states)
	else:
		tree[key] = [_with_states(child, states) for child in node[key]]
	return tree


def _lessons_with_states(lessons: list[dict], states: Iterator[str]) -> list[dict]:
	copies = []
	for lesson in lessons:
		copied = lesson.copy()
		copied["status"] = copied["unlock_state"] = next(states)
		copies.append(copied)
	return copies
