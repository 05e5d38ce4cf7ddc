"""Both Redis servers of the bench are emptied between any two calls of a day, and every answer stays the same."""

import uuid

import redis

import frappe
from tests.committed import PASSWORD
from tests.http.app import App, message_of
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, GET_WALLET, HTTPTestCase

# Different on every call, or with the time of day.
VOLATILE = {"session_id", "event_id", "last_played_at"}


def flush_both_servers():
	for server in ("redis_cache", "redis_queue"):
		redis.Redis.from_url(frappe.conf[server]).flushall()


class TestFlushedRedis(HTTPTestCase):
	def test_a_day_with_a_flush_between_any_two_calls_is_the_day_without(self):
		undisturbed = self.play_a_day(lambda: None)
		self.assertEqual(self.play_a_day(flush_both_servers), undisturbed)

	def play_a_day(self, between_calls):
		player = self.game.add_player()
		app = App(player.device_ids[0])
		events = [str(uuid.uuid4()) for _ in self.game.lessons]
		answers = []
		for call in (
			lambda: app.login(player.user, PASSWORD),
			lambda: app.get("memora.api.player.check_device_authorization"),
			lambda: app.get(GET_WALLET),
			lambda: app.get(GET_PROGRESS, subject_id=self.game.subject.name),
			lambda: app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5, client_event_id=events[0]),
			lambda: app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5, client_event_id=events[0]),
			lambda: app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5),
			lambda: app.post(COMPLETE, lesson_id=self.game.lessons[2], hearts=5),
			lambda: app.post(COMPLETE, lesson_id=self.game.lessons[1], hearts=3, client_event_id=events[1]),
			lambda: app.get(GET_WALLET),
			lambda: app.get(GET_PROGRESS, subject_id=self.game.subject.name),
			lambda: app.get("memora.api.player.validate_session"),
			lambda: app.post("memora.api.player.logout"),
			lambda: app.get(GET_WALLET),
		):
			answers.append(self.essence(call()))
			between_calls()
		return answers

	def essence(self, reply):
		body = reply.json()
		message = body.get("message")
		if isinstance(message, dict):
			message = {key: value for key, value in message.items() if key not in VOLATILE}
		return reply.status_code, body.get("exc_type"), message


class TestTheServersThemselves(HTTPTestCase):
	def test_a_flush_logs_nobody_out(self):
		self.log_in()
		before = message_of(self.app.get(GET_WALLET))
		flush_both_servers()
		self.assertEqual(message_of(self.app.get(GET_WALLET)), before)
