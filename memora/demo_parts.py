"""The parts that demo content is loaded in, and the record of what was made for each.

A part and its record are one transaction: after an interruption a part is there with its record or not at all. The
record is a DefaultValue row a part under RECORD_PARENT, where no user's defaults are read from.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click

import frappe

RECORD_PARENT = "__memora_demo"


class Made(NamedTuple):
	"""A document that was made. `key` is what the content files call it, if they do."""

	doctype: str
	name: str
	key: str | None = None


def read_records() -> dict[str, list[Made]]:
	"""What was made for each part, in the order of making."""
	rows = frappe.get_all(
		"DefaultValue",
		filters={"parent": RECORD_PARENT},
		fields=["defkey", "defvalue"],
		order_by="creation asc",
	)
	return {row.defkey: [Made(*entry) for entry in json.loads(row.defvalue)] for row in rows}


def load_part(part: str, make: Callable[[], list[Made]]) -> list[Made]:
	"""What was made for a part, now or by an earlier run. Made anew when its first document is gone."""
	made = read_records().get(part)
	if made and frappe.db.exists(made[0].doctype, made[0].name):
		return made
	return make_part(part, make)


def make_part(part: str, make: Callable[[], list[Made]]) -> list[Made]:
	"""Make a part whether it is there or not."""
	with _one_transaction():
		made = make()
		frappe.defaults.set_default(part, json.dumps(made), RECORD_PARENT)
	say(f"Loaded {part}")
	return made


def remove_part(part: str, delete: Callable[[], None]) -> str | None:
	"""Remove a part with its record, or return why it stays: somebody else's document links to it."""
	try:
		with _one_transaction():
			delete()
			frappe.defaults.clear_default(key=part, parent=RECORD_PARENT)
	except frappe.LinkExistsError as error:
		frappe.clear_messages()
		return re.sub(r"<[^>]+>", "", str(error))
	say(f"Removed {part}")
	return None


@contextmanager
def _one_transaction() -> Iterator[None]:
	try:
		yield
	except BaseException:
		frappe.db.rollback()
		raise
	frappe.db.commit()  # a part stands or falls with its record


def insert(doctype: str, fields: dict) -> str:
	return frappe.get_doc({"doctype": doctype, **fields}).insert(ignore_permissions=True).name


def delete(doctype: str, name: str, **options) -> None:
	"""Delete a document for good: nothing of it is kept among the deleted ones."""
	frappe.delete_doc(doctype, name, ignore_permissions=True, delete_permanently=True, **options)


def say(line: str) -> None:
	"""Progress for whoever watches a bench command; nothing where there is none."""
	if click.get_current_context(silent=True):
		click.echo(line)
