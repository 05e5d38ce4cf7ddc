"""CDN Sync Log: one row for one publishing episode of a plan."""

from collections.abc import Mapping
from typing import Any

import frappe
from memora.utils import clock

DOCTYPE = "CDN Sync Log"
PROCESSING, SUCCESS, FAILED = "Processing", "Success", "Failed"
MAX_ERROR_LENGTH = 10_000
_COUNTS = ("files_uploaded", "files_unchanged", "files_deleted", "bytes_uploaded")


def open_episode(plan_id: str, triggered_by: str = "") -> str:
	"""Start a row and return its name."""
	row = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"plan_id": plan_id,
			"status": PROCESSING,
			"started_at": _now(),
			"triggered_by": triggered_by,
		}
	)
	return row.insert(ignore_permissions=True).name


def close_with_success(name: str, counts: Mapping[str, Any], notes: str = "") -> None:
	"""Note what was done. `notes` is what went wrong without failing the publish, such as a purge."""
	_close(
		name,
		SUCCESS,
		{**{field: counts[field] for field in _COUNTS}, "sync_verified": int(bool(counts["verified"]))},
		notes,
	)


def close_with_failure(name: str, error: str) -> None:
	_close(name, FAILED, {"sync_verified": 0}, error)


def _close(name: str, status: str, values: Mapping[str, Any], message: str) -> None:
	frappe.db.set_value(
		DOCTYPE,
		name,
		{**values, "status": status, "completed_at": _now(), "error_message": message[:MAX_ERROR_LENGTH]},
	)


def _now():
	return clock.to_site_time(clock.utc_now())
