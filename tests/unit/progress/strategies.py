"""Random subjects and players for the progress tests."""

from hypothesis import strategies as st

CHILD_KEY_BY_TYPE = {"subject": "tracks", "track": "units", "unit": "topics", "topic": "lessons"}
CHILD_TYPE_BY_TYPE = {"subject": "track", "track": "unit", "unit": "topic", "topic": "lesson"}
BITS_TO_SPARE = 5  # retired bits of lessons that are gone


def subjects(max_children: int = 3):
	"""Trees of any width, with empty containers, every mix of linear modes, and bit indexes in any order."""
	return st.builds(_numbered, _skeletons("subject", max_children), st.randoms(use_true_random=False))


def bitmaps():
	return st.binary(max_size=16)


def _skeletons(node_type: str, max_children: int):
	if node_type == "lesson":
		return st.just({})
	children = st.lists(_skeletons(CHILD_TYPE_BY_TYPE[node_type], max_children), max_size=max_children)
	return st.fixed_dictionaries(
		{"is_linear": st.sampled_from([0, 1]), CHILD_KEY_BY_TYPE[node_type]: children}
	)


def _numbered(skeleton: dict, random) -> dict:
	lesson_count = _count_lessons(skeleton)
	bit_indexes = random.sample(range(lesson_count + BITS_TO_SPARE), lesson_count)
	return _named(skeleton, "subject", "S", bit_indexes)


def _count_lessons(skeleton: dict, node_type: str = "subject") -> int:
	if node_type == "lesson":
		return 1
	children = skeleton[CHILD_KEY_BY_TYPE[node_type]]
	return sum(_count_lessons(child, CHILD_TYPE_BY_TYPE[node_type]) for child in children)


def _named(skeleton: dict, node_type: str, node_id: str, bit_indexes: list[int]) -> dict:
	named = {"id": node_id, "title": f"{node_type} {node_id}"}
	if node_type == "lesson":
		return {**named, "bit_index": bit_indexes.pop(), "base_xp": 10}
	key, child_type = CHILD_KEY_BY_TYPE[node_type], CHILD_TYPE_BY_TYPE[node_type]
	children = [
		_named(child, child_type, f"{node_id}.{number}", bit_indexes)
		for number, child in enumerate(skeleton[key])
	]
	return {**named, "is_linear": skeleton["is_linear"], key: children}
