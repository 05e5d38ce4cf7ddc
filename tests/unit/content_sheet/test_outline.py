"""What the rows of a sheet mean, and what is said of those that mean nothing."""

import pytest

from memora.services.content_sheet import outline
from memora.services.content_sheet.outline import Node, Unreadable

ABOVE = ["Subject", "Track", "Unit", "Topic", "Lesson"]
PATH = ["S", "T", "U", "P", "L"]


def read(*rows, headers=(*ABOVE, "Stage", "ID", "Description", "Published", "Base XP", "Type", "Config")):
	return outline.read([list(headers), *[list(row) + [""] * (len(headers) - len(row)) for row in rows]])


def row(**cells):
	headers = (*ABOVE, "Stage", "ID", "Description", "Published", "Base_XP", "Type", "Config")
	return [cells.get(header, "") for header in headers]


def refusals(*rows):
	_root, problems = read(*rows)
	return [(problem.row, problem.column, problem.message) for problem in problems]


def titles(node):
	return [(each.level, each.title) for each in node]


def test_a_blank_title_means_the_one_above_and_a_repeated_title_means_the_same():
	outlined, problems = read(["S"], ["", "T"], ["", "", "U"], ["", "", "", "P"], ["", "", "", "", "L"])
	flat, more = read(PATH)
	repeated, most = read(["S"], ["S", "T"], ["S", "T", "U"], ["S", "T", "U", "P"], PATH)
	assert problems == more == most == []
	assert outlined == flat == repeated


def test_a_title_that_differs_begins_another_node_and_one_may_come_back_later():
	root, problems = read(["S", "A", "1"], ["S", "B", "1"], ["S", "A", "2"])
	assert problems == []
	assert titles(root) == [(0, "S"), (1, "A"), (2, "1"), (2, "2"), (1, "B"), (2, "1")]


def test_values_belong_to_the_last_title_of_their_row():
	root, problems = read(row(**dict(zip(ABOVE, PATH, strict=True)), Description="About L", Published="yes"))
	assert problems == []
	*above, lesson = root
	assert lesson.values == {"description": "About L", "is_published": 1}
	assert [node.values for node in above] == [{}] * 4


def test_blank_rows_and_cells_tell_nothing():
	root, problems = read(["S"], [], ["  ", ""], row(Track="T", Description="  "))
	assert problems == []
	assert root == Node(0, "S", children=[Node(1, "T")])


def test_stages_may_have_one_title():
	root, problems = read(PATH, row(Stage="Q", Type="quiz"), row(Stage="Q", Type="Video"))
	assert problems == []
	assert [stage.values["type"] for stage in list(root)[4].children] == ["Quiz", "Video"]


def test_a_row_without_a_title_goes_on_with_the_text_above():
	root, problems = read(row(Subject="S", Description="one "), row(Description="two"))
	assert problems == []
	assert root.values == {"description": "one two"}


@pytest.mark.parametrize(
	("cells", "column", "message"),
	[
		({"Published": "maybe"}, "Published", "Published must be Yes or No."),
		({"Base_XP": "1001"}, "Base XP", "Base XP must be a whole number from 0 to 1000."),
		({"Base_XP": "1.5"}, "Base XP", "Base XP must be a whole number from 0 to 1000."),
		({"Base_XP": "-1"}, "Base XP", "Base XP must be a whole number from 0 to 1000."),
		({"Type": "Video"}, "Type", "A lesson has no Type."),
		({"Description": Unreadable("holds a formula")}, "Description", "Description holds a formula."),
		(
			{"Description": "é" * 40_000},
			"Description",
			"Description is too long: at most 65535 bytes can be stored.",
		),
		({"Lesson": "x" * 141}, "Lesson", "Lesson must have 1 to 140 characters."),
		({"Lesson": "two\nlines"}, "Lesson", "Lesson must be one line."),
	],
)
def test_a_wrong_cell_is_told_with_its_row_and_column(cells, column, message):
	good = dict(zip(ABOVE, PATH, strict=True))
	assert refusals(row(**{**good, **cells})) == [(2, column, message)]


@pytest.mark.parametrize(
	("cells", "column", "message"),
	[
		({"Type": "Film"}, "Type", "Type must be one of Video, Text, Quiz, Question, Interactive."),
		({"Config": "[1]"}, "Config", "Config must be a JSON object."),
		({"ID": "X"}, "ID", "A stage has no ID."),
	],
)
def test_a_wrong_stage_is_told_with_its_row_and_column(cells, column, message):
	assert refusals(PATH, row(Stage="Quiz", **cells)) == [(3, column, message)]


def test_every_mistake_of_a_sheet_is_told_in_the_order_of_the_rows():
	wrong = row(Lesson="M", Published="?", Base_XP="?")
	assert [(at, column) for at, column, _ in refusals(PATH, wrong, wrong)] == [
		(3, "Published"),
		(3, "Base XP"),
		(4, "Lesson"),
		(4, "Published"),
		(4, "Base XP"),
	]


@pytest.mark.parametrize(
	("rows", "message"),
	[
		((["S"], ["", "", "U"]), "“U” stands below no track: fill in Track."),
		((["S"], ["Z"]), "A sheet holds one subject, and row 2 begins it."),
		((["S"], ["Z", "T"]), "A sheet holds one subject, and row 2 begins it."),
		(
			(["S", "T"], ["", "T"]),
			"“T” is in row 2 already, below the same subject. Two of one title need an ID each.",
		),
		((row(Base_XP="1"), ["S"]), "This row has no title, so nothing can stand in Base XP."),
		((row(Subject="S", ID="A"), row(Track="T", ID="A")), "A is in row 2 already."),
		(([],), "The sheet is empty: it has no row with a subject."),
	],
)
def test_a_row_that_has_no_place_is_refused_by_its_title(rows, message):
	assert [told for _, _, told in refusals(*rows)] == [message]


def test_two_of_one_title_stand_side_by_side_when_each_has_its_id():
	root, problems = read(["S"], row(Track="T", ID="TRACK-1"), row(Track="T", ID="TRACK-2"))
	assert problems == []
	assert [track.id for track in root.children] == ["TRACK-1", "TRACK-2"]


@pytest.mark.parametrize(
	("headers", "message"),
	[
		(["Subject", "Grade"], "“Grade” is no column of a subject's sheet."),
		(["Subject", "Track", "Track"], "Track is there twice, the second time as column 3."),
		(["Track"], "The first row has to name the columns, Subject among them."),
		([], "The first row has to name the columns, Subject among them."),
	],
)
def test_the_first_row_has_to_name_known_columns_once(headers, message):
	root, problems = read(["S"], headers=headers)
	assert root is None
	assert [problem.message for problem in problems] == [message]


def test_headers_are_known_in_any_case_and_columns_may_be_left_out():
	root, problems = outline.read([[" subject", "PUBLISHED "], ["S", "نعم"]])
	assert problems == []
	assert root == Node(0, "S", values={"is_published": 1})
