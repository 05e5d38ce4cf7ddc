"""The unlock rule as slowly and obviously as it can be said: each node looks at its whole family, every time."""

from memora.services.progress_engine.bits import check_bit

from .strategies import CHILD_KEY_BY_TYPE

CHILD_KEYS = tuple(CHILD_KEY_BY_TYPE.values())


def children(node: dict) -> list[dict]:
	return next((node[key] for key in CHILD_KEYS if key in node), [])


def is_lesson(node: dict) -> bool:
	return "bit_index" in node


def lessons(node: dict) -> list[dict]:
	return [node] if is_lesson(node) else [lesson for child in children(node) for lesson in lessons(child)]


def nodes(node: dict) -> list[dict]:
	return [node] + [below for child in children(node) for below in nodes(child)]


def is_passed(node: dict, bitmap: bytes) -> bool:
	below = lessons(node)
	return bool(below) and all(check_bit(bitmap, lesson["bit_index"]) for lesson in below)


def path_to(root: dict, node_id: str) -> list[dict]:
	"""The nodes from the root to a node."""
	if root["id"] == node_id:
		return [root]
	for child in children(root):
		path = path_to(child, node_id)
		if path:
			return [root, *path]
	return []


def is_open(root: dict, node_id: str, bitmap: bytes) -> bool:
	"""Whether the way to a node is free, passed or not."""
	path = path_to(root, node_id)
	if len(path) == 1:
		return True
	parent, node = path[-2:]
	if state(root, parent["id"], bitmap) == "locked":
		return False
	if not parent["is_linear"]:
		return True
	elder_siblings = children(parent)[: children(parent).index(node)]
	with_lessons = [sibling for sibling in elder_siblings if lessons(sibling)]
	return not with_lessons or is_passed(with_lessons[-1], bitmap)


def state(root: dict, node_id: str, bitmap: bytes) -> str:
	if is_passed(path_to(root, node_id)[-1], bitmap):
		return "passed"
	return "unlocked" if is_open(root, node_id, bitmap) else "locked"
