"""Publishing a plan from the database to verified files, step by step.

Under the plan's lock: read, build in memory, validate everything, write locally with the manifest last, upload with the
manifest last. Whatever fails before a manifest leaves the plan published there as it was. Each publish is one row of
CDN Sync Log.
"""

import time
from typing import Any

import frappe
from frappe import _
from memora.services.cdn_export import (
	config,
	content_repository,
	file_builder,
	local_publisher,
	local_storage,
	structure_export,
	sync_log,
)
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.build_lock import BuildLock, plan_build_lock
from memora.services.cdn_export.cdn_publisher import CdnPublisher, CdnResult
from memora.services.cdn_export.config import CdnSettings
from memora.services.cdn_export.errors import InvalidContent, StaleContent
from memora.services.cdn_export.json_generator import current_stamp
from memora.services.cdn_export.local_publisher import BuiltPlan, LocalResult
from memora.services.cdn_export.plan_content import PlanContent, visible_subjects, withheld_nodes
from memora.services.cdn_export.schema_validator import validate_all_json_files, validate_json_schema

__all__ = ["enqueue_publish", "publish_plan", "validate_all_json_files", "validate_json_schema"]

MAX_READS = 3  # of a build that meets newer shared lessons each time
MAX_ERRORS_TOLD = 5
ERROR_TITLE = "CDN Plan Rebuild Error"


def _rebuild_plan(plan_id: str, triggered_by: str = "job") -> bool:
	"""Publish a plan from a job: True when it is published, False when it failed and was logged."""
	try:
		publish_plan(plan_id, triggered_by)
	except Exception:
		# The job's outer loop: one plan's failure, whatever it is, must not stop the others.
		frappe.log_error(title=ERROR_TITLE, message=f"{plan_id}\n\n{_safe_traceback()}")
		return False
	return True


def enqueue_publish(plan_id: str, triggered_by: str) -> None:
	"""Publish a plan in the background; CDN Sync Log tells how it went.

	Raises:
		frappe.DoesNotExistError: there is no such plan.
	"""
	if not frappe.db.exists("Memora Academic Plan", plan_id):
		frappe.throw(_("There is no plan {0}.").format(plan_id), frappe.DoesNotExistError)
	job = f"{__name__}.{_rebuild_plan.__name__}"
	frappe.enqueue(job, queue="long", plan_id=plan_id, triggered_by=triggered_by)


def is_known_plan(plan_id: str) -> bool:
	"""Whether there is such a plan, or one that is gone has left published files to withdraw."""
	return bool(
		frappe.db.exists("Memora Academic Plan", plan_id)
		or local_storage.read_bytes(paths.manifest_path(plan_id))
	)


def publish_plan(plan_id: str, triggered_by: str = "") -> dict[str, Any]:
	"""Publish a plan locally and, when the CDN is enabled, there too. One that is unpublished or gone is withdrawn.

	Returns:
		{"plan_id": str, "status": "published" | "withdrawn", "files": what the plan consists of, "written": int,
		 "unchanged": what was not uploaded, or without a CDN not written, "uploaded": int, "deleted": int,
		 "bytes_uploaded": int, "seconds": float,
		 "verified": True when the CDN was read back, None when nothing goes there, "notes": [str]}

	Raises:
		PublishError: see `errors`; what was published stays.
		Exception: anything else, equally logged.
	"""
	started = time.monotonic()
	log = sync_log.open_episode(plan_id, triggered_by)
	settings = config.load_settings()
	try:
		with plan_build_lock(plan_id) as lock:
			summary = _publish_or_withdraw(plan_id, settings, lock)
	except Exception as error:
		sync_log.close_with_failure(log, settings.redact(f"{type(error).__name__}: {error}"))
		raise
	summary["seconds"] = round(time.monotonic() - started, 3)
	sync_log.close_with_success(log, _log_counts(summary), "\n".join(summary["notes"]))
	return summary


def _publish_or_withdraw(
	plan_id: str, settings: CdnSettings, lock: BuildLock, reads_left: int = MAX_READS
) -> dict[str, Any]:
	generation = local_publisher.current_generation()
	content = content_repository.load_plan(plan_id)
	if content is None or not content.plan["is_published"]:
		lock.check()
		return _withdraw(plan_id, settings, lock)
	built = _build(content, generation)
	lock.check()
	try:
		local = local_publisher.publish(built)
	except StaleContent:
		if reads_left == 1:
			raise
		frappe.db.commit()  # a new transaction, or the next read would show the same old moment
		return _publish_or_withdraw(plan_id, settings, lock, reads_left - 1)
	return _upload(plan_id, local, settings, lock)


def _build(content: PlanContent, generation: int) -> BuiltPlan:
	"""Make and validate every file of a plan in memory.

	Raises:
		InvalidContent: names the first files that do not fit, with their errors.
	"""
	stamp = current_stamp()
	try:
		visible = visible_subjects(content)
		files = file_builder.build_plan_files(content, visible, stamp)
		structures = {
			paths.structure_path(subject["name"]): structure_export.structure_of(subject)
			for subject in content.subjects
		}
	except ValueError as error:
		raise InvalidContent(str(error)) from error
	_validate({**files, **{path: data for path, data in structures.items() if data is not None}})
	withheld = withheld_nodes(content, visible)
	return BuiltPlan(content.plan["name"], files, structures, withheld, generation, stamp)


def _validate(files: dict[str, Any]) -> None:
	report = validate_all_json_files(files)
	if not report["valid"]:
		told = [f"{path}: {errors[0]}" for path, errors in list(report["errors"].items())[:MAX_ERRORS_TOLD]]
		raise InvalidContent(f"{report['invalid_count']} files are not valid. {'; '.join(told)}")


def _upload(plan_id: str, local: LocalResult, settings: CdnSettings, lock: BuildLock) -> dict[str, Any]:
	cdn = None
	if settings.uploads:
		cdn = CdnPublisher(settings, plan_id, lock.renew, lock.check).publish(local.files)
	counts = {
		"files": len(local.files),
		"written": len(local.written),
		"unchanged": len(local.files) - len(cdn.uploaded if cdn else local.written),
	}
	return {**_summary(plan_id, "published", cdn, local.deleted), **counts}


def _withdraw(plan_id: str, settings: CdnSettings, lock: BuildLock) -> dict[str, Any]:
	deleted, cdn = local_publisher.withdraw(plan_id), None
	if settings.uploads:
		cdn = CdnPublisher(settings, plan_id, lock.renew, lock.check).withdraw(deleted)
	return {**_summary(plan_id, "withdrawn", cdn, deleted), "files": 0, "written": 0, "unchanged": 0}


def _summary(plan_id: str, status: str, cdn: CdnResult | None, deleted_locally: list[str]) -> dict[str, Any]:
	return {
		"plan_id": plan_id,
		"status": status,
		"uploaded": len(cdn.uploaded) if cdn else 0,
		"deleted": len({*deleted_locally, *(cdn.deleted if cdn else ())}),
		"bytes_uploaded": cdn.bytes_uploaded if cdn else 0,
		"verified": cdn.verified if cdn else None,
		"notes": cdn.notes if cdn else [],
	}


def _log_counts(summary: dict[str, Any]) -> dict[str, Any]:
	return {
		"files_uploaded": summary["uploaded"],
		"files_unchanged": summary["unchanged"],
		"files_deleted": summary["deleted"],
		"bytes_uploaded": summary["bytes_uploaded"],
		"verified": summary["verified"],
	}


def _generate_atomic_files_for_plan(plan_id: str) -> tuple[bool, int, list[str]]:
	"""Build a plan and write it locally, without the CDN.

	Returns:
		(True, files_written, []), or (False, 0, errors) when nothing was replaced.
	"""
	try:
		generation = local_publisher.current_generation()
		content = content_repository.load_plan(plan_id)
		if content is None or not content.plan["is_published"]:
			return False, 0, [f"{plan_id} is not a published plan"]
		with plan_build_lock(plan_id):
			local = local_publisher.publish(_build(content, generation))
	except (InvalidContent, StaleContent, OSError) as error:
		return False, 0, [str(error)]
	return True, len(local.written), []


def _safe_traceback() -> str:
	return config.load_settings().redact(frappe.get_traceback())
