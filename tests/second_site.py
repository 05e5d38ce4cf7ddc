"""A second site of the bench, beside the test site: made once by the bench's own means, and used from this process."""

import os
import threading
from collections.abc import Callable
from typing import Any

from devbench import layout, ports, site, start

import frappe


def ensure() -> str:
	"""The name of the test site's companion, made when there is none."""
	name = f"second-{os.environ['MEMORA_TEST_SITE']}"
	bench = layout.locate(dict(os.environ))
	with start.locked(bench):
		site.ensure_test_site(bench, ports.load(bench), name)
	return name


def on_site(name: str, work: Callable[..., Any], *args: Any) -> Any:
	"""What `work` returns on another site: in a thread of its own, as a web worker serves two sites."""
	outcome: list = []

	def run():
		frappe.init(site=name, sites_path=os.environ["MEMORA_SITES_PATH"])
		frappe.connect()
		try:
			outcome.append((True, work(*args)))
			frappe.db.commit()
		except BaseException as error:
			# The thread's outer end: whatever it was, the test's thread raises it.
			outcome.append((False, error))
		finally:
			frappe.destroy()

	thread = threading.Thread(target=run)
	thread.start()
	thread.join()
	done, result = outcome[0]
	if not done:
		raise result
	return result


def rows_of(tables: dict[str, tuple[str, list[str]]]) -> dict[str, list[dict]]:
	"""{table: rows} of this site. tables: table -> (column, values)."""
	return {
		table: frappe.db.sql(f"select * from `{table}` where `{column}` in %s", [values], as_dict=True)
		for table, (column, values) in tables.items()
	}


def write_rows(rows: dict[str, list[dict]]) -> None:
	"""The same rows, names and all, on this site."""
	for table, found in rows.items():
		for row in found:
			columns = ", ".join(f"`{column}`" for column in row)
			marks = ", ".join(["%s"] * len(row))
			frappe.db.sql(f"replace into `{table}` ({columns}) values ({marks})", list(row.values()))


def delete_rows(rows: dict[str, list[dict]]) -> None:
	for table, found in rows.items():
		for row in found:
			frappe.db.sql(f"delete from `{table}` where name = %s", row["name"])
