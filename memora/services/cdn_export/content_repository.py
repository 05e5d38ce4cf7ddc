"""All reads of content, in bulk: one query a level, never one a node.

A whole plan takes eight queries whatever its size: plan, overrides, subjects, tracks, units, topics, lessons, stages.
They belong to one transaction, so they show one moment.
"""

from collections.abc import Collection, Iterable
from itertools import pairwise

import frappe
from memora.services.cdn_export.plan_content import (
	LESSON,
	PARENT_FIELDS,
	SUBJECT,
	TOPIC,
	TRACK,
	UNIT,
	PlanContent,
	assemble_tree,
)

_COMMON_FIELDS = "name, title, description, image, is_published, is_free_preview, sort_order"
_FIELDS = {
	TRACK: "is_linear, required_item, is_sold_separately, parent_item_required",
	UNIT: "is_linear, badge_image",
	TOPIC: "is_linear",
	LESSON: "bit_index, base_xp",
}
_SUBJECT_FIELDS = f"{_COMMON_FIELDS}, is_linear, is_public, required_item, color_code"


def load_plan(plan_id: str) -> PlanContent | None:
	"""A plan with everything below its subjects, published or not; None when there is no such plan."""
	plan = _load_plan_row(plan_id)
	if plan is None:
		return None
	return PlanContent(plan, _with_descendants(_load_plan_subjects(plan_id)), load_overrides(plan_id))


def load_subject(subject_id: str) -> PlanContent | None:
	"""One subject without any plan; None when there is no such subject."""
	subjects = _select(
		f"SELECT {_SUBJECT_FIELDS} FROM `tabMemora Subject` WHERE name = %(id)s", id=subject_id
	)
	return PlanContent(None, _with_descendants(_typed(SUBJECT, subjects))) if subjects else None


def load_overrides(plan_id: str) -> list[dict]:
	return _select(
		"""SELECT target_doctype, target_name, action, override_value FROM `tabMemora Plan Override`
		WHERE parent = %(plan)s AND parenttype = 'Memora Academic Plan' ORDER BY idx""",
		plan=plan_id,
	)


def published_plan_ids() -> list[str]:
	return [
		row["name"]
		for row in _select("SELECT name FROM `tabMemora Academic Plan` WHERE is_published = 1 ORDER BY name")
	]


def subject_of_topic(topic_id: str) -> str | None:
	rows = _select(
		"""SELECT track.parent_subject AS subject FROM `tabMemora Topic` topic
		JOIN `tabMemora Unit` unit ON unit.name = topic.parent_unit
		JOIN `tabMemora Track` track ON track.name = unit.parent_track WHERE topic.name = %(id)s""",
		id=topic_id,
	)
	return rows[0]["subject"] if rows else None


def load_lesson(lesson_id: str) -> dict | None:
	"""A lesson's row with its stages, published or not."""
	lessons = _select(
		f"SELECT {_COMMON_FIELDS}, {_FIELDS[LESSON]} FROM `tabMemora Lesson` WHERE name = %(id)s",
		id=lesson_id,
	)
	_add_stages(lessons)
	return lessons[0] if lessons else None


def unpublished_among(doctype: str, names: Collection[str]) -> set[str]:
	"""Which of these existing nodes are unpublished, or lie below an unpublished one."""
	if not names:
		return set()
	table, joins, levels = _path_to_subject(doctype)
	published = " AND ".join(f"{level}.is_published = 1" for level in levels)
	rows = _select(
		f"SELECT {levels[0]}.name FROM {table} {joins} WHERE {levels[0]}.name IN %(names)s AND NOT ({published})",
		names=tuple(names),
	)
	return {row["name"] for row in rows}


def _path_to_subject(doctype: str) -> tuple[str, str, list[str]]:
	"""FROM, JOINs and aliases from a node up to its subject."""
	upwards = [LESSON, TOPIC, UNIT, TRACK, SUBJECT]
	chain = upwards[upwards.index(doctype) :]
	joins = [
		f"JOIN `tab{parent}` n{depth + 1} ON n{depth + 1}.name = n{depth}.{PARENT_FIELDS[child]}"
		for depth, (child, parent) in enumerate(pairwise(chain))
	]
	return f"`tab{doctype}` n0", " ".join(joins), [f"n{depth}" for depth in range(len(chain))]


def _load_plan_row(plan_id: str) -> dict | None:
	rows = _select(
		"""SELECT plan.name, plan.title, plan.is_published,
			season.title AS season, grade.title AS grade, stream.title AS stream
		FROM `tabMemora Academic Plan` plan
		LEFT JOIN `tabMemora Season` season ON season.name = plan.season
		LEFT JOIN `tabMemora Grade` grade ON grade.name = plan.grade
		LEFT JOIN `tabMemora Stream` stream ON stream.name = plan.stream
		WHERE plan.name = %(plan)s""",
		plan=plan_id,
	)
	return rows[0] if rows else None


def _load_plan_subjects(plan_id: str) -> list[dict]:
	"""The plan's subjects in the plan's order."""
	fields = ", ".join(f"subject.{field}" for field in _SUBJECT_FIELDS.split(", ") if field != "sort_order")
	subjects = _select(
		f"""SELECT {fields}, link.sort_order FROM `tabMemora Plan Subject` link
		JOIN `tabMemora Subject` subject ON subject.name = link.subject
		WHERE link.parent = %(plan)s AND link.parenttype = 'Memora Academic Plan'""",
		plan=plan_id,
	)
	return sorted(_typed(SUBJECT, subjects), key=lambda row: (row["sort_order"] or 0, row["name"]))


def _with_descendants(subjects: list[dict]) -> list[dict]:
	rows_by_level, parents = {}, subjects
	for doctype in PARENT_FIELDS:
		parents = rows_by_level[doctype] = _load_children(doctype, [row["name"] for row in parents])
	_add_stages(rows_by_level[LESSON])
	return assemble_tree(subjects, rows_by_level)


def _load_children(doctype: str, parent_names: list[str]) -> list[dict]:
	if not parent_names:
		return []
	parent_field = PARENT_FIELDS[doctype]
	rows = _select(
		f"SELECT {_COMMON_FIELDS}, {_FIELDS[doctype]}, {parent_field} FROM `tab{doctype}` WHERE {parent_field} IN %(parents)s",
		parents=tuple(parent_names),
	)
	return _typed(doctype, rows)


def _add_stages(lessons: list[dict]) -> None:
	stages_by_lesson: dict[str, list[dict]] = {row["name"]: [] for row in lessons}
	for lesson in lessons:
		lesson["stages"] = stages_by_lesson[lesson["name"]]
	published = tuple(row["name"] for row in lessons if row["is_published"])
	if not published:
		return
	rows = _select(
		"""SELECT parent, title, type, config, weight, target_time, is_skippable FROM `tabMemora Lesson Stage`
		WHERE parent IN %(lessons)s AND parenttype = 'Memora Lesson' ORDER BY parent, idx""",
		lessons=published,
	)
	for row in rows:
		stages_by_lesson[row.pop("parent")].append(row)


def _typed(doctype: str, rows: Iterable[dict]) -> list[dict]:
	rows = list(rows)
	for row in rows:
		row["doctype"] = doctype
	return rows


def _select(query: str, **values) -> list[dict]:
	return frappe.db.sql(query, values, as_dict=True)
