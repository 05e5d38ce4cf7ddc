"""The documented search generators: they read the plan and hand it to `search_builder`."""

from typing import Any

import frappe
from memora.services.cdn_export import content_repository, search_builder
from memora.services.cdn_export.json_generator import current_stamp
from memora.services.cdn_export.plan_content import VisibleNode, visible_subjects
from memora.services.cdn_export.search_builder import SHARD_THRESHOLD

__all__ = ["SHARD_THRESHOLD", "generate_search_index", "generate_subject_shard"]


def generate_search_index(plan_name: str) -> dict[str, Any]:
	"""The plan's search index: its entries, or above SHARD_THRESHOLD where the shards are."""
	return search_builder.build_index(plan_name, _visible(plan_name), current_stamp())


def generate_subject_shard(plan_name: str, subject_id: str) -> dict[str, Any] | None:
	"""The search entries of one subject; None when the plan does not show it."""
	subject = next((subject for subject in _visible(plan_name) if subject.id == subject_id), None)
	return search_builder.build_shard(plan_name, subject, current_stamp()) if subject else None


def _visible(plan_name: str) -> list[VisibleNode]:
	content = content_repository.load_plan(plan_name)
	if content is None:
		raise frappe.DoesNotExistError(f"Memora Academic Plan {plan_name} not found")
	return visible_subjects(content)
