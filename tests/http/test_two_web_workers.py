"""Two web workers that complete the same lesson at the same moment, over real connections, round after round."""

import threading

from memora.services import recovery
from memora.utils import redis_keys, redis_store
from tests.committed import Game, ledger_of
from tests.http.app import App, message_of
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, GET_WALLET, HTTPTestCase

ROUNDS = 8
CALLS_AT_ONCE = 3  # in all rounds together what the rate limit of a minute lets through


class TestTheSameLessonAtOnce(HTTPTestCase):
	def setUp(self):
		self.game = Game(lessons=ROUNDS)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		self.app = App(self.player.device_ids[0])

	def test_it_pays_once_whatever_copies_are_there(self):
		self.log_in()
		for number, lesson in enumerate(self.game.lessons):
			with self.subTest(round=number):
				if number % 3 == 1:
					message_of(self.app.get(GET_PROGRESS, subject_id=self.game.subject.name))
				if number % 3 == 2:
					redis_store.delete(redis_keys.get_wallet_key(self.player.user))
				self.assert_paid_once(self.complete_at_once(lesson), rounds=number + 1)

	def complete_at_once(self, lesson: str) -> list[dict]:
		"""The answers to calls that all wait, connected, until the last one is ready."""
		barrier, replies = threading.Barrier(CALLS_AT_ONCE), []

		def call():
			app = App(self.app.device_id)
			app.http.cookies.update({"sid": self.app.sid})
			app.get("ping")
			barrier.wait()
			replies.append(app.post(COMPLETE, lesson_id=lesson, hearts=5))

		threads = [threading.Thread(target=call) for _ in range(CALLS_AT_ONCE)]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		return [message_of(reply) for reply in replies]

	def assert_paid_once(self, answers: list[dict], rounds: int) -> None:
		self.assertEqual([answer["duplicate"] for answer in answers].count(False), 1)
		self.assertEqual({answer["event_id"] for answer in answers}, {answers[0]["event_id"]})
		self.assertEqual([row.xp_awarded for row in ledger_of(self.player)], [35] * rounds)
		self.assertEqual(message_of(self.app.get(GET_WALLET))["total_xp"], 35 * rounds)
		self.assertEqual(recovery.read_wallet(self.player.user).total_xp, 35 * rounds)
