"""Whatever a subject holds comes back from a file as it was, and an import of it has nothing to do."""

import pytest
from hypothesis import given, settings

from memora.services.content_sheet import matching, outline, template, workbooks
from memora.services.content_sheet.outline import Node
from tests.unit.content_sheet import trees

FILE_TYPES = ("xlsx", "csv")
few = settings(max_examples=25)


def write(rows, file_type):
	return workbooks.write_csv(rows) if file_type == "csv" else workbooks.write_xlsx({"Content": rows})


def through_a_file(subject, file_type):
	content = write(outline.write(subject), file_type)
	root, problems = outline.read(workbooks.read_table(f"subject.{file_type}", content))
	assert problems == []
	return root


@pytest.mark.parametrize("file_type", FILE_TYPES)
@few
@given(subject=trees.subjects())
def test_an_exported_subject_is_read_as_it_was_and_changes_nothing(file_type, subject):
	root = through_a_file(subject, file_type)
	assert root == trees.as_told(subject)
	steps, problems = matching.match(root, subject)
	assert problems == []
	assert {step.action for step in steps} == {matching.UNCHANGED}


@pytest.mark.parametrize("file_type", FILE_TYPES)
@few
@given(subject=trees.subjects(with_ids=False))
def test_a_sheet_without_ids_finds_its_own_subject_by_the_titles(file_type, subject):
	root = through_a_file(subject, file_type)
	steps, problems = matching.match(root, None)
	assert problems == []
	assert {step.action for step in steps} == {matching.NEW}
	for number, node in enumerate(node for node in subject if node.level < 5):
		node.id = f"ID-{number}"
	steps, problems = matching.match(root, subject)
	assert problems == []
	assert {step.action for step in steps} == {matching.UNCHANGED}


@pytest.mark.parametrize("file_type", FILE_TYPES)
@pytest.mark.parametrize("text", trees.HARD_TEXTS)
def test_no_text_becomes_a_formula_or_another_text(file_type, text):
	content = write([["Title", text], [text, 5]], file_type)
	assert workbooks.read_table(f"a.{file_type}", content) == [["Title", text], [text, "5"]]
	if file_type == "csv":
		cells = [cell for line in content.decode("utf-8-sig").splitlines() for cell in line.split(",")]
		assert not [cell for cell in cells if cell.lstrip('"')[:1] in ("=", "+", "-", "@")]


@pytest.mark.parametrize("file_type", FILE_TYPES)
@pytest.mark.parametrize("length", [32_766, 32_767, 32_768, 100_001])
def test_a_text_longer_than_a_cell_comes_back_whole(file_type, length):
	config = '{"markdown": "' + "درس 🎲"[:5] * (length // 5) + '"}'
	lesson = Node(4, "L", "LESSON-1", {}, [Node(5, "S", "", {"config": config})])
	topic = Node(3, "T", "TOPIC-1", {}, [lesson])
	subject = Node(0, "S", "SUBJ-1", {}, [Node(1, "T", "TRACK-1", {}, [Node(2, "U", "UNIT-1", {}, [topic])])])
	assert through_a_file(subject, file_type) == subject
	assert all(len(str(cell)) <= 32_767 for row in outline.write(subject) for cell in row)


@pytest.mark.parametrize("sheet", [template.ENGLISH_SHEET, template.ARABIC_SHEET])
def test_the_examples_of_the_template_are_sheets_that_can_be_imported(sheet):
	example = {
		template.ENGLISH_SHEET: template.english_example(),
		template.ARABIC_SHEET: template.arabic_example(),
	}
	assert through_a_file(example[sheet], "xlsx") == example[sheet]


def test_the_template_has_an_empty_sheet_to_write_on_and_explains_every_column():
	table = workbooks.read_table("template.xlsx", template.make_template())
	assert table == [list(outline.HEADERS)]
	explained = {row[0]: row for row in template.help_rows()}
	assert set(outline.HEADERS) <= set(explained)
	assert all(row[2] and row[3] for row in explained.values())
