"""Files from outside: what is read, and what is refused before it costs anything."""

import datetime
import io
import zipfile

import openpyxl
import pytest

from memora.services.content_sheet import workbooks
from memora.services.content_sheet.outline import Unreadable
from memora.services.content_sheet.workbooks import UnreadableFile, read_table


def workbook(*rows, title="Sheet"):
	book = openpyxl.Workbook()
	book.active.title = title
	for row in rows:
		book.active.append(row)
	return saved(book)


def saved(book):
	file = io.BytesIO()
	book.save(file)
	return file.getvalue()


def zipped(**parts):
	file = io.BytesIO()
	with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
		for name, content in parts.items():
			archive.writestr(name, content)
	return file.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv_is_read_with_every_delimiter_that_spreadsheets_write(delimiter, mark):
	lines = [delimiter.join(("Subject", "Track")), delimiter.join(("مادة", '"a, b; c\nd"'))]
	table = read_table("A.CSV", mark + "\r\n".join(lines).encode())
	assert table == [["Subject", "Track"], ["مادة", "a, b; c\nd"]]


def test_a_workbook_is_read_from_its_sheet_content_else_from_the_first():
	book = openpyxl.Workbook()
	book.active.append(["first"])
	assert read_table("a.xlsx", saved(book)) == [["first"]]
	book.create_sheet("Content").append(["content"])
	assert read_table("a.xlsx", saved(book)) == [["content"]]


def test_numbers_and_truth_values_are_read_as_a_person_sees_them():
	assert read_table("a.xlsx", workbook([5, 5.0, 1.5, True, None, " x "])) == [
		["5", "5", "1.5", "True", "", " x "]
	]


@pytest.mark.parametrize(
	("value", "reason"),
	[
		("=1+1", "holds a formula; paste its value instead"),
		("#REF!", "holds the error #REF!"),
		(
			datetime.date(2026, 1, 2),
			"was made a date by the spreadsheet; format the cell as text and type it again",
		),
	],
)
def test_a_cell_without_a_plain_value_is_told_as_such(value, reason):
	assert read_table("a.xlsx", workbook([value])) == [[Unreadable(reason)]]


def test_blank_rows_are_counted_so_that_a_row_keeps_its_number():
	assert read_table("a.csv", b"Subject\n\n\nx\n\n") == [["Subject"], [], [], ["x"]]


@pytest.mark.parametrize(
	("name", "content", "message"),
	[
		("a.xls", b"", "The file must be a spreadsheet of the kind .xlsx or .csv."),
		("a.xlsm", workbook(["x"]), "The file must be a spreadsheet of the kind .xlsx or .csv."),
		("xlsx", b"", "The file must be a spreadsheet"),
		("a.xlsx", b"Subject\n", "The file is no .xlsx workbook"),
		("a.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "An older .xls has to be saved as .xlsx"),
		("a.xlsx", zipped(a="b"), "The file cannot be read as an .xlsx workbook."),
		("a.xlsx", workbook(["x"])[:-300], "The file is no .xlsx workbook"),
		("a.xlsx", zipped(a=b"\0" * 70_000_000), "The workbook is too large."),
		("a.xlsx", zipped(**{str(number): "" for number in range(1001)}), "The workbook is too large."),
		("a.csv", b"a" * 5_000_001, "The file is larger than 5 MB."),
		("a.csv", "مادة".encode("cp1256"), "The file is not in UTF-8"),
		("a.csv", b"\x00" * 10, "The file is no .csv text."),
		("a.csv", b'a,"b', "The file cannot be read as .csv"),
		("a.csv", b'"' + b"a" * 200_000 + b'"', "The file cannot be read as .csv"),
		("a.csv", b"a\n" * 20_001, "The sheet has more than 20000 rows."),
	],
	ids=lambda value: value[:40] if isinstance(value, str) else "content",
)
def test_what_is_no_sheet_is_refused_with_a_sentence(name, content, message):
	with pytest.raises(UnreadableFile, match=message.replace(".", r"\.")):
		read_table(name, content)


def test_a_sheet_that_claims_a_million_rows_is_read_no_further_than_allowed():
	book = openpyxl.Workbook()
	book.active["A1"] = "Subject"
	book.active["XFD1048576"] = "far away"
	assert read_table("a.xlsx", saved(book))[0][0] == "Subject"
	book.active.cell(row=workbooks.MAX_ROWS + 1, column=1, value="x")
	with pytest.raises(UnreadableFile, match="more than 20000 rows"):
		read_table("a.xlsx", saved(book))


def test_entities_that_grow_without_end_are_refused():
	content = workbook(["x"])
	with zipfile.ZipFile(io.BytesIO(content)) as archive:
		parts = {name: archive.read(name) for name in archive.namelist()}
	entities = '<!ENTITY a0 "ha">' + "".join(
		f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 12)
	)
	sheet = parts["xl/worksheets/sheet1.xml"].decode()
	body = sheet.replace(
		"<sheetData>", '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&a11;</t></is></c></row>'
	)
	parts["xl/worksheets/sheet1.xml"] = f"<?xml version='1.0'?><!DOCTYPE x [{entities}]>{body}".encode()
	with pytest.raises(UnreadableFile, match=r"cannot be read as an \.xlsx workbook"):
		read_table("a.xlsx", zipped(**parts))
