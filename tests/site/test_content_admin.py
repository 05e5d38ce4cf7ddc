"""The content tree's service: what it shows, and what moving, adding and publishing change."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from memora.services import content_admin, content_admin_changes, content_admin_plans
from tests import factories
from tests.committed import Game

LESSON, TOPIC, SUBJECT = "Memora Lesson", "Memora Topic", "Memora Subject"


def nodes_of(tree):
	yield tree
	for child in tree["children"]:
		yield from nodes_of(child)


class TestTree(FrappeTestCase):
	def setUp(self):
		self.subject = factories.make_subject(topics=2, lessons=2, required_item="ITEM-1")

	def tearDown(self):
		frappe.db.rollback()

	def levels(self, plan=None):
		tree = content_admin.load_tree(self.subject.name, plan)
		return {
			node["name"]: node["access"]["access_level"] if node["access"] else None
			for node in nodes_of(tree)
		}

	def test_everything_below_is_there_in_order_whether_published_or_not(self):
		frappe.db.set_value(LESSON, self.subject.lesson_names[0], "is_published", 0)
		tree = content_admin.load_tree(self.subject.name, None)
		lessons = [node["name"] for node in nodes_of(tree) if node["doctype"] == LESSON]
		self.assertEqual(lessons, self.subject.lesson_names)
		self.assertEqual(len(list(nodes_of(tree))), 1 + 1 + 1 + 2 + 4)

	def test_a_subject_costs_six_queries_whatever_its_size(self):
		content_admin.load_tree(
			self.subject.name, None
		)  # what Frappe reads of its DocTypes is known from here on
		with self.assertQueryCount(6):
			content_admin.load_tree(self.subject.name, None)

	def test_below_what_a_plan_hides_nothing_is_shown_whatever_it_says_itself(self):
		hidden, shown = self.subject.topic_names
		frappe.db.set_value(LESSON, self.subject.lesson_names[0], "is_free_preview", 1)
		overrides = [(TOPIC, hidden, "Hide"), (TOPIC, shown, "Set Access Level", "public")]
		plan = factories.make_plan(subjects=[self.subject.name], overrides=overrides).name
		levels = self.levels(plan)
		first, second, third, fourth = self.subject.lesson_names
		self.assertEqual([levels[hidden], levels[first], levels[second]], [None] * 3)
		self.assertEqual([levels[shown], levels[third], levels[fourth]], ["public"] * 3)
		self.assertEqual(self.levels()[first], "free_preview")
		self.assertEqual(self.levels()[second], "paid")

	def test_a_subject_or_plan_that_is_not_there_is_refused_by_name(self):
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no subject SUBJ-NONE"):
			content_admin.load_tree("SUBJ-NONE", None)
		plan = factories.make_plan().name
		with self.assertRaisesRegex(frappe.DoesNotExistError, f"is not in the plan {plan}"):
			content_admin.load_tree(self.subject.name, plan)


class TestChanges(FrappeTestCase):
	def setUp(self):
		self.game = Game(topics=2, lessons=2)
		self.addCleanup(self.game.remove)
		frappe.db.delete("CDN Sync Log", {"plan_id": self.game.plan.name})
		frappe.db.commit()
		self.topics = self.game.subject.topic_names

	def lessons_of(self, topic):
		return frappe.get_all(
			LESSON, filters={"parent_topic": topic}, order_by="sort_order asc, name asc", pluck="name"
		)

	def queued(self):
		return frappe.db.count("CDN Sync Log", {"plan_id": self.game.plan.name, "status": "Queued"})

	def test_a_lesson_moves_to_another_topic_in_front_of_a_sibling_and_keeps_its_bit(self):
		first, second, third, fourth = self.game.lessons
		bit = frappe.db.get_value(LESSON, first, "bit_index")
		content_admin_changes.move_node(LESSON, first, self.topics[1], fourth)
		frappe.db.commit()
		self.assertEqual(self.lessons_of(self.topics[0]), [second])
		self.assertEqual(self.lessons_of(self.topics[1]), [third, first, fourth])
		self.assertEqual(frappe.db.get_value(LESSON, first, "bit_index"), bit)
		self.assertEqual(self.queued(), 1)

	def test_moving_twice_to_one_place_changes_nothing_more(self):
		first, second = self.lessons_of(self.topics[0])
		for _time in range(2):
			content_admin_changes.move_node(LESSON, second, self.topics[0], first)
			self.assertEqual(self.lessons_of(self.topics[0]), [second, first])

	def test_a_place_that_is_gone_is_refused_and_nothing_moves(self):
		first, _second = before = self.lessons_of(self.topics[0])
		with self.assertRaisesRegex(InvalidInput, "The tree has changed"):
			content_admin_changes.move_node(LESSON, first, self.topics[0], self.game.lessons[3])
		frappe.db.rollback()
		self.assertEqual(self.lessons_of(self.topics[0]), before)

	def test_nothing_moves_below_another_level_or_below_what_is_not_there(self):
		unit = self.game.subject.unit_names[0]
		for parent in (unit, "TOPIC-NONE"):
			with self.assertRaisesRegex(frappe.DoesNotExistError, f"There is no Memora Topic {parent}"):
				content_admin_changes.move_node(LESSON, self.game.lessons[0], parent, None)
		with self.assertRaisesRegex(InvalidInput, "no part of a tree"):
			content_admin_changes.move_node(SUBJECT, self.game.subject.name, unit, None)

	def test_a_child_is_added_last_and_unpublished(self):
		added = content_admin_changes.add_child(TOPIC, self.topics[0], "درس")
		self.assertEqual(self.lessons_of(self.topics[0])[-1], added)
		self.assertEqual(frappe.db.get_value(LESSON, added, "is_published"), 0)
		with self.assertRaisesRegex(InvalidInput, "Nothing can be added below"):
			content_admin_changes.add_child(LESSON, added, "Deeper")

	def test_a_subtree_is_unpublished_once_with_a_version_for_each_node_and_one_place_in_the_queue(self):
		subject = self.game.subject.name
		changed = content_admin_changes.set_published(SUBJECT, subject, False)
		frappe.db.commit()
		self.assertEqual(changed, 1 + 1 + 1 + 2 + 4)
		self.assertEqual(frappe.db.count(LESSON, {"subject": subject, "is_published": 1}), 0)
		for lesson in self.game.lessons:
			versions = frappe.get_all("Version", filters={"docname": lesson}, pluck="data")
			self.assertEqual(
				[frappe.parse_json(data)["changed"] for data in versions], [[["is_published", 1, 0]]]
			)
		self.assertEqual(self.queued(), 1)
		self.assertEqual(content_admin_changes.set_published(SUBJECT, subject, False), 0)


class TestPlanForm(FrappeTestCase):
	def tearDown(self):
		frappe.db.rollback()

	def test_targets_are_those_of_the_given_subjects_with_what_is_above_them(self):
		mine, other = factories.make_subject("Mine"), factories.make_subject("Other")
		for doctype, names, above in (
			(SUBJECT, [mine.name], ""),
			("Memora Unit", mine.unit_names, "Mine / Track"),
			(LESSON, mine.lesson_names, "Mine / Track / Unit / Topic"),
		):
			found = content_admin_plans.search_targets(doctype, [mine.name], "", 0, 50)
			self.assertEqual([row[0] for row in found], names)
			self.assertEqual({row[2] for row in found}, {above})
		self.assertFalse(content_admin_plans.search_targets(SUBJECT, [mine.name], other.name, 0, 50))
		self.assertFalse(content_admin_plans.search_targets(LESSON, [], "", 0, 50))

	def test_items_that_content_or_plans_name_are_known(self):
		subject = factories.make_subject(required_item="ITEM-OF-SUBJECT")
		override = (SUBJECT, subject.name, "Set Sold Separately", "ITEM-OF-PLAN")
		factories.make_plan(subjects=[subject.name], overrides=[override])
		self.assertLessEqual({"ITEM-OF-SUBJECT", "ITEM-OF-PLAN"}, set(content_admin_plans.known_items()))

	def test_files_of_a_plan_that_is_not_there_are_refused(self):
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no plan PLAN-NONE"):
			content_admin_plans.published_files("PLAN-NONE")
