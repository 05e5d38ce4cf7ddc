"""Which subjects a player may play, and as which plan shows them.

A player is enrolled in a subject that his published current plan holds and does not hide, or, without a plan, in the
subjects that a Memora Structure Progress row names. A row marked `enrolled_directly` enrols beside a plan as well; a
subject that the current plan hides is never playable.
"""

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import frappe
from frappe import _
from memora.exceptions import InvalidInput, LessonNotFound, NotEnrolled

HIDE, SET_LINEAR = "Hide", "Set Linear"

# {subject} names the subject, directly or by one of its lessons: one round trip either way.
_ACCESS = """
select subject.name, ifnull(subject.is_published, 0), profile.current_plan, plan.is_published, plan.modified,
	exists(select 1 from `tabMemora Plan Subject` held
		where held.parent = profile.current_plan and held.subject = subject.name),
	progress.name is not null, ifnull(progress.enrolled_directly, 0)
from `tabMemora Player Profile` profile
left join `tabMemora Subject` subject on subject.name = {subject}
left join `tabMemora Academic Plan` plan on plan.name = profile.current_plan
left join `tabMemora Structure Progress` progress
	on progress.player = profile.user and progress.subject = subject.name
where profile.user = %(user)s
"""
_BY_SUBJECT = _ACCESS.format(subject="%(subject)s")
_BY_LESSON = _ACCESS.format(subject="(select subject from `tabMemora Lesson` where name = %(lesson)s)")


class _Access(NamedTuple):
	subject_id: str | None
	is_subject_published: bool
	plan_id: str | None
	is_plan_published: bool
	plan_modified: datetime | None
	is_in_plan: bool
	has_progress_row: bool
	is_enrolled_directly: bool


class PlayableSubject(NamedTuple):
	"""A subject that a player may play.

	overrides: what his plan changes for playing, {node id: {"hide": bool, "is_linear": bool | None}}.
	"""

	subject_id: str
	overrides: Mapping[str, dict]


def playable_subject(user_id: str, subject_id: str, plan_id: str | None = None) -> PlayableSubject:
	"""The subject as the player's plan shows it.

	Args:
		plan_id: only the player's current plan may be named.

	Raises:
		NotEnrolled: the subject is not the player's, or his plan hides it.
		InvalidInput: plan_id is not the player's plan.
	"""
	access = _read_access(_BY_SUBJECT, user_id, subject=subject_id)
	if access and plan_id not in (None, access.plan_id):
		frappe.throw(_("{0} is not your plan.").format(plan_id), InvalidInput)
	return _require_enrolled(access)


def playable_subject_of_lesson(user_id: str, lesson_id: str) -> PlayableSubject:
	"""The subject that a lesson lies in, as the player's plan shows it. The plan may still hide the lesson.

	Raises:
		LessonNotFound: there is no such lesson.
		NotEnrolled: its subject is not the player's, or his plan hides it.
	"""
	access = _read_access(_BY_LESSON, user_id, lesson=lesson_id)
	if access and access.subject_id is None:
		frappe.throw(_("There is no lesson {0}.").format(lesson_id), LessonNotFound)
	return _require_enrolled(access)


def current_plan(user_id: str) -> str | None:
	"""The plan that the player learns by, if it is published."""
	plan_id = frappe.db.get_value("Memora Player Profile", {"user": user_id}, "current_plan")
	return (
		frappe.db.get_value("Memora Academic Plan", {"name": plan_id, "is_published": 1}) if plan_id else None
	)


def enrol_in_plan(user_id: str, plan_id: str) -> None:
	"""Give the player a progress row for every subject of the plan. Rows that exist stay as they are."""
	held = frappe.get_all("Memora Plan Subject", filters={"parent": plan_id}, pluck="subject")
	existing = frappe.get_all(
		"Memora Structure Progress", filters={"player": user_id, "subject": ["in", held]}, pluck="subject"
	)
	for subject_id in sorted(set(held) - set(existing)):
		frappe.get_doc(
			{"doctype": "Memora Structure Progress", "player": user_id, "subject": subject_id}
		).insert(ignore_permissions=True)


def _read_access(query: str, user_id: str, **named) -> _Access | None:
	rows = frappe.db.sql(query, {"user": user_id, **named})
	return _Access(*rows[0]) if rows else None


def _require_enrolled(access: _Access | None) -> PlayableSubject:
	overrides = _plan_overrides(access) if access else {}
	if access is None or not _is_enrolled(access) or overrides.get(access.subject_id, {}).get("hide"):
		frappe.throw(_("You are not enrolled in this subject."), NotEnrolled)
	return PlayableSubject(access.subject_id, overrides)


def _is_enrolled(access: _Access) -> bool:
	if not access.is_subject_published:
		return False
	if access.is_plan_published and access.is_in_plan:
		return True
	return bool(access.has_progress_row and (not access.plan_id or access.is_enrolled_directly))


def _plan_overrides(access: _Access) -> Mapping[str, dict]:
	if not access.plan_id:
		return {}
	return _read_plan_overrides(frappe.local.site, access.plan_id, access.plan_modified)


@functools.lru_cache(maxsize=256)
def _read_plan_overrides(site: str, plan_id: str, modified: datetime) -> Mapping[str, dict]:
	"""Child rows change only with their plan, so its `modified` names what was read."""
	rows = frappe.get_all(
		"Memora Plan Override",
		filters={"parent": plan_id, "action": ["in", [HIDE, SET_LINEAR]]},
		fields=["target_name", "action", "override_value"],
		order_by="idx",
	)
	overrides: dict[str, dict] = {}
	for row in rows:
		node = overrides.setdefault(row.target_name, {"hide": False, "is_linear": None})
		if row.action == HIDE:
			node["hide"] = True
		else:
			node["is_linear"] = _is_true(row.override_value)
	return overrides


def _is_true(value: str | None) -> bool:
	return str(value).strip().lower() in ("1", "true", "yes")
