"""Whatever editors do, in any order: a place in a subject belongs to one lesson for ever."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import content_tree
from tests.factories import make_lesson, make_subject

ACTIONS = (
	"add",
	"add with a wanted place",
	"delete",
	"duplicate",
	"move lesson",
	"move topic",
	"move unit",
	"move track",
	"reorder",
	"unpublish",
	"save an old form of the lesson",
	"save an old form of the subject",
)
steps = st.lists(
	st.tuples(st.sampled_from(ACTIONS), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12
)


class World:
	"""Two subjects, forms that were opened when they were new, and who ever stood at which place."""

	def __init__(self):
		self.subjects = [make_subject(tracks=2, topics=2, lessons=1) for _index in range(2)]
		self.lessons = [name for subject in self.subjects for name in subject.lesson_names]
		self.parents = {
			"topic": [name for subject in self.subjects for name in subject.topic_names],
			"unit": [name for subject in self.subjects for name in subject.unit_names],
			"track": [name for subject in self.subjects for name in subject.track_names],
			"subject": [subject.name for subject in self.subjects],
		}
		self.old_subject_forms = [frappe.get_doc("Memora Subject", name) for name in self.parents["subject"]]
		self.old_lesson_forms = [frappe.get_doc("Memora Lesson", name) for name in self.lessons]
		self.owner_by_place: dict[tuple[str, int], str] = {}
		self.next_free = dict.fromkeys(self.parents["subject"], 0)
		self.check()

	def act(self, action: str, first: int, second: int):
		if action.startswith("move"):
			kind = action.removeprefix("move ")
			self._move(kind, first, second)
		elif action.startswith("add"):
			wanted = {"bit_index": second} if action.endswith("place") else {}
			self.lessons.append(make_lesson(self._pick("topic", first), **wanted).name)
		elif action.startswith("save an old form"):
			forms = self.old_subject_forms if action.endswith("subject") else self.old_lesson_forms
			self._save_unless_it_conflicts(forms[first % len(forms)])
		elif self.lessons:
			self._act_on_lesson(action, self.lessons[first % len(self.lessons)], second)

	def _act_on_lesson(self, action: str, name: str, number: int):
		lesson = frappe.get_doc("Memora Lesson", name)
		if action == "delete":
			lesson.delete()
			self.lessons.remove(name)
		elif action == "duplicate":
			self.lessons.append(frappe.copy_doc(lesson, ignore_no_copy=bool(number % 2)).insert().name)
		else:
			lesson.update({"sort_order": number} if action == "reorder" else {"is_published": 0})
			lesson.save()

	def _move(self, kind: str, first: int, second: int):
		doctype = f"Memora {kind.title()}"
		parent_field, _parent_doctype = content_tree.PARENT_OF[doctype]
		names = self.lessons if kind == "lesson" else self.parents[kind]
		if names:
			node = frappe.get_doc(doctype, names[first % len(names)])
			node.set(parent_field, self._pick(parent_field.removeprefix("parent_"), second))
			node.save()

	def _pick(self, kind: str, number: int) -> str:
		return self.parents[kind][number % len(self.parents[kind])]

	def _save_unless_it_conflicts(self, form):
		with contextlib.suppress(frappe.TimestampMismatchError, frappe.DoesNotExistError):
			form.save()

	def check(self):
		for subject, before in self.next_free.items():
			self.next_free[subject] = frappe.db.get_value("Memora Subject", subject, "next_bit_index")
			assert self.next_free[subject] >= before, f"the counter of {subject} was turned back"
		for name in self.lessons:
			lesson = frappe.db.get_value(
				"Memora Lesson", name, ["subject", "bit_index", "parent_topic"], as_dict=True
			)
			place = (lesson.subject, lesson.bit_index)
			assert self.owner_by_place.setdefault(place, name) == name, f"{place} was another lesson's"
			assert 0 <= lesson.bit_index < self.next_free[lesson.subject]
			assert lesson.subject == content_tree.subject_of("Memora Topic", lesson.parent_topic)


class TestPlaceHistory(FrappeTestCase):
	@settings(max_examples=25)
	@given(steps)
	def test_a_place_belongs_to_one_lesson_for_ever(self, steps):
		frappe.db.savepoint("history")
		try:
			world = World()
			for action, first, second in steps:
				world.act(action, first, second)
				world.check()
		finally:
			frappe.db.rollback(save_point="history")
