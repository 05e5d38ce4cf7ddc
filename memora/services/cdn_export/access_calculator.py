"""Access levels and linear mode of a node, in the documented form. The rules themselves are `access_rules`."""

from collections.abc import Mapping
from typing import Any

from memora.services.cdn_export import content_repository
from memora.services.cdn_export.access_rules import Access, combine_overrides, resolve_access, resolve_linear


def apply_plan_overrides(plan_id: str) -> dict[str, dict[str, Any]]:
	"""A plan's overrides by the name of their target.

	Returns:
		{target_name: {"action": the strongest, "target_doctype": str, "fields": what all of them set together}}
	"""
	combined = combine_overrides(content_repository.load_overrides(plan_id))
	return {name: entry for (_doctype, name), entry in combined.items()}


def calculate_access_level(
	node: Any, parent_access: str | Mapping[str, Any] | None = None, plan_overrides: Mapping | None = None
) -> str | None:
	"""public, authenticated, free_preview or paid; None when the node is hidden.

	Args:
		node: a content document, or a mapping with its fields.
		parent_access: the parent's level, or its `access` object; None for a subject.
		plan_overrides: as `apply_plan_overrides` returns them.
	"""
	access = resolve_access(node, _as_access(parent_access), plan_overrides or {})
	return access.level if access else None


def _as_access(parent: str | Mapping[str, Any] | None) -> Access | None:
	if parent is None or isinstance(parent, str):
		return Access(parent) if parent else None
	item = parent.get("required_item")
	return Access(parent["access_level"], item, paid_item=item)


def calculate_linear_mode(node: Any, plan_overrides: Mapping | None = None) -> bool:
	"""True when the node's children are taken in order."""
	return resolve_linear(node, plan_overrides or {})
