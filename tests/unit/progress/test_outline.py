from hypothesis import given

from memora.services.progress_engine.outline import Outline, SubjectStructure, outline_of

from . import reference
from .strategies import subjects


@given(subjects())
def test_the_nodes_are_the_trees_own_in_its_order(subject):
	nodes = Outline(subject).nodes
	assert [id(node) for node in nodes] == [id(node) for node in reference.nodes(subject)]


@given(subjects())
def test_every_lesson_is_found_at_its_position_and_nothing_else(subject):
	outline = Outline(subject)
	assert list(outline.position_by_lesson) == [lesson["id"] for lesson in reference.lessons(subject)]
	for lesson in reference.lessons(subject):
		assert outline.lesson(lesson["id"]) is lesson
	assert outline.lesson("S") is None


@given(subjects())
def test_a_containers_mask_holds_the_bits_of_the_lessons_below_it(subject):
	def check(container, node):
		assert container.mask == sum(1 << lesson["bit_index"] for lesson in reference.lessons(node))
		for below, child in zip(container.containers, reference.children(node), strict=False):
			check(below, child)

	check(Outline(subject).root, subject)


@given(subjects())
def test_the_way_to_a_lesson_names_every_node_above_it(subject):
	outline = Outline(subject)
	for lesson in reference.lessons(subject):
		path = outline.path_to(lesson["id"])
		assert list(path) == ["subject", "track", "unit", "topic", "lesson"]
		assert list(path.values()) == [node["id"] for node in reference.path_to(subject, lesson["id"])]


@given(subjects())
def test_a_loaded_structure_is_its_tree_and_keeps_its_outline(subject):
	structure = SubjectStructure(subject)
	assert structure == subject
	assert outline_of(structure) is structure.outline
	assert outline_of(subject).nodes == structure.outline.nodes
