"""JSON objects that people and services keep in text fields. Pure."""

import json
from typing import Any


def parse_object(value: Any) -> dict:
	"""The JSON object in a text, or the dict itself; nothing is an empty object.

	Raises:
		ValueError: a sentence without full stop that says what is wrong. Also for what Python reads but JSON does not
			have (NaN, Infinity) and for text that cannot be stored as UTF-8 (lone surrogates).
	"""
	if value is None or (isinstance(value, str) and not value.strip()):
		return {}
	try:
		text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
		parsed = json.loads(text, parse_constant=_refuse_constant)
		json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
	except RecursionError:
		raise ValueError("is nested too deeply") from None
	except UnicodeEncodeError:
		raise ValueError("contains half a character (a lone surrogate)") from None
	except (TypeError, ValueError) as error:
		raise ValueError(f"is not valid JSON ({error})") from None
	if not isinstance(parsed, dict):
		raise ValueError("must be a JSON object")
	return parsed


def normalise_object(value: Any) -> str:
	"""The text to store: as its author wrote it, or compact when it came as a dict; "{}" for nothing.

	Raises:
		ValueError: see `parse_object`.
	"""
	parsed = parse_object(value)
	if isinstance(value, str) and value.strip():
		return value.strip()
	return json.dumps(parsed, ensure_ascii=False)


def _refuse_constant(name: str):
	raise ValueError(f"{name} is no JSON number")
