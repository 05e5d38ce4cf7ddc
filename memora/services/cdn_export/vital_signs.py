"""The signs by which the hourly check tells whether publishing is well. They read, and change nothing.

Each yields what it finds wrong. The storage alone is really tried: a small object is written and deleted.
"""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import frappe
from frappe import _
from frappe.utils.scheduler import is_scheduler_inactive
from memora.exceptions import StoreUnavailable
from memora.services.cdn_export import cdn_uploader, config, local_storage, sync_log
from memora.services.cdn_export.findings import DEAD_LETTER, Finding
from memora.utils import clock, redis_keys, redis_store

QUEUE_DEEP, QUEUE_OLD, FAILURES = "queue_deep", "queue_old", "failures"
STORE_AWAY, CDN_AWAY, DISK_FULL = "store_away", "cdn_away", "disk_full"
SCHEDULER_OFF, JOBS_STALLED = "scheduler_off", "jobs_stalled"
PROBLEMS = (
	DEAD_LETTER,
	QUEUE_DEEP,
	QUEUE_OLD,
	FAILURES,
	STORE_AWAY,
	CDN_AWAY,
	DISK_FULL,
	SCHEDULER_OFF,
	JOBS_STALLED,
)

MAX_PENDING_SECONDS = 3600  # a plan with all its retries is published, or given up, in half that time
MAX_PENDING_THRESHOLDS = 2  # at one threshold of waiting plans they are processed at once
FAILURE_WINDOW_SECONDS, MIN_FAILURES, MAX_FAILURE_RATE = 3600, 3, 0.5
MIN_FREE_DISK_MB = 1024  # `memora_min_free_disk_mb` of the site config
MAX_JOB_SILENCE_SECONDS = 1800  # one of Memora's jobs is due every minute


def look() -> Iterator[Finding]:
	"""All of them."""
	yield from _queue_findings()
	yield from _failure_findings()
	yield from _store_findings()
	yield from _cdn_findings()
	yield from _disk_findings()
	yield from job_findings()


def _queue_findings() -> Iterator[Finding]:
	for letter in sync_log.dead_letters():
		yield Finding(DEAD_LETTER, letter["plan_id"], letter["reason"] or "")
	pending, threshold = len(sync_log.pending_plan_ids()), _batch_threshold()
	if pending > MAX_PENDING_THRESHOLDS * threshold:
		yield Finding(QUEUE_DEEP, "", _("{0} plans wait to be published.").format(pending))
	waiting = sync_log.oldest_pending_seconds()
	if waiting > MAX_PENDING_SECONDS:
		yield Finding(
			QUEUE_OLD, "", _("A plan has waited to be published for {0} minutes.").format(waiting // 60)
		)


def _batch_threshold() -> int:
	return frappe.get_cached_doc(config.SETTINGS_DOCTYPE).batch_threshold


def _failure_findings() -> Iterator[Finding]:
	ended_since = clock.to_site_time(clock.utc_now() - timedelta(seconds=FAILURE_WINDOW_SECONDS))
	statuses = frappe.get_all(sync_log.DOCTYPE, filters={"completed_at": [">=", ended_since]}, pluck="status")
	failed = len(statuses) - statuses.count(sync_log.SUCCESS)
	if failed >= MIN_FAILURES and failed > MAX_FAILURE_RATE * len(statuses):
		text = _("Of {0} publishes in the last hour {1} failed.")
		yield Finding(FAILURES, "", text.format(len(statuses), failed))


def _store_findings() -> Iterator[Finding]:
	try:
		redis_store.exists(redis_keys.get_pending_plans_key())
	except StoreUnavailable:
		yield Finding(
			STORE_AWAY,
			"",
			_("Redis does not answer. Plans wait in CDN Sync Log and are published from there."),
		)


def _cdn_findings() -> Iterator[Finding]:
	if not config.load_settings().uploads:
		return
	answer = cdn_uploader.test_connection()
	if answer["status"] != "success":
		yield Finding(
			CDN_AWAY, "", _("The bucket {0} cannot be written: {1}").format(answer["bucket"], answer["error"])
		)


def _disk_findings() -> Iterator[Finding]:
	folder = Path(local_storage.get_local_base_path())
	while not folder.exists():  # before the first publish
		folder = folder.parent
	free_mb = shutil.disk_usage(folder).free // 2**20
	wanted_mb = frappe.conf.get("memora_min_free_disk_mb") or MIN_FREE_DISK_MB
	if free_mb < wanted_mb:
		text = _("{0} MB are free where published files lie; {1} MB should be.")
		yield Finding(DISK_FULL, "", text.format(free_mb, wanted_mb))


def job_findings() -> Iterator[Finding]:
	"""Whether scheduler and workers do their work."""
	if is_scheduler_inactive(verbose=False):
		yield Finding(
			SCHEDULER_OFF, "", _("The site's scheduler is off: nothing is published or retried by itself.")
		)
		return
	last = frappe.get_all(
		"Scheduled Job Type",
		filters={"method": ["like", "memora.%"]},
		pluck="last_execution",
		order_by="last_execution desc",
		limit=1,
	)
	silent_since = clock.to_site_time(clock.utc_now() - timedelta(seconds=MAX_JOB_SILENCE_SECONDS))
	if last and last[0] and last[0] < silent_since:
		minutes = MAX_JOB_SILENCE_SECONDS // 60
		yield Finding(
			JOBS_STALLED,
			"",
			_("No job has run for {0} minutes: are scheduler and workers up?").format(minutes),
		)
