"""Content to measure with: subjects of a given number of lessons, each in a plan of its own, by raw SQL.

Ten lessons a topic, five topics a unit, five units a track, two stages a lesson; all published, none linear, so that
players may finish lessons in any order.
"""

import frappe

PREFIX = "BENCH"
LESSONS_PER_TOPIC, TOPICS_PER_UNIT, UNITS_PER_TRACK = 10, 5, 5
STAGES_PER_LESSON = 2
STAGE_CONFIG = '{"language": "en", "markdown": "Water boils at **100** degrees, and freezes at zero."}'
LEVELS = ("Track", "Unit", "Topic", "Lesson")

_DOCUMENT = "owner, modified_by, creation, modified, docstatus, idx"
_VALUES = "'Administrator', 'Administrator', now(6), now(6), 0, 0"


def subject_id(lessons: int) -> str:
	return f"{PREFIX}-SUBJECT-{lessons}"


def plan_id(lessons: int) -> str:
	return f"{PREFIX}-PLAN-{lessons}"


def lesson_id(lessons: int, index: int) -> str:
	"""The lesson that stands at this place, and has this bit_index, in the subject of so many lessons."""
	return f"{subject_id(lessons)}-LESSON-{index}"


def ensure(lessons: int) -> None:
	"""Make the subject of so many lessons and its plan, where they are not there whole."""
	subject = subject_id(lessons)
	[[found]] = frappe.db.sql("select count(*) from `tabMemora Lesson` where subject = %s", subject)
	if found == lessons and frappe.db.exists("Memora Academic Plan", plan_id(lessons)):
		return
	_remove(subject, plan_id(lessons))
	_insert_subject(subject, lessons)
	add_plan(plan_id(lessons), [subject])
	frappe.db.commit()  # other processes read it


def add_plan(plan: str, subjects: list[str]) -> None:
	frappe.db.sql(
		f"insert into `tabMemora Academic Plan` ({_DOCUMENT}, name, title, is_published) values ({_VALUES}, %s, %s, 1)",
		(plan, plan),
	)
	for index, subject in enumerate(subjects):
		frappe.db.sql(
			f"""insert into `tabMemora Plan Subject` ({_DOCUMENT}, name, parent, parentfield, parenttype, subject, sort_order)
			values ({_VALUES}, %s, %s, 'subjects', 'Memora Academic Plan', %s, %s)""",
			(f"{plan}-{index}", plan, subject, index),
		)


def _insert_subject(subject: str, lessons: int) -> None:
	frappe.db.sql(
		f"""insert into `tabMemora Subject` ({_DOCUMENT}, name, title, is_published, is_linear, next_bit_index)
		values ({_VALUES}, %s, %s, 1, 0, %s)""",
		(subject, subject, lessons),
	)
	size = LESSONS_PER_TOPIC * TOPICS_PER_UNIT * UNITS_PER_TRACK
	parent, per_parent = "Subject", None
	for level, per_node in zip(LEVELS, (size, size // UNITS_PER_TRACK, LESSONS_PER_TOPIC, 1), strict=True):
		count = -(-lessons // per_node)
		_insert_level(subject, parent, level, count, per_parent and per_parent // per_node)
		parent, per_parent = level, per_node
	_insert_stages(subject, lessons)


def _insert_level(subject: str, parent: str, level: str, count: int, per_parent: int | None) -> None:
	"""per_parent: how many of the level each parent has; None where the subject is the parent."""
	is_lesson = level == "Lesson"
	own = ", subject, bit_index" if is_lesson else ", is_linear"
	own_values = ", %(subject)s, seq" if is_lesson else ", 0"
	parent_name = (
		f"concat(%(subject)s, '-{parent.upper()}-', seq div {per_parent})" if per_parent else "%(subject)s"
	)
	frappe.db.sql(
		f"""insert into `tabMemora {level}`
		({_DOCUMENT}, name, title, is_published, sort_order, parent_{parent.lower()} {own})
		select {_VALUES}, concat(%(subject)s, '-{level.upper()}-', seq), concat('{level} ', seq), 1, seq, {parent_name}
		{own_values} from seq_0_to_{count - 1}""",
		{"subject": subject},
	)


def _insert_stages(subject: str, lessons: int) -> None:
	frappe.db.sql(
		f"""insert into `tabMemora Lesson Stage`
		(owner, modified_by, creation, modified, docstatus, idx, name, title, type, weight, target_time, config, parent,
			parentfield, parenttype)
		select 'Administrator', 'Administrator', now(6), now(6), 0, stage.seq,
			concat(%(subject)s, '-', lesson.seq, '-', stage.seq), concat('Stage ', stage.seq), 'Text', 1, 60, %(config)s,
			concat(%(subject)s, '-LESSON-', lesson.seq), 'stages', 'Memora Lesson'
		from seq_0_to_{lessons - 1} lesson, seq_1_to_{STAGES_PER_LESSON} stage""",
		{"subject": subject, "config": STAGE_CONFIG},
	)


def _remove(subject: str, plan: str) -> None:
	below = f"{subject}-%"
	for table in ("Lesson Stage", "Lesson", "Topic", "Unit", "Track"):
		frappe.db.sql(f"delete from `tabMemora {table}` where name like %s", below)
	frappe.db.sql("delete from `tabMemora Subject` where name = %s", subject)
	frappe.db.sql("delete from `tabMemora Plan Subject` where parent = %s", plan)
	frappe.db.sql("delete from `tabMemora Academic Plan` where name = %s", plan)
