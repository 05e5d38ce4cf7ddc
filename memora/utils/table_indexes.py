"""Indexes over several columns, and columns that may be null, which a DocType's JSON cannot declare.

A DocType's controller module names them in the constants `UNIQUE_TOGETHER` and `INDEXED_TOGETHER` ({index name:
columns}) and `NULLABLE_COLUMNS`, and its `on_doctype_update` hands them to `ensure_declared`. `diagnostics` reads the
same constants. Frappe's own `add_unique` is not used: it looks for the name in every database that the user may see,
so a second site with the same database user would silently go without.
"""

import frappe
from frappe.modules import load_doctype_module

DOCTYPES_WITH_DECLARATIONS = (
	"CDN Sync Log",
	"Memora Interaction Log",
	"Memora Lesson",
	"Memora Structure Progress",
)


def ensure_declared(doctype: str) -> None:
	"""Create what the DocType's module declares and its table lacks. Commits when there is something to do."""
	module = load_doctype_module(doctype)
	for column in getattr(module, "NULLABLE_COLUMNS", ()):
		_allow_null(doctype, column)
	existing = index_names(doctype)
	for name, columns in getattr(module, "UNIQUE_TOGETHER", {}).items():
		if name not in existing:
			_add_index(doctype, "UNIQUE INDEX", name, columns)
	for name, columns in getattr(module, "INDEXED_TOGETHER", {}).items():
		if name not in existing:
			_add_index(doctype, "INDEX", name, columns)


def index_names(doctype: str) -> set[str]:
	return {row.Key_name for row in frappe.db.sql(f"SHOW INDEX FROM `tab{doctype}`", as_dict=True)}


def _add_index(doctype: str, kind: str, name: str, columns: tuple[str, ...]) -> None:
	quoted = ", ".join(f"`{column}`" for column in columns)
	frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` ADD {kind} `{name}` ({quoted})")


def _allow_null(doctype: str, column: str) -> None:
	"""Let an Int column be empty. Frappe compares its type and its default only, so it leaves this as it is."""
	definition = frappe.db.sql(f"SHOW COLUMNS FROM `tab{doctype}` LIKE %s", column, as_dict=True)[0]
	if definition.Null == "NO":
		frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` MODIFY `{column}` {definition.Type} NULL DEFAULT NULL")
