"""A person's traces in the database: every text column of every table is searched for the words that name him.

Tables of TRACE_TABLES hold what happened, one row an event; a row there that names him goes. Anywhere else the words are
replaced. `owner` and `modified_by` are Frappe's, which rewrites them when it renames the user.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import frappe
from memora.services.privacy import identity

NAMES_PER_UPDATE = 500
TRACE_TABLES = frozenset(
	{
		"__global_search",
		"__UserSettings",
		"tabAccess Log",
		"tabActivity Log",
		"tabDeleted Document",
		"tabDocument Follow",
		"tabError Snapshot",
		"tabNotification Log",
		"tabPrepared Report",
		"tabRoute History",
		"tabSessions",
		"tabTag Link",
		"tabVersion",
		"tabView Log",
	}
)
# Frappe rewrites these itself; the request keeps the address until nothing else holds it.
_OTHERS_COLUMNS = frozenset({"owner", "modified_by"})
_KEPT_TABLES = frozenset({"tabPersonal Data Deletion Request", "tabEmail Queue", "tabEmail Queue Recipient"})

_TEXT_COLUMNS = """
select columns.table_name, columns.column_name
from information_schema.columns columns
join information_schema.tables tables
	on tables.table_schema = columns.table_schema and tables.table_name = columns.table_name
where columns.table_schema = database() and tables.table_type = 'BASE TABLE'
	and columns.data_type in ('char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'json')
order by columns.table_name, columns.ordinal_position
"""


_NAMED_TABLES = """
select table_name from information_schema.columns
where table_schema = database() and column_name = 'name' and column_key = 'PRI'
"""


class _Table(NamedTuple):
	"""columns: that hold text. has_name: whether `name` is its key, be it a text or a number."""

	name: str
	columns: list[str]
	has_name: bool


def forget(words: Collection[str], replacement: str, spared: Collection[str] = ()) -> int:
	"""Delete the trace rows that hold one of the words, and put the replacement in its place elsewhere.

	In the caller's transaction. Returns how many rows that were.

	Args:
		spared: tables that are not looked at.
	"""
	pattern = f"(?i){identity.pattern(words)}"
	tables = [table for table in _tables() if table.name not in _KEPT_TABLES | set(spared)]
	return sum(_forget_in(table, pattern, replacement) for table in tables)


def _tables() -> Iterator[_Table]:
	columns_by_table: dict[str, list[str]] = {}
	for table, column in frappe.db.sql(_TEXT_COLUMNS):
		if column not in _OTHERS_COLUMNS:
			columns_by_table.setdefault(table, []).append(column)
	named = set(frappe.db.sql_list(_NAMED_TABLES))
	for name, columns in columns_by_table.items():
		yield _Table(name, columns, name in named)


def _forget_in(table: _Table, pattern: str, replacement: str) -> int:
	holds = f"concat_ws('\\n', {', '.join(f'`{column}`' for column in table.columns)}) regexp %(pattern)s"
	values = {"pattern": pattern, "replacement": replacement}
	if not table.has_name:
		return _change(table, holds, values)
	# Found without a lock, changed by key: a search that locks would stop everybody else's writes.
	names = frappe.db.sql_list(f"select name from `{table.name}` where {holds}", values)
	return sum(
		_change(table, "name in %(names)s", {**values, "names": tuple(names[at : at + NAMES_PER_UPDATE])})
		for at in range(0, len(names), NAMES_PER_UPDATE)
	)


def _change(table: _Table, where: str, values: dict) -> int:
	if table.name in TRACE_TABLES:
		frappe.db.sql(f"delete from `{table.name}` where {where}", values)
	else:
		changes = ", ".join(
			f"`{column}` = regexp_replace(`{column}`, %(pattern)s, %(replacement)s)"
			for column in table.columns
		)
		frappe.db.sql(f"update `{table.name}` set {changes} where {where}", values)
	return frappe.db._cursor.rowcount
