"""Publishing the plans of the queue one after the other: when each is tried, and what CDN Sync Log says of it in the end.

How one plan is published is `plan_publisher`'s; which plans are waiting, `publish_queue`'s.
"""

import time
from typing import Any

from rq.timeouts import JobTimeoutException

import frappe
from frappe import _
from memora.services.cdn_export import (
	cdn_publisher,
	change_tracker,
	config,
	content_repository,
	findings,
	local_publisher,
	local_storage,
	orphans,
	plan_publisher,
	publish_queue,
	retry_policy,
	sync_log,
)
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.build_lock import BuildLock, plan_build_lock
from memora.services.cdn_export.errors import (
	BuildAbandoned,
	BuildLockLost,
	InvalidContent,
	PlanBuildBusy,
	PublishError,
	StaleContent,
)
from memora.services.cdn_export.schema_validator import validate_all_json_files, validate_json_schema
from memora.services.cdn_export.sync_log import Episode
from memora.utils import failpoints, transactions

__all__ = ["enqueue_publish", "publish_plan", "validate_all_json_files", "validate_json_schema"]

RECENT_FAILURES = 10
PLANS_PER_RUN = 10
RUN_SECONDS = 200  # Frappe gives an hourly job 300
JOB_SECONDS = 1000  # the long queue's workers give a job 1500; its last run begins within this time
# What ends a try without saying anything about the plan.
NOT_ITS_FAILURE = (PlanBuildBusy, BuildLockLost, JobTimeoutException)
ERROR_TITLE = "CDN Plan Rebuild Error"


def process_pending_plans(max_plans: int = PLANS_PER_RUN) -> dict[str, Any]:
	"""Publish plans of the queue, the longest waiting first. Scheduled hourly; the job after a change runs it too.

	A plan that is being built by somebody else is skipped and stays queued. One that fails is tried again when
	`retry_policy` says, or goes to the dead letter. After RUN_SECONDS the rest waits for the next run.

	Returns:
		{"processed": plans that were published or withdrawn, "failed": int, "skipped": int, "errors": ["PLAN-001: ..."]}
	"""
	outcome = _run_once(max_plans)
	_tell_of_dead_letters()
	return outcome


def _run_once(max_plans: int = PLANS_PER_RUN) -> dict[str, Any]:
	outcome: dict[str, Any] = {"processed": 0, "failed": 0, "skipped": 0, "errors": []}
	tried: list[str] = []
	deadline = time.monotonic() + RUN_SECONDS
	for _turn in range(max_plans):
		if time.monotonic() > deadline:
			break
		transactions.begin_fresh()  # or the queue would show as it was before the last build
		leased = publish_queue.lease(1, without=tried)
		if not leased:
			break
		failpoints.reach("publish.leased")
		tried += leased if _process(leased[0], outcome) else ()
		publish_queue.release(leased)
	return outcome


def _process(plan_id: str, outcome: dict[str, Any]) -> bool:
	"""Publish one plan of the queue. True: leave it alone for now, whatever the queue says."""
	try:
		with plan_build_lock(plan_id) as lock:
			return not _publish_if_due(plan_id, lock, outcome)
	except (PlanBuildBusy, BuildLockLost):
		outcome["skipped"] += 1
		return True


def _publish_if_due(plan_id: str, lock: BuildLock, outcome: dict[str, Any]) -> bool:
	"""False when it failed."""
	transactions.begin_fresh()  # what the lock's last owner closed is not done again
	try:
		episode = sync_log.claim(plan_id)
		frappe.db.commit()  # changes from here on are another episode, and a killed build shows as one that began
		if episode:
			failpoints.reach("publish.claimed")
			_run(plan_id, episode, lock)
			outcome["processed"] += 1
	except NOT_ITS_FAILURE:
		raise
	except Exception as error:
		# The job's outer loop: one plan's failure, whatever it is, must not stop the others.
		_log_error(plan_id)
		outcome["failed"] += 1
		outcome["errors"].append(_redact(f"{plan_id}: {error}"))
		return False
	finally:
		frappe.db.commit()  # before the lock goes: the next owner must see how it ended
		failpoints.reach("publish.closed")
	return True


def process_queue() -> None:
	"""Empty the queue: the job that a change starts, and the poll when something is due."""
	publish_queue.job_begins()
	deadline = time.monotonic() + JOB_SECONDS
	# Plans that failed are no end: those behind them have not had their turn.
	while (outcome := _run_once())["processed"] or outcome["failed"]:
		if time.monotonic() > deadline:
			publish_queue.start_job()
			break
	_tell_of_dead_letters()
	_delete_due_orphans()


def _tell_of_dead_letters() -> None:
	"""One alert for all plans that a run gave up. If it dies before, the hourly health check tells."""
	findings.tell_new(findings.FAILED_PUBLISH_TITLE)
	frappe.db.commit()  # told and marked as told, whatever the job does next
	publish_queue.show_dead_letters()


def poll_queue() -> None:
	"""Start the job when there is something to do. Scheduled every minute.

	It finds what Redis forgot, retries whose time has come, builds that were killed, and files whose grace has passed.
	"""
	if sync_log.due_plans() or orphans.any_due(config.load_settings().uploads):
		publish_queue.start_job()


def _delete_due_orphans() -> None:
	try:
		local_publisher.delete_due_orphans()
		settings = config.load_settings()
		if settings.uploads:
			cdn_publisher.delete_due_orphans(settings)
	except PublishError:
		_log_error("Files that no manifest names")  # they stay noted, and the poll comes back to them


def get_queue_status() -> dict[str, Any]:
	"""What the queue holds, from MariaDB.

	Returns:
		{"pending_plans": queued or waiting for a retry, "dead_letter_count": int,
		 "recent_failures": [{plan_id, status, error_message, retry_count, completed_at, next_retry_at}],
		 "last_processed": UTC | None, "processing": plans that are being built, "oldest_pending_seconds": int,
		 "next_retry_at": UTC | None, "fallback": whether Redis is away and CDN Sync Log is the queue alone}
	"""
	return {
		"pending_plans": len(sync_log.pending_plan_ids()),
		"dead_letter_count": len(sync_log.dead_letters()),
		"recent_failures": sync_log.recent_failures(RECENT_FAILURES),
		"last_processed": sync_log.last_processed(),
		"processing": len(sync_log.processing_plan_ids()),
		"oldest_pending_seconds": sync_log.oldest_pending_seconds(),
		"next_retry_at": sync_log.next_retry_at(),
		"fallback": not publish_queue.hears(),
	}


def trigger_plan_rebuild(doctype: str, docname: str) -> None:
	"""Have every plan that shows this document published, once the current transaction is committed."""
	change_tracker.note_change(doctype, docname)


def _rebuild_plan(plan_id: str, triggered_by: str = "job") -> bool:
	"""Publish a plan from a job: True when it is published, False when it failed and was logged."""
	try:
		publish_plan(plan_id, triggered_by)
	except Exception:
		# A job's outer loop, as in `_process`.
		_log_error(plan_id)
		return False
	return True


def enqueue_publish(plan_id: str, triggered_by: str) -> None:
	"""Publish a plan in the background; CDN Sync Log tells how it went.

	Raises:
		frappe.DoesNotExistError: there is no such plan.
	"""
	if not frappe.db.exists("Memora Academic Plan", plan_id):
		frappe.throw(_("There is no plan {0}.").format(plan_id), frappe.DoesNotExistError)
	change_tracker.add_plan_to_queue(plan_id, triggered_by)


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
	with plan_build_lock(plan_id) as lock:
		return _run(plan_id, sync_log.claim(plan_id, triggered_by), lock)


def _run(plan_id: str, episode: Episode, lock: BuildLock) -> dict[str, Any]:
	"""One try of an episode, and what its row says in the end."""
	started = time.monotonic()
	try:
		_refuse_what_kills_its_builder(episode)
		summary = plan_publisher.publish_or_withdraw(plan_id, config.load_settings(), lock)
	except PlanBuildBusy:
		sync_log.put_back(episode)
		raise
	except NOT_ITS_FAILURE:
		raise  # the row is the other build's now, or due at once as after a kill
	except Exception as error:
		reason = _redact(f"{type(error).__name__}: {error}")
		if sync_log.close_with_failure(episode, reason) == sync_log.DEAD_LETTER:
			findings.note_failed_publish(episode.name)
		raise
	summary["seconds"] = round(time.monotonic() - started, 3)
	sync_log.close_with_success(episode.name, _log_counts(summary), "\n".join(summary["notes"]))
	return summary


def _refuse_what_kills_its_builder(episode: Episode) -> None:
	if episode.retry_count > retry_policy.MAX_RETRIES:
		raise BuildAbandoned(sync_log.ABANDONED)


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
		with plan_build_lock(plan_id) as lock:
			content = content_repository.load_plan(plan_id)
			if content is None or not content.plan["is_published"]:
				return False, 0, [f"{plan_id} is not a published plan"]
			local = local_publisher.publish(plan_publisher.build(content, lock.generation), lock.check)
			plan_publisher.queue_incomplete(local.incomplete_plans)
	except (InvalidContent, StaleContent, OSError) as error:
		return False, 0, [str(error)]
	return True, len(local.written), []


def _log_error(what: str) -> None:
	frappe.log_error(title=ERROR_TITLE, message=f"{what}\n\n{_redact(frappe.get_traceback())}")


def _redact(text: str) -> str:
	try:
		return config.load_settings().redact(text)
	except frappe.ValidationError:
		return text  # secrets that nobody can decrypt are in no text
