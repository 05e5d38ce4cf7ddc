"""Frappe's own routes, and Memora's rows: who does not work in Desk may not even name a DocType of Memora there.

Students have no permission on any of them, but some of Frappe's methods ask for none: liking, tagging and assigning
write into whatever row they are told, and alter its table where a column lacks. So a request by a player or a guest
for anything but Memora's own API is refused when a DocType of Memora is in its address or its arguments.
"""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import frappe
from frappe import _
from memora.api import caller

# Memora's in name only: they stand in for methods of Frappe.
_STAND_INS = f"{caller.MEMORA_API}frappe_lookups."
MAX_NAME = 140
_DOCTYPES = Path(__file__).parents[1] / "memora" / "doctype"


def refuse_naming_doctypes(method: str) -> None:
	"""
	Raises:
		PermissionError: the request is not for Memora's API, and names one of its DocTypes.
	"""
	if (method.startswith(caller.MEMORA_API) and not method.startswith(_STAND_INS)) or _is_desk(method):
		return
	for text in _texts([caller.path().split("/"), dict(frappe.form_dict)]):
		if len(text) <= MAX_NAME and frappe.scrub(text.strip()) in doctype_folders():
			caller.refuse(_("Not permitted."), frappe.PermissionError)


@functools.lru_cache(maxsize=1)
def doctype_folders() -> frozenset[str]:
	"""Memora's DocTypes in the one form that `frappe.scrub` gives any way of writing them."""
	return frozenset(path.name for path in _DOCTYPES.iterdir() if (path / f"{path.name}.json").is_file())


def _is_desk(method: str) -> bool:
	"""Desk's page holds no row: Frappe shows guests the login there, and sends players away."""
	return not method and caller.path().split("/")[1:2] == ["app"]


def _texts(value: Any) -> Iterator[str]:
	"""Every text in a value, its keys too, and in the JSON that Desk's methods take as text. However deep, in one pass."""
	waiting = [value]
	while waiting:
		value = waiting.pop()
		if isinstance(value, dict):
			waiting += [*value.keys(), *value.values()]
		elif isinstance(value, list | tuple):
			waiting += value
		elif isinstance(value, str):
			yield value
			waiting.append(_parsed(value))


def _parsed(text: str) -> Any:
	"""The list, object or text that JSON holds; None for other text, and for what is nested too deep to be read."""
	if not text.lstrip().startswith(("[", "{", '"')):
		return None
	try:
		return json.loads(text)
	except (ValueError, RecursionError):
		return None
