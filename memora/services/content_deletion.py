"""What deleting a piece of content would break, and the refusal where something still needs it.

Frappe refuses to delete what other documents link to; it names one of them, as HTML. Here everything is counted and told
at once, before anybody tries. Players are a count. XP stays with whoever earned it, and no place in a bitmap and no name
is ever given again, so there is nothing to tell about those that differs from node to node.
"""

from collections.abc import Sequence
from typing import Any

import frappe
from frappe import _
from memora.services import content_places
from memora.services.cdn_export.plan_content import LESSON, LEVELS, PARENT_FIELDS, SUBJECT
from memora.services.content_tree import CHILD_OF

MAX_PLANS_NAMED = 20
PLAN = "Memora Academic Plan"

_PLANS_IN_THE_WAY = f"""
select plan.name, plan.title, plan.is_published, max(row.action is null) as lists_it,
	group_concat(row.action order by row.action separator ', ') as actions
from (
	select parent, null as action from `tabMemora Plan Subject` where subject = %(subject)s and parenttype = '{PLAN}'
	union all
	select parent, action from `tabMemora Plan Override`
	where target_doctype = %(doctype)s and target_name = %(name)s and parenttype = '{PLAN}'
) row join `tab{PLAN}` plan on plan.name = row.parent
group by plan.name, plan.title, plan.is_published order by plan.title, plan.name
"""
# Each player is one lookup in the unique key; the ledger has no index that begins with the lesson.
_PLAYERS_WHO_PASSED = """
select count(*) from `tabMemora Player Profile` player
straight_join `tabMemora Interaction Log` log force index (unique_player_first_completion_of)
	on log.player = player.user and log.first_completion_of = %s
"""


def what_breaks(doctype: str, name: str) -> dict[str, Any]:
	"""Everything that stands in the way of deleting a node, and what would be lost with it.

	Returns:
		{"below": [{"doctype", "count"}] of the levels below that are not empty, the first being its own children,
		 "plans": [{"name", "title", "is_published", "lists_it": bool, "actions": ["Hide", ...]}],
		 "players_passed": of a lesson, how many have passed it, else None,
		 "players_with_progress": of a subject, how many have progress in it, else None,
		 "is_refused": bool}

	Raises:
		frappe.DoesNotExistError: there is no such node.
	"""
	_path, rows_by_level = content_places.read_branch(doctype, name)
	levels = LEVELS[LEVELS.index(doctype) + 1 :]
	below = [
		{"doctype": level, "count": len(rows_by_level[level])} for level in levels if rows_by_level[level]
	]
	plans = _plans_in_the_way(doctype, name)
	with_progress = _players_with_progress(name) if doctype == SUBJECT else None
	return {
		"below": below,
		"plans": plans,
		"players_passed": _players_who_passed(name) if doctype == LESSON else None,
		"players_with_progress": with_progress,
		"is_refused": bool(below or plans or with_progress),
	}


def refuse_while_needed(doctype: str, name: str) -> None:
	"""Called before a node is deleted by a request. Scripts are held back by Frappe's own check, unless they force.

	Raises:
		frappe.LinkExistsError: all reasons, as sentences.
	"""
	reasons = [
		*_child_reasons(doctype, name),
		*_plan_reasons(doctype, name),
		*_progress_reasons(doctype, name),
	]
	if reasons:
		frappe.throw(" ".join(reasons), frappe.LinkExistsError, title=_("Cannot Delete"))


def _child_reasons(doctype: str, name: str) -> list[str]:
	if doctype not in CHILD_OF:
		return []
	child = CHILD_OF[doctype][0]
	# Locked: a plain read would miss a child that was committed since the transaction began.
	children = frappe.db.get_values(
		child,
		{PARENT_FIELDS[child]: name},
		"name",
		for_update=True,
		pluck=True,
		order_by="sort_order asc, name asc",
	)
	if not children:
		return []
	sentence = _("{0} has children ({1}: {2}), the first is {3}. Move or delete them first.")
	return [sentence.format(name, _(child), len(children), children[0])]


def _plan_reasons(doctype: str, name: str) -> list[str]:
	plans = _plans_in_the_way(doctype, name)
	listing = [plan.name for plan in plans if plan.lists_it]
	overriding = [plan.name for plan in plans if plan.actions]
	reasons = []
	if listing:
		reasons.append(_("Plans list {0}: {1}. Take it out of them first.").format(name, _named(listing)))
	if overriding:
		reasons.append(
			_("Plans override {0}: {1}. Remove these overrides first.").format(name, _named(overriding))
		)
	return reasons


def _named(plans: Sequence[str]) -> str:
	more = len(plans) - MAX_PLANS_NAMED
	return ", ".join(plans[:MAX_PLANS_NAMED]) + (_(" and {0} more").format(more) if more > 0 else "")


def _progress_reasons(doctype: str, name: str) -> list[str]:
	players = _players_with_progress(name) if doctype == SUBJECT else 0
	if not players:
		return []
	sentence = _("{0} players have progress in {1}: unpublish it instead, and nobody will see it.")
	return [sentence.format(players, name)]


def _plans_in_the_way(doctype: str, name: str) -> list:
	subject = name if doctype == SUBJECT else None
	values = {"doctype": doctype, "name": name, "subject": subject}
	plans = frappe.db.sql(_PLANS_IN_THE_WAY, values, as_dict=True)
	for plan in plans:
		actions = plan.actions.split(", ") if plan.actions else []
		plan.update(is_published=bool(plan.is_published), lists_it=bool(plan.lists_it), actions=actions)
	return plans


def _players_with_progress(subject: str) -> int:
	return frappe.db.count("Memora Structure Progress", {"subject": subject})


def _players_who_passed(lesson: str) -> int:
	return frappe.db.sql(_PLAYERS_WHO_PASSED, lesson)[0][0]
