"""The shape of a subject's tree: subject, tracks, units, topics, lessons. Pure.

A container holds its children under the name of their level (`tracks`, `units`, `topics`, `lessons`) as the
structure file does, or under `children` as a reply does; then every node says its `type`. A lesson holds none of
these keys.
"""

from collections.abc import Iterator

# Each child key with the type of the node that has it. Lowest level first: it has the most nodes.
TYPE_BY_CHILD_KEY = {"lessons": "topic", "topics": "unit", "units": "track", "tracks": "subject"}
CHILD_KEYS = (*TYPE_BY_CHILD_KEY, "children")


def child_key(node: dict) -> str | None:
	"""The key under which a container holds its children; None for a lesson."""
	for key in CHILD_KEYS:
		if key in node:
			return key
	return None


def type_of(node: dict) -> str:
	"""subject, track, unit, topic or lesson: the node's own `type`, else told by what it holds."""
	return node.get("type") or TYPE_BY_CHILD_KEY.get(child_key(node), "lesson")


def is_topic(node: dict) -> bool:
	return "lessons" in node or node.get("type") == "topic"


def walk(node: dict) -> Iterator[dict]:
	"""The node and all below it, in tree order, parents before children."""
	yield node
	key = child_key(node)
	if key is None:
		return
	if is_topic(node):
		yield from node[key]
	else:
		for child in node[key]:
			yield from walk(child)


def lessons_of(node: dict) -> list[dict]:
	"""All lessons below a container, in tree order."""
	key = child_key(node)
	if is_topic(node):
		return node[key]
	return [lesson for child in node[key] for lesson in lessons_of(child)]


def holds_lessons(node: dict) -> bool:
	"""Whether the node is a lesson or has one anywhere below it."""
	key = child_key(node)
	if key is None:
		return True
	return bool(node[key]) if is_topic(node) else any(map(holds_lessons, node[key]))
