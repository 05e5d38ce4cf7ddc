"""What deleting a piece of content would break is told before, and refused in plain sentences."""

from unittest import mock

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import content_deletion, content_places, recovery
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from tests import database, factories
from tests.committed import Game

SUBJECT, TRACK, UNIT = "Memora Subject", "Memora Track", "Memora Unit"
TOPIC, LESSON, PLAN = "Memora Topic", "Memora Lesson", "Memora Academic Plan"


def delete_over_http(doctype, name):
	"""What Desk and REST do, which cannot force."""
	request = Request(EnvironBuilder(method="POST").get_environ())
	with mock.patch.object(frappe.local, "request", request, create=True):
		frappe.delete_doc(doctype, name)


class TestDeletion(FrappeTestCase):
	def setUp(self):
		self.subject = factories.make_subject(units=2, topics=2, lessons=2)
		self.lesson = self.subject.lesson_names[0]

	def tearDown(self):
		frappe.db.rollback()

	def assert_refused(self, doctype, name, *sentences):
		with self.assertRaises(frappe.LinkExistsError) as refused:
			delete_over_http(doctype, name)
		message = str(refused.exception)
		for sentence in sentences:
			self.assertIn(sentence, message)
		self.assertNotIn("<", message)
		self.assertTrue(frappe.db.exists(doctype, name))

	def test_what_is_below_is_counted_by_level_and_refuses(self):
		told = content_deletion.what_breaks(TRACK, self.subject.track_names[0])
		below = [(level["doctype"], level["count"]) for level in told["below"]]
		self.assertEqual(below, [(UNIT, 2), (TOPIC, 4), (LESSON, 8)])
		self.assertTrue(told["is_refused"])
		first = self.subject.unit_names[0]
		self.assert_refused(
			TRACK,
			self.subject.track_names[0],
			f"has children ({UNIT}: 2), the first is {first}. Move or delete them first.",
		)

	def test_plans_that_list_or_override_a_node_are_named(self):
		overrides = [(SUBJECT, self.subject.name, "Set Free"), (LESSON, self.lesson, "Hide")]
		overrides.append((LESSON, self.lesson, "Set Linear", "1"))
		listing = factories.make_plan(subjects=[self.subject.name], overrides=overrides).name
		overriding = factories.make_plan(overrides=overrides[1:2], is_published=0).name
		told = content_deletion.what_breaks(LESSON, self.lesson)["plans"]
		found = {plan["name"]: (plan["lists_it"], plan["actions"], plan["is_published"]) for plan in told}
		self.assertEqual(
			found, {listing: (False, ["Hide", "Set Linear"], True), overriding: (False, ["Hide"], False)}
		)
		plan = content_deletion.what_breaks(SUBJECT, self.subject.name)["plans"][0]
		self.assertEqual((plan["lists_it"], plan["actions"]), (True, ["Set Free"]))
		self.assert_refused(LESSON, self.lesson, f"Plans override {self.lesson}: ", listing, overriding)
		self.assert_refused(
			SUBJECT,
			self.subject.name,
			f"Plans list {self.subject.name}: {listing}. Take it out of them first.",
			f"Plans override {self.subject.name}: {listing}. Remove these overrides first.",
		)

	def test_a_subject_with_progress_is_refused_with_a_count_and_without_a_name(self):
		subject = factories.make_subject(tracks=0)
		user = factories.make_user("Memora Student").name
		factories.insert("Memora Structure Progress", player=user, subject=subject.name)
		told = content_deletion.what_breaks(SUBJECT, subject.name)
		self.assertEqual((told["players_with_progress"], told["is_refused"]), (1, True))
		self.assert_refused(SUBJECT, subject.name, f"1 players have progress in {subject.name}")
		with self.assertRaises(frappe.LinkExistsError) as refused:
			delete_over_http(SUBJECT, subject.name)
		self.assertNotIn(user, str(refused.exception))

	def test_what_nothing_needs_is_deleted(self):
		told = content_deletion.what_breaks(LESSON, self.lesson)
		self.assertEqual((told["below"], told["plans"], told["is_refused"]), ([], [], False))
		delete_over_http(LESSON, self.lesson)
		self.assertFalse(frappe.db.exists(LESSON, self.lesson))

	def test_what_is_not_there_is_refused_by_name(self):
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no Memora Topic TOPIC-NONE"):
			content_deletion.what_breaks(TOPIC, "TOPIC-NONE")

	def test_in_a_script_frappe_refuses_it_by_itself_unless_it_is_forced(self):
		topic = self.subject.topic_names[0]
		with self.assertRaises(frappe.LinkExistsError):
			frappe.delete_doc(TOPIC, topic)
		self.assertTrue(frappe.db.exists(TOPIC, topic))
		frappe.delete_doc(TOPIC, topic, force=True)
		self.assertFalse(frappe.db.exists(TOPIC, topic))

	def test_an_override_of_what_was_removed_by_force_disturbs_nobody(self):
		plan = factories.make_plan(subjects=[self.subject.name], overrides=[(LESSON, self.lesson, "Hide")])
		frappe.delete_doc(LESSON, self.lesson, force=True)
		place = content_places.load_place(LESSON, self.subject.lesson_names[1])
		shown = {told["name"]: told["access"] for told in place["plans"]}
		self.assertEqual(shown[plan.name]["access_level"], "authenticated")
		frappe.delete_doc(PLAN, plan.name)
		self.assertFalse(frappe.db.exists(PLAN, plan.name))


class TestCommitted(FrappeTestCase):
	def setUp(self):
		self.game = Game()
		self.addCleanup(self.game.remove)
		self.lesson = self.game.lessons[0]

	def test_players_who_passed_are_counted_and_keep_their_xp_and_the_place_is_never_given_again(self):
		players = [self.game.add_player(), self.game.add_player()]
		for player in players:
			completion.complete_lesson(player.user, self.lesson, 3, PROGRESS_POLICY)
		told = content_deletion.what_breaks(LESSON, self.lesson)
		self.assertEqual((told["players_passed"], told["is_refused"]), (2, False))
		self.assertEqual(content_deletion.what_breaks(LESSON, self.game.lessons[1])["players_passed"], 0)
		xp = [recovery.read_wallet(player.user).total_xp for player in players]
		self.assertEqual(len(set(xp)), 1)
		self.assertGreater(xp[0], 0)
		bits = frappe.get_all(LESSON, filters={"subject": self.game.subject.name}, pluck="bit_index")
		frappe.delete_doc(LESSON, self.lesson)
		added = factories.make_lesson(self.game.subject.topic_names[0])
		self.assertNotIn(added.bit_index, bits)
		self.game.lessons.append(added.name)
		frappe.db.commit()
		self.assertEqual([recovery.read_wallet(player.user).total_xp for player in players], xp)

	def test_a_child_that_another_committed_a_moment_ago_is_seen(self):
		topic = self.game.subject.topic_names[0]
		for lesson in self.game.lessons:
			frappe.delete_doc(LESSON, lesson)
		frappe.db.commit()
		self.assertEqual(frappe.db.count(LESSON, {"parent_topic": topic}), 0)  # the snapshot begins here
		other = database.another_connection(self)
		with other.cursor() as cursor:
			cursor.execute(
				"insert into `tabMemora Lesson` (name, title, parent_topic, subject, bit_index) values (%s, 'New', %s, %s, 99)",
				(self.lesson, topic, self.game.subject.name),
			)
		other.commit()
		with self.assertRaisesRegex(frappe.LinkExistsError, f"the first is {self.lesson}"):
			delete_over_http(TOPIC, topic)
		frappe.db.rollback()
		self.assertTrue(frappe.db.exists(TOPIC, topic))
