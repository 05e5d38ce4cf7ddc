"""MariaDB takes SALMA@x, salma@x and sálma@x for one name, Redis and files do not: all of them must act as one."""

import os

import frappe
from memora.services.cdn_export import local_storage
from memora.utils import redis_store
from tests.committed import ledger_of
from tests.http.app import App, message_of, refusal
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, GET_WALLET, HTTPTestCase


class TestOneUserInManyForms(HTTPTestCase):
	def open_login_link(self, app, email):
		"""A link that Frappe mails to whatever form of the address its guest typed."""
		key = frappe.generate_hash()
		frappe.cache().set_value(f"one_time_login_key:{key}", email, expires_in_sec=60)
		path = f"/api/method/frappe.www.login.login_via_key?key={key}"
		return app.request("GET", path, allow_redirects=False)

	def test_a_login_link_in_another_case_logs_the_same_player_in(self):
		self.log_in()
		message_of(self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		other = App(self.app.device_id)
		self.assertEqual(self.open_login_link(other, self.player.user.upper()).status_code, 302)
		self.assertEqual(message_of(other.get("frappe.auth.get_logged_user")), self.player.user)
		self.assertEqual(refusal(self.app.get(GET_WALLET)), (401, "SessionReplaced"))
		message_of(other.post(COMPLETE, lesson_id=self.game.lessons[1], hearts=5))
		self.log_in()
		self.assertEqual(message_of(self.app.get(GET_WALLET))["total_xp"], 70)
		self.assertEqual(redis_store.keys_matching(f"*{self.player.user.upper()}*"), [])


class TestOneSubjectInManyForms(HTTPTestCase):
	def test_progress_is_the_same_whatever_the_case_and_leaves_no_second_copy(self):
		self.log_in()
		name = self.game.subject.name
		forms = (name.lower(), f"{name}\u200b", name.replace("S", "Ś"))
		for form in forms:
			message_of(self.app.get(GET_PROGRESS, subject_id=form))
		message_of(self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		truth = message_of(self.app.get(GET_PROGRESS, subject_id=name))
		self.assertEqual((truth["subject_id"], truth["passed_lessons"]), (name, 1))
		for form in forms:
			self.assertEqual(message_of(self.app.get(GET_PROGRESS, subject_id=form)), truth, form)
			self.assertEqual(redis_store.keys_matching(f"*:{form}"), [], form)
			self.assertFalse(
				os.path.exists(os.path.join(local_storage.get_local_base_path(), f"{form}.json")), form
			)

	def test_a_lesson_in_another_case_is_no_lesson_and_pays_nothing(self):
		self.log_in()
		lesson = self.game.lessons[0]
		message_of(self.app.post(COMPLETE, lesson_id=lesson, hearts=5))
		for form in (lesson.lower(), f"{lesson}\u200b", lesson.replace("E", "É")):
			reply = self.app.post(COMPLETE, lesson_id=form, hearts=5)
			self.assertEqual(refusal(reply), (404, "LessonNotFound"), form)
		self.assertEqual(len(ledger_of(self.player)), 1)
