"""The rules of academic plans: each subject once, overrides on content only, values that mean something."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from tests.factories import insert, make_plan, make_subject, make_user, reload


class TestPlanSubjects(FrappeTestCase):
	def tearDown(self):
		frappe.db.rollback()

	def test_a_subject_is_in_a_plan_once(self):
		subject = make_subject().name
		with self.assertRaisesRegex(InvalidInput, f"Row 2: {subject} is in the plan already"):
			make_plan(subjects=[subject, subject])

	def test_a_subject_may_be_in_many_plans(self):
		subject = make_subject().name
		plans = [make_plan(subjects=[subject]).name for _index in range(2)]
		holding = frappe.get_all("Memora Plan Subject", filters={"subject": subject}, pluck="parent")
		self.assertEqual(sorted(holding), sorted(plans))

	def test_two_plans_cannot_have_one_title(self):
		title = make_plan().title
		with self.assertRaises(frappe.UniqueValidationError):
			make_plan(title)

	def test_a_subject_of_a_plan_cannot_be_deleted(self):
		subject = insert("Memora Subject", title="S").name
		make_plan(subjects=[subject])
		with self.assertRaises(frappe.LinkExistsError):
			frappe.delete_doc("Memora Subject", subject)


class TestPlanOverrides(FrappeTestCase):
	def setUp(self):
		self.subject = make_subject()
		self.lesson = self.subject.lesson_names[0]

	def tearDown(self):
		frappe.db.rollback()

	def stored_value(self, action: str, value=None):
		plan = make_plan(overrides=[("Memora Lesson", self.lesson, action, value)])
		return reload(plan).overrides[0].override_value

	def test_every_kind_of_content_can_be_overridden(self):
		targets = [
			("Memora Subject", self.subject.name),
			("Memora Track", self.subject.track_names[0]),
			("Memora Unit", self.subject.unit_names[0]),
			("Memora Topic", self.subject.topic_names[0]),
			("Memora Lesson", self.lesson),
		]
		plan = make_plan(overrides=[(*target, "Hide") for target in targets])
		stored = [(row.target_doctype, row.target_name) for row in reload(plan).overrides]
		self.assertEqual(stored, targets)

	def test_nothing_but_content_can_be_overridden(self):
		with self.assertRaisesRegex(InvalidInput, "Row 1: only content can be overridden"):
			make_plan(overrides=[("User", make_user().name, "Hide")])

	def test_the_target_must_exist(self):
		with self.assertRaises(frappe.LinkValidationError):
			make_plan(overrides=[("Memora Lesson", "LESSON-none", "Hide")])

	def test_the_same_override_twice_is_refused(self):
		twice = [("Memora Lesson", self.lesson, "Set Linear", value) for value in ("1", "0")]
		with self.assertRaisesRegex(
			InvalidInput, f"Row 2: {self.lesson} has the override Set Linear already"
		):
			make_plan(overrides=twice)

	def test_different_overrides_of_one_target_combine(self):
		both = [
			("Memora Topic", self.subject.topic_names[0], action, "1")
			for action in ("Set Free", "Set Linear")
		]
		self.assertEqual(len(reload(make_plan(overrides=both)).overrides), 2)

	def test_access_levels_are_those_that_are_published(self):
		for level in ("public", "authenticated", "free_preview", "paid"):
			self.assertEqual(self.stored_value("Set Access Level", f" {level.upper()} "), level)
		for level in (None, "", "premium"):
			with self.subTest(level), self.assertRaisesRegex(InvalidInput, "Row 1.*must be one of public"):
				self.stored_value("Set Access Level", level)

	def test_linear_is_a_truth_value(self):
		for value in ("1", "0", "true", "False", "yes", "NO"):
			self.assertEqual(self.stored_value("Set Linear", value), value.lower())
		self.assertEqual(self.stored_value("Set Linear", 0), "0")
		for value in (None, "", "sometimes", "2"):
			with self.subTest(value), self.assertRaisesRegex(InvalidInput, "Row 1.*must be true or false"):
				self.stored_value("Set Linear", value)

	def test_an_item_is_optional_where_content_is_sold_separately(self):
		self.assertEqual(self.stored_value("Set Sold Separately", " ITEM-7 "), "ITEM-7")
		self.assertFalse(self.stored_value("Set Sold Separately"))

	def test_an_action_without_a_value_keeps_none(self):
		for action in ("Hide", "Set Free"):
			self.assertIsNone(self.stored_value(action, "left over from another action"))

	def test_an_unknown_action_is_refused(self):
		with self.assertRaises(frappe.ValidationError):
			self.stored_value("Explode")
