"""What was changed in the content, and which plans have to be published for it.

The document events only note what changed. Just before the transaction is committed the notes become plans, and a
queued row for each of them is part of the same transaction: a change that is true is queued, whatever dies next, and
one that is rolled back is not. After the commit the copy in Redis learns of it and a job is started.

Frappe fires no events for child rows that are saved with their parent, and none for a restore, which is an insert: the
parent's on_update covers both. The titles of seasons, grades and streams, which plans tell, are their names and never
change. Changes made by SQL or `frappe.db.set_value` fire nothing: call
`batch_processor.trigger_plan_rebuild` for them.
"""

import functools
from collections.abc import Collection, Iterable
from typing import Any

import frappe
from memora.services.cdn_export import (
	build_lock,
	content_repository,
	dependency_resolver,
	findings,
	publish_queue,
	structure_export,
	sync_log,
)
from memora.services.cdn_export.config import SETTINGS_DOCTYPE
from memora.services.cdn_export.dependency_resolver import PLAN
from memora.services.cdn_export.errors import PlanBuildBusy
from memora.services.cdn_export.plan_content import LESSON, PARENT_FIELDS, SUBJECT
from memora.utils import compat

DEFAULT_BATCH_THRESHOLD = 50
# A change of one of these makes every published plan go somewhere else.
_SETTINGS_OF_THE_TARGET = ("enabled", "local_fallback_mode", "endpoint_url", "bucket_name")

_held_locks: dict[tuple[str, str], build_lock.BuildLock] = {}


# --- Into the queue --------------------------------------------------------------------------------------------


def add_plan_to_queue(plan_id: str, triggered_by: str | None = None) -> None:
	"""Have a plan published soon. Once, however often it is asked for.

	Args:
		triggered_by: told in CDN Sync Log; the user if left out.
	"""
	if not publish_queue.hears():
		return add_plan_to_fallback_queue(plan_id, triggered_by)
	if not sync_log.is_queued(plan_id):
		sync_log.queue([plan_id], triggered_by or frappe.session.user)
	publish_queue.show_as_pending([plan_id])
	compat.after_commit(publish_queue.start_job)


def add_plan_to_fallback_queue(plan_id: str, triggered_by: str | None = None) -> None:
	"""Queue a plan in CDN Sync Log alone, marked as such. The poll finds it there once a minute."""
	if sync_log.is_queued(plan_id):
		sync_log.mark_as_fallback(plan_id)
	else:
		sync_log.queue([plan_id], triggered_by or frappe.session.user, is_fallback=True)
	compat.after_commit(publish_queue.start_job)


def get_pending_plans(max_count: int = 50) -> list[str]:
	"""Take up to max_count plans that are due; they are this caller's for ten seconds. See `publish_queue.lease`."""
	return publish_queue.lease(max_count)


def check_and_trigger_immediate_processing() -> bool:
	"""Start the job that empties the queue when as many plans wait as CDN Settings' batch_threshold."""
	threshold = frappe.db.get_single_value(SETTINGS_DOCTYPE, "batch_threshold") or DEFAULT_BATCH_THRESHOLD
	reached = len(sync_log.pending_plan_ids()) >= threshold
	if reached:
		publish_queue.start_job()
	return reached


# --- Locks -----------------------------------------------------------------------------------------------------


def acquire_lock(plan_id: str, ttl_seconds: int = build_lock.LOCK_TTL_SECONDS) -> bool:
	"""Whether the plan's build lock is this process's now. It ends with `release_lock` or with the process.

	Args:
		ttl_seconds: how long Redis shows the lock; the database's half has no such end.
	"""
	lock = build_lock.BuildLock(plan_id, ttl_seconds)
	try:
		lock.acquire()
	except PlanBuildBusy:
		return False
	_held_locks[frappe.local.site, plan_id] = lock
	return True


def release_lock(plan_id: str) -> None:
	"""Let go of a lock that this process acquired; nobody else's."""
	lock = _held_locks.pop((frappe.local.site, plan_id), None)
	if lock:
		lock.release()


# --- Dead letter -----------------------------------------------------------------------------------------------


def move_to_dead_letter(plan_id: str, error_msg: str) -> None:
	"""Stop trying to publish a plan until somebody retries it, or changes it."""
	findings.tell_of_failed_publish(sync_log.bury(plan_id, error_msg))
	compat.after_commit(publish_queue.show_dead_letters)


def retry_dead_letter(plan_id: str) -> bool:
	"""Queue a plan of the dead letter again, with all its retries. False: it is not there."""
	found = sync_log.queue_dead_letter(plan_id)
	if found:
		compat.after_commit(publish_queue.show_dead_letters)
		compat.after_commit(publish_queue.start_job)
	return found


def clear_dead_letter(plan_id: str) -> bool:
	"""Take a plan out of the dead letter and leave it as it is published. False: it is not there."""
	found = sync_log.clear_dead_letter(plan_id)
	if found:
		compat.after_commit(publish_queue.show_dead_letters)
	return found


def dead_letters() -> list[dict[str, str]]:
	"""[{"plan_id": ..., "reason": ..., "at": UTC}], the oldest first."""
	return sync_log.dead_letters()


def pending_plan_ids() -> list[str]:
	"""Plans that are queued or wait for a retry."""
	return sync_log.pending_plan_ids()


def oldest_pending_seconds() -> int:
	"""For how long the plan has waited that waits longest; 0 when none does."""
	return sync_log.oldest_pending_seconds()


# --- Notes of a transaction ------------------------------------------------------------------------------------


def note_change(doctype: str, name: str) -> None:
	"""Have every plan that shows this document published once the current transaction is committed."""
	_note(changes=[(doctype, name)])


def _note(
	changes: Collection[tuple[str, str]] = (), plans: Collection[str] = (), subjects: Collection[str] = ()
) -> None:
	compat.before_commit(functools.partial(_collect, changes, plans, subjects))


def _collect(changes: Collection, plans: Collection, subjects: Collection) -> None:
	"""Part of the commit: what this adds is queued at its end, once for all that the transaction noted."""
	if not getattr(frappe.local, "memora_noted_changes", None):
		frappe.local.memora_noted_changes = (set(), set(), set())
	for known, added in zip(frappe.local.memora_noted_changes, (changes, plans, subjects), strict=True):
		known.update(added)
	compat.before_commit(_queue_noted)


def _queue_noted() -> None:
	if not getattr(frappe.local, "memora_noted_changes", None):
		return
	(changes, plans, subjects), frappe.local.memora_noted_changes = frappe.local.memora_noted_changes, None
	touched, unlisted = dependency_resolver.get_touched(changes)
	_queue_in_transaction(sorted(touched.union(plans)))
	compat.after_commit(functools.partial(_forget_structures, sorted(unlisted.union(subjects))))


def _queue_in_transaction(plan_ids: list[str]) -> None:
	if not plan_ids:
		return
	sync_log.queue(plan_ids, frappe.session.user, is_fallback=not publish_queue.hears())
	compat.after_commit(functools.partial(publish_queue.show_as_pending, plan_ids))
	compat.after_commit(publish_queue.start_job)


def _forget_structures(subjects: Iterable[str]) -> None:
	for subject in subjects:
		structure_export.forget_subject_structure(subject)


# --- Document events -------------------------------------------------------------------------------------------


def _note_saved(doc: Any, method: str | None = None) -> None:
	"""Content: the plans that show it now, and those that showed it where it was before."""
	changes = [(doc.doctype, doc.name)]
	before, parent_field = doc.get_doc_before_save(), PARENT_FIELDS.get(doc.doctype)
	if before and parent_field and before.get(parent_field) != doc.get(parent_field):
		changes.append((dependency_resolver.PARENTS[doc.doctype], before.get(parent_field)))
	_note(changes)


def _note_deleted(doc: Any, method: str | None = None) -> None:
	"""Content: who shows it is asked while it and all above it are still there. A subject takes its file along."""
	plans, unlisted = dependency_resolver.get_touched([(doc.doctype, doc.name)])
	_note(plans=plans, subjects=[*unlisted, doc.name] if doc.doctype == SUBJECT else unlisted)


def _note_row(doc: Any, method: str | None = None) -> None:
	"""A child row that was saved or deleted by itself."""
	if doc.parenttype in (PLAN, LESSON):
		note_change(doc.parenttype, doc.parent)


on_subject_update = on_subject_restore = _note_saved
on_track_update = on_track_restore = _note_saved
on_unit_update = on_unit_restore = _note_saved
on_topic_update = on_topic_restore = _note_saved
on_lesson_update = on_lesson_restore = _note_saved
on_subject_delete = on_track_delete = on_unit_delete = on_topic_delete = on_lesson_delete = _note_deleted
on_lesson_stage_update = on_lesson_stage_delete = on_lesson_stage_restore = _note_row
on_override_update = on_override_delete = _note_row


def on_plan_update(doc: Any, method: str | None = None) -> None:
	"""A plan that is published, or was until now: it is published anew or withdrawn."""
	shown, shown_before = _shown_subjects(doc), _shown_subjects(doc.get_doc_before_save())
	if shown is not None or shown_before is not None:
		_note([(PLAN, doc.name)], subjects=(shown_before or set()) - (shown or set()))


def on_plan_delete(doc: Any, method: str | None = None) -> None:
	_note([(PLAN, doc.name)], subjects=_shown_subjects(doc) or ())


def _shown_subjects(plan: Any) -> set[str] | None:
	"""None for a plan that is not published, or not there."""
	return {row.subject for row in plan.subjects} if plan and plan.is_published else None


def on_settings_update(doc: Any, method: str | None = None) -> None:
	"""CDN Settings: another target has to be given every published plan."""
	if any(doc.has_value_changed(fieldname) for fieldname in _SETTINGS_OF_THE_TARGET):
		_note(plans=content_repository.published_plan_ids())
