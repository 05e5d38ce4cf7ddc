"""What every endpoint takes, answers and refuses: read from its signature, its decorators and its docstring."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import frappe
import memora.api
from memora import exceptions, hooks
from memora.api import guards, login_guard
from memora.openapi.schema import strip_none

# Frappe's own, before an endpoint is reached: the wrong verb or no session; an Authorization header that is none.
REFUSED_BY_FRAPPE = (frappe.PermissionError, frappe.AuthenticationError)
STAND_INS = frozenset(hooks.override_whitelisted_methods.values())
REFUSED_POSTS = (frappe.CSRFTokenError,)
_SECTION = re.compile(r"^(Args|Returns|Raises):\n((?:[ \t]+.*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^([\w., ]+): (.*(?:\n[ \t]+.*)*)", re.MULTILINE)


class Argument(NamedTuple):
	"""kind: a type with its facts. default: None where it has none."""

	kind: Any
	is_required: bool
	default: Any
	description: str


class Operation(NamedTuple):
	"""reply: None where a file is sent. limit: calls and seconds, None where a service counts.

	errors: classes of all refusals, Frappe's own among them.
	"""

	name: str
	verbs: tuple[str, ...]
	text: str
	arguments: dict[str, Argument]
	reply: Any
	roles: tuple[str, ...]
	limit: tuple[int, int] | None
	errors: tuple[type[Exception], ...]
	is_for_guests: bool
	takes_device: bool


def find_all() -> list[Operation]:
	"""Every whitelisted function of the API, by name; not those that stand in for Frappe's own."""
	names = {found.name for found in pkgutil.walk_packages(memora.api.__path__, "memora.api.")}
	for name in names:
		importlib.import_module(name)
	found = (_operation(each) for each in frappe.whitelisted if each.__module__ in names)
	return sorted(operation for operation in found if operation.name not in STAND_INS)


def status_of(error: type[Exception]) -> int:
	"""The HTTP status of an error; Frappe gives a lockout none, our login does."""
	return login_guard.LOCKED_OUT_STATUS if error is frappe.SecurityException else error.http_status_code


def _operation(endpoint: Callable) -> Operation:
	name = f"{endpoint.__module__}.{endpoint.__qualname__}"
	facts = getattr(endpoint, "memora_facts", {})
	verbs = tuple(frappe.allowed_http_methods_for_whitelisted_func[endpoint])
	is_for_guests = endpoint in frappe.guest_methods
	signature = inspect.signature(endpoint, eval_str=True)
	own = [error for function in (endpoint, *facts.get("guards", ())) for error in errors_of(function)]
	arguments = _arguments(signature, facts.get("arguments", {}), _entries(endpoint, "Args"))
	errors = {
		*own,
		*([exceptions.InvalidInput] if arguments else []),
		*_errors_of_the_gate(name),
		*REFUSED_BY_FRAPPE,
		*(REFUSED_POSTS if "POST" in verbs else ()),
	}
	return Operation(
		name,
		verbs,
		_SECTION.sub("", inspect.getdoc(endpoint) + "\n").strip(),
		arguments,
		signature.return_annotation,
		facts.get("roles", ()),
		facts.get("limit"),
		tuple(sorted(errors, key=lambda error: (status_of(error), error.__name__))),
		is_for_guests,
		exceptions.DeviceIdRequired in own,
	)


def _arguments(
	signature: inspect.Signature, noted: dict[str, Any], described: dict[str, str]
) -> dict[str, Argument]:
	"""noted: what decorators read themselves, whether they hand it on or not."""
	parameters = signature.parameters
	kinds = {**{name: parameter.annotation for name, parameter in parameters.items()}, **noted}
	defaults = {
		name: parameter.default
		for name, parameter in parameters.items()
		if parameter.default is not inspect.Parameter.empty
	}
	return {
		name: _argument(kind, defaults.get(name), described.get(name, "")) for name, kind in kinds.items()
	}


def _argument(kind: Any, default: Any, description: str) -> Argument:
	kind, is_optional = strip_none(kind)
	return Argument(kind, not is_optional and default is None, default, description)


def _errors_of_the_gate(name: str) -> list[type[Exception]]:
	if name in guards.caller.LOGINS:
		return []
	passes = guards.refuse_ended_session if name in guards.UNGUARDED_METHODS else guards.authorize_request
	return errors_of(passes)


def errors_of(function: Callable) -> list[type[Exception]]:
	"""The classes that the docstring's `Raises` names."""
	entries = _entries(function, "Raises")
	names = [name.removeprefix("frappe.") for entry in entries for name in entry.split(", ")]
	return [getattr(exceptions, name, None) or getattr(frappe, name) for name in names]


def _entries(function: Callable, section: str) -> dict[str, str]:
	"""{what stands before the colon: what is said of it} of a docstring's section."""
	doc = inspect.getdoc(function) + "\n"
	bodies = [inspect.cleandoc(body) for name, body in _SECTION.findall(doc) if name == section]
	return {name: " ".join(text.split()) for body in bodies for name, text in _iterate(body)}


def _iterate(body: str) -> Iterator[tuple[str, str]]:
	for found in _ENTRY.finditer(body):
		yield found.group(1), found.group(2)
