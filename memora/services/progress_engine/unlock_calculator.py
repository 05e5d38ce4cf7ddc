"""Which nodes of a subject a player may open: locked, unlocked or passed. Pure.

The rule, the same at all four levels: a child of a linear parent unlocks when the sibling before it is passed, a
child of a non-linear parent when the parent itself is unlocked. The subject is always unlocked, and what is passed
stays passed wherever it lies. A container is passed when all its children are.

A container without any lesson below it is transparent: it neither opens nor bars the way for its successor, does not
keep its parent from being passed, is itself never passed, and is unlocked or locked as a lesson in its place would be.

Trees that come in are shared by all players of a worker: nothing here writes to them.
"""

from collections.abc import Mapping

from memora.services.progress_engine import bits
from memora.services.progress_engine.tree import child_key, holds_lessons, is_topic, type_of, walk

PASSED = "passed"
UNLOCKED = "unlocked"
LOCKED = "locked"


def compute_node_states(
	structure: dict, bitmap: bytes, player_id: str | None = None, subject_id: str | None = None
) -> dict:
	"""A new tree with `status` and `unlock_state` (the same value) on every node; the input stays as it is.

	Two walks: bottom-up for what is passed, top-down for what that unlocks. Linear in the number of nodes.

	Args:
		player_id, subject_id: part of the public signature; the states depend on neither.
	"""
	passed_bits = bits.indexes_on(bitmap)
	tree = _with_container_statuses(structure, passed_bits)
	_set_state(tree, tree["status"])
	_unlock_below(tree, passed_bits)
	return tree


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


def newly_unlocked_ids(before: dict, after: dict) -> list[str]:
	"""Ids of the nodes that were locked in one computed tree and are unlocked in a later one, in tree order."""
	locked_ids = {node["id"] for node in walk(before) if node["unlock_state"] == LOCKED}
	return [
		node["id"] for node in walk(after) if node["unlock_state"] == UNLOCKED and node["id"] in locked_ids
	]


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


def _with_container_statuses(node: dict, passed_bits: set[int]) -> dict:
	"""First walk: a copy of all containers, each passed or unlocked. Topics still hold the input's own lessons."""
	key = child_key(node)
	if is_topic(node):
		is_passed = bool(node[key]) and all(lesson["bit_index"] in passed_bits for lesson in node[key])
		return {**node, "status": PASSED if is_passed else UNLOCKED}
	children = [_with_container_statuses(child, passed_bits) for child in node[key]]
	return {**node, key: children, "status": compute_container_status(node, children, None)}


def _unlock_below(parent: dict, passed_bits: set[int]) -> None:
	"""Second walk: the final states of all below a container that has its own."""
	key = child_key(parent)
	if is_topic(parent):
		parent[key] = _lessons_with_states(parent, parent[key], passed_bits)
		return
	is_open = parent_is_open = parent["status"] != LOCKED
	for child in parent[key]:
		is_passed = child["status"] == PASSED
		_set_state(child, PASSED if is_passed else UNLOCKED if is_open else LOCKED)
		_unlock_below(child, passed_bits)
		if parent_is_open and parent.get("is_linear") and holds_lessons(child):
			is_open = is_passed


def _lessons_with_states(topic: dict, lessons: list[dict], passed_bits: set[int]) -> list[dict]:
	"""Copies of a topic's lessons. Spelled out in one loop: nearly all nodes of a subject are lessons."""
	is_linear = topic.get("is_linear")
	is_open = topic_is_open = topic["status"] != LOCKED
	copies = []
	for lesson in lessons:
		copied = lesson.copy()
		if lesson["bit_index"] in passed_bits:
			copied["status"] = copied["unlock_state"] = PASSED
			is_open = topic_is_open
		else:
			copied["status"] = copied["unlock_state"] = UNLOCKED if is_open else LOCKED
			is_open = is_open and not is_linear
		copies.append(copied)
	return copies


def _set_state(node: dict, state: str) -> None:
	node["status"] = node["unlock_state"] = state
