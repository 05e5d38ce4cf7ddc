"""What a request costs beyond Frappe's own: round trips to Redis and statements to MariaDB, counted, not timed."""

from unittest import mock

import redis
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.api import guards, player, progress
from memora.exceptions import LessonLocked
from memora.services import session_manager, wallet_engine, xp_claims
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from tests.committed import Game


class Counter:
	"""Counts what really goes to Redis and MariaDB while it is open."""

	def __enter__(self):
		self.redis_calls, self.statements = 0, []
		self._patches = [
			mock.patch.object(
				redis.Redis, "execute_command", self._counted_redis(redis.Redis.execute_command)
			),
			mock.patch.object(frappe.db, "sql", self._counted_sql(frappe.db.sql)),
		]
		for patch in self._patches:
			patch.start()
		return self

	def __exit__(self, *_error):
		for patch in self._patches:
			patch.stop()

	def _counted_redis(self, execute):
		def counted(client, *args, **kwargs):
			# Frappe's own cache is a subclass of Redis: it is not counted here.
			if type(client) is redis.Redis:
				self.redis_calls += 1
			return execute(client, *args, **kwargs)

		return counted

	def _counted_sql(self, sql):
		def counted(query, *args, **kwargs):
			self.statements.append(str(query).split(None, 1)[0].strip("(").lower())
			return sql(query, *args, **kwargs)

		return counted

	def count(self, verb):
		return self.statements.count(verb)


class TestCosts(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=3)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		session_manager.create_session(self.player.user, self.player.device_ids[0], "a-session")
		self.addCleanup(frappe.set_user, "Administrator")
		frappe.set_user(self.player.user)
		frappe.session.sid, frappe.session.data = "a-session", frappe._dict(user_type="Website User")
		builder = EnvironBuilder(path="/api/method/memora.api.player.get_wallet")
		builder.headers["X-Device-ID"] = self.player.device_ids[0]
		frappe.local.request = Request(builder.get_environ())
		self.addCleanup(setattr, frappe.local, "request", None)

	def test_a_warm_gate_with_its_limiter_is_two_round_trips_and_no_statement(self):
		@guards.rate_limit()
		@guards.require_authorized_device
		def endpoint():
			return "through"

		for _warm_up in range(2):
			guards.authorize_request()
			endpoint()
		with Counter() as counter:
			guards.authorize_request()
			self.assertEqual(endpoint(), "through")
		self.assertEqual((counter.redis_calls, counter.statements), (2, []))

	def test_a_warm_wallet_is_one_round_trip_and_no_statement(self):
		wallet_engine.get_wallet(self.player.user)
		with Counter() as counter:
			wallet_engine.get_wallet(self.player.user)
		self.assertEqual((counter.redis_calls, counter.statements), (1, []))

	def test_a_warm_completion_is_one_insert_one_commit_and_at_most_three_selects(self):
		completion.complete_lesson(self.player.user, self.game.lessons[0], 5, PROGRESS_POLICY)
		with Counter() as counter:
			completion.complete_lesson(self.player.user, self.game.lessons[1], 5, PROGRESS_POLICY)
		self.assert_cheap(counter, selects=3, round_trips=2)

	def test_a_warm_claim_is_one_insert_one_commit_and_at_most_three_selects(self):
		xp_claims.claim_xp(self.player.user, 10)
		with Counter() as counter:
			xp_claims.claim_xp(self.player.user, 10)
		self.assert_cheap(counter, selects=3, round_trips=2)

	def test_a_refused_completion_costs_one_more_round_trip_and_writes_nothing(self):
		completion.complete_lesson(self.player.user, self.game.lessons[0], 5, PROGRESS_POLICY)
		with Counter() as counter, self.assertRaises(LessonLocked):
			completion.complete_lesson(self.player.user, self.game.lessons[2], 5, PROGRESS_POLICY)
		self.assertEqual(counter.redis_calls, 2)
		self.assertEqual([counter.count(verb) for verb in ("insert", "update", "delete", "commit")], [0] * 4)

	def test_a_whole_request_that_completes_a_lesson_is_four_round_trips_with_its_gate_and_limiter(self):
		"""Over every hook of the app that a request passes; what Frappe does by itself is not counted."""
		self.request(progress.complete_lesson, lesson_id=self.game.lessons[0], hearts=5)
		with Counter() as counter:
			paid = self.request(progress.complete_lesson, lesson_id=self.game.lessons[1], hearts=5)
		self.assertEqual(paid["new_total_xp"], 70)
		self.assert_cheap(counter, selects=3, round_trips=4)

	def test_a_whole_request_that_claims_xp_is_four_round_trips_with_its_gate_and_limiter(self):
		self.request(player.add_xp, xp_amount=10)
		with Counter() as counter:
			self.assertEqual(self.request(player.add_xp, xp_amount=10)["new_total_xp"], 20)
		self.assert_cheap(counter, selects=3, round_trips=4)

	def test_a_whole_request_that_reads_progress_is_three_round_trips_and_one_select(self):
		subject_id = self.game.subject.name
		self.request(progress.get_progress, subject_id=subject_id)
		with Counter() as counter:
			read = self.request(progress.get_progress, subject_id=subject_id)
		self.assertEqual(read["total_lessons"], 3)
		self.assertEqual((counter.redis_calls, counter.statements), (3, ["select"]))

	def request(self, endpoint, **arguments):
		guards.authorize_request()
		answer = endpoint(**arguments)
		for hook in frappe.get_hooks("after_request", app_name="memora"):
			frappe.call(hook, response=Response(), request=frappe.local.request)
		return answer

	def assert_cheap(self, counter, selects, round_trips):
		self.assertEqual((counter.count("insert"), counter.count("commit")), (1, 1))
		self.assertEqual([counter.count(verb) for verb in ("update", "delete", "replace")], [0] * 3)
		self.assertLessEqual(counter.count("select"), selects, counter.statements)
		self.assertLessEqual(counter.redis_calls, round_trips)
