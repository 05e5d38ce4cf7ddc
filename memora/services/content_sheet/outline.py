"""Rows of a sheet <-> a tree of nodes. Pure.

The first row names the columns. Each other row is one node: its title stands in the column of its level, and below
which node it belongs tell the rows above it. A row may repeat the titles above its own; a title that differs from the
row before begins another node. A row without a title goes on with the long texts of the row above, since a cell of a
spreadsheet ends at 32,767 characters.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memora.services.content_sheet.columns import (
	COLUMN_BY_HEADER,
	HEADERS,
	ID,
	LEVELS,
	STAGE,
	SUBJECT,
	columns_of,
	read_title,
)

MAX_CELL_UNITS = 32_767
CHARACTERS_PER_PIECE = 16_000  # none has more than two units


@dataclass
class Node:
	"""A subject or something below it; a lesson's children are its stages.

	values: fieldname -> value, of those fields that are told.
	id: name of the document; "" for stages, and for what has none yet.
	row: where it stands in the sheet, counted from 1; 0 for what comes from elsewhere.
	"""

	level: int
	title: str
	id: str = ""
	values: dict[str, Any] = field(default_factory=dict)
	children: list["Node"] = field(default_factory=list)
	row: int = field(default=0, compare=False)
	sort_order: int = field(default=0, compare=False)
	is_named_only: bool = field(default=False, compare=False)

	def __iter__(self) -> Iterator["Node"]:
		"""The node and all below it, parents first."""
		yield self
		for child in self.children:
			yield from child


@dataclass(frozen=True)
class Problem:
	"""What is wrong with a sheet, for the person who wrote it. Without a row it is wrong with all of it."""

	row: int | None
	column: str | None
	message: str


@dataclass(frozen=True)
class Unreadable:
	"""A cell whose content is no plain value. `reason` goes on with a sentence that began with the column's name."""

	reason: str


Cell = str | Unreadable


# --- Reading ---------------------------------------------------------------------------------------------------


def read(table: Sequence[Sequence[Cell]]) -> tuple[Node | None, list[Problem]]:
	"""The subject that a sheet tells of, and what is wrong with the sheet.

	Args:
		table: rows of cells, the row of headers first. Blank cells are "".
	"""
	reader = _Reader()
	headers = reader.read_headers(table[0] if table else ())
	if not reader.problems:
		for number, cells in enumerate(table[1:], 2):
			reader.read_row(number, dict(zip(headers, cells, strict=False)))
		reader.finish()
	return reader.root, reader.problems


class _Reader:
	"""Keeps the node that each level is at."""

	def __init__(self):
		self.root: Node | None = None
		self.problems: list[Problem] = []
		self._current: list[Node | None] = [None] * len(LEVELS)
		self._texts: list[tuple[Node, dict[str, list]]] = []  # node -> header -> [first row, text, ...]

	def read_headers(self, cells: Iterable[Cell]) -> list[str]:
		known = {header.lower(): header for header in HEADERS}
		headers = []
		for index, cell in enumerate(cells, 1):
			text = cell.strip() if isinstance(cell, str) else "?"
			header = known.get(text.lower(), "")
			if text and not header:
				self._tell(1, text, f"“{text[:60]}” is no column of a subject's sheet.")
			elif header in headers and header:
				self._tell(1, header, f"{header} is there twice, the second time as column {index}.")
			headers.append(header)
		if LEVELS[SUBJECT] not in headers:
			self._tell(1, LEVELS[SUBJECT], "The first row has to name the columns, Subject among them.")
		return headers

	def read_row(self, number: int, cells: Mapping[str, Cell]) -> None:
		filled = {
			header: cell for header, cell in cells.items() if header and cell != "" and not _is_space(cell)
		}
		readable = {header: cell for header, cell in filled.items() if isinstance(cell, str)}
		for header in filled.keys() - readable.keys():
			self._tell(number, header, f"{header} {filled[header].reason}.")
		titles = {level: readable[name] for level, name in enumerate(LEVELS) if name in readable}
		if titles:
			self._read_node(number, titles, readable)
		elif readable:
			self._read_continuation(number, readable)

	def _read_node(self, number: int, titles: Mapping[int, str], cells: Mapping[str, str]) -> None:
		*above, level = sorted(titles)
		for each in above:
			self._enter(number, each, self._title(number, each, titles[each]))
		node = self._add(number, level, self._title(number, level, titles[level]), cells.get(ID, "").strip())
		texts = {header: [number, text] for header, text in cells.items() if header in COLUMN_BY_HEADER}
		self._texts.append((node, texts))

	def _title(self, number: int, level: int, text: str) -> str:
		try:
			return read_title(text)
		except ValueError as error:
			self._tell(number, LEVELS[level], f"{LEVELS[level]} {error}.")
			return text.strip()

	def _read_continuation(self, number: int, cells: Mapping[str, str]) -> None:
		texts = self._texts[-1][1] if self._texts else {}
		for header, text in cells.items():
			if header in texts and COLUMN_BY_HEADER[header].is_long:
				texts[header].append(text)
			else:
				self._tell(number, header, f"This row has no title, so nothing can stand in {header}.")

	def _enter(self, number: int, level: int, title: str) -> None:
		"""Go to the node that a row names above its own; begin it where it is new."""
		current = self._current[level]
		if current is None or current.title != title:
			same = [node for node in self._siblings(level) if node.title == title]
			if len(same) > 1:
				self._tell(
					number, LEVELS[level], f"“{title}” could be row {same[0].row} or row {same[1].row}."
				)
			node = same[0] if same else self._append(number, level, title)
			node.is_named_only = node.is_named_only or not same
			self._stand_at(level, node)

	def _add(self, number: int, level: int, title: str, id: str) -> Node:
		"""The row's own node. One that was only named until now gets its row."""
		same = [] if level == STAGE else [node for node in self._siblings(level) if node.title == title]
		if id and level == STAGE:
			self._tell(number, ID, "A stage has no ID.")
		if len(same) == 1 and same[0].is_named_only:
			node = same[0]
			node.id, node.row, node.is_named_only = id, number, False
		else:
			self._refuse_twins(number, level, id, same)
			node = self._append(number, level, title, id)
		self._stand_at(level, node)
		return node

	def _refuse_twins(self, number: int, level: int, id: str, same: Sequence[Node]) -> None:
		without_id = [node for node in same if not (node.id and id)]
		if without_id and level != SUBJECT:
			self._tell(
				number,
				LEVELS[level],
				f"“{without_id[0].title}” is in row {without_id[0].row} already, below the same "
				f"{LEVELS[level - 1].lower()}. Two of one title need an ID each.",
			)

	def _siblings(self, level: int) -> list[Node]:
		if level == SUBJECT:
			return [self.root] if self.root else []
		parent = self._current[level - 1]
		return parent.children if parent else []

	def _append(self, number: int, level: int, title: str, id: str = "") -> Node:
		node = Node(level, title, id, row=number)
		parent = self._current[level - 1] if level else None
		if parent:
			parent.children.append(node)
		elif level:
			above = LEVELS[level - 1]
			self._tell(number, LEVELS[level], f"“{title}” stands below no {above.lower()}: fill in {above}.")
		elif self.root:
			self._tell(
				number, LEVELS[level], f"A sheet holds one subject, and row {self.root.row} begins it."
			)
		else:
			self.root = node
		return node

	def _stand_at(self, level: int, node: Node) -> None:
		self._current[level:] = [node] + [None] * (len(LEVELS) - level - 1)

	def finish(self) -> None:
		"""Read the values, now that each text is whole, and look at the IDs."""
		for node, texts in self._texts:
			for header, (number, *pieces) in texts.items():
				self._read_value(node, header, number, "".join(pieces))
		if not self.root and not self.problems:
			self._tell(None, None, "The sheet is empty: it has no row with a subject.")
		self._refuse_repeated_ids()
		self.problems.sort(key=lambda problem: problem.row or 0)

	def _read_value(self, node: Node, header: str, number: int, text: str) -> None:
		column = COLUMN_BY_HEADER[header]
		if node.level not in column.levels:
			self._tell(number, header, f"A {LEVELS[node.level].lower()} has no {header}.")
			return
		try:
			node.values[column.fieldname] = column.read(text)
		except ValueError as error:
			self._tell(number, header, f"{header} {error}.")

	def _refuse_repeated_ids(self) -> None:
		row_of: dict[str, int] = {}
		for node in self.root or ():
			if node.id and row_of.setdefault(node.id, node.row) != node.row:
				self._tell(node.row, ID, f"{node.id} is in row {row_of[node.id]} already.")

	def _tell(self, row: int | None, column: str | None, message: str) -> None:
		self.problems.append(Problem(row, column, message))


def _is_space(cell: Cell) -> bool:
	return isinstance(cell, str) and not cell.strip()


# --- Writing ---------------------------------------------------------------------------------------------------


def write(root: Node) -> Iterator[list[str | int]]:
	"""The rows of a subject, that of the headers first. `read` makes the same tree of them."""
	yield list(HEADERS)
	for node in root:
		cells = {LEVELS[node.level]: node.title, ID: node.id}
		for column in columns_of(node.level):
			cells[column.header] = column.write(node.values.get(column.fieldname))
		pieces = [_pieces(cells.get(header, "")) for header in HEADERS]
		yield from map(list, itertools.zip_longest(*pieces, fillvalue=""))


def _pieces(value: str | int) -> list[str | int]:
	if not isinstance(value, str) or len(value.encode("utf-16-le")) // 2 < MAX_CELL_UNITS:
		return [value]
	return [value[at : at + CHARACTERS_PER_PIECE] for at in range(0, len(value), CHARACTERS_PER_PIECE)]
