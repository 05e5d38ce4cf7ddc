"""Whatever comes in is refused by name: no error of ours, nothing counted, nothing left behind."""

import json

import frappe
from memora.utils import redis_store
from tests import factories
from tests.committed import PASSWORD, ledger_of
from tests.http.app import App, refusal
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, HTTPTestCase

LOGIN = "memora.api.player.login"
SHORT_COMPLETE = "memora.api.player.complete_lesson"
REFUSED = (417, "InvalidInput")
NO_TEXT = (True, [1], {"a": 1}, 1.5, -1, 10**30)
NO_NAME = ("x" * 200, "\ud800", "a\x00b", " ")


class HostileTestCase(HTTPTestCase):
	def send(self, method, body, verb="POST", app=None):
		"""As JSON that `requests` would not make: lone surrogates and all."""
		redis_store.delete(*redis_store.keys_matching("rate_limit:*"))
		headers = {"Content-Type": "application/json"}
		return (app or self.app).request(
			verb, f"/api/method/{method}", data=json.dumps(body), headers=headers
		)


class TestPlaying(HostileTestCase):
	def test_an_event_id_that_is_no_text_is_refused_and_meets_no_other_event(self):
		self.log_in()
		lesson, event = self.game.lessons[0], factories.new_uuid()
		paid = self.send(COMPLETE, {"lesson_id": lesson, "hearts": 5, "client_event_id": event})
		self.assertEqual(paid.status_code, 200)
		for junk in (0, False, [], {}, *NO_TEXT, *NO_NAME):
			for method, hearts in ((COMPLETE, "hearts"), (SHORT_COMPLETE, "hearts_earned")):
				body = {"lesson_id": lesson, hearts: 3, "client_event_id": junk}
				self.assertEqual(refusal(self.send(method, body)), REFUSED, body)
		self.assertEqual(len(ledger_of(self.player)), 1)

	def test_a_plan_that_is_no_name_is_refused(self):
		self.log_in()
		for junk in (0, False, [], {}, *NO_TEXT, *NO_NAME):
			body = {"subject_id": self.game.subject.name, "plan_id": junk}
			self.assertEqual(refusal(self.send(GET_PROGRESS, body, "GET")), REFUSED, body)

	def test_ten_million_characters_are_refused_at_once(self):
		self.log_in()
		reply = self.send(COMPLETE, {"lesson_id": "x" * 9_000_000, "hearts": 5})
		self.assertEqual(refusal(reply), REFUSED)
		self.assertIn("1 to 140 characters", reply.text)


class TestLoggingInWithJunk(HostileTestCase):
	def test_a_user_a_password_and_a_second_step_that_are_no_text_are_refused(self):
		for junk in (*NO_TEXT, "\ud800", "a\x00b"):
			for body in (
				{"usr": junk, "pwd": "x"},
				{"usr": self.player.user, "pwd": junk},
				{"tmp_id": junk, "otp": "123456"},
				{"tmp_id": "abc", "otp": junk},
			):
				self.assertEqual(refusal(self.send(LOGIN, body)), REFUSED, body)

	def test_a_password_longer_than_any_is_refused_before_it_is_hashed(self):
		reply = self.send(LOGIN, {"usr": self.player.user, "pwd": "x" * 513})
		self.assertEqual(refusal(reply), REFUSED)

	def test_a_second_step_without_a_first_one_is_refused(self):
		for beside in ({}, {"usr": self.player.user, "pwd": PASSWORD}, {"usr": [1], "pwd": {"a": 1}}):
			reply = self.send(LOGIN, {"tmp_id": "never given out", "otp": "123456", **beside})
			self.assertEqual(refusal(reply), (401, "AuthenticationError"), beside)
			self.assertNotIn("Set-Cookie", reply.headers, beside)

	def test_a_device_name_that_is_no_text_authorizes_no_device(self):
		newcomer = self.game.add_player(devices=())
		for junk in (0, False, *NO_TEXT, *NO_NAME):
			reply = self.send(LOGIN, {"usr": newcomer.user, "pwd": PASSWORD, "device_name": junk}, app=App())
			self.assertEqual(refusal(reply), REFUSED, junk)
		frappe.db.rollback()
		self.assertEqual(factories.reload(newcomer).authorized_devices, [])
