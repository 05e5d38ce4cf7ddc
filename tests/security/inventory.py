"""What can be attacked, read from the code: endpoints, DocTypes, reports and pages. A new one is attacked without being listed."""

import functools
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import frappe
import memora

PACKAGE = Path(memora.__file__).parent
DOCTYPE_FILES = sorted((PACKAGE / "memora" / "doctype").glob("*/*.json"))


class Endpoint(NamedTuple):
	name: str
	verbs: tuple[str, ...]
	is_for_guests: bool
	arguments: tuple[str, ...]

	@property
	def verb(self) -> str:
		"""The one to call it with."""
		return self.verbs[0]

	@property
	def only_by_post(self) -> bool:
		return "GET" not in self.verbs


def modules() -> Iterator[str]:
	"""Every module of the app, imported."""
	for found in pkgutil.walk_packages([str(PACKAGE)], "memora."):
		importlib.import_module(found.name)
		yield found.name


@functools.lru_cache(maxsize=1)
def whitelisted() -> dict[str, Callable]:
	"""{dotted name: function} of everything in the app that Frappe would let a request call."""
	names = set(modules())
	found = (function for function in frappe.whitelisted if function.__module__ in names)
	return {f"{function.__module__}.{function.__qualname__}": function for function in found}


@functools.lru_cache(maxsize=1)
def endpoints() -> dict[str, Endpoint]:
	"""{dotted name: endpoint} of Memora's API."""
	return {
		name: _endpoint(name, function)
		for name, function in sorted(whitelisted().items())
		if name.startswith("memora.api.") and name not in stand_ins()
	}


def stand_ins() -> set[str]:
	"""What hooks.py puts in the place of methods of Frappe."""
	hooks = frappe.get_hooks("override_whitelisted_methods", app_name="memora")
	return {name for names in hooks.values() for name in names}


def whitelisted_elsewhere() -> set[str]:
	"""What a request may call beside the API and the stand-ins: methods of documents would be."""
	return {*whitelisted()} - {*endpoints()} - stand_ins()


def _endpoint(name: str, function: Callable) -> Endpoint:
	verbs = tuple(frappe.allowed_http_methods_for_whitelisted_func[function])
	parameters = inspect.signature(function, follow_wrapped=True).parameters.values()
	arguments = tuple(parameter.name for parameter in parameters)
	return Endpoint(name, verbs, function in frappe.guest_methods, arguments)


@functools.lru_cache(maxsize=1)
def definitions() -> dict[str, dict]:
	"""{name: definition} of all DocTypes."""
	read = [json.loads(path.read_text(encoding="utf-8")) for path in DOCTYPE_FILES]
	return {definition["name"]: definition for definition in read if definition["doctype"] == "DocType"}


def named(folder: str) -> list[str]:
	"""Names of what Desk has beside DocTypes: `report`, `page`."""
	files = sorted((PACKAGE / "memora" / folder).glob("*/*.json"))
	return [json.loads(path.read_text(encoding="utf-8"))["name"] for path in files]


def is_virtual(doctype: str) -> bool:
	"""Whether it is made from other tables, and has none."""
	return bool(definitions()[doctype].get("is_virtual"))
