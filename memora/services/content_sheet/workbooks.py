"""Rows of text <-> .xlsx and .csv files, and what a file from outside may be. Knows neither columns' meaning nor Frappe.

A text that a spreadsheet would take for a formula gets an apostrophe in front, in both kinds of file, and loses it when
it is read. What is read is text alone: a formula, a date or an error in a cell is told as such, since its value is not
what the editor sees. Macros are never looked at.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from pathlib import PurePath
from typing import Any

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from memora.services.content_sheet.matching import as_written
from memora.services.content_sheet.outline import Cell, Unreadable

XLSX, CSV = "xlsx", "csv"
SHEET_NAME = "Content"
MAX_FILE_BYTES = 5_000_000
MAX_UNPACKED_BYTES = 60_000_000
# Styles, names and the like, which the parser holds in memory whole and many times over.
MAX_SMALL_PART_BYTES = 2_000_000
LARGE_PARTS = ("xl/worksheets/", "xl/sharedStrings.xml")
MAX_PARTS = 1000
MAX_ROWS = 20_000
MAX_COLUMNS = 60
_WIDTHS = {"Description": 40, "Config": 60, "ID": 14}
_TITLE_WIDTH, _WIDTH = 24, 12
_DELIMITERS = (",", ";", "\t")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
_HEADER_FILL = PatternFill("solid", fgColor="E9EEF6")


class UnreadableFile(ValueError):
	"""The file is no sheet that can be read. The message is for the person who chose it."""


# --- Reading ---------------------------------------------------------------------------------------------------


def read_table(file_name: str, content: bytes) -> list[list[Cell]]:
	"""The rows of a file, blank ones among them, so that the first is row 1.

	Raises:
		UnreadableFile: it is none of the kinds, broken, or too large.
	"""
	extension = PurePath(file_name).suffix.lower().lstrip(".")
	if extension not in (XLSX, CSV):
		raise UnreadableFile("The file must be a spreadsheet of the kind .xlsx or .csv.")
	if len(content) > MAX_FILE_BYTES:
		raise UnreadableFile(f"The file is larger than {MAX_FILE_BYTES // 1_000_000} MB.")
	rows = _read_xlsx(content) if extension == XLSX else _read_csv(content)
	if len(rows) > MAX_ROWS:
		raise UnreadableFile(f"The sheet has more than {MAX_ROWS} rows.")
	return rows


def _read_xlsx(content: bytes) -> list[list[Cell]]:
	_refuse_bombs(content)
	try:
		book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
		sheet = book[SHEET_NAME] if SHEET_NAME in book.sheetnames else book.worksheets[0]
		# The size that a sheet claims may be anything; one row more than allowed shows that there are too many.
		rows = sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS)
		return _without_blank_end([_without_blank_end([_read_cell(cell) for cell in row]) for row in rows])
	except UnreadableFile:
		raise
	except Exception as error:
		# A broken workbook breaks the parser anywhere and in any way; what it is matters to nobody.
		raise UnreadableFile("The file cannot be read as an .xlsx workbook.") from error


def _refuse_bombs(content: bytes) -> None:
	"""A zip tells what its parts unpack to, and reading a part ends there."""
	try:
		with zipfile.ZipFile(io.BytesIO(content)) as archive:
			parts = archive.infolist()
	except zipfile.BadZipFile as error:
		raise UnreadableFile(
			"The file is no .xlsx workbook. An older .xls has to be saved as .xlsx."
		) from error
	small = [part.file_size for part in parts if not part.filename.startswith(LARGE_PARTS)]
	if (
		len(parts) > MAX_PARTS
		or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES
		or max(small, default=0) > MAX_SMALL_PART_BYTES
	):
		raise UnreadableFile("The workbook is too large.")


def _read_cell(cell: Any) -> Cell:
	value = cell.value
	if value is None:
		return ""
	if cell.data_type == "f":
		return Unreadable("holds a formula; paste its value instead")
	if cell.data_type == "e":
		return Unreadable(f"holds the error {value}")
	if isinstance(value, date | time | timedelta):
		return Unreadable("was made a date by the spreadsheet; format the cell as text and type it again")
	if isinstance(value, float):
		return str(int(value)) if value.is_integer() else str(value)
	return _unguarded(str(value))


def _read_csv(content: bytes) -> list[list[Cell]]:
	try:
		text = content.decode("utf-8-sig")
	except UnicodeDecodeError as error:
		raise UnreadableFile("The file is not in UTF-8. Save it as “CSV UTF-8”.") from error
	if "\x00" in text:
		raise UnreadableFile("The file is no .csv text.")
	first_line = text.partition("\n")[0]
	delimiter = max(_DELIMITERS, key=first_line.count)
	try:
		rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
	except csv.Error as error:
		raise UnreadableFile(f"The file cannot be read as .csv: {error}.") from error
	return _without_blank_end([_without_blank_end([_unguarded(cell) for cell in row]) for row in rows])


def _without_blank_end(items: list) -> list:
	"""Cells of a row, or rows of a sheet, without the blank ones behind the last."""
	while items and not items[-1]:
		items.pop()
	return items


# --- Writing ---------------------------------------------------------------------------------------------------


def write_csv(rows: Iterable[Sequence[str | int]]) -> bytes:
	"""UTF-8 with the mark that Excel needs to see that it is."""
	file = io.StringIO(newline="")
	writer = csv.writer(file)
	writer.writerows([_guarded(value) for value in row] for row in rows)
	return file.getvalue().encode("utf-8-sig")


def write_xlsx(
	sheets: dict[str, Iterable[Sequence[str | int]]],
	choices: dict[str, Sequence[str]] | None = None,
	right_to_left: Sequence[str] = (),
) -> bytes:
	"""A workbook.

	Args:
		sheets: name -> rows, that of the headers first.
		choices: header -> what its cells offer, on the sheet of content.
		right_to_left: names of sheets that begin at the right.
	"""
	book = openpyxl.Workbook(write_only=True)
	for name, rows in sheets.items():
		sheet = book.create_sheet(name)
		sheet.freeze_panes = "A2"
		sheet.sheet_view.rightToLeft = name in right_to_left
		rows = iter(rows)
		headers = list(next(rows))
		_lay_out(sheet, headers, (choices or {}) if name == SHEET_NAME else {})
		sheet.append([_header_cell(sheet, header) for header in headers])
		for row in rows:
			sheet.append([_cell(sheet, value) for value in row])
	file = io.BytesIO()
	book.save(file)
	return file.getvalue()


def _lay_out(sheet, headers: Sequence[str], choices: dict[str, Sequence[str]]) -> None:
	for index, header in enumerate(headers, 1):
		letter = get_column_letter(index)
		is_title = index < headers.index("ID") + 1 if "ID" in headers else False
		sheet.column_dimensions[letter].width = _TITLE_WIDTH if is_title else _WIDTHS.get(header, _WIDTH)
		if header in choices:
			offered = DataValidation(
				"list", formula1='"{}"'.format(",".join(choices[header])), allow_blank=True
			)
			offered.add(f"{letter}2:{letter}{MAX_ROWS}")
			sheet.data_validations.append(offered)


def _header_cell(sheet, header: str) -> openpyxl.cell.Cell:
	cell = _cell(sheet, header)
	cell.font, cell.fill = Font(bold=True), _HEADER_FILL
	return cell


def _cell(sheet, value: str | int) -> openpyxl.cell.Cell | int | None:
	if not isinstance(value, str):
		return value
	if not value:
		return None
	cell = WriteOnlyCell(sheet, None)
	# Set by its type, or openpyxl would guess one; and as text, or Excel would guess one when it is edited.
	cell.value, cell.data_type, cell.number_format = _guarded(value), "s", "@"
	cell.alignment = Alignment(vertical="top")
	return cell


def _guarded(value: str | int) -> str | int:
	"""A text with an apostrophe in front, where it would be a formula without. `_unguarded` takes it away."""
	if not isinstance(value, str):
		return value
	text = as_written(value)
	is_guard_like = text[:1] == "'" and text[1:].startswith(_FORMULA_STARTS)
	return f"'{text}" if is_guard_like or (text[:1] != "'" and text.startswith(_FORMULA_STARTS)) else text


def _unguarded(text: str) -> str:
	return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA_STARTS) else text
