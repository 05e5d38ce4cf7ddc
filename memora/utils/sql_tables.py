"""SQL for tables that are made of parameters, so that one statement can ask about many keys. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any


def table_of(columns: str, rows: Iterable[Sequence[Any]]) -> tuple[str, dict[str, Any]]:
	"""A derived table and its parameters.

	Args:
		columns: names, separated by spaces.
		rows: at least one; a value for each column.

	Returns:
		("select %(a0)s as a, %(b0)s as b union all select %(a1)s, %(b1)s ...", {"a0": ..., "b0": ..., ...})
	"""
	names = columns.split()
	values = {
		f"{name}{number}": value
		for number, row in enumerate(rows)
		for name, value in zip(names, row, strict=True)
	}
	first = "select " + ", ".join(f"%({name}0)s as {name}" for name in names)
	later = (
		"select " + ", ".join(f"%({name}{number})s" for name in names)
		for number in range(1, len(values) // len(names))
	)
	return " union all ".join((first, *later)), values
