"""All that Desk's page CDN Export Status shows at one look. Reads only, and a fixed number of queries."""

from collections.abc import Iterable
from typing import Any

import frappe
from memora.services.cdn_export import (
	administration,
	batch_processor,
	build_lock,
	build_progress,
	config,
	health_checker,
	sync_log,
)
from memora.services.cdn_export.dependency_resolver import PLAN

MAX_LISTED = 50


def overview(plan_id: str | None, history_rows: int) -> dict[str, Any]:
	"""The queue, what is built, what was given up, what is wrong, and what was done; times in UTC.

	Args:
		plan_id: whose history to tell; None for all plans.

	Returns:
		{"queue": as `batch_processor.get_queue_status`,
		 "waiting": as `sync_log.waiting_plans`, "dead_letters": as `sync_log.dead_letters`, both cut at 50,
		 "building": [{"plan_id", "started_at", "retry_count", "is_alive", "progress": as `build_progress.read`}],
		 "health": as `health_checker.get_findings`, "history": as `administration.history`,
		 "target": {"uploads": bool, "enabled": bool, "bucket": str, "address": str},
		 "titles": {plan: title} of the plans named here that exist}
	"""
	told: dict[str, Any] = {
		"queue": batch_processor.get_queue_status(),
		"waiting": sync_log.waiting_plans(MAX_LISTED),
		"building": [_with_progress(build) for build in sync_log.processing_plans()],
		"dead_letters": sync_log.dead_letters()[:MAX_LISTED],
		"health": health_checker.get_findings(),
		"history": administration.history(plan_id, history_rows),
		"target": _target(),
	}
	lists = (told["waiting"], told["building"], told["dead_letters"], told["history"])
	named = {row["plan_id"] for rows in (*lists, told["health"]["findings"]) for row in rows}
	failed = {row["plan_id"] for row in told["queue"]["recent_failures"]}
	return {**told, "titles": _titles({*named, *failed, plan_id or ""})}


def _with_progress(build: dict[str, Any]) -> dict[str, Any]:
	"""is_alive: False for a build that was killed; the next worker begins it again."""
	plan_id = build["plan_id"]
	return {
		**build,
		"is_alive": build_lock.is_held(plan_id),
		"progress": build_progress.read(plan_id),
	}


def _target() -> dict[str, Any]:
	settings = config.load_addresses()
	return {
		"uploads": settings.uploads,
		"enabled": settings.enabled,
		"bucket": settings.bucket_name,
		"address": settings.cdn_base_url,
	}


def _titles(plan_ids: Iterable[str]) -> dict[str, str]:
	rows = frappe.get_all(PLAN, filters={"name": ["in", list(plan_ids)]}, fields=["name", "title"])
	return {row.name: row.title for row in rows}
