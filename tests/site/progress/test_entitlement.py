"""A site that sells access: what its hook says about plans, subjects and lessons, and what it cannot say."""

from unittest.mock import patch

import frappe
import memora
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput, LessonNotFound, NotEnrolled
from memora.services import entitlement
from memora.services.progress_engine import completion, progress_computer
from memora.services.progress_engine.award import PROGRESS_POLICY
from tests.committed import Game, ledger_of


class EntitlementTestCase(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=2)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		self.asked = []

	def site_says(self, *answers):
		"""Declare the hook with one function for each answer: a dict of DocType or name -> opinion."""
		paths = []
		for number, opinions in enumerate(answers):
			paths.append(f"memora.opinion_{number}")
			function = self.opinion(opinions)
			self.enter(patch.object(memora, f"opinion_{number}", function, create=True))
		get_hooks = frappe.get_hooks

		def with_the_hook(hook=None, *args, **kwargs):
			return paths if hook == entitlement.HOOK else get_hooks(hook, *args, **kwargs)

		self.enter(patch.object(frappe, "get_hooks", with_the_hook))

	def opinion(self, opinions):
		def function(user, node):
			self.asked.append((user, node))
			return opinions.get(node["name"], opinions.get(node["doctype"]))

		return function

	def enter(self, patcher):
		patcher.start()
		self.addCleanup(patcher.stop)

	def read(self, subject=None, plan=None):
		return progress_computer.compute_progress(
			subject or self.game.subject.name, self.player.user, plan_id=plan
		)

	def complete(self, lesson):
		return completion.complete_lesson(self.player.user, lesson, 5, PROGRESS_POLICY)


class TestASubject(EntitlementTestCase):
	def test_without_an_opinion_the_rule_of_enrolment_holds(self):
		other = Game(lessons=1)
		self.addCleanup(other.remove)
		self.site_says({})
		self.assertEqual(self.read()["total_lessons"], 2)
		with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
			self.read(other.subject.name)

	def test_a_refused_subject_is_neither_read_nor_played(self):
		self.site_says({"Memora Subject": False})
		with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
			self.read()
		with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
			self.complete(self.game.lessons[0])
		self.assertEqual(ledger_of(self.player), [])

	def test_a_granted_subject_outside_the_plan_is_read_and_played(self):
		other = Game(lessons=1)
		self.addCleanup(other.remove)
		self.site_says({other.subject.name: True})
		self.assertEqual(self.read(other.subject.name)["total_lessons"], 1)
		self.assertEqual(self.complete(other.lessons[0])["xp_awarded"], 35)
		self.assertEqual(self.read(other.subject.name)["passed_lessons"], 1)

	def test_what_is_unpublished_or_hidden_by_the_plan_cannot_be_granted(self):
		hidden = Game(lessons=1, overrides=lambda subject: [("Memora Subject", subject.name, "Hide")])
		unpublished = Game(lessons=1, is_published=0)
		self.site_says({"Memora Subject": True})
		for game in (hidden, unpublished):
			self.addCleanup(game.remove)
			player = game.add_player()
			with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
				progress_computer.compute_progress(game.subject.name, player.user)

	def test_the_first_opinion_of_several_apps_counts(self):
		self.site_says({}, {"Memora Subject": False}, {"Memora Subject": True})
		with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
			self.read()
		self.assertEqual(len(self.asked), 2)

	def test_the_hook_is_told_who_asks_for_what_and_by_which_plan(self):
		self.site_says({})
		self.read()
		subject, plan = self.game.subject.name, self.game.plan.name
		node = {"doctype": "Memora Subject", "name": subject, "plan": plan, "subject": subject}
		self.assertEqual(self.asked, [(self.player.user, node)])


class TestALesson(EntitlementTestCase):
	def test_a_refused_lesson_is_not_completed_and_its_neighbour_is(self):
		self.site_says({self.game.lessons[1]: False})
		self.assertEqual(self.complete(self.game.lessons[0])["xp_awarded"], 35)
		with self.assertRaisesRegex(NotEnrolled, "not enrolled in this lesson"):
			self.complete(self.game.lessons[1])
		self.assertEqual(len(ledger_of(self.player)), 1)

	def test_the_hook_is_told_where_the_lesson_lies(self):
		self.site_says({})
		self.complete(self.game.lessons[0])
		subject = self.game.subject
		node = {
			"doctype": "Memora Lesson",
			"name": self.game.lessons[0],
			"plan": self.game.plan.name,
			"subject": subject.name,
			"track": subject.track_names[0],
			"unit": subject.unit_names[0],
			"topic": subject.topic_names[0],
		}
		self.assertEqual(self.asked[-1], (self.player.user, node))

	def test_an_unknown_lesson_stays_unknown_and_nobody_is_asked(self):
		self.site_says({"Memora Lesson": True})
		with self.assertRaisesRegex(LessonNotFound, "LESSON-NOWHERE"):
			self.complete("LESSON-NOWHERE")
		self.assertEqual(self.asked, [])


class TestAnotherPlan(EntitlementTestCase):
	"""The player reads a subject by a plan that is not his current one."""

	def setUp(self):
		super().setUp()
		self.other_plan = self.game.add_plan(overrides=[("Memora Lesson", self.game.lessons[0], "Hide")]).name
		self.empty_plan = self.game.add_plan(subjects=[]).name
		self.unpublished_plan = self.game.add_plan(is_published=0).name

	def test_without_a_hook_or_an_opinion_only_the_own_plan_may_be_named(self):
		for say in (
			lambda: None,
			lambda: self.site_says({}),
			lambda: self.site_says({"Memora Academic Plan": False}),
		):
			say()
			with self.assertRaisesRegex(InvalidInput, "not your plan"):
				self.read(plan=self.other_plan)
			self.assertEqual(self.read(plan=self.game.plan.name)["total_lessons"], 2)

	def test_an_allowed_plan_shows_the_subject_as_it_does(self):
		self.site_says({self.other_plan: True})
		self.assertEqual(self.read(plan=self.other_plan)["total_lessons"], 1)
		self.assertEqual(self.read()["total_lessons"], 2)

	def test_an_allowed_plan_must_be_published_and_hold_the_subject_whatever_the_site_says(self):
		self.site_says({"Memora Academic Plan": True, "Memora Subject": True})
		for plan in (self.empty_plan, self.unpublished_plan):
			with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
				self.read(plan=plan)

	def test_a_plan_that_does_not_exist_is_nobodys_and_nobody_is_asked(self):
		self.site_says({"Memora Academic Plan": True})
		with self.assertRaisesRegex(InvalidInput, "not your plan"):
			self.read(plan="PLAN-NOWHERE")
		self.assertEqual(self.asked, [])

	def test_the_hook_is_told_which_plan_and_for_which_subject(self):
		self.site_says({self.other_plan: True})
		self.read(plan=self.other_plan)
		subject = self.game.subject.name
		node = {
			"doctype": "Memora Academic Plan",
			"name": self.other_plan,
			"plan": self.other_plan,
			"subject": subject,
		}
		self.assertEqual(self.asked[0], (self.player.user, node))
