"""Strict readers of values that come from outside. Each returns the value in its one form or raises InvalidInput.

Strict, because Frappe's own `cint("abc")` is 0, a legal value, and HTTP clients send numbers as text or as JSON.
"""

import re
import unicodedata
import uuid
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import frappe
from frappe import _
from memora.exceptions import InvalidInput

_Value = TypeVar("_Value")

MAX_ID_LENGTH = 140  # Frappe's own limit for a document's name
MIN_EMAIL_LENGTH = 3
MAX_PASSWORD_LENGTH = 512  # Frappe 15's own limit
MIN_XP_CLAIM, MAX_XP_CLAIM = 1, 1000
MAX_PLAYER_HEARTS = 3
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}\Z")
_EMAIL = re.compile(r"[^@\s<>\"(),;:\\\[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z0-9-]{2,}\Z")
_TRUE, _FALSE = {"1", "true", "yes"}, {"0", "false", "no", ""}


def parse_int(value: Any, name: str, low: int, high: int) -> int:
	"""An integer between `low` and `high`, from an int or its decimal text. Booleans and fractions are refused."""
	if isinstance(value, str) and _INTEGER.match(value.strip()):
		value = int(value)
	if isinstance(value, bool) or not isinstance(value, int):
		frappe.throw(_("{0} must be a whole number from {1} to {2}.").format(name, low, high), InvalidInput)
	if not low <= value <= high:
		frappe.throw(_("{0} must be from {1} to {2}.").format(name, low, high), InvalidInput)
	return value


def parse_text(value: Any, name: str, low: int, high: int) -> str:
	"""Text of `low` to `high` characters, stripped, without control characters."""
	if not isinstance(value, str):
		frappe.throw(_("{0} must be text.").format(name), InvalidInput)
	text = value.strip()
	# The length first: looking at each of ten million characters keeps a worker busy for seconds.
	if not low <= len(text) <= high:
		frappe.throw(_("{0} must have {1} to {2} characters.").format(name, low, high), InvalidInput)
	if has_control_characters(text):
		frappe.throw(_("{0} must not contain control characters.").format(name), InvalidInput)
	return text


def parse_optional(parse: Callable[[Any, str], _Value], value: Any, name: str) -> _Value | None:
	"""None for an argument that was left out, or sent empty as forms do; else what `parse` reads in it."""
	return None if value is None or value == "" else parse(value, name)


def has_control_characters(text: str) -> bool:
	"""Whether a control character or a lone surrogate is in the text; neither can be stored."""
	return any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def parse_id(value: Any, name: str) -> str:
	"""The name of a document. Frappe gives none with < or >, and refusals that repeat an id are shown as markup."""
	text = parse_text(value, name, 1, MAX_ID_LENGTH)
	if "<" in text or ">" in text:
		frappe.throw(_("{0} must not contain < or >.").format(name), InvalidInput)
	return text


def canonical_uuid4(value: Any) -> str | None:
	"""The canonical lower-case form of a UUID of version 4, or None for anything else."""
	try:
		parsed = uuid.UUID(value) if isinstance(value, str) else None
	except ValueError:
		return None
	is_canonical = (
		parsed and parsed.version == 4 and parsed.variant == uuid.RFC_4122 and str(parsed) == value.lower()
	)
	return str(parsed) if is_canonical else None


def parse_uuid4(value: Any, name: str = "uuid") -> str:
	"""A UUID of version 4 in its canonical lower-case form: 8-4-4-4-12 hexadecimal digits."""
	canonical = canonical_uuid4(value)
	if canonical is None:
		frappe.throw(_("{0} must be a UUID of version 4.").format(name), InvalidInput)
	return canonical


def parse_password(value: Any, name: str) -> str:
	"""A password as it was typed: nothing is stripped, and it is never repeated in a message."""
	if not isinstance(value, str) or not 1 <= len(value) <= MAX_PASSWORD_LENGTH or not _can_be_hashed(value):
		frappe.throw(_("{0} must be a password.").format(name), InvalidInput)
	return value


def _can_be_hashed(text: str) -> bool:
	"""Neither a NUL nor a lone surrogate is in the text."""
	return "\x00" not in text and not any(unicodedata.category(character) == "Cs" for character in text)


def parse_bool(value: Any, name: str) -> bool:
	"""A truth value from a bool, 0 or 1, or their usual words. "0" and "false" are false."""
	text = str(value).strip().lower() if isinstance(value, bool | int | str) else None
	if text in _TRUE:
		return True
	if text in _FALSE:
		return False
	frappe.throw(_("{0} must be true or false.").format(name), InvalidInput)


def parse_email(value: Any, name: str = "email") -> str:
	email = parse_text(value, name, MIN_EMAIL_LENGTH, MAX_ID_LENGTH)
	if not _EMAIL.match(email):
		frappe.throw(_("{0} must be an email address.").format(name), InvalidInput)
	return email


def parse_choice(value: Any, name: str, choices: Collection[str]) -> str:
	"""One of the choices, letter by letter."""
	if not isinstance(value, str) or value not in choices:
		frappe.throw(_("{0} must be one of {1}.").format(name, ", ".join(choices)), InvalidInput)
	return value


def validate_uuid(uuid_str: Any, param_name: str = "uuid") -> None:
	"""Raise frappe.ValidationError (InvalidInput) unless the text is a UUID v4."""
	parse_uuid4(uuid_str, param_name)


def validate_xp_amount(xp_amount: Any) -> None:
	"""Raise frappe.ValidationError (InvalidInput) unless 1 to 1000 XP are claimed."""
	parse_int(xp_amount, "xp_amount", MIN_XP_CLAIM, MAX_XP_CLAIM)


def validate_hearts_earned(hearts: Any) -> None:
	"""Raise frappe.ValidationError (InvalidInput) unless hearts are 0 to 3."""
	parse_int(hearts, "hearts_earned", 0, MAX_PLAYER_HEARTS)


def validate_email(email: Any) -> None:
	"""Raise frappe.ValidationError (InvalidInput) unless the text is an email address."""
	parse_email(email)
