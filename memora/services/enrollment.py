"""Which subjects a player may play, and as which plan shows them.

A player is enrolled in a subject that his published current plan holds and does not hide, or, without a plan, in the
subjects that a Memora Structure Progress row names. A row marked `enrolled_directly` enrols beside a plan as well. A
site that sells access has the last word (`entitlement`), but opens nothing that is not published or that the plan hides.
"""

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import frappe
from frappe import _
from memora.exceptions import InvalidInput, LessonNotFound, NotEnrolled
from memora.services import entitlement
from memora.utils import clock

HIDE, SET_LINEAR = "Hide", "Set Linear"
CACHED_PLANS = 256

# {subject} names the subject, directly or by one of its lessons: one round trip either way. The plan is the current one
# unless another is asked for.
_ACCESS = """
select subject.name, ifnull(subject.is_published, 0), profile.current_plan, plan.name, plan.is_published, plan.modified,
	exists(select 1 from `tabMemora Plan Subject` held
		where held.parent = plan.name and held.subject = subject.name),
	progress.name is not null, ifnull(progress.enrolled_directly, 0), {bit_index}
from `tabMemora Player Profile` profile
left join `tabMemora Subject` subject on subject.name = {subject}
left join `tabMemora Academic Plan` plan on plan.name = ifnull(%(plan)s, profile.current_plan)
left join `tabMemora Structure Progress` progress
	on progress.player = profile.user and progress.subject = subject.name
where profile.user = %(user)s
"""
_BY_SUBJECT = _ACCESS.format(subject="%(subject)s", bit_index="null")
_OF_LESSON = "(select {} from `tabMemora Lesson` where name = %(lesson)s)"
_BY_LESSON = _ACCESS.format(subject=_OF_LESSON.format("subject"), bit_index=_OF_LESSON.format("bit_index"))

# Past the ORM, which would look for the rows that exist in a snapshot from before another process wrote them.
_ENROL = """
insert into `tabMemora Structure Progress` (owner, modified_by, name, creation, modified, player, subject)
values {values} on duplicate key update subject = values(subject)
"""


class _Access(NamedTuple):
	"""plan_id: the plan to play by, None without one."""

	subject_id: str | None
	is_subject_published: bool
	current_plan_id: str | None
	plan_id: str | None
	is_plan_published: bool
	plan_modified: datetime | None
	is_in_plan: bool
	has_progress_row: bool
	is_enrolled_directly: bool
	bit_index: int | None

	@property
	def is_by_another_plan(self) -> bool:
		return self.plan_id is not None and self.plan_id != self.current_plan_id


class PlanOverrides(dict):
	"""What one version of a plan changes for playing: {node id: {"hide": bool, "is_linear": bool | None}}.

	There is one object for each version of a plan, equal to no other: what is made from it can be cached by it.
	"""

	__hash__ = object.__hash__
	__eq__ = object.__eq__


NO_OVERRIDES = PlanOverrides()


class PlayableSubject(NamedTuple):
	"""A subject that a player may play. plan_id: the plan that he plays by, None without one.

	bit_index: the place of the lesson that was asked for, as the database has it now.
	"""

	subject_id: str
	overrides: PlanOverrides
	plan_id: str | None
	bit_index: int | None


class PlayersPlan(NamedTuple):
	"""The plan that a player learns by; None and no overrides without one."""

	plan_id: str | None
	overrides: PlanOverrides


def playable_subject(user_id: str, subject_id: str, plan_id: str | None = None) -> PlayableSubject:
	"""The subject as the player's plan shows it.

	Args:
		plan_id: the current plan when left out; another one only if the site's entitlement allows it to the player.

	Raises:
		NotEnrolled: the subject is not the player's, or the plan hides it.
		InvalidInput: plan_id is not the player's plan.
	"""
	access = _read_access(_BY_SUBJECT, user_id, plan_id or None, subject=subject_id)
	if access and plan_id:
		_require_own_plan(user_id, plan_id, access)
	return _require_enrolled(user_id, access)


def playable_subject_of_lesson(user_id: str, lesson_id: str) -> PlayableSubject:
	"""The subject that a lesson lies in, as the player's plan shows it. The plan may still hide the lesson.

	Raises:
		LessonNotFound: there is no such lesson.
		NotEnrolled: its subject is not the player's, or his plan hides it.
	"""
	access = _read_access(_BY_LESSON, user_id, None, lesson=lesson_id)
	if access and access.subject_id is None:
		frappe.throw(_("There is no lesson {0}.").format(lesson_id), LessonNotFound)
	return _require_enrolled(user_id, access)


def players_plans(user_ids: Sequence[str]) -> dict[str, PlayersPlan]:
	"""The plan of each of these users who is a player, in one query."""
	rows = frappe.db.sql(
		"""select profile.user, plan.name, plan.modified from `tabMemora Player Profile` profile
		left join `tabMemora Academic Plan` plan on plan.name = profile.current_plan where profile.user in %s""",
		(tuple(user_ids),),
	)
	return {
		user_id: PlayersPlan(plan_id, _plan_overrides(plan_id, modified))
		for user_id, plan_id, modified in rows
	}


def current_plan(user_id: str) -> str | None:
	"""The plan that the player learns by, if it is published."""
	plan_id = frappe.db.get_value("Memora Player Profile", {"user": user_id}, "current_plan")
	return (
		frappe.db.get_value("Memora Academic Plan", {"name": plan_id, "is_published": 1}) if plan_id else None
	)


def enrol_in_plan(user_id: str, plan_id: str) -> None:
	"""Give the player a progress row for every subject of the plan. Rows that exist stay as they are."""
	held = frappe.get_all("Memora Plan Subject", filters={"parent": plan_id}, pluck="subject", distinct=True)
	if held:
		now = clock.to_site_time(clock.utc_now())
		rows = [
			(frappe.generate_hash(length=10), now, now, user_id, subject_id) for subject_id in sorted(held)
		]
		values = ", ".join(["('Administrator', 'Administrator', %s, %s, %s, %s, %s)"] * len(rows))
		frappe.db.sql(_ENROL.format(values=values), [value for row in rows for value in row])


def _read_access(query: str, user_id: str, plan_id: str | None, **named) -> _Access | None:
	rows = frappe.db.sql(query, {"user": user_id, "plan": plan_id, **named})
	return _Access(*rows[0]) if rows else None


def _require_own_plan(user_id: str, plan_id: str, access: _Access) -> None:
	is_known = access.plan_id is not None
	if is_known and access.is_by_another_plan:
		is_known = entitlement.allows_plan(user_id, access.plan_id, access.subject_id)
	if not is_known:
		frappe.throw(_("{0} is not your plan.").format(plan_id), InvalidInput)


def _require_enrolled(user_id: str, access: _Access | None) -> PlayableSubject:
	overrides = _plan_overrides(access.plan_id, access.plan_modified) if access else NO_OVERRIDES
	if access is None or not _is_enrolled(user_id, access, overrides):
		frappe.throw(_("You are not enrolled in this subject."), NotEnrolled)
	return PlayableSubject(access.subject_id, overrides, access.plan_id, access.bit_index)


def _is_enrolled(user_id: str, access: _Access, overrides: PlanOverrides) -> bool:
	if not access.is_subject_published or overrides.get(access.subject_id, {}).get("hide"):
		return False
	is_in_plan = bool(access.is_plan_published and access.is_in_plan)
	if access.is_by_another_plan and not is_in_plan:
		return False
	answer = entitlement.ask_about_subject(user_id, access.subject_id, access.plan_id)
	return is_in_plan or _is_enrolled_alone(access) if answer is None else answer


def _is_enrolled_alone(access: _Access) -> bool:
	"""Whether a progress row enrols the player beside his plan, or without one."""
	return bool(access.has_progress_row and (not access.current_plan_id or access.is_enrolled_directly))


def _plan_overrides(plan_id: str | None, modified: datetime | None) -> PlanOverrides:
	return _read_plan_overrides(frappe.local.site, plan_id, modified) if plan_id else NO_OVERRIDES


@functools.lru_cache(maxsize=CACHED_PLANS)
def _read_plan_overrides(site: str, plan_id: str, modified: datetime) -> PlanOverrides:
	"""Child rows change only with their plan, so its `modified` names what was read."""
	rows = frappe.get_all(
		"Memora Plan Override",
		filters={"parent": plan_id, "action": ["in", [HIDE, SET_LINEAR]]},
		fields=["target_name", "action", "override_value"],
		order_by="idx",
	)
	overrides = PlanOverrides()
	for row in rows:
		node = overrides.setdefault(row.target_name, {"hide": False, "is_linear": None})
		if row.action == HIDE:
			node["hide"] = True
		else:
			node["is_linear"] = _is_true(row.override_value)
	return overrides


def _is_true(value: str | None) -> bool:
	return str(value).strip().lower() in ("1", "true", "yes")
