"""A name that a player's progress or a published file may refer to is never given to something else."""

import frappe
from frappe.tests.utils import FrappeTestCase
from tests import factories


class TestPermanentNames(FrappeTestCase):
	def test_the_name_of_deleted_content_is_not_given_again(self):
		subject = factories.make_subject(lessons=1)
		plan = factories.make_plan()
		for doctype, name, make in (
			("Memora Lesson", subject.lesson_names[0], lambda: factories.make_lesson(subject.topic_names[0])),
			("Memora Academic Plan", plan.name, factories.make_plan),
		):
			frappe.delete_doc(doctype, name)
			self.assertNotEqual(make().name, name)

	def test_a_name_of_ones_own_may_be_deleted_too(self):
		topic = factories.make_subject(lessons=0).topic_names[0]
		lesson = frappe.get_doc({"doctype": "Memora Lesson", "parent_topic": topic, "title": "By hand"})
		lesson.insert(set_name="HANDMADE")
		frappe.delete_doc("Memora Lesson", lesson.name)
		self.assertFalse(frappe.db.exists("Memora Lesson", "HANDMADE"))
