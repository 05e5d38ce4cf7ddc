"""Which documents the rows of a sheet are, what changes, and in which order they stand afterwards."""

from hypothesis import given
from hypothesis import strategies as st

from memora.services.content_sheet import matching
from memora.services.content_sheet.outline import Node


def topic(*lessons):
	"""A stored subject with these lessons in one topic."""
	for index, lesson in enumerate(lessons):
		lesson.sort_order = lesson.sort_order or index * 10
	return Node(
		0,
		"S",
		"SUBJ-1",
		children=[
			Node(
				1,
				"T",
				"TRACK-1",
				children=[Node(2, "U", "UNIT-1", children=[Node(3, "P", "TOPIC-1", children=list(lessons))])],
			)
		],
	)


def sheet(*lessons, **ids):
	unit = Node(2, "U", children=[Node(3, "P", children=list(lessons))])
	return Node(0, "S", children=[Node(1, "T", children=[unit])])


def lesson(title, id="", stages=(), **values):
	return Node(4, title, id, values, list(stages))


def lesson_steps(given, stored, as_stored=str):
	steps, problems = matching.match(given, stored, as_stored)
	return [step for step in steps if step.level == 4], [problem.message for problem in problems]


def test_an_id_renames_and_a_title_alone_finds_what_has_it():
	stored = topic(lesson("A", "LESSON-1"), lesson("B", "LESSON-2"))
	steps, problems = lesson_steps(sheet(lesson("New", "LESSON-1"), lesson("B")), stored)
	assert problems == []
	assert [(step.stored.id, step.action, step.values) for step in steps] == [
		("LESSON-1", "changed", {"title": "New"}),
		("LESSON-2", "unchanged", {}),
	]


def test_the_old_title_of_a_renamed_document_is_free_again():
	stored = topic(lesson("A", "LESSON-1"))
	steps, _ = lesson_steps(sheet(lesson("B", "LESSON-1"), lesson("A")), stored)
	assert [step.action for step in steps] == ["changed", "new"]


def test_ids_of_another_subject_or_another_kind_are_refused():
	stored = topic(lesson("A", "LESSON-1"))
	_, problems = lesson_steps(sheet(lesson("A", "LESSON-9"), lesson("B", "TOPIC-1")), stored)
	assert problems == ["LESSON-9 is no lesson of this subject.", "TOPIC-1 is no lesson of this subject."]


def test_a_title_that_several_have_asks_for_an_id():
	stored = topic(lesson("A", "LESSON-1"), lesson("A", "LESSON-2"))
	_, problems = lesson_steps(sheet(lesson("A")), stored)
	assert problems == ["“A” could be any of LESSON-1, LESSON-2. Fill in the ID."]


def test_only_the_fields_that_differ_are_set_and_blank_ones_are_left():
	stored = topic(lesson("A", "LESSON-1", base_xp=10, description="old", is_published=None))
	steps, _ = lesson_steps(sheet(lesson("A", base_xp=20, is_published=0)), stored)
	assert steps[0].values == {"base_xp": 20}


def test_markup_that_is_stored_cleaned_is_no_change():
	stored = topic(lesson("<b>A</b>", "LESSON-1", description="line\r\nline"))
	given = sheet(lesson("<b onclick=1>A</b>", description="line\nline"))
	steps, _ = lesson_steps(given, stored, lambda text: text.replace(" onclick=1", ""))
	assert [step.action for step in steps] == ["unchanged"]


def test_a_lesson_put_below_another_topic_is_moved():
	stored = topic(lesson("A", "LESSON-1"))
	stored.children[0].children[0].children.append(Node(3, "Q", "TOPIC-2"))
	given = sheet()
	given.children[0].children[0].children.append(Node(3, "Q", children=[lesson("A", "LESSON-1")]))
	steps, problems = lesson_steps(given, stored)
	assert problems == []
	assert (steps[0].action, steps[0].parent.title) == ("changed", "Q")


def test_stages_are_one_list_and_left_alone_where_the_sheet_names_none():
	stages = [Node(5, "V", values={"type": "Video", "config": "{}"}), Node(5, "Q", values={"type": "Quiz"})]
	stored = topic(lesson("A", "LESSON-1", stages))
	assert lesson_steps(sheet(lesson("A")), stored)[0][0].stages is None
	assert lesson_steps(sheet(lesson("A", stages=stages)), stored)[0][0].stages is None
	step = lesson_steps(sheet(lesson("A", stages=stages[1:])), stored)[0][0]
	assert [stage["title"] for stage in step.stages] == ["Q"]
	assert step.stages[0] == {
		"title": "Q",
		"type": "Quiz",
		"weight": 0,
		"target_time": 0,
		"is_skippable": 0,
		"config": "{}",
	}


def order_after(stored_lessons, steps):
	"""Titles as the database would list them once the steps are done; new documents take the next names."""
	places = {node.id: (node.sort_order, node.id, node.title) for node in stored_lessons}
	for index, step in enumerate(steps):
		node = step.stored or step.node
		name = node.id or f"LESSON-9{index:03}"
		at = places.get(name, (0,))[0] if step.sort_order is None else step.sort_order
		places[name] = (at, name, node.title)
	return [title for _, _, title in sorted(places.values())]


@given(
	sort_orders=st.lists(st.integers(0, 5), max_size=6),
	named=st.permutations("ABCDEFUVW"),
	count=st.integers(0, 9),
)
def test_rows_stand_in_the_order_of_the_sheet_and_what_it_does_not_name_stays(sort_orders, named, count):
	ordered = sorted(sort_orders)
	stored = [lesson(title, f"LESSON-{index}") for index, title in enumerate("ABCDEF"[: len(ordered)])]
	for node, sort_order in zip(stored, ordered, strict=True):
		node.sort_order = sort_order
	whole = topic()
	whole.children[0].children[0].children[0].children = stored
	rows = list(named[:count])
	steps, problems = lesson_steps(sheet(*map(lesson, rows)), whole)
	after = order_after(stored, steps)
	assert problems == []
	assert [title for title in after if title in rows] == rows
	assert set(after) == {node.title for node in stored} | set(rows)
	if rows == [node.title for node in stored if node.title in rows]:
		assert {step.action for step in steps} <= {"unchanged"}


def test_a_lesson_put_between_two_changes_no_other():
	stored = topic(lesson("A", "LESSON-1"), lesson("B", "LESSON-2"))
	stored.children[0].children[0].children[0].children[1].sort_order = 20
	steps, _ = lesson_steps(sheet(lesson("A"), lesson("X"), lesson("B")), stored)
	assert [(step.action, step.sort_order) for step in steps] == [
		("unchanged", None),
		("new", 10),
		("unchanged", None),
	]
