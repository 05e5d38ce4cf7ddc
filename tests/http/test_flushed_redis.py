"""Both Redis servers of the bench are emptied between any two calls of a day, and every answer stays the same."""

import itertools
import threading
import time
import uuid

import redis

import frappe
from memora.utils import redis_keys, redis_store
from tests.committed import PASSWORD, ledger_of
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


class TestCompletionsWhileRedisIsFlushed(HTTPTestCase):
	"""Several players complete lessons all the time, while both servers are emptied again and again."""

	PLAYERS, COMPLETIONS_EACH, COMPLETIONS_BETWEEN_FLUSHES = 5, 100, 60

	def test_after_500_completions_every_total_is_the_ledgers_and_nothing_is_lost(self):
		players = [self.player, *(self.game.add_player() for _ in range(self.PLAYERS - 1))]
		apps = [App(player.device_ids[0]) for player in players]
		for app, player in zip(apps, players, strict=True):
			message_of(app.login(player.user, PASSWORD))
		answers = self.complete_while_flushing(players, apps)
		for app, player in zip(apps, players, strict=True):
			self.assertEqual(len(answers[player.user]), self.COMPLETIONS_EACH)
			self.assert_nothing_is_lost(app, player, answers[player.user])

	def complete_while_flushing(self, players, apps) -> dict[str, list[dict]]:
		answers = {player.user: [] for player in players}

		def play(app, user):
			for number in range(self.COMPLETIONS_EACH):
				lesson, event = self.game.lessons[number % 3], str(uuid.uuid4())
				reply = app.post(COMPLETE, lesson_id=lesson, hearts=number % 5 + 1, client_event_id=event)
				answers[user].append(message_of(reply))

		threads = [
			threading.Thread(target=play, args=(app, player.user))
			for app, player in zip(apps, players, strict=True)
		]
		for thread in threads:
			thread.start()
		limits = [redis_keys.get_rate_limit_key(user, COMPLETE) for user in answers]
		flushes = 0
		while any(thread.is_alive() for thread in threads):
			redis_store.delete(*limits)  # nobody plays that fast, but the test does
			if self.count(answers) >= self.COMPLETIONS_BETWEEN_FLUSHES * (flushes + 1):
				flush_both_servers()
				flushes += 1
			time.sleep(0.01)
		self.assertGreaterEqual(flushes, 5)
		return answers

	def count(self, answers: dict[str, list[dict]]) -> int:
		return sum(map(len, answers.values()))

	def assert_nothing_is_lost(self, app, player, answers):
		rows = ledger_of(player)
		self.assertEqual([row.seq for row in rows], list(range(1, self.COMPLETIONS_EACH + 1)))
		self.assertEqual([row.xp_awarded for row in rows], [answer["xp_earned"] for answer in answers])
		self.assertEqual([answer["new_total_xp"] for answer in answers], self.running_totals(rows))
		self.assertEqual([bool(row.first_completion_of) for row in rows].count(True), 3)
		total = sum(row.xp_awarded for row in rows)
		for flush in (lambda: None, flush_both_servers):
			flush()
			self.assertEqual(message_of(app.get(GET_WALLET))["total_xp"], total)
			progress = message_of(app.get(GET_PROGRESS, subject_id=self.game.subject.name))
			self.assertEqual((progress["total_xp_earned"], progress["passed_lessons"]), (total, 3))

	def running_totals(self, rows) -> list[int]:
		return list(itertools.accumulate(row.xp_awarded for row in rows))
