"""The API as an OpenAPI 3.1 document. The same code gives the same text, byte for byte."""

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from memora import __version__
from memora.api import caller
from memora.openapi import operations
from memora.openapi.operations import Argument, Operation
from memora.openapi.schema import JSON, example_of, object_schema, schema_of, strip_none

DESCRIPTION = """Every endpoint is a Frappe method. An app sends the cookie `sid` that login sets, and on every request
the header `X-Device-ID`. Numbers and truth values may be sent as text. Times are UTC; nothing yet is null.

A refusal names itself in `exc_type`; `_server_messages` is for people. Frappe itself refuses what does not reach an
endpoint, without a promise of ours: a body that is no JSON or no form, a method or an encoding that it does not know."""
FORM = "application/x-www-form-urlencoded"
REF = "#/components/schemas/"
_RATE_HEADERS = {
	"X-RateLimit-Limit": "Calls in a window",
	"X-RateLimit-Remaining": "Calls left in this window",
	"X-RateLimit-Reset": "Unix time at which the window ends",
}
_RETRY = "Seconds to wait"
_RETRIED = (429, 503)
_REFUSAL = {
	"type": "object",
	"properties": {
		"exc_type": {"type": "string"},
		"_server_messages": {"type": "string", "description": "JSON list of JSON messages"},
	},
	"required": ["exc_type"],
}


def build() -> JSON:
	"""The whole document."""
	components = _Components()
	paths = {
		f"/api/method/{operation.name}": {
			verb.lower(): _operation(operation, verb, components) for verb in operation.verbs
		}
		for operation in operations.find_all()
	}
	return {
		"openapi": "3.1.0",
		"info": {"title": "Memora", "version": __version__, "description": DESCRIPTION},
		"servers": [{"url": "/"}],
		"paths": paths,
		"components": {
			"schemas": {"Refusal": _REFUSAL, **dict(sorted(components.schemas.items()))},
			"responses": dict(sorted(components.responses.items())),
			"headers": {
				name: {"description": text, "schema": {"type": "integer"}}
				for name, text in {**_RATE_HEADERS, "Retry-After": _RETRY}.items()
			},
			"parameters": {"Device": _device(), "CsrfToken": _csrf_token()},
			"securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "sid"}},
		},
	}


def text() -> str:
	"""The document as docs/openapi.json has it."""
	return json.dumps(build(), indent="\t", ensure_ascii=False) + "\n"


class _Components:
	"""The shapes and the refusals that were named so far."""

	def __init__(self) -> None:
		self.schemas: dict[str, JSON] = {}
		self.responses: dict[str, JSON] = {}

	def refer(self, shape: type) -> JSON:
		name = shape.__name__
		if name not in self.schemas:
			self.schemas[name] = {}  # a shape may hold itself
			self.schemas[name] = object_schema(shape, self.refer)
		return {"$ref": REF + name}

	def refuse(self, status: int, errors: Iterable[type[Exception]]) -> JSON:
		names = [error.__name__ for error in errors]
		name = "-".join([str(status), *names])
		self.responses[name] = _refusal(status, names)
		return {"$ref": f"#/components/responses/{name}"}


def _device() -> JSON:
	schema = {"type": "string", "format": "uuid"}
	described = "A UUID of version 4 that the app makes once and keeps"
	return {
		"name": caller.DEVICE_HEADER,
		"in": "header",
		"required": True,
		"description": described,
		"schema": schema,
	}


def _csrf_token() -> JSON:
	described = "Needed once a reply has carried a csrf_token"
	return {
		"name": "X-Frappe-CSRF-Token",
		"in": "header",
		"description": described,
		"schema": {"type": "string"},
	}


def _operation(operation: Operation, verb: str, components: _Components) -> JSON:
	area, _, name = operation.name.removeprefix(caller.MEMORA_API).partition(".")
	summary, _, more = operation.text.partition("\n\n")
	parameters = [{"$ref": "#/components/parameters/Device"}] if operation.takes_device else []
	if verb != "GET":
		parameters.append({"$ref": "#/components/parameters/CsrfToken"})
	schemas = {name: _argument(each, components) for name, each in operation.arguments.items()}
	if verb == "GET":
		parameters += [_query(name, schemas[name], each) for name, each in operation.arguments.items()]
	return {
		"operationId": f"{area}.{name}" if len(operation.verbs) == 1 else f"{area}.{name}.{verb.lower()}",
		"tags": [area],
		"summary": " ".join(summary.split()),
		**({"description": more} if more else {}),
		"security": [] if operation.is_for_guests else [{"session": []}],
		**({"x-roles": list(operation.roles)} if operation.roles else {}),
		**_limit(operation),
		"parameters": parameters,
		**({"requestBody": _body(operation, schemas)} if verb != "GET" and schemas else {}),
		"responses": {"200": _success(operation, components), **_refusals(operation, components)},
	}


def _limit(operation: Operation) -> JSON:
	if operation.limit is None:
		return {}
	calls, seconds = operation.limit
	return {"x-rate-limit": {"calls": calls, "seconds": seconds}}


def _argument(argument: Argument, components: _Components) -> JSON:
	schema = schema_of(argument.kind, components.refer)
	if argument.description:
		schema = {**schema, "description": argument.description}
	return schema if argument.default is None else {**schema, "default": argument.default}


def _query(name: str, schema: JSON, argument: Argument) -> JSON:
	is_object = "$ref" in schema
	place = {"content": {"application/json": {"schema": schema}}} if is_object else {"schema": schema}
	return {"name": name, "in": "query", "required": argument.is_required, **place}


def _body(operation: Operation, schemas: dict[str, JSON]) -> JSON:
	required = [name for name, each in operation.arguments.items() if each.is_required]
	schema = {
		"type": "object",
		"properties": schemas,
		**({"required": required} if required else {}),
	}
	example = {name: example_of(operation.arguments[name].kind) for name in required or schemas}
	media = {"schema": schema, "example": example}
	has_file = any(part.get("format") == "binary" for part in schemas.values())
	content = (
		{"multipart/form-data": media} if has_file else {"application/json": media, FORM: {"schema": schema}}
	)
	return {"required": bool(required), "content": content}


def _success(operation: Operation, components: _Components) -> JSON:
	if operation.reply is None:
		media = {"schema": {"type": "string", "format": "binary"}}
		return {"description": "A file", "headers": _headers(_RATE_HEADERS), "content": {"*/*": media}}
	reply, may_be_missing = strip_none(operation.reply)
	schema = {
		"type": "object",
		"properties": {"message": schema_of(reply, components.refer)},
		**({} if may_be_missing else {"required": ["message"]}),
	}
	media = {"schema": schema, "example": {"message": example_of(reply)}}
	return {
		"description": "Done",
		"headers": _headers(_RATE_HEADERS),
		"content": {"application/json": media},
	}


def _headers(names: Iterable[str]) -> JSON:
	return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusals(operation: Operation, components: _Components) -> JSON:
	by_status = groupby(operation.errors, operations.status_of)
	return {str(status): components.refuse(status, errors) for status, errors in by_status}


def _refusal(status: int, names: list[str]) -> JSON:
	schema: dict[str, Any] = {
		"allOf": [{"$ref": REF + "Refusal"}],
		"properties": {"exc_type": {"enum": names}},
	}
	retried = {"headers": _headers(["Retry-After"])} if status in _RETRIED else {}
	media = {"schema": schema, "example": {"exc_type": names[0], "_server_messages": "[]"}}
	return {"description": ", ".join(names), **retried, "content": {"application/json": media}}
