"""Who may open a node, and in which order: the rules alone, without a database.

A node is any mapping or Document with the fields of a content DocType; overrides come combined by `combine_overrides`.
The first rule that applies decides: hidden, the plan's override, the free-preview flag, the node's own item, the
parent's level, the public flag, and else a login is enough.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PUBLIC, AUTHENTICATED, FREE_PREVIEW, PAID = "public", "authenticated", "free_preview", "paid"
ACCESS_LEVELS = (PUBLIC, AUTHENTICATED, FREE_PREVIEW, PAID)

HIDE, SET_FREE, SET_SOLD_SEPARATELY = "Hide", "Set Free", "Set Sold Separately"
SET_ACCESS_LEVEL, SET_LINEAR = "Set Access Level", "Set Linear"
ACTIONS_BY_STRENGTH = (HIDE, SET_FREE, SET_SOLD_SEPARATELY, SET_ACCESS_LEVEL, SET_LINEAR)
_ACCESS_ACTIONS = (SET_FREE, SET_SOLD_SEPARATELY, SET_ACCESS_LEVEL)

_TRUE, _FALSE = {"1", "true", "yes"}, {"0", "false", "no"}


@dataclass(frozen=True)
class Access:
	"""A visible node's access. `paid_item` is what paid children without an item of their own ask for."""

	level: str
	required_item: str | None = None
	is_sold_separately: bool = False
	parent_item_required: bool = False
	paid_item: str | None = None

	def to_dict(self) -> dict[str, Any]:
		"""The `access` object of the published files."""
		access: dict[str, Any] = {"is_published": True, "access_level": self.level}
		if self.required_item:
			access["required_item"] = self.required_item
		if self.is_sold_separately:
			access["is_sold_separately"] = True
		if self.parent_item_required:
			access["parent_item_required"] = True
		return access


def combine_overrides(rows: Iterable[Any]) -> dict[tuple[str, str], dict[str, Any]]:
	"""Index a plan's override rows by (target_doctype, target_name).

	Returns:
		{(doctype, name): {"action": the strongest, "target_doctype": doctype, "fields": {...}}} where fields holds,
		each only when an action sets it: is_hidden, is_linear, and from the strongest action on access
		access_level, is_sold_separately and required_item.

	Raises:
		ValueError: an action or its value is none of the known ones.
	"""
	actions_by_node: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
	for row in rows:
		node = (row.get("target_doctype"), row.get("target_name"))
		actions_by_node[node].setdefault(row.get("action"), row.get("override_value"))
	return {node: _combine(node, actions) for node, actions in actions_by_node.items()}


def _combine(node: tuple[str, str], actions: Mapping[str, Any]) -> dict[str, Any]:
	unknown = set(actions) - set(ACTIONS_BY_STRENGTH)
	if unknown:
		raise ValueError(f"{node[1]} has an unknown override action {sorted(map(str, unknown))[0]!r}")
	fields: dict[str, Any] = {"is_hidden": True} if HIDE in actions else {}
	deciding = next((action for action in _ACCESS_ACTIONS if action in actions), None)
	if deciding:
		fields.update(_access_fields(deciding, actions[deciding]))
	if SET_LINEAR in actions:
		fields["is_linear"] = parse_flag(actions[SET_LINEAR])
	return {
		"action": min(actions, key=ACTIONS_BY_STRENGTH.index),
		"target_doctype": node[0],
		"fields": fields,
	}


def _access_fields(action: str, value: Any) -> dict[str, Any]:
	if action == SET_FREE:
		return {"access_level": FREE_PREVIEW}
	if action == SET_SOLD_SEPARATELY:
		return {"access_level": PAID, "is_sold_separately": True, "required_item": value or None}
	if value not in ACCESS_LEVELS:
		raise ValueError(f"access level must be one of {', '.join(ACCESS_LEVELS)}, got {value!r}")
	return {"access_level": value}


def parse_flag(value: Any) -> bool:
	"""1/0, true/false, yes/no in any case.

	Raises:
		ValueError: it is none of these.
	"""
	text = str(int(value) if isinstance(value, bool) else value).strip().lower()
	if text not in _TRUE | _FALSE:
		raise ValueError(f"Set Linear takes 1 or 0, true or false, yes or no, got {value!r}")
	return text in _TRUE


def resolve_access(node: Any, parent: Access | None, overrides: Mapping) -> Access | None:
	"""The node's access below `parent` (None for a subject), or None when it is hidden.

	Args:
		overrides: as `combine_overrides` returns them, or keyed by the bare target name.
	"""
	fields = override_fields(node, overrides)
	if not node.get("is_published") or fields.get("is_hidden"):
		return None
	inherited_item = parent.paid_item if parent else None
	level, item = _level_and_item(node, parent, fields)
	if level != PAID:
		return Access(level, paid_item=inherited_item)
	sold_separately = bool(fields.get("is_sold_separately") or node.get("is_sold_separately"))
	if not sold_separately:
		item = item or inherited_item
	return Access(PAID, item, sold_separately, bool(node.get("parent_item_required")), item)


def _level_and_item(node: Any, parent: Access | None, fields: Mapping[str, Any]) -> tuple[str, str | None]:
	own_item = node.get("required_item") or None
	if "access_level" in fields:
		return fields["access_level"], fields.get("required_item") or own_item
	if node.get("is_free_preview"):
		return FREE_PREVIEW, None
	if own_item:
		return PAID, own_item
	if parent:
		return parent.level, None
	return (PUBLIC if node.get("is_public") else AUTHENTICATED), None


def resolve_linear(node: Any, overrides: Mapping) -> bool:
	"""Whether the node's children are taken in order: Set Linear, else the node's own flag, else False."""
	override = override_fields(node, overrides).get("is_linear")
	return bool(node.get("is_linear")) if override is None else override


def override_fields(node: Any, overrides: Mapping) -> Mapping[str, Any]:
	"""The combined override fields of a node, {} when there are none."""
	doctype, name = node.get("doctype"), node.get("name")
	entry = overrides.get((doctype, name)) or overrides.get(name) or {}
	if doctype and entry.get("target_doctype") not in (None, doctype):
		return {}
	return entry.get("fields", {})
