"""What a site that sells access says about a player: the hook `memora_entitlement`. Without one nobody is asked.

    memora_entitlement = ["shop.access.may_play"]

Each function is called with (user, node) and returns True, False, or None for no opinion; the first opinion counts. A
node is a dict that names what is asked for, and where it lies:

    {"doctype": "Memora Academic Plan", "name", "plan", "subject"}
        reading the subject by a plan that is not the player's current one. Without an opinion: no.
    {"doctype": "Memora Subject", "name", "plan", "subject"}
        the subject. Without an opinion Memora's own rule of enrolment holds.
    {"doctype": "Memora Lesson", "name", "plan", "subject", "track", "unit", "topic"}
        completing the lesson, once the subject was granted. Without an opinion: yes.

`plan` is the plan that the player plays by, None without one. A function may be called while the player's wallet row is
locked: it should be quick, and must neither commit nor roll back. An error in it refuses the request.
"""

from collections.abc import Mapping

import frappe

HOOK = "memora_entitlement"


def has_opinions() -> bool:
	"""Whether any app of the site declares the hook."""
	return bool(frappe.get_hooks(HOOK))


def allows_plan(user_id: str, plan_id: str, subject_id: str | None) -> bool:
	"""Whether the player may read a subject by this plan, which is not his current one."""
	return ask(user_id, _node("Memora Academic Plan", plan_id, plan_id, subject_id)) is True


def ask_about_subject(user_id: str, subject_id: str, plan_id: str | None) -> bool | None:
	return ask(user_id, _node("Memora Subject", subject_id, plan_id, subject_id))


def refuses_lesson(user_id: str, plan_id: str | None, path: Mapping[str, str]) -> bool:
	"""Whether the player may not complete a lesson.

	Args:
		path: the ids of the lesson and of all above it: subject, track, unit, topic, lesson.
	"""
	above = {level: path[level] for level in ("subject", "track", "unit", "topic")}
	return (
		ask(user_id, {"doctype": "Memora Lesson", "name": path["lesson"], "plan": plan_id, **above}) is False
	)


def ask(user_id: str, node: dict) -> bool | None:
	"""The first opinion of the site's apps; None when there is none."""
	for function in frappe.get_hooks(HOOK):
		answer = frappe.get_attr(function)(user_id, dict(node))
		if answer is not None:
			return bool(answer)
	return None


def _node(doctype: str, name: str, plan_id: str | None, subject_id: str | None) -> dict:
	return {"doctype": doctype, "name": name, "plan": plan_id, "subject": subject_id}
