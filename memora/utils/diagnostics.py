"""What an operator asks, for `bench console` and the doctor. Every answer is a dict that prints well; nothing is changed.

Is the database what the DocTypes say? Five functions take the name of a DocType that has a table; they raise InvalidInput
for an unknown DocType and for one without a table. And what is known of a player or the queue? `inspect` asks the
services that know, through hooks, since utils know no players.
"""

from pymysql.err import MySQLError

import frappe
from frappe import _
from frappe.database.schema import get_definition
from frappe.model.meta import Meta
from frappe.modules import load_doctype_module
from memora.exceptions import InvalidInput

SAMPLES_PER_FIELD = 5
# Columns that Frappe adds to a table when a feature first needs them.
_OPTIONAL_COLUMNS = frozenset(("_user_tags", "_comments", "_assign", "_liked_by", "_seen"))
_CHILD_COLUMNS = ("parent", "parenttype", "parentfield")
# What MariaDB calls a type that Frappe asks for by another name.
_TYPE_IN_DATABASE = {"json": "longtext"}


def inspect(what: str, *names: str) -> dict:
	"""The truth in MariaDB beside the copy in Redis, as `bench memora inspect` prints it.

	Args:
		what: "wallet", "session", "devices" (each with a user), "progress" (with a user and a subject), or "queue".

	Returns:
		{"about": str, "truth": dict, "copy": dict | None, "copy_state": str, "agrees": bool | None, "facts": dict}
		`agrees` is None where Redis has no copy, which is no fault.

	Raises:
		InvalidInput: there is nothing of that name to inspect.
	"""
	inspections = frappe.get_hooks("memora_inspections")
	if what not in inspections:
		raise InvalidInput(_("There is no inspection {0}, but {1}.").format(what, ", ".join(inspections)))
	return frappe.get_attr(inspections[what][-1])(*names)


def validate_schema(doctype: str) -> dict:
	"""Compare the table's columns with the DocType's fields, Frappe's own columns included.

	Returns:
		{"doctype": str, "valid": bool, "missing_columns": [str], "extra_columns": [str],
		 "type_mismatches": [{"column": str, "expected": str, "actual": str}]}
		Extra columns alone do not make a table invalid: Frappe keeps the column of a removed field.
	"""
	meta = _meta(doctype)
	expected = _field_types(meta)
	actual = {column["name"]: column["type"] for column in _columns(doctype)}
	required = {*expected, *_frappe_columns(meta)}
	missing = sorted(required - set(actual))
	mismatches = [
		{"column": column, "expected": expected[column], "actual": actual[column]}
		for column in sorted(set(expected) & set(actual))
		if expected[column] != actual[column]
	]
	return {
		"doctype": doctype,
		"valid": not missing and not mismatches,
		"missing_columns": missing,
		"extra_columns": sorted(set(actual) - required - _OPTIONAL_COLUMNS),
		"type_mismatches": mismatches,
	}


def diagnose_query_failure(doctype: str) -> dict:
	"""Run what a list of the DocType runs, then each column alone, and say which of them the database refuses.

	Returns:
		{"doctype": str, "ok": bool, "failing_columns": [str],
		 "queries": [{"query": "list" | "count" | "column", "column": str | None, "ok": bool, "error": str | None}]}
	"""
	meta = _meta(doctype)
	fields = list(_field_types(meta))
	listed = [
		"name",
		*(field.fieldname for field in meta.fields if field.in_list_view and field.fieldname in fields),
	]
	queries = [
		_try("list", None, lambda: frappe.get_all(doctype, fields=listed, limit_page_length=1)),
		_try("count", None, lambda: frappe.db.sql(f"select count(*) from `tab{doctype}`")),
	]
	for column in [*_frappe_columns(meta), *fields]:
		query = f"select `{column}` from `tab{doctype}` limit 1"
		queries.append(_try("column", column, lambda query=query: frappe.db.sql(query)))
	return {
		"doctype": doctype,
		"ok": all(query["ok"] for query in queries),
		"failing_columns": [query["column"] for query in queries if query["column"] and not query["ok"]],
		"queries": queries,
	}


def get_table_info(doctype: str) -> dict:
	"""Describe the table.

	Returns:
		{"doctype": str, "table": str, "engine": str, "collation": str, "rows": int (counted, not estimated),
		 "data_bytes": int, "index_bytes": int,
		 "columns": [{"name": str, "type": str, "nullable": bool, "default": str | None}],
		 "indexes": [{"name": str, "columns": [str], "unique": bool}]}
	"""
	_meta(doctype)
	[status] = frappe.db.sql(
		"""select engine, table_collation as collation, data_length, index_length
		from information_schema.tables where table_schema = database() and table_name = %s""",
		f"tab{doctype}",
		as_dict=True,
	)
	return {
		"doctype": doctype,
		"table": f"tab{doctype}",
		"engine": status.engine,
		"collation": status.collation,
		"rows": frappe.db.sql(f"select count(*) from `tab{doctype}`")[0][0],
		"data_bytes": status.data_length,
		"index_bytes": status.index_length,
		"columns": _columns(doctype),
		"indexes": _indexes(doctype),
	}


def check_foreign_keys(doctype: str) -> dict:
	"""Find links that point at nothing. Frappe declares no foreign keys, so the database does not keep them.

	Returns:
		{"doctype": str, "valid": bool,
		 "links": [{"fieldname": str, "target": str, "dangling": int,
		            "samples": [{"name": str, "value": str}] (up to 5)}]}
		A dynamic link has one entry for each DocType that its rows name.
	"""
	meta = _meta(doctype)
	links = [_dangling(doctype, field.fieldname, field.options) for field in meta.get_link_fields()]
	for field in meta.get_dynamic_link_fields():
		for target in _named_targets(doctype, field.options):
			links.append(_dangling(doctype, field.fieldname, target, chosen_by=field.options))
	return {"doctype": doctype, "valid": not any(link["dangling"] for link in links), "links": links}


def validate_indexes(doctype: str) -> dict:
	"""Compare the indexes that the DocType declares (unique and indexed fields, and those over several columns that
	its module names) with those that the table has.

	Returns:
		{"doctype": str, "valid": bool, "missing": [{"columns": [str], "unique": bool}],
		 "undeclared": [str] (names of indexes that nothing asks for; they only cost)}
	"""
	meta = _meta(doctype)
	declared = _declared_indexes(meta)
	existing = {(tuple(index["columns"]), index["unique"]): index["name"] for index in _indexes(doctype)}
	missing = [index for index in declared if index not in existing]
	wanted = {
		*declared,
		*(((column,), False) for column in ("creation", "modified", "parent")),
		(("name",), True),
	}
	return {
		"doctype": doctype,
		"valid": not missing,
		"missing": [{"columns": list(columns), "unique": unique} for columns, unique in missing],
		"undeclared": sorted(name for index, name in existing.items() if index not in wanted),
	}


def _meta(doctype: str) -> Meta:
	if not isinstance(doctype, str) or not frappe.db.exists("DocType", doctype):
		raise InvalidInput(_("There is no DocType {0}.").format(doctype))
	meta = frappe.get_meta(doctype, cached=False)
	if meta.issingle or meta.get("is_virtual"):
		raise InvalidInput(_("{0} has no table of its own.").format(doctype))
	return meta


def _field_types(meta: Meta) -> dict[str, str]:
	"""The column type of each field that has a column."""
	types = {}
	for field in meta.fields:
		if field.get("is_virtual"):
			continue
		definition = get_definition(field.fieldtype, precision=field.precision, length=field.length)
		if definition:
			types[field.fieldname] = _TYPE_IN_DATABASE.get(definition, definition)
	return types


def _frappe_columns(meta: Meta) -> list[str]:
	return [*frappe.db.DEFAULT_COLUMNS, *(_CHILD_COLUMNS if meta.istable else ())]


def _columns(doctype: str) -> list[dict]:
	rows = frappe.db.sql(f"SHOW COLUMNS FROM `tab{doctype}`", as_dict=True)
	return [
		{"name": row.Field, "type": row.Type, "nullable": row.Null == "YES", "default": row.Default}
		for row in rows
	]


def _indexes(doctype: str) -> list[dict]:
	"""One entry an index, its columns in order."""
	indexes: dict[str, dict] = {}
	for row in frappe.db.sql(f"SHOW INDEX FROM `tab{doctype}`", as_dict=True):
		index = indexes.setdefault(
			row.Key_name, {"name": row.Key_name, "columns": [], "unique": not row.Non_unique}
		)
		index["columns"].append(row.Column_name)
	return list(indexes.values())


def _declared_indexes(meta: Meta) -> list[tuple[tuple[str, ...], bool]]:
	"""(columns, unique) of each index that somebody asked for."""
	declared = []
	for field in meta.fields:
		if field.unique or field.search_index:
			declared.append(((field.fieldname,), bool(field.unique)))
	if not meta.custom:
		module = load_doctype_module(meta.name)
		declared += [(tuple(columns), True) for columns in getattr(module, "UNIQUE_TOGETHER", {}).values()]
		declared += [(tuple(columns), False) for columns in getattr(module, "INDEXED_TOGETHER", {}).values()]
	return declared


def _try(query: str, column: str | None, run) -> dict:
	try:
		run()
	except MySQLError as error:
		return {"query": query, "column": column, "ok": False, "error": str(error)}
	return {"query": query, "column": column, "ok": True, "error": None}


def _named_targets(doctype: str, chooser: str) -> list[str]:
	rows = frappe.db.sql(
		f"select distinct `{chooser}` from `tab{doctype}` where ifnull(`{chooser}`, '') <> ''"
	)
	return [target for (target,) in rows]


def _dangling(doctype: str, fieldname: str, target: str, chosen_by: str | None = None) -> dict:
	"""Count the values of one link field that name no row of the target, and show some."""
	condition = f"ifnull(source.`{fieldname}`, '') <> ''"
	if chosen_by:
		condition += f" and source.`{chosen_by}` = {frappe.db.escape(target)}"
	join = ""
	if frappe.db.table_exists(target, cached=False):
		join = f"left join `tab{target}` target on target.name = source.`{fieldname}`"
		condition += " and target.name is null"
	elif frappe.db.get_value("DocType", target, "issingle"):
		condition += f" and source.`{fieldname}` <> {frappe.db.escape(target)}"
	rows = f"from `tab{doctype}` source {join} where {condition}"
	return {
		"fieldname": fieldname,
		"target": target,
		"dangling": frappe.db.sql(f"select count(*) {rows}")[0][0],
		"samples": frappe.db.sql(
			f"select source.name as name, source.`{fieldname}` as value {rows} order by source.name "
			f"limit {SAMPLES_PER_FIELD}",
			as_dict=True,
		),
	}
