"""A row saved alone would pass by the rules of its document: REST could add a third device. So no row is."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from tests.factories import insert, make_lesson, make_plan, make_player, make_subject, new_uuid, reload


class TestChildRows(FrappeTestCase):
	def setUp(self):
		subject = make_subject()
		stages = [{"title": "Watch", "type": "Video"}]
		self.lesson = make_lesson(subject.topic_names[0], stages=stages)
		override = ("Memora Lesson", self.lesson.name, "Hide")
		self.plan = make_plan(subjects=[subject.name], overrides=[override])
		self.player = make_player(devices=["phone", "tablet"])
		self.rows = [
			self.lesson.stages[0],
			self.plan.subjects[0],
			self.plan.overrides[0],
			self.player.authorized_devices[0],
		]

	def tearDown(self):
		frappe.db.rollback()

	def test_a_third_device_cannot_be_added_as_a_row(self):
		row = {
			"parent": self.player.name,
			"parenttype": self.player.doctype,
			"parentfield": "authorized_devices",
		}
		with self.assertRaisesRegex(InvalidInput, "is changed through its Memora Player Profile"):
			insert("Memora Authorized Device", device_id=new_uuid(), device_name="laptop", **row)
		self.assertEqual(len(reload(self.player).authorized_devices), 2)

	def test_no_row_is_saved_alone(self):
		for row in self.rows:
			with self.subTest(row.doctype), self.assertRaisesRegex(InvalidInput, "is changed through its"):
				reload(row).save()

	def test_no_row_is_deleted_alone(self):
		for row in self.rows:
			with self.subTest(row.doctype), self.assertRaisesRegex(InvalidInput, "is changed through its"):
				frappe.delete_doc(row.doctype, row.name)
			self.assertTrue(frappe.db.exists(row.doctype, row.name))

	def test_rows_are_changed_and_removed_through_their_document(self):
		for document, table in (
			(self.lesson, "stages"),
			(self.plan, "subjects"),
			(self.plan, "overrides"),
			(self.player, "authorized_devices"),
		):
			changed = reload(document)
			rows = len(changed.get(table))
			changed.remove(changed.get(table)[0])
			changed.save()
			with self.subTest(table):
				self.assertEqual(len(reload(document).get(table)), rows - 1)

	def test_a_document_is_deleted_with_its_rows(self):
		self.plan.delete()
		self.lesson.delete()
		self.assertFalse(frappe.db.exists("Memora Lesson Stage", self.rows[0].name))
