from hypothesis import given

from memora.services.progress_engine.tree import holds_lessons, is_topic, lessons_of, type_of, walk

from . import reference
from .strategies import subjects


@given(subjects())
def test_walking_meets_every_node_once_parents_before_children(subject):
	assert list(walk(subject)) == reference.nodes(subject)


@given(subjects())
def test_lessons_come_in_tree_order(subject):
	assert lessons_of(subject) == reference.lessons(subject)


@given(subjects())
def test_a_container_holds_lessons_when_there_is_one_anywhere_below(subject):
	for node in walk(subject):
		assert holds_lessons(node) == bool(reference.lessons(node))


@given(subjects())
def test_a_node_is_known_by_what_it_holds(subject):
	for node in walk(subject):
		depth = node["id"].count(".")
		assert type_of(node) == ("subject", "track", "unit", "topic", "lesson")[depth]
		assert is_topic(node) == (depth == 3)


def test_children_under_children_are_found_too_when_nodes_say_their_type():
	lesson = {"id": "L", "type": "lesson"}
	topic = {"id": "T", "type": "topic", "children": [lesson]}
	unit = {"id": "U", "type": "unit", "children": [topic]}
	assert list(walk(unit)) == [unit, topic, lesson]
	assert lessons_of(unit) == [lesson]
	assert holds_lessons(unit)
