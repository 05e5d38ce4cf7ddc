"""The main job over HTTP: log in, finish a lesson, read progress and wallet back."""

import threading
import uuid

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.utils import redis_keys, redis_store
from tests import factories
from tests.committed import PASSWORD, Game, ledger_of
from tests.http.app import App, message_of, refusal

GET_WALLET = "memora.api.player.get_wallet"
GET_PROGRESS = "memora.api.progress.get_progress"
COMPLETE = "memora.api.progress.complete_lesson"


class HTTPTestCase(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=3)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		self.app = App(self.player.device_ids[0])

	def log_in(self, app=None, player=None):
		return message_of((app or self.app).login((player or self.player).user, PASSWORD))


class TestALesson(HTTPTestCase):
	def test_a_lesson_is_finished_and_read_back(self):
		login = self.log_in()
		self.assertEqual(login["message"], "Logged in successfully")
		self.assertEqual((login["is_first_device"], login["devices_authorized"]), (False, 1))
		self.assertEqual(login["plan_id"], self.game.plan.name)
		self.assertTrue(login["manifest_url"].endswith(f"/plans/{self.game.plan.name}/manifest.json"))

		wallet = message_of(self.app.get(GET_WALLET))
		self.assertIsNotNone(wallet.pop("last_played_at"))  # the login
		self.assertEqual(
			wallet,
			{
				"total_xp": 0,
				"current_streak": 0,
				"last_success_date": None,
				"streak_active": False,
			},
		)
		paid = message_of(self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		self.assertEqual((paid["success"], paid["xp_earned"], paid["new_total_xp"]), (True, 35, 35))
		self.assertEqual((paid["is_first_completion"], paid["is_new_record"]), (True, True))
		self.assertEqual(paid["unlocked_node_ids"], [self.game.lessons[1]])

		wallet = message_of(self.app.get(GET_WALLET))
		self.assertEqual(
			(wallet["total_xp"], wallet["current_streak"], wallet["streak_active"]), (35, 1, True)
		)
		progress = message_of(self.app.get(GET_PROGRESS, subject_id=self.game.subject.name))
		self.assertEqual((progress["passed_lessons"], progress["total_lessons"]), (1, 3))
		self.assertEqual((progress["completion_percentage"], progress["total_xp_earned"]), (33.33, 35))
		self.assertEqual(progress["suggested_next_lesson_id"], self.game.lessons[1])

	def test_the_short_form_pays_ten_a_heart_and_tells_the_streak(self):
		self.log_in()
		paid = message_of(
			self.app.post(
				"memora.api.player.complete_lesson", lesson_id=self.game.lessons[0], hearts_earned=2
			)
		)
		self.assertEqual(paid["xp"], {"awarded": 20, "new_total": 20})
		self.assertEqual(
			(paid["streak"]["old_streak"], paid["streak"]["new_streak"], paid["streak"]["action"]),
			(0, 1, "first_completion"),
		)

	def test_without_hearts_the_progress_endpoint_refuses_and_logs_the_attempt(self):
		self.log_in()
		reply = self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=0)
		self.assertEqual(refusal(reply), (417, "InvalidInput"))
		self.assertIn("No hearts", reply.text)
		frappe.db.rollback()
		self.assertTrue(
			frappe.db.exists(
				"Memora Interaction Log", {"player": self.player.user, "interaction_type": "lesson_failed"}
			)
		)
		self.assertEqual(ledger_of(self.player), [])

	def test_a_locked_an_unknown_and_a_foreign_lesson_are_refused_by_name(self):
		self.log_in()
		other = Game(lessons=1)
		self.addCleanup(other.remove)
		for lesson, expected in (
			(self.game.lessons[2], (403, "LessonLocked")),
			("LESSON-NOWHERE", (404, "LessonNotFound")),
			(other.lessons[0], (403, "NotEnrolled")),
		):
			self.assertEqual(refusal(self.app.post(COMPLETE, lesson_id=lesson, hearts=3)), expected)
		self.assertEqual(ledger_of(self.player), [])

	def test_bad_arguments_are_refused_with_a_message_and_change_nothing(self):
		self.log_in()
		lesson = self.game.lessons[0]
		for body in (
			{},
			{"lesson_id": lesson},
			{"lesson_id": lesson, "hearts": "five"},
			{"lesson_id": lesson, "hearts": True},
			{"lesson_id": lesson, "hearts": 6},
			{"lesson_id": lesson, "hearts": -1},
			{"lesson_id": lesson, "hearts": [5]},
			{"lesson_id": ["x"], "hearts": 5},
			{"lesson_id": "a\u0000b", "hearts": 5},
			{"lesson_id": lesson, "hearts": 5, "client_event_id": "no uuid"},
		):
			reply = self.app.post(COMPLETE, **body)
			self.assertEqual(refusal(reply), (417, "InvalidInput"), body)
			self.assertIn("_server_messages", reply.json(), body)
		self.assertEqual(ledger_of(self.player), [])

	def test_numbers_may_come_as_text_in_a_form(self):
		self.log_in()
		reply = self.app.request(
			"POST", f"/api/method/{COMPLETE}", data={"lesson_id": self.game.lessons[0], "hearts": "5"}
		)
		self.assertEqual(message_of(reply)["xp_earned"], 35)

	def test_a_get_cannot_complete_a_lesson(self):
		self.log_in()
		reply = self.app.get(COMPLETE, lesson_id=self.game.lessons[0], hearts=5)
		self.assertEqual(reply.status_code, 403)
		self.assertEqual(ledger_of(self.player), [])


class TestAtOnce(HTTPTestCase):
	def test_ten_taps_at_once_pay_once(self):
		self.log_in()
		replies = []
		cookies = {"sid": self.app.sid}

		def tap():
			app = App(self.app.device_id)
			app.http.cookies.update(cookies)
			replies.append(message_of(app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5)))

		self.run_at_once(tap, 10)
		self.assertEqual([reply["duplicate"] for reply in replies].count(False), 1)
		self.assertEqual({reply["new_total_xp"] for reply in replies}, {35})
		self.assertEqual([row.xp_awarded for row in ledger_of(self.player)], [35])

	def test_plays_with_ids_of_their_own_at_once_end_on_the_ledgers_sum(self):
		self.log_in()
		cookies = {"sid": self.app.sid}
		statuses = []

		def play():
			app = App(self.app.device_id)
			app.http.cookies.update(cookies)
			event = str(uuid.uuid4())
			reply = app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5, client_event_id=event)
			statuses.append(reply.status_code)

		self.run_at_once(play, 20)
		self.assertEqual(set(statuses), {200})
		rows = ledger_of(self.player)
		self.assertEqual([row.seq for row in rows], list(range(1, 21)))
		self.assertEqual(
			message_of(self.app.get(GET_WALLET))["total_xp"], sum(row.xp_awarded for row in rows)
		)
		self.assertEqual(len([row for row in rows if row.first_completion_of]), 1)

	def test_of_two_devices_that_log_in_first_at_once_one_is_authorized(self):
		newcomer = self.game.add_player(devices=())
		replies = []
		self.run_at_once(lambda: replies.append(App().login(newcomer.user, PASSWORD)), 2)
		self.assertEqual(sorted(reply.status_code for reply in replies), [200, 403])
		self.assertEqual(len(factories.reload(newcomer).authorized_devices), 1)

	def test_of_four_logins_at_once_exactly_one_session_lives(self):
		apps = [App(self.app.device_id) for _ in range(4)]
		waiting = iter(apps)
		self.run_at_once(lambda: message_of(next(waiting).login(self.player.user, PASSWORD)), 4)
		statuses = sorted(app.get(GET_WALLET).status_code for app in apps)
		self.assertEqual(statuses, [200, 401, 401, 401])

	def run_at_once(self, work, times):
		errors = []

		def guarded():
			try:
				work()
			except Exception as error:
				errors.append(error)

		threads = [threading.Thread(target=guarded) for _ in range(times)]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		self.assertEqual(errors, [])
		frappe.db.rollback()


class TestLosingRedis(HTTPTestCase):
	def test_a_lost_key_between_any_two_calls_changes_no_answer(self):
		self.log_in()
		message_of(self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		before = self.answers()
		for key in redis_store.keys_matching(f"*{self.player.user}*"):
			redis_store.delete(key)
			self.assertEqual(self.answers(), before, key)
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.answers(), before)
		paid = message_of(self.app.post(COMPLETE, lesson_id=self.game.lessons[1], hearts=5))
		self.assertEqual(paid["new_total_xp"], 70)
		self.assertTrue(redis_store.exists(redis_keys.get_wallet_key(self.player.user)))

	def answers(self):
		return (
			message_of(self.app.get(GET_WALLET)),
			message_of(self.app.get(GET_PROGRESS, subject_id=self.game.subject.name)),
		)
