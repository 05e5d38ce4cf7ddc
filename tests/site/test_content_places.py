"""Where a piece of content stands: what surrounds it, and which plans show it."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import content_places
from memora.services.cdn_export import local_storage
from tests import factories

SUBJECT, TRACK, UNIT = "Memora Subject", "Memora Track", "Memora Unit"
TOPIC, LESSON = "Memora Topic", "Memora Lesson"


class TestPlace(FrappeTestCase):
	def setUp(self):
		self.subject = factories.make_subject("الرياضيات", topics=2, lessons=2, required_item="ITEM-1")
		self.topic = self.subject.topic_names[0]
		self.first, self.second = self.subject.lesson_names[:2]

	def tearDown(self):
		frappe.db.rollback()

	def plan(self, *overrides, subjects=None, **values):
		subjects = [self.subject.name] if subjects is None else subjects
		return factories.make_plan(subjects=subjects, overrides=overrides, **values).name

	def shown(self, doctype, name, plan):
		plans = content_places.load_place(doctype, name)["plans"]
		return next(told for told in plans if told["name"] == plan)

	def assert_not_shown(self, told, reason, because_of=None):
		self.assertEqual((told["access"], told["url"], told["reason"]), (None, None, reason))
		self.assertEqual(told["because_of"] and told["because_of"]["name"], because_of)

	def test_the_path_leads_from_the_subject_down_and_the_children_come_in_order(self):
		frappe.db.set_value(LESSON, self.second, {"sort_order": 0, "is_published": 0})
		frappe.db.set_value(LESSON, self.first, "sort_order", 5)
		place = content_places.load_place(TOPIC, self.topic)
		self.assertEqual([node["doctype"] for node in place["path"]], [SUBJECT, TRACK, UNIT, TOPIC])
		self.assertEqual(place["path"][0]["title"], "الرياضيات")
		children = [(child["name"], child["is_published"], child["below"]) for child in place["children"]]
		self.assertEqual(children, [(self.second, False, 0), (self.first, True, 0)])
		self.assertEqual((place["child_doctype"], place["children_count"]), (LESSON, 2))

	def test_a_subject_counts_what_is_below_each_child_and_a_lesson_has_nothing_below(self):
		unit = content_places.load_place(UNIT, self.subject.unit_names[0])
		self.assertEqual([child["below"] for child in unit["children"]], [2, 2])
		lesson = content_places.load_place(LESSON, self.first)
		self.assertEqual((lesson["child_doctype"], lesson["children"]), (None, []))

	def test_each_plan_shows_a_node_with_its_own_access(self):
		plain, free = self.plan(), self.plan((TOPIC, self.topic, "Set Free"))
		self.assertEqual(
			self.shown(LESSON, self.first, plain)["access"],
			{"is_published": True, "access_level": "paid", "required_item": "ITEM-1"},
		)
		self.assertEqual(self.shown(LESSON, self.first, free)["access"]["access_level"], "free_preview")

	def test_a_plan_that_hides_a_node_or_what_it_lies_in_says_which(self):
		track = self.subject.track_names[0]
		plan, other = self.plan((TRACK, track, "Hide")), self.plan((LESSON, self.first, "Hide"))
		self.assert_not_shown(self.shown(LESSON, self.first, plan), "hidden", track)
		self.assert_not_shown(self.shown(LESSON, self.first, other), "hidden", self.first)
		self.assertIsNone(self.shown(LESSON, self.second, other)["reason"])

	def test_a_draft_above_a_node_is_named_and_a_container_without_lessons_to_show_is_empty(self):
		plan = self.plan()
		frappe.db.set_value(UNIT, self.subject.unit_names[0], "is_published", 0)
		self.assert_not_shown(self.shown(LESSON, self.first, plan), "unpublished", self.subject.unit_names[0])
		frappe.db.set_value(UNIT, self.subject.unit_names[0], "is_published", 1)
		frappe.db.set_value(LESSON, {"parent_topic": self.topic}, "is_published", 0)
		self.assert_not_shown(self.shown(TOPIC, self.topic, plan), "empty")
		self.assertIsNone(self.shown(UNIT, self.subject.unit_names[0], plan)["reason"])

	def test_plans_without_the_subject_come_last(self):
		mine, other = self.plan(), self.plan(subjects=[])
		plans = content_places.load_place(SUBJECT, self.subject.name)["plans"]
		names = [told["name"] for told in plans]
		self.assertLess(names.index(mine), names.index(other))
		self.assert_not_shown(plans[names.index(other)], "no_subject")

	def test_the_address_is_that_of_the_published_file_where_there_is_one(self):
		plan, draft = self.plan(), self.plan(is_published=0)
		for doctype, name, path in (
			(LESSON, self.first, f"lessons/{self.first}.json"),
			(TOPIC, self.topic, f"plans/{plan}/{self.topic}.json"),
			(UNIT, self.subject.unit_names[0], f"plans/{plan}/{self.subject.name}_h.json"),
		):
			with self.subTest(doctype):
				self.assertIsNone(self.shown(doctype, name, plan)["url"])
				self.addCleanup(local_storage.delete_content_file, path)
				local_storage.write_content_file(path, {})
				self.assertTrue(self.shown(doctype, name, plan)["url"].endswith(path))
				self.assertIsNone(self.shown(doctype, name, draft)["url"])

	def test_it_costs_seven_queries_for_any_node_and_any_number_of_plans(self):
		for number in range(3):
			self.plan((LESSON, self.first, "Hide"), is_published=number % 2)
		nodes = [(SUBJECT, self.subject.name), (TOPIC, self.topic), (LESSON, self.first)]
		for doctype, name in nodes:
			content_places.load_place(
				doctype, name
			)  # what Frappe reads of its DocTypes is known from here on
			with self.subTest(doctype), self.assertQueryCount(7):
				content_places.load_place(doctype, name)

	def test_what_is_not_there_is_refused_by_name(self):
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no Memora Lesson LESSON-NONE"):
			content_places.load_place(LESSON, "LESSON-NONE")
		frappe.db.delete(UNIT, self.subject.unit_names[0])
		with self.assertRaisesRegex(frappe.DoesNotExistError, f"There is no {UNIT}"):
			content_places.load_place(LESSON, self.first)
