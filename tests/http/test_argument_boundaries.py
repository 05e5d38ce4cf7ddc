"""Every argument at its limits, past them and of every other type: refused exactly where docs/openapi.json says so."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

from tests.http.api_world import LOGIN, APIWorld, Described, operations, resolved

# The names of an argument are free; what is wrong with one is told by naming it first.
SAYS = re.compile(r"(\w[\w ]*?) (?:must|cannot)\b")
TYPES = {
	"string": (1, 1.5, True, ["x"], {"x": 1}),
	"integer": (1.5, True, "abc", "1.0", "", [1], {"x": 1}),
	"boolean": (2, 1.5, "maybe", [True], {"x": 1}),
	"object": (1, True, "no JSON", ["x"], {}),
}
FORMATS = {
	"uuid": ("x", str(uuid.uuid1()), "5a1e7b52-6f0d-4c39-9d41", "{5a1e7b52-6f0d-4c39-9d41-2b8e0c6fa731}"),
	"email": ("salma", "salma@", "salma@school", "@school.test"),
	"password": ("a\x00b",),
}
GOOD_FORMATS = {
	"uuid": ("5a1e7b52-6f0d-4c39-9d41-2b8e0c6fa731", "5A1E7B52-6F0D-4C39-9D41-2B8E0C6FA731"),
	"email": ("a@b.co",),
}
OPTIONAL_AND_EMPTY = (None, "")
# In each of its two steps; the document can only say that no argument is needed in both.
NEEDED_BY_A_LOGIN = {"usr", "pwd", "otp"}


def type_of(schema: dict) -> str | None:
	return schema.get("type") or ("string" if "enum" in schema else None)


def refused(schema: dict, is_required: bool) -> list[Any]:
	"""Values that the schema does not allow."""
	schema = resolved(schema)
	kind = type_of(schema)
	values = [*TYPES.get(kind, ()), *FORMATS.get(schema.get("format"), ())]
	values += [value + step for bound, step in _bounds(schema) for value in [schema[bound]]]
	if kind == "string":
		values += ["x" * (schema["maxLength"] + 1)] if "maxLength" in schema else []
		values += ["x" * (schema["minLength"] - 1)] if schema.get("minLength", 0) > 1 else []
		values += ["None of them"] if "enum" in schema else []
		values += [".hidden", "a/b", "a\\b"] if "pattern" in schema else []
		values += ["a\x00b", "\ud800"] if is_name(schema) else []
	if is_required:
		may_be_empty = kind == "boolean" or (
			kind == "string" and schema.get("minLength", 0) == 0 and "maxLength" in schema
		)
		return [*values, None] if may_be_empty else [*values, *OPTIONAL_AND_EMPTY]
	return [value for value in values if value not in OPTIONAL_AND_EMPTY]


def is_name(schema: dict) -> bool:
	"""Names, titles and the like hold no control characters."""
	return schema.get("minLength", 0) > 0 and "format" not in schema


def _bounds(schema: dict) -> list[tuple[str, int]]:
	return [(bound, step) for bound, step in (("minimum", -1), ("maximum", 1)) if bound in schema]


def allowed(schema: dict, is_required: bool) -> list[Any]:
	"""Values at the very edge of what the schema allows."""
	schema = resolved(schema)
	values = [*schema.get("enum", ()), *GOOD_FORMATS.get(schema.get("format"), ())]
	for bound, _ in _bounds(schema):
		values += [schema[bound], str(schema[bound])]
	if type_of(schema) == "boolean":
		values += [True, False, "1", "0", "true", "false"]
	if "maxLength" in schema and schema.get("format") != "email":
		values += ["x" * schema["maxLength"], "x" * max(1, schema.get("minLength", 1))]
	if not schema:
		values += [1, "x", True]
	return values if is_required or "default" in schema else [*values, *OPTIONAL_AND_EMPTY]


def blamed_argument(reply) -> str | None:
	"""Which argument's form the refusal is about."""
	if reply.status_code != 417 or reply.json().get("exc_type") != "InvalidInput":
		return None
	text = json.loads(json.loads(reply.json()["_server_messages"])[0])["message"]
	found = SAYS.match(text)
	return found.group(1).lower().replace(" ", "_").replace("subjects", "filters") if found else None


class TestBoundaries(APIWorld):
	def call_with(self, operation: Described, **changed) -> str | None:
		body = {**self.arguments_of(operation), **changed}
		if operation.name == LOGIN and "tmp_id" in changed:
			body["otp"] = body.get("otp", "123456")
		if operation.name == LOGIN and "otp" in changed:
			body["tmp_id"] = "abc"
		reply = self.send(operation, {name: value for name, value in body.items() if value is not ...})
		self.assertLess(reply.status_code, 500, (operation.name, changed, reply.text[:500]))
		return blamed_argument(reply)

	def faults(self, operation: Described) -> Iterator[str]:
		"""Sentences about arguments that were taken or refused against the document."""
		required = NEEDED_BY_A_LOGIN if operation.name == LOGIN else operation.required
		for name, schema in operation.arguments.items():
			is_required = name in required
			for value in [*refused(schema, is_required), *([...] if is_required else [])]:
				blamed = self.call_with(operation, **{name: value})
				if blamed != name:
					yield f"{operation.name} took {name}={str(value)[:50]!r}, blaming {blamed}"
		# What is taken changes something, as the number of devices, by which the next call could be refused.
		for name, schema in operation.arguments.items():
			for value in allowed(schema, name in required):
				if self.call_with(operation, **{name: value}) == name:
					yield f"{operation.name} refused {name}={str(value)[:50]!r}"

	def test_every_argument_of_every_operation_is_refused_exactly_past_its_limits(self):
		sent_as_json = [operation for operation in operations() if not operation.takes_file]
		found = [fault for operation in sent_as_json for fault in self.faults(operation)]
		self.assertEqual(found, [])
