"""Content rows as the repository reads them, for tests without a site."""

from memora.services.cdn_export.plan_content import (
	LESSON,
	SUBJECT,
	TOPIC,
	TRACK,
	UNIT,
	PlanContent,
	assemble_tree,
)


def node(doctype, name, **fields):
	row = {"doctype": doctype, "name": name, "title": f"Title of {name}", "is_published": 1, "sort_order": 0}
	if doctype == LESSON:
		row |= {"bit_index": 0, "base_xp": 10, "stages": []}
	return row | fields


def stage(title="Watch", **fields):
	row = {"title": title, "type": "Video", "config": "{}", "weight": 1, "target_time": 60, "is_skippable": 0}
	return row | fields


def plan_row(name="PLAN-1", **fields):
	return {
		"name": name,
		"title": "Grade 5",
		"season": "2026",
		"grade": "5",
		"stream": None,
		"is_published": 1,
	} | fields


def override(doctype, name, action, value=None):
	return {"target_doctype": doctype, "target_name": name, "action": action, "override_value": value}


def subject_tree(subject="S1", tracks=1, units=1, topics=1, lessons=2, changes=None):
	"""One subject with ids such as S1-T1-U1-P1-L1; `changes` is {id: fields to set on it}."""
	changes = changes or {}
	rows = {TRACK: [], UNIT: [], TOPIC: [], LESSON: []}

	def add(doctype, name, parent_field, parent):
		rows[doctype].append(node(doctype, name, **{parent_field: parent}) | changes.get(name, {}))
		return name

	for t in range(1, tracks + 1):
		track = add(TRACK, f"{subject}-T{t}", "parent_subject", subject)
		for u in range(1, units + 1):
			unit = add(UNIT, f"{track}-U{u}", "parent_track", track)
			for p in range(1, topics + 1):
				topic = add(TOPIC, f"{unit}-P{p}", "parent_unit", unit)
				for lesson in range(1, lessons + 1):
					add(LESSON, f"{topic}-L{lesson}", "parent_topic", topic)
	for bit_index, row in enumerate(rows[LESSON]):
		row["bit_index"] = bit_index
	return assemble_tree([node(SUBJECT, subject) | changes.get(subject, {})], rows)[0]


def plan_content(*subjects, overrides=(), **plan_fields):
	return PlanContent(plan_row(**plan_fields), subjects or [subject_tree()], list(overrides))
