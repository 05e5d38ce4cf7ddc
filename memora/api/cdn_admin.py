"""Publishing for those who may: content managers and system managers.

What changes something is a POST. Every endpoint refuses others before it looks at its arguments, and no reply holds a
secret: errors are stored without them.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

from typing import Annotated, Any

import frappe
from frappe import _
from memora.api.guards import only_for, rate_limit
from memora.api.replies import (
	ConnectionTest,
	DeadLetter,
	FailedPublish,
	Health,
	HealthCheck,
	PlanCleared,
	PlanQueued,
	PlansQueued,
	Preview,
	Publish,
	PublishingOverview,
	QueueStatus,
	ScanStarted,
)
from memora.api.values import Facts, PlanId, Switch
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

DEFAULT_ROWS, MAX_ROWS = 20, 200
MAX_LISTED = 200

Rows = Annotated[int, Facts(minimum=1, maximum=MAX_ROWS, default=DEFAULT_ROWS, examples=[DEFAULT_ROWS])]
PlanFolder = Annotated[PlanId, Facts(pattern=r"^[^./\\][^/\\]*$")]  # see content_paths.segment

publishers_only = only_for("System Manager", "Memora Content Manager")


# --- Desk's page -----------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def overview(plan_id: PlanId | None = None, limit: Rows | None = None) -> PublishingOverview:
	"""All that Desk's page CDN Export Status shows, in one reply; `plan_id` and `limit` are for its history."""
	plan_id = validators.parse_optional(validators.parse_id, plan_id, "plan_id")
	return status_board.overview(plan_id, _limit(limit))


# --- Queue -----------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def get_queue_status() -> QueueStatus:
	"""What waits, what failed, what was given up."""
	return batch_processor.get_queue_status()


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def recent_failures(limit: Rows | None = None) -> list[FailedPublish]:
	"""The last publishes that failed, the newest first."""
	return sync_log.recent_failures(_limit(limit))


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def history(plan_id: PlanId | None = None, limit: Rows | None = None) -> list[Publish]:
	"""The last publishes of a plan, or of all, the newest first."""
	plan_id = validators.parse_optional(validators.parse_id, plan_id, "plan_id")
	return administration.history(plan_id, _limit(limit))


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def dead_letters() -> list[DeadLetter]:
	"""The plans that were given up, the oldest first."""
	return change_tracker.dead_letters()


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def retry_dead_letter(plan_id: PlanFolder = None) -> PlanQueued:
	"""Queue a plan that was given up, with all its retries.

	Raises:
		DoesNotExistError: it is not in the dead letter.
	"""
	plan_id = _plan_id(plan_id)
	administration.retry_dead_letter(plan_id)
	return {"status": "queued", "plan_id": plan_id}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def clear_dead_letter(plan_id: PlanFolder = None) -> PlanCleared:
	"""Leave a plan that was given up as it is published.

	Raises:
		DoesNotExistError: it is not in the dead letter.
	"""
	plan_id = _plan_id(plan_id)
	administration.clear_dead_letter(plan_id)
	return {"status": "cleared", "plan_id": plan_id}


# --- Publishing ------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def rebuild_plan(plan_id: PlanFolder = None) -> PlanQueued:
	"""Have a plan published soon; CDN Sync Log tells how it went.

	Raises:
		DoesNotExistError: there is no such plan.
	"""
	plan_id = _plan_id(plan_id)
	batch_processor.enqueue_publish(plan_id, frappe.session.user)
	return {"status": "queued", "plan_id": plan_id}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10)
@publishers_only
def rebuild_all() -> PlansQueued:
	"""Have every published plan published soon."""
	return {"status": "queued", "plans": administration.rebuild_all(frappe.session.user)}


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=30)
@publishers_only
def preview(plan_id: PlanFolder = None) -> Preview:
	"""What publishing a plan now would change. Lists are cut at 200; `counts` has their length.

	Raises:
		DoesNotExistError: there is no such plan, and none was published.
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
def test_connection() -> ConnectionTest:
	"""Write and delete a small object in the configured bucket."""
	return cdn_uploader.test_connection()


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def health_findings() -> Health:
	"""What is known to be wrong with publishing."""
	return health_checker.get_findings()


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10)
@publishers_only
def check_health() -> HealthCheck:
	"""Run the hourly check now."""
	return health_checker.hourly_health_check()


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10, window_seconds=3600)
@publishers_only
def scan_plans(repair: Switch = False) -> ScanStarted:
	"""Compare every plan's content, local files and files on the CDN, in the background. See `health_findings`.

	Args:
		repair: publish anew what differs.

	Raises:
		StoreUnavailable: no job can be started.
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
