"""Types as JSON Schema, and an example of each. Pure.

Annotated carries JSON Schema beside its type; a TypedDict becomes a component of its own.
"""

import inspect
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

NAMES = {
	str: "string",
	bytes: "string",
	int: "integer",
	float: "number",
	bool: "boolean",
	dict: "object",
	list: "array",
	type(None): "null",
}
EXAMPLES = {str: "text", bytes: "", int: 1, float: 1.5, bool: True, Any: None, type(None): None}
JSON = dict[str, Any]


def strip_none(kind: Any) -> tuple[Any, bool]:
	"""`X | None` as (X, True), anything else as (itself, False)."""
	if get_origin(kind) not in (Union, types.UnionType) or type(None) not in get_args(kind):
		return kind, False
	rest = [each for each in get_args(kind) if each is not type(None)]
	return Union[tuple(rest)], True  # noqa: UP007, the members are not known here


def schema_of(kind: Any, refer: Callable[[type], JSON]) -> JSON:
	"""The JSON Schema of a type.

	Args:
		refer: what stands for a TypedDict.
	"""
	if kind is Any:
		return {}
	if is_typeddict(kind):
		return refer(kind)
	if kind in NAMES:
		return {"type": NAMES[kind]}
	origin, members = get_origin(kind), get_args(kind)
	if origin is Annotated:
		return _annotated(schema_of(members[0], refer), members[1:])
	if origin is Literal:
		return {"enum": list(members)}
	if origin is list:
		return {"type": "array", "items": schema_of(members[0], refer)}
	if origin is dict:
		return {"type": "object", "additionalProperties": schema_of(members[1], refer)}
	return {"anyOf": [schema_of(member, refer) for member in members]}


def _annotated(base: JSON, facts: tuple[JSON, ...]) -> JSON:
	for each in facts:
		base = {**base, **each}
	return base


def object_schema(shape: type, refer: Callable[[type], JSON]) -> JSON:
	"""The JSON Schema of a TypedDict itself."""
	described = {"description": inspect.cleandoc(shape.__doc__)} if vars(shape).get("__doc__") else {}
	fields = get_type_hints(shape, include_extras=True)
	required = sorted(shape.__required_keys__)
	return {
		"type": "object",
		**described,
		"properties": {name: schema_of(kind, refer) for name, kind in sorted(fields.items())},
		**({"required": required} if required else {}),
	}


def example_of(kind: Any, inside: tuple[type, ...] = ()) -> Any:
	"""A value of the type; lists hold one item, and none where a shape would hold itself."""
	kind, _ = strip_none(kind)
	if is_typeddict(kind):
		fields = get_type_hints(kind, include_extras=True)
		return {name: example_of(field, (*inside, kind)) for name, field in sorted(fields.items())}
	if kind in EXAMPLES:
		return EXAMPLES[kind]
	origin, members = get_origin(kind), get_args(kind)
	if origin is Annotated:
		told = [fact["examples"][0] for fact in members[1:] if "examples" in fact]
		return told[-1] if told else example_of(members[0], inside)
	if origin is list:
		return [] if members[0] in inside else [example_of(members[0], inside)]
	if origin is Literal:
		return members[0]
	return {} if origin is dict else example_of(members[0], inside)
