"""Every documented name exists where the documentation says, and takes what it says."""

import importlib
import inspect
import json
from pathlib import Path

import pytest

import frappe
import memora
from memora import hooks
from tests.contract import documentation
from tests.contract.documentation import (
	CHILD_DOCTYPES,
	DOCTYPE_FIELDS,
	DOCTYPE_METHODS,
	DOCUMENT_EVENTS,
	ENDPOINTS,
	FINER_TYPES,
	GUEST_ENDPOINTS,
	REDIS_KEYS,
	SCHEDULE,
	SELECT_OPTIONS,
	UNIQUE_FIELDS,
)
from tests.contract.pending import PENDING

DOCTYPE_FOLDER = Path(memora.__file__).parent / "memora" / "doctype"
SIGNATURES = documentation.signatures()
KEPT_SIGNATURES = {name: line for name, line in SIGNATURES.items() if "(" in line and name not in PENDING}
REQUIRED = inspect.Parameter.empty
ACCEPTS_ANYTHING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def promised(names, promise_of=lambda name: name):
	"""Test parameters; those that belong to a pending promise must fail until it is kept."""
	return [pytest.param(name, marks=marks_of(promise_of(name)), id=str(name)) for name in names]


def marks_of(promise: str) -> list:
	if promise not in PENDING:
		return []
	missing = (ImportError, AttributeError, KeyError, FileNotFoundError)
	return [pytest.mark.xfail(strict=True, reason=PENDING[promise], raises=missing)]


def resolve(dotted_path: str):
	module, name = dotted_path.rsplit(".", 1)
	return getattr(importlib.import_module(module), name)


def documented_parameters(line: str) -> list[inspect.Parameter]:
	"""The parameters of a documented signature such as "login(usr, pwd, device_name=None)"."""
	namespace: dict = {}
	exec(f"def {line}: ...", namespace)  # the text is our own, from documentation.py
	return list(inspect.signature(namespace[line.split("(")[0]]).parameters.values())


def test_every_pending_name_is_a_promise_of_the_documentation():
	assert set(PENDING) - set(documentation.promises()) == set()


# --- Functions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", promised(SIGNATURES))
def test_the_documented_function_exists(name):
	assert callable(resolve(name))


@pytest.mark.parametrize("name", KEPT_SIGNATURES)
def test_it_takes_the_documented_arguments_with_the_documented_defaults(name):
	actual = inspect.signature(resolve(name)).parameters
	expected = documented_parameters(KEPT_SIGNATURES[name])
	positions = [parameter for parameter in actual.values() if parameter.kind not in ACCEPTS_ANYTHING]
	for position, parameter in enumerate(expected):
		if parameter.kind in ACCEPTS_ANYTHING:
			assert any(one.kind == parameter.kind for one in actual.values())
			continue
		assert positions[position].name == parameter.name
		if parameter.default is not REQUIRED:
			assert positions[position].default == parameter.default
	extra = positions[len([one for one in expected if one.kind not in ACCEPTS_ANYTHING]) :]
	assert [one.name for one in extra if one.default is REQUIRED] == []


@pytest.mark.parametrize("name", promised(ENDPOINTS))
def test_the_endpoint_answers_to_the_documented_http_method_alone(name):
	endpoint = resolve(name)
	assert endpoint in frappe.whitelisted
	assert frappe.allowed_http_methods_for_whitelisted_func[endpoint] == [ENDPOINTS[name]]
	assert (endpoint in frappe.guest_methods) == (name in GUEST_ENDPOINTS)


@pytest.mark.parametrize("key", promised(REDIS_KEYS, lambda key: key[0]))
def test_the_redis_key_has_the_documented_name(key):
	function, arguments = key
	assert resolve(function)(*arguments) == REDIS_KEYS[key]


# --- DocTypes --------------------------------------------------------------------------------------------------


def schema_of(doctype: str) -> dict:
	name = frappe.scrub(doctype)
	return json.loads((DOCTYPE_FOLDER / name / f"{name}.json").read_text(encoding="utf-8"))


def fields_of(doctype: str) -> dict[str, dict]:
	return {field["fieldname"]: field for field in schema_of(doctype)["fields"]}


def type_of(field: dict) -> str:
	"""The field's type, with what it points at: "Link User"."""
	return f"{field['fieldtype']} {field['options']}" if points_somewhere(field) else field["fieldtype"]


def points_somewhere(field: dict) -> bool:
	return field["fieldtype"] in ("Link", "Table", "Dynamic Link", "Code")


@pytest.mark.parametrize("doctype", promised(DOCTYPE_FIELDS, lambda doctype: f"DocType {doctype}"))
def test_the_doctype_has_the_documented_fields_with_their_types(doctype):
	fields = fields_of(doctype)
	for name, documented_type in DOCTYPE_FIELDS[doctype].items():
		allowed = {documented_type, FINER_TYPES.get((doctype, name))}
		assert type_of(fields[name]) in allowed, name


@pytest.mark.parametrize("doctype", DOCTYPE_FIELDS)
def test_the_doctype_is_a_child_table_where_the_documentation_says_so(doctype):
	assert bool(schema_of(doctype).get("istable")) == (doctype in CHILD_DOCTYPES)


@pytest.mark.parametrize(("doctype", "fieldname"), UNIQUE_FIELDS)
def test_the_field_is_unique_in_the_database(doctype, fieldname):
	assert fields_of(doctype)[fieldname]["unique"] == 1


@pytest.mark.parametrize(("doctype", "fieldname"), SELECT_OPTIONS)
def test_the_select_offers_the_documented_values(doctype, fieldname):
	offered = fields_of(doctype)[fieldname]["options"].strip().split("\n")
	assert [value for value in offered if value] == SELECT_OPTIONS[doctype, fieldname]


def test_the_settings_are_a_single():
	assert schema_of("CDN Settings")["issingle"] == 1


@pytest.mark.parametrize(
	("doctype", "method"),
	[(doctype, method) for doctype, methods in DOCTYPE_METHODS.items() for method in methods],
)
def test_the_controller_has_the_documented_method(doctype, method):
	name = frappe.scrub(doctype)
	module = importlib.import_module(f"memora.memora.doctype.{name}.{name}")
	assert callable(getattr(getattr(module, doctype.replace(" ", "")), method))


# --- Hooks -----------------------------------------------------------------------------------------------------


def handlers_of(doctype: str, event: str) -> list[str]:
	"""Dotted paths that hooks.py names for an event; a key may be a tuple of DocTypes."""
	named = [
		events[event]
		for key, events in getattr(hooks, "doc_events", {}).items()
		if (doctype == key or (isinstance(key, tuple) and doctype in key)) and event in events
	]
	if not named:
		raise KeyError(f"hooks.py names nothing for {event} of {doctype}")
	return [path for value in named for path in ([value] if isinstance(value, str) else value)]


def scheduled_for(when: str) -> list[str]:
	events = getattr(hooks, "scheduler_events", {})
	return events.get("cron", {}).get(when, []) if " " in when else events.get(when, [])


@pytest.mark.parametrize("doctype", promised(DOCUMENT_EVENTS, lambda doctype: f"Events of {doctype}"))
def test_the_documented_events_are_registered_and_lead_to_functions(doctype):
	for event in DOCUMENT_EVENTS[doctype]:
		for path in handlers_of(doctype, event):
			assert callable(resolve(path))


@pytest.mark.parametrize("function", promised(SCHEDULE, lambda function: f"Schedule of {function}"))
def test_the_documented_job_is_scheduled_and_leads_to_a_function(function):
	if function not in scheduled_for(SCHEDULE[function]):
		raise KeyError(f"hooks.py does not schedule {function}")
	assert callable(resolve(function))


def test_every_path_in_hooks_leads_to_something():
	paths = [
		value for name, value in vars(hooks).items() if not name.startswith("_") for value in strings(value)
	]
	dotted = [path for path in paths if path.startswith("memora.") and ".bundle." not in path]
	assert dotted
	for path in dotted:
		assert callable(resolve(path)), path


def strings(value) -> list[str]:
	"""All strings in a nest of dicts, lists and tuples; values alone, no keys."""
	if isinstance(value, str):
		return [value]
	if isinstance(value, dict):
		value = value.values()
	return [text for each in value for text in strings(each)] if hasattr(value, "__iter__") else []
