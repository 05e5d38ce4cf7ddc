"""Where a lesson stands: the subject above it, and its permanent place in the subject's bitmap.

A bit index is given once, under the lock of the subject's row, from a counter that only grows. So it is unique in the
subject, two inserts at once get two, a deleted lesson leaves a hole, and a duplicate or a restored lesson gets a new
one. When a lesson, or anything above it, moves to another subject, the lesson gets a new place there and the old one
stays retired. `moved_at` then marks the lesson until its players' progress has followed it: see
`progress_engine.moved_lessons`.

Locks are taken from the topic upwards to the subject. A move reads the lessons below with a lock as well, so a lesson
inserted at the same moment is not left behind.
"""

from datetime import datetime

import frappe
from frappe import _
from frappe.query_builder import Case
from memora.exceptions import InvalidInput
from memora.utils import clock

UNPLACED = -1
# A wanted place beyond this would only make every player's bitmap long.
MAX_WANTED_BIT_INDEX = 99_999
LESSONS_PER_UPDATE = 500

PARENT_OF = {
	"Memora Lesson": ("parent_topic", "Memora Topic"),
	"Memora Topic": ("parent_unit", "Memora Unit"),
	"Memora Unit": ("parent_track", "Memora Track"),
	"Memora Track": ("parent_subject", "Memora Subject"),
}
CHILD_OF = {parent: (child, field) for child, (field, parent) in PARENT_OF.items()}
CONTENT_DOCTYPES = ("Memora Subject", "Memora Track", "Memora Unit", "Memora Topic", "Memora Lesson")


def subject_of(doctype: str, name: str) -> str:
	"""The subject above a node, or the subject itself. Locks every row on the way up.

	Raises:
		InvalidInput: the way up is broken.
	"""
	while doctype in PARENT_OF:
		field, parent_doctype = PARENT_OF[doctype]
		parent = frappe.db.get_value(doctype, name, field, for_update=True)
		if not parent:
			raise InvalidInput(_("{0} {1} belongs to no subject.").format(_(doctype), name))
		doctype, name = parent_doctype, parent
	return name


def place_lesson(lesson) -> None:
	"""Set `subject`, `bit_index` and `moved_at` of a lesson that is being saved, whatever its form holds.

	A new lesson may ask for a bit index (an import does): it gets it when no lesson ever had it, else the next one.
	"""
	before = lesson.get_doc_before_save()
	lesson.moved_at = before.moved_at if before else None
	if before and before.parent_topic == lesson.parent_topic and before.subject and before.bit_index >= 0:
		lesson.subject, lesson.bit_index = before.subject, before.bit_index
		return
	wanted = UNPLACED if before else _wanted_bit_index(lesson)
	lesson.subject = subject_of("Memora Topic", lesson.parent_topic)
	if before and before.subject == lesson.subject and before.bit_index >= 0:
		lesson.bit_index = before.bit_index
	else:
		lesson.bit_index = take_bit_indexes(lesson.subject, 1, wanted)
		lesson.moved_at = _now() if before else None


def take_bit_indexes(subject: str, count: int, wanted: int = UNPLACED) -> int:
	"""Take `count` places in a row and return the first. Holds the subject's row until the transaction ends.

	Args:
		wanted: start here if that lies at or past the counter, which then moves past it.
	"""
	next_free = frappe.db.get_value("Memora Subject", subject, "next_bit_index", for_update=True)
	if next_free is None:
		raise InvalidInput(_("There is no subject {0}.").format(subject))
	first = wanted if next_free <= wanted <= MAX_WANTED_BIT_INDEX else next_free
	frappe.db.set_value("Memora Subject", subject, "next_bit_index", first + count, update_modified=False)
	return first


def follow_move(doctype: str, name: str) -> list[str]:
	"""After a topic, unit or track changed its parent: take its lessons along into the subject it is in now.

	Returns:
		The names of the lessons that changed subject, in the order of their old places. Empty when the subject is the
		same.
	"""
	subject = subject_of(doctype, name)
	lessons = [lesson for lesson in _lessons_below(doctype, name) if lesson.subject != subject]
	if lessons:
		place_anew([lesson.name for lesson in lessons], subject)
	return [lesson.name for lesson in lessons]


def _now() -> datetime:
	return clock.to_site_time(clock.utc_now())


def _wanted_bit_index(lesson) -> int:
	wanted = lesson.bit_index
	return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else UNPLACED


def _lessons_below(doctype: str, name: str) -> list:
	"""name and subject of the lessons, locked: a plain read would miss one committed since the transaction began."""
	names = [name]
	while doctype != "Memora Topic":
		doctype, field = CHILD_OF[doctype]
		names = frappe.db.get_values(doctype, {field: ("in", names)}, "name", for_update=True, pluck=True)
		if not names:
			return []
	return frappe.db.get_values(
		"Memora Lesson",
		{"parent_topic": ("in", names)},
		["name", "subject"],
		as_dict=True,
		for_update=True,
		order_by="bit_index asc",
	)


def place_anew(names: list[str], subject: str) -> None:
	"""Give lessons new places in a subject, in this order. Their players' progress follows, see `moved_at`."""
	first = take_bit_indexes(subject, len(names))
	lesson = frappe.qb.DocType("Memora Lesson")
	for start in range(0, len(names), LESSONS_PER_UPDATE):
		chunk = names[start : start + LESSONS_PER_UPDATE]
		bit_index = Case()
		for offset, name in enumerate(chunk, start):
			bit_index = bit_index.when(lesson.name == name, first + offset)
		update = frappe.qb.update(lesson).set(lesson.subject, subject).set(lesson.bit_index, bit_index)
		update.set(lesson.moved_at, _now()).where(lesson.name.isin(chunk)).run()
	for name in names:
		frappe.clear_document_cache("Memora Lesson", name)
