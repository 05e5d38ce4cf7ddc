"""Publishing for those who may: content managers and system managers.

What changes something is a POST. Every endpoint refuses others before it looks at its arguments, and no reply holds a
secret: errors are stored without them.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import frappe
from frappe import _
from memora.api.guards import rate_limit
from memora.exceptions import InvalidInput
from memora.services.cdn_export import (
	administration,
	batch_processor,
	cdn_uploader,
	change_tracker,
	content_paths,
	health_checker,
	status_board,
	sync_log,
)
from memora.services.cdn_export import (
	preview as previews,
)
from memora.utils import validators

PUBLISHER_ROLES = ["System Manager", "Memora Content Manager"]
DEFAULT_ROWS, MAX_ROWS = 20, 200
MAX_LISTED = 200


def publishers_only(endpoint: Callable) -> Callable:
	"""Refuse everybody who may not publish."""

	@functools.wraps(endpoint)
	def call(*args, **kwargs):
		frappe.only_for(PUBLISHER_ROLES)
		return endpoint(*args, **kwargs)

	return call


# --- Desk's page -----------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def overview(plan_id: str | None = None, limit: int | str | None = None) -> dict:
	"""All that Desk's page CDN Export Status shows, in one reply; `plan_id` and `limit` are for its history.

	Returns {"queue": as `get_queue_status`, "waiting": [{"plan_id", "since", "retry_count", "next_retry_at"}],
	         "building": [{"plan_id", "started_at", "retry_count", "is_alive", "progress": {"step", "done", "total"} | None}],
	         "dead_letters": as `dead_letters`, "health": as `health_findings`, "history": as `history`,
	         "target": {"uploads", "enabled", "bucket", "address"}, "titles": {"PLAN-001": "Grade 5"}}
	"""
	plan_id = validators.parse_optional(validators.parse_id, plan_id, "plan_id")
	return status_board.overview(plan_id, _limit(limit))


# --- Queue -----------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def get_queue_status() -> dict:
	"""What waits, what failed, what was given up.

	Returns {"pending_plans": 10, "dead_letter_count": 2, "recent_failures": [...],
	         "last_processed": "2026-01-27T10:30:00", "processing": 1, "oldest_pending_seconds": 42,
	         "next_retry_at": None, "fallback": False}
	"""
	return batch_processor.get_queue_status()


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def recent_failures(limit: int | str | None = None) -> list:
	"""The last publishes that failed, the newest first.

	Returns [{"plan_id", "status", "error_message", "retry_count", "completed_at", "next_retry_at"}]
	"""
	return sync_log.recent_failures(_limit(limit))


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def history(plan_id: str | None = None, limit: int | str | None = None) -> list:
	"""The last publishes of a plan, or of all, the newest first.

	Returns [{"name", "plan_id", "status", "triggered_by", "started_at", "completed_at", "retry_count",
	          "next_retry_at", "files_uploaded", "files_unchanged", "files_deleted", "bytes_uploaded",
	          "sync_verified", "error_message"}]
	"""
	plan_id = validators.parse_optional(validators.parse_id, plan_id, "plan_id")
	return administration.history(plan_id, _limit(limit))


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def dead_letters() -> list:
	"""The plans that were given up, the oldest first. Returns [{"plan_id", "reason", "at"}]"""
	return change_tracker.dead_letters()


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def retry_dead_letter(plan_id: str | None = None) -> dict:
	"""Queue a plan that was given up, with all its retries. Returns {"status": "queued", "plan_id": "PLAN-001"}"""
	plan_id = _plan_id(plan_id)
	administration.retry_dead_letter(plan_id)
	return {"status": "queued", "plan_id": plan_id}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def clear_dead_letter(plan_id: str | None = None) -> dict:
	"""Leave a plan that was given up as it is published. Returns {"status": "cleared", "plan_id": "PLAN-001"}"""
	plan_id = _plan_id(plan_id)
	administration.clear_dead_letter(plan_id)
	return {"status": "cleared", "plan_id": plan_id}


# --- Publishing ------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def rebuild_plan(plan_id: str | None = None) -> dict:
	"""Have a plan published soon; CDN Sync Log tells how it went.

	Returns {"status": "queued", "plan_id": "PLAN-001"}
	"""
	plan_id = _plan_id(plan_id)
	batch_processor.enqueue_publish(plan_id, frappe.session.user)
	return {"status": "queued", "plan_id": plan_id}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10)
@publishers_only
def rebuild_all() -> dict:
	"""Have every published plan published soon. Returns {"status": "queued", "plans": ["PLAN-001", ...]}"""
	return {"status": "queued", "plans": administration.rebuild_all(frappe.session.user)}


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=30)
@publishers_only
def preview(plan_id: str | None = None) -> dict:
	"""What publishing a plan now would change. Lists are cut at 200; `counts` has their length.

	Returns {"plan_id": "PLAN-001", "action": "publish" | "withdraw" | "nothing" | "fail", "errors": [],
	         "counts": {"added": 1, "changed": 3, "removed": 0, "access_changes": 1}, "unchanged": 40, "players": 25,
	         "added": [path], "changed": [path], "removed": [path],
	         "access_changes": [{"doctype", "id", "title", "was": access | None, "becomes": access | None}]}
	"""
	found = previews.preview_plan(_plan_id(plan_id))
	lists = {name: value for name, value in found.items() if isinstance(value, list)}
	return {
		**found,
		"counts": {name: len(value) for name, value in lists.items() if name != "errors"},
		**{name: value[:MAX_LISTED] for name, value in lists.items()},
	}


# --- Health ----------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10)
@publishers_only
def test_connection() -> dict:
	"""Write and delete a small object in the configured bucket.

	Returns {"status": "success", "bucket": "memora-content"}, or "failed" with an "error".
	"""
	return cdn_uploader.test_connection()


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def health_findings() -> dict:
	"""What is known to be wrong with publishing.

	Returns {"findings": [{"problem", "plan_id", "detail", "since"}], "checked_at": ..., "scanned_at": ...}
	"""
	return health_checker.get_findings()


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10)
@publishers_only
def check_health() -> dict:
	"""Run the hourly check now. Returns {"checked_at": ..., "findings": [...], "told": 0}"""
	return health_checker.hourly_health_check()


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10, window_seconds=3600)
@publishers_only
def scan_plans(repair: bool | int | str = False) -> dict:
	"""Compare every plan's content, local files and files on the CDN, in the background. See `health_findings`.

	Args:
		repair: publish anew what differs.

	Returns {"status": "started", "repair": False}
	"""
	repair = validators.parse_bool(repair, "repair")
	administration.start_scan(repair)
	return {"status": "started", "repair": repair}


# --- Arguments -------------------------------------------------------------------------------------------------


def _plan_id(value: Any) -> str:
	"""A text that can name a plan, and so a folder."""
	plan_id = validators.parse_id(value, "plan_id")
	try:
		return content_paths.segment(plan_id)
	except ValueError:
		frappe.throw(_("{0} cannot name a plan.").format("plan_id"), InvalidInput)


def _limit(value: Any) -> int:
	if value in (None, ""):
		return DEFAULT_ROWS
	return validators.parse_int(value, "limit", 1, MAX_ROWS)
