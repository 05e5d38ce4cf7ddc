"""Hide and Set Linear of a plan, applied to a subject's tree in memory."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from memora.services.progress_engine.unlock_calculator import apply_overrides, flatten_nodes

from . import reference
from .strategies import subjects

NODE_OVERRIDES = st.fixed_dictionaries(
	{"hide": st.booleans(), "is_linear": st.sampled_from([None, True, False])}
)


@st.composite
def subjects_with_overrides(draw):
	subject = draw(subjects())
	node_ids = [node["id"] for node in reference.nodes(subject)][1:] or ["nowhere"]
	return subject, draw(st.dictionaries(st.sampled_from(node_ids), NODE_OVERRIDES, max_size=4))


def ids(nodes: list[dict]) -> list[str]:
	return [node["id"] for node in nodes]


def has_hidden_ancestor_or_is_hidden(subject: dict, node_id: str, overrides: dict) -> bool:
	return any(overrides.get(node["id"], {}).get("hide") for node in reference.path_to(subject, node_id))


@given(subjects_with_overrides())
def test_the_lessons_left_are_those_without_a_hidden_node_above_them(case):
	subject, overrides = case
	expected = [
		lesson["id"]
		for lesson in reference.lessons(subject)
		if not has_hidden_ancestor_or_is_hidden(subject, lesson["id"], overrides)
	]
	assert ids(reference.lessons(apply_overrides(subject, overrides))) == expected


@given(subjects_with_overrides())
def test_no_hidden_node_and_no_container_that_hiding_emptied_is_left(case):
	subject, overrides = case
	view = apply_overrides(subject, overrides)
	for node in flatten_nodes(view)[1:]:
		assert not has_hidden_ancestor_or_is_hidden(subject, node["id"], overrides)
		original = reference.path_to(subject, node["id"])[-1]
		assert reference.is_lesson(node) or reference.children(node) or not reference.children(original)


@given(subjects_with_overrides())
def test_linear_modes_are_the_plans_where_it_sets_one_and_the_nodes_own_elsewhere(case):
	subject, overrides = case
	for node in flatten_nodes(apply_overrides(subject, overrides)):
		if reference.is_lesson(node):
			continue
		wanted = overrides.get(node["id"], {}).get("is_linear")
		own = reference.path_to(subject, node["id"])[-1]["is_linear"]
		assert node["is_linear"] == (own if wanted is None else wanted)


@given(subjects_with_overrides())
def test_the_shared_structure_is_left_as_it_was(case):
	subject, overrides = case
	before = copy.deepcopy(subject)
	apply_overrides(subject, overrides)
	assert subject == before


@given(subjects())
def test_without_overrides_the_structure_itself_comes_back(subject):
	assert apply_overrides(subject, {}) is subject
	assert apply_overrides(subject, {"S": {"hide": False, "is_linear": None}}) is subject


def test_branches_that_no_override_touches_are_shared():
	topics = [
		{"id": f"T{n}", "title": "Topic", "is_linear": 1, "lessons": [{"id": f"L{n}", "bit_index": n}]}
		for n in (0, 1)
	]
	unit = {"id": "U", "title": "Unit", "is_linear": 1, "topics": topics}
	track = {"id": "K", "title": "Track", "is_linear": 1, "units": [unit]}
	subject = {"id": "S", "title": "Subject", "is_linear": 1, "tracks": [track]}
	view = apply_overrides(subject, {"T0": {"is_linear": False}})
	[free, untouched] = view["tracks"][0]["units"][0]["topics"]
	assert free == {**topics[0], "is_linear": False}
	assert untouched is topics[1]
