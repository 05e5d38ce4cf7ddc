"""Progress API: finishing lessons and reading where a player stands in a subject."""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take (true into 1).
from __future__ import annotations

import frappe
from memora.api.guards import rate_limit, require_authorized_device
from memora.api.replies import Progress, ProgressCompletion
from memora.api.values import ClientEventId, Hearts, LessonId, PlanId, SubjectId
from memora.services.progress_engine import completion, progress_computer
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import validators


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30, window_seconds=60)
@require_authorized_device
def complete_lesson(
	lesson_id: LessonId = None,
	hearts: Hearts = None,
	client_event_id: ClientEventId | None = None,
) -> ProgressCompletion:
	"""Record one finished lesson of 1 to 5 hearts and pay its XP: base XP + 2 a heart, +5 first time, +10 record.

	The same play within ten seconds, or the same client_event_id (UUID v4) at any time, pays nothing and answers what
	was answered the first time, with `duplicate` true.

	Args:
		hearts: 0 is refused, and noted as a lost lesson.

	Raises:
		LessonNotFound: no such lesson for this player.
		NotEnrolled: its subject is not the player's.
		LessonLocked: an earlier lesson has to be passed first.
		IdempotencyConflict: the client_event_id stands for something else.
		StoreUnavailable: nothing was counted.
	"""
	lesson_id = validators.parse_id(lesson_id, "lesson_id")
	hearts = validators.parse_int(hearts, "hearts", 0, PROGRESS_POLICY.max_hearts)
	event_id = validators.parse_optional(validators.parse_uuid4, client_event_id, "client_event_id")
	if hearts == 0:
		completion.refuse_without_hearts(frappe.session.user, lesson_id)
	outcome = completion.complete_lesson(frappe.session.user, lesson_id, hearts, PROGRESS_POLICY, event_id)
	return {
		"success": True,
		"xp_earned": outcome["xp_awarded"],
		"new_total_xp": outcome["new_total_xp"],
		"is_first_completion": outcome["is_first_completion"],
		"is_new_record": outcome["is_new_record"],
		"streak": outcome["streak"],
		**completion.extras(outcome),
	}


@frappe.whitelist(methods=["GET"])
@rate_limit()
@require_authorized_device
def get_progress(subject_id: SubjectId = None, plan_id: PlanId | None = None) -> Progress:
	"""The caller's progress tree of a subject with unlock states.

	Args:
		plan_id: the caller's own plan when left out; another one only where the site's `memora_entitlement` allows it.

	Raises:
		NotEnrolled: the subject is not the player's.
		SubjectNotFound: no such subject is published.
	"""
	return progress_computer.compute_progress(
		validators.parse_id(subject_id, "subject_id"),
		frappe.session.user,
		validators.parse_optional(validators.parse_id, plan_id, "plan_id"),
	)
