"""One plan from the database to verified files, step by step, inside its build lock.

Read, build in memory, validate everything, write locally with the manifest last, upload with the manifest last.
Whatever fails before a manifest leaves the plan published there as it was.
"""

from collections.abc import Iterable
from typing import Any

import frappe
from memora.services.cdn_export import (
	build_progress,
	content_repository,
	file_builder,
	local_publisher,
	structure_export,
	sync_log,
)
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.build_lock import BuildLock
from memora.services.cdn_export.cdn_publisher import CdnPublisher, CdnResult
from memora.services.cdn_export.config import CdnSettings
from memora.services.cdn_export.errors import InvalidContent, StaleContent
from memora.services.cdn_export.json_generator import current_stamp
from memora.services.cdn_export.local_publisher import BuiltPlan, LocalResult
from memora.services.cdn_export.plan_content import PlanContent, visible_subjects, withheld_nodes
from memora.services.cdn_export.schema_validator import validate_all_json_files
from memora.utils import failpoints

MAX_READS = 3  # of a build that meets newer shared lessons each time


def publish_or_withdraw(
	plan_id: str, settings: CdnSettings, lock: BuildLock, reads_left: int = MAX_READS
) -> dict[str, Any]:
	"""Make what is published of a plan agree with the database; returns what `batch_processor.publish_plan` does,
	without the time it took."""
	generation = lock.generation
	lock.tell(build_progress.READING)
	content = content_repository.load_plan(plan_id)
	if content is None or not content.plan["is_published"]:
		lock.check()
		return _withdraw(plan_id, settings, lock)
	lock.tell(build_progress.BUILDING)
	built = build(content, generation)
	failpoints.reach("publish.built")
	lock.check()
	lock.tell(build_progress.WRITING)
	try:
		local = local_publisher.publish(built, lock.check)
	except StaleContent:
		if reads_left == 1:
			raise
		lock.read_generation()
		frappe.db.commit()  # a new transaction, or the next read would show the same old moment
		return publish_or_withdraw(plan_id, settings, lock, reads_left - 1)
	return _upload(plan_id, local, settings, lock)


def build(content: PlanContent, generation: int) -> BuiltPlan:
	"""Make and validate every file of a plan in memory.

	Raises:
		InvalidContent: names the files that do not fit, with their errors.
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
		raise InvalidContent(*(f"{path}: {errors[0]}" for path, errors in report["errors"].items()))


def _upload(plan_id: str, local: LocalResult, settings: CdnSettings, lock: BuildLock) -> dict[str, Any]:
	cdn = None
	failpoints.reach("publish.written")
	queue_incomplete(local.incomplete_plans)
	if settings.uploads:
		cdn = CdnPublisher(settings, plan_id, lock.tell_upload, lock.check).publish(local.files)
		queue_incomplete(cdn.incomplete_plans)
	counts = {
		"files": len(local.files),
		"written": len(local.written),
		"unchanged": len(local.files) - len(cdn.uploaded if cdn else local.written),
	}
	return {**_summary(plan_id, "published", cdn, local.deleted), **counts}


def queue_incomplete(plan_ids: Iterable[str]) -> None:
	"""Plans that a change of a shared lesson reached are queued by the change; make sure of it."""
	sync_log.queue([plan_id for plan_id in plan_ids if not sync_log.is_queued(plan_id)], "shared lesson")


def _withdraw(plan_id: str, settings: CdnSettings, lock: BuildLock) -> dict[str, Any]:
	lock.tell(build_progress.WITHDRAWING)
	deleted, cdn = local_publisher.withdraw(plan_id), None
	if settings.uploads:
		cdn = CdnPublisher(settings, plan_id, lock.tell_upload, lock.check).withdraw(deleted)
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
