"""Memora's DocTypes as the code has them, so that a new one is opened without anybody listing it."""

import json
from pathlib import Path

import memora

FOLDER = Path(memora.__file__).parent / "memora" / "doctype"
DEFINITIONS = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*/*.json"))]
# What has no table of its own, or is one of another document's, has no list.
DOCTYPES = [
	definition
	for definition in DEFINITIONS
	if not definition.get("istable") and not definition.get("is_virtual")
]


def names(*, single: bool = False, role: str | None = None, right: str = "read") -> list[str]:
	"""Names of DocTypes with a list (or of the single ones), of those only where the role has the right."""
	return [
		definition["name"]
		for definition in DOCTYPES
		if bool(definition.get("issingle")) is single and (role is None or _allows(definition, role, right))
	]


def _allows(definition: dict, role: str, right: str) -> bool:
	return any(rule["role"] == role and rule.get(right) for rule in definition["permissions"])
