"""docs/openapi.json is what the code says, says all of it, and is valid."""

import json
from pathlib import Path
from typing import Annotated, get_origin

import pytest
import schemathesis
from jsonschema import Draft202012Validator

import frappe
from memora.openapi import document, operations
from tests.bench_command import run_memora

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
WRITTEN = json.loads(FILE.read_text(encoding="utf-8"))
OPERATIONS = operations.find_all()


def operation_id(operation) -> str:
	return operation.name


def written_operations() -> list[dict]:
	return [operation for path in WRITTEN["paths"].values() for operation in path.values()]


def media_types(node) -> list[dict]:
	"""Everything that has a schema and an example beside it."""
	if isinstance(node, list):
		return [found for item in node for found in media_types(item)]
	if not isinstance(node, dict):
		return []
	own = [node] if {"schema", "example"} <= set(node) else []
	return own + [found for item in node.values() for found in media_types(item)]


def test_the_checked_in_file_is_what_the_code_says():
	assert FILE.read_text(encoding="utf-8") == document.text(), (
		"write it anew: bench --site SITE memora openapi > docs/openapi.json"
	)


def test_the_command_shows_the_same_text_every_time():
	shown = run_memora("openapi")
	assert (shown.returncode, shown.stdout) == (0, document.text())


def test_a_client_of_the_standard_reads_every_operation():
	read = list(schemathesis.openapi.from_dict(WRITTEN).get_all_operations())
	assert [result for result in read if not hasattr(result, "ok")] == []
	assert len(read) == len(written_operations())


def test_every_schema_is_valid_json_schema():
	for schema in WRITTEN["components"]["schemas"].values():
		Draft202012Validator.check_schema(schema)
	for media in media_types(WRITTEN["paths"]):
		Draft202012Validator.check_schema(media["schema"])


def test_every_example_is_valid_by_its_schema():
	found = media_types(WRITTEN)
	assert len(found) > len(OPERATIONS)
	for media in found:
		schema = {**media["schema"], "components": WRITTEN["components"]}
		assert [error.message for error in Draft202012Validator(schema).iter_errors(media["example"])] == []


def test_every_endpoint_is_in_the_document_under_each_of_its_verbs():
	whitelisted = {
		(f"{each.__module__}.{each.__qualname__}", verb.lower())
		for each in frappe.whitelisted
		if each.__module__.startswith("memora.")
		if f"{each.__module__}.{each.__qualname__}" not in operations.STAND_INS
		for verb in frappe.allowed_http_methods_for_whitelisted_func[each]
	}
	written = {
		(path.removeprefix("/api/method/"), verb)
		for path, verbs in WRITTEN["paths"].items()
		for verb in verbs
	}
	assert written == whitelisted


@pytest.mark.parametrize("operation", OPERATIONS, ids=operation_id)
def test_every_argument_says_what_it_may_be(operation):
	bare = [name for name, argument in operation.arguments.items() if not says_more(argument.kind)]
	assert bare == [], "take a type of memora/api/values.py"


def says_more(kind) -> bool:
	return get_origin(kind) is Annotated or hasattr(kind, "__required_keys__")


@pytest.mark.parametrize("operation", OPERATIONS, ids=operation_id)
def test_every_reply_has_a_shape(operation):
	assert operation.reply not in (dict, list), "take a shape of memora/api/replies.py"


@pytest.mark.parametrize("operation", OPERATIONS, ids=operation_id)
def test_every_endpoint_is_for_a_role_for_players_or_says_so_of_guests(operation):
	assert operation.roles or operation.takes_device or operation.name == "memora.api.player.logout"
	assert operation.limit or operation.name == "memora.api.player.login"


def test_an_error_that_a_docstring_names_is_found_whatever_stands_around_it():
	def endpoint():
		"""Do something.

		Returns:
			{"a": Note: no error}

		Raises:
			LessonNotFound, frappe.DoesNotExistError: one
				line more: of it.
			StoreUnavailable: nothing was counted.
		"""

	assert [error.__name__ for error in operations.errors_of(endpoint)] == [
		"LessonNotFound",
		"DoesNotExistError",
		"StoreUnavailable",
	]
