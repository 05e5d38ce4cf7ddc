"""What an administrator asks of publishing: rebuild, retry, give up, look back, scan."""

from typing import Any

import frappe
from frappe import _
from memora.services.cdn_export import change_tracker, content_repository, sync_log
from memora.utils import clock, redis_store

SCAN_JOB = "memora.services.cdn_export.health_checker.daily_full_scan"
SCAN_BUDGET_SECONDS = 1200  # a job of the long queue has 1500
MAX_ERROR_SHOWN = 1000
_HISTORY_FIELDS = (
	"name",
	"plan_id",
	"status",
	"triggered_by",
	"started_at",
	"completed_at",
	"retry_count",
	"next_retry_at",
	"files_uploaded",
	"files_unchanged",
	"files_deleted",
	"bytes_uploaded",
	"sync_verified",
	"error_message",
)
_TIMES = ("started_at", "completed_at", "next_retry_at")


def rebuild_all(triggered_by: str) -> list[str]:
	"""Queue every published plan; returns them."""
	plans = content_repository.published_plan_ids()
	for plan_id in plans:
		change_tracker.add_plan_to_queue(plan_id, triggered_by)
	return plans


def retry_dead_letter(plan_id: str) -> None:
	"""Queue a plan of the dead letter again, with all its retries.

	Raises:
		frappe.DoesNotExistError: it is not there.
	"""
	_require_found(change_tracker.retry_dead_letter(plan_id), plan_id)


def clear_dead_letter(plan_id: str) -> None:
	"""Take a plan out of the dead letter and leave it as it is published.

	Raises:
		frappe.DoesNotExistError: it is not there.
	"""
	_require_found(change_tracker.clear_dead_letter(plan_id), plan_id)


def _require_found(is_found: bool, plan_id: str) -> None:
	if not is_found:
		frappe.throw(_("{0} is not in the dead letter.").format(plan_id), frappe.DoesNotExistError)


def history(plan_id: str | None, limit: int) -> list[dict[str, Any]]:
	"""The last rows of CDN Sync Log, the newest first; times in UTC, long errors cut.

	Args:
		plan_id: None for all plans.
	"""
	rows = frappe.get_all(
		sync_log.DOCTYPE,
		filters={"plan_id": plan_id} if plan_id else {},
		fields=list(_HISTORY_FIELDS),
		order_by="creation desc, name",
		limit_page_length=limit,
	)
	for row in rows:
		row.update({field: clock.iso(clock.from_site_time(row[field])) for field in _TIMES})
		row["error_message"] = (row["error_message"] or "")[:MAX_ERROR_SHOWN]
	return rows


def start_scan(repair: bool) -> None:
	"""Scan every plan in the background; `health_checker.get_findings` tells what was found.

	Raises:
		StoreUnavailable: no job can be started.
	"""
	redis_store.enqueue(SCAN_JOB, queue="long", repair=repair, budget_seconds=SCAN_BUDGET_SECONDS)
