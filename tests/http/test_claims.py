"""Claiming XP and syncing wallets over HTTP, and the time of a login in the wallet."""

import threading
import uuid

import frappe
from frappe.installer import update_site_config
from memora.utils import redis_keys, redis_store
from tests.committed import ledger_of
from tests.http.app import App, message_of, refusal
from tests.http.desk_user import open_desk
from tests.http.test_first_slice import COMPLETE, GET_WALLET, HTTPTestCase

SHORT_FORM = "memora.api.player.complete_lesson"
ADD_XP = "memora.api.player.add_xp"
TRIGGER = "memora.api.player.trigger_wallet_sync"


class TestClaimsOverHTTP(HTTPTestCase):
	def setUp(self):
		super().setUp()
		self.log_in()

	def configure(self, **settings):
		for key, value in settings.items():
			update_site_config(key, value)
			self.addCleanup(update_site_config, key, "None")

	def forget_limits(self):
		redis_store.delete(*redis_store.keys_matching(f"rate_limit:{self.player.user}:*"))

	def test_a_claim_answers_as_documented_and_is_in_the_wallet(self):
		message_of(self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		paid = message_of(self.app.post(ADD_XP, xp_amount=50))
		self.assertEqual(paid["message"], "XP awarded successfully")
		self.assertEqual((paid["xp_awarded"], paid["new_total_xp"], paid["duplicate"]), (50, 85, False))
		self.assertEqual(message_of(self.app.get(GET_WALLET))["total_xp"], 85)

	def test_an_amount_may_come_as_text_in_a_form(self):
		reply = self.app.request("POST", f"/api/method/{ADD_XP}", data={"xp_amount": "1000"})
		self.assertEqual(message_of(reply)["new_total_xp"], 1000)

	def test_bad_arguments_are_refused_with_a_message_and_change_nothing(self):
		for body in (
			{},
			{"xp_amount": 0},
			{"xp_amount": -5},
			{"xp_amount": 1001},
			{"xp_amount": "many"},
			{"xp_amount": True},
			{"xp_amount": 1.5},
			{"xp_amount": [5]},
			{"xp_amount": 5, "client_event_id": "no uuid"},
		):
			self.forget_limits()
			reply = self.app.post(ADD_XP, **body)
			self.assertEqual(refusal(reply), (417, "InvalidInput"), body)
			self.assertIn("_server_messages", reply.json(), body)
		self.assertEqual(ledger_of(self.player), [])

	def test_a_get_claims_nothing(self):
		self.assertEqual(self.app.get(ADD_XP, xp_amount=5).status_code, 403)
		self.assertEqual(ledger_of(self.player), [])

	def test_a_retry_with_the_same_event_is_paid_once_and_another_amount_is_a_conflict(self):
		event = str(uuid.uuid4())
		first = message_of(self.app.post(ADD_XP, xp_amount=5, client_event_id=event))
		again = message_of(self.app.post(ADD_XP, xp_amount=5, client_event_id=event))
		self.assertEqual(again, {**first, "duplicate": True})
		reply = self.app.post(ADD_XP, xp_amount=6, client_event_id=event)
		self.assertEqual(refusal(reply), (409, "IdempotencyConflict"))
		self.assertEqual([row.xp_awarded for row in ledger_of(self.player)], [5])

	def test_a_lesson_that_sends_the_event_of_a_claim_is_a_conflict(self):
		event = str(uuid.uuid4())
		message_of(self.app.post(ADD_XP, xp_amount=5, client_event_id=event))
		reply = self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5, client_event_id=event)
		self.assertEqual(refusal(reply), (409, "IdempotencyConflict"))

	def test_a_claims_day_is_no_lesson(self):
		message_of(self.app.post(ADD_XP, xp_amount=5))
		[row] = ledger_of(self.player)
		reply = self.app.post(COMPLETE, lesson_id=row.reference_id, hearts=5)
		self.assertEqual(refusal(reply), (404, "LessonNotFound"))

	def test_the_eleventh_claim_in_a_minute_waits(self):
		for _ in range(10):
			reply = self.app.post(ADD_XP, xp_amount=1)
		self.assertEqual(
			(reply.headers["X-RateLimit-Limit"], reply.headers["X-RateLimit-Remaining"]), ("10", "0")
		)
		reply = self.app.post(ADD_XP, xp_amount=1)
		self.assertEqual(refusal(reply), (429, "RateLimitExceeded"))
		self.assertLessEqual(int(reply.headers["Retry-After"]), 60)
		self.assertEqual(len(ledger_of(self.player)), 10)

	def test_the_sites_cap_and_switch_are_obeyed(self):
		self.configure(memora_client_xp_daily_cap=60)
		message_of(self.app.post(ADD_XP, xp_amount=60))
		self.assertEqual(refusal(self.app.post(ADD_XP, xp_amount=1)), (417, "ClaimLimitReached"))
		self.configure(memora_allow_client_xp=0)
		self.assertEqual(refusal(self.app.post(ADD_XP, xp_amount=1)), (403, "ClaimsDisabled"))
		self.assertEqual([row.xp_awarded for row in ledger_of(self.player)], [60])

	def test_fifty_claims_and_lessons_at_once_end_on_the_ledgers_sum(self):
		answers, cookies = [], {"sid": self.app.sid}

		def call(index):
			app = App(self.app.device_id)
			app.http.cookies.update(cookies)
			method, body = (
				(ADD_XP, {"xp_amount": 10})
				if index < 8
				else (SHORT_FORM, {"lesson_id": self.game.lessons[0], "hearts_earned": 3})
				if index < 20
				else (COMPLETE, {"lesson_id": self.game.lessons[0], "hearts": 5})
			)
			answers.append(app.post(method, client_event_id=str(uuid.uuid4()), **body))

		# As many of each as the rate limits let through in a minute.
		threads = [threading.Thread(target=call, args=(index,)) for index in range(50)]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		self.assertEqual({answer.status_code for answer in answers}, {200})
		rows = ledger_of(self.player)
		self.assertEqual([row.seq for row in rows], list(range(1, 51)))
		total = sum(row.xp_awarded for row in rows)
		self.assertEqual(message_of(self.app.get(GET_WALLET))["total_xp"], total)
		redis_store.delete(redis_keys.get_wallet_key(self.player.user))
		self.assertEqual(message_of(self.app.get(GET_WALLET))["total_xp"], total)

	def test_a_login_is_the_last_time_played_also_when_redis_forgets_it(self):
		before = message_of(self.app.get(GET_WALLET))
		self.assertIsNotNone(before["last_played_at"])
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(message_of(self.app.get(GET_WALLET)), before)


class TestTriggeringASync(HTTPTestCase):
	def setUp(self):
		super().setUp()
		self.desk = open_desk(self, "System Manager")

	def test_an_administrator_syncs_what_waits_and_is_told_what_was_done(self):
		self.log_in()
		message_of(self.app.post(ADD_XP, xp_amount=50))
		for force, is_forced in (("0", False), ("false", False), (False, False), (1, True)):
			done = message_of(self.desk.post(TRIGGER, force=force))
			self.assertEqual((done["message"], done["force"]), ("Manual wallet sync completed", is_forced))
			self.assertEqual((done["errors"], type(done["synced"]), type(done["duration"])), (0, int, float))
		frappe.db.rollback()
		self.assertEqual(
			frappe.db.get_value("Memora Player Wallet", {"player": self.player.name}, "total_xp"), 50
		)

	def test_force_that_is_neither_true_nor_false_is_refused(self):
		self.assertEqual(refusal(self.desk.post(TRIGGER, force="perhaps")), (417, "InvalidInput"))

	def test_a_student_may_not(self):
		self.log_in()
		message_of(self.app.post(ADD_XP, xp_amount=50))
		self.assertEqual(self.app.post(TRIGGER, force=1).status_code, 403)
		frappe.db.rollback()
		self.assertEqual(
			frappe.db.get_value("Memora Player Wallet", {"player": self.player.name}, "total_xp"), 0
		)

	def test_the_form_in_desk_shows_and_corrects_the_true_figures(self):
		self.log_in()
		message_of(self.app.post(ADD_XP, xp_amount=50))
		name = frappe.db.get_value("Memora Player Wallet", {"player": self.player.name})
		address = f"/api/resource/Memora Player Wallet/{name}"
		self.assertEqual(self.desk.request("GET", address).json()["data"]["total_xp"], 50)
		csrf = {"X-Frappe-CSRF-Token": self.csrf_token()}
		saved = self.desk.request("PUT", address, headers=csrf, json={"total_xp": 100})
		self.assertEqual(saved.status_code, 200, saved.text[:300])
		self.assertEqual(message_of(self.app.get(GET_WALLET))["total_xp"], 100)
		self.assertEqual([row.xp_awarded for row in ledger_of(self.player)], [50, 50])

	def csrf_token(self):
		frappe.db.rollback()
		[[data]] = frappe.db.sql("select sessiondata from tabSessions where sid = %s", self.desk.sid)
		return (frappe.safe_eval(data) or {}).get("data", {}).get("csrf_token") or ""
