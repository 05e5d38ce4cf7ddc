"""What an administrator can set about sessions and passwords in Frappe, and what it does to players."""

import frappe
from memora.api import login_guard
from tests.committed import PASSWORD
from tests.http import login_table as table
from tests.http.app import App, message_of, refusal
from tests.http.people import somebody, system_settings, two_factor_login
from tests.http.test_first_slice import COMPLETE, GET_WALLET, HTTPTestCase
from tests.http.ways_in import by_memora

LOGIN = "memora.api.player.login"


class TestSettings(HTTPTestCase):
	def test_one_session_a_user_by_frappes_own_rule_still_leaves_the_last_login_alive(self):
		with system_settings(deny_multiple_sessions=1):
			self.log_in()
			second = App(self.app.device_id)
			self.log_in(second)
			self.assertEqual(refusal(self.app.get(GET_WALLET)), (401, "SessionReplaced"))
			self.assertEqual(second.get(GET_WALLET).status_code, 200)

	def test_five_sessions_a_user_by_frappes_rule_are_still_one_for_a_player(self):
		frappe.db.set_value("User", self.player.user, "simultaneous_sessions", 5)
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.set_value, "User", self.player.user, "simultaneous_sessions", 1)
		self.log_in()
		self.log_in(App(self.app.device_id))
		self.assertEqual(refusal(self.app.get(GET_WALLET)), (401, "SessionReplaced"))

	def test_who_has_to_change_his_password_is_told_so_and_gets_no_session(self):
		frappe.db.set_value("User", self.player.user, "last_password_reset_date", "2020-01-01")
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.set_value, "User", self.player.user, "last_password_reset_date", None)
		with system_settings(force_user_to_reset_password=30):
			reply = self.app.login(self.player.user, PASSWORD)
		self.assertEqual((reply.status_code, reply.json()["message"]), (200, "Password Reset"))
		self.assertIn("update-password", reply.json()["redirect_to"])
		self.assertNotIn("Set-Cookie", reply.headers)

	def test_where_passwords_are_switched_off_nobody_gets_in_by_one(self):
		with system_settings(disable_user_pass_login=1):
			reply = self.app.login(self.player.user, PASSWORD)
		self.assertEqual(refusal(reply), (401, "AuthenticationError"))
		self.assertNotIn("Set-Cookie", reply.headers)


class TestLoggingOut(HTTPTestCase):
	def test_frappes_web_logout_ends_the_live_session_too(self):
		self.log_in()
		sid = self.app.sid
		self.app.request("POST", "/", data={"cmd": "web_logout"}, headers={"X-Device-ID": None})
		frappe.db.rollback()
		profile = frappe.get_doc("Memora Player Profile", self.player.name)
		self.assertEqual((profile.active_session_hash, frappe.db.count("Sessions", {"sid": sid})), (None, 0))

	def test_who_logs_out_with_a_replaced_session_ends_nobody_elses(self):
		self.log_in()
		older = App(self.app.device_id)
		older.http.cookies.update(self.app.http.cookies)
		self.log_in()
		older.post("logout")
		self.assertEqual(self.app.get(GET_WALLET).status_code, 200)


class TestCSRF(HTTPTestCase):
	def test_a_session_with_a_token_needs_it_on_every_post(self):
		self.log_in()
		token = self.give_token(self.app.sid)
		lesson = {"lesson_id": self.game.lessons[0], "hearts": 5}
		refused = self.app.post(COMPLETE, **lesson)
		self.assertEqual(refusal(refused), (400, "CSRFTokenError"))
		path = f"/api/method/{COMPLETE}"
		message_of(self.app.request("POST", path, json=lesson, headers={"X-Frappe-CSRF-Token": token}))

	def give_token(self, sid):
		"""As Frappe does when a page asks for one."""
		token = frappe.generate_hash()
		session = frappe.cache().hget("session", sid)
		session["data"]["csrf_token"] = token
		frappe.cache().hset("session", sid, session)
		return token

	def test_the_reply_to_a_login_carries_the_token_of_a_session_that_has_one(self):
		self.assertEqual(login_guard.csrf_token(), {})
		frappe.session.data["csrf_token"] = "t"
		self.addCleanup(frappe.session.data.pop, "csrf_token")
		self.assertEqual(login_guard.csrf_token(), {"csrf_token": "t"})


class TestTwoFactorLogin(HTTPTestCase):
	def test_the_first_step_asks_for_a_code_and_an_expired_one_is_refused(self):
		with two_factor_login(), somebody(table.TWO_FACTOR) as person:
			app = person.app(table.OWN)
			first = by_memora(app, person)
			self.assertEqual(first.json()["verification"]["method"], "OTP App")
			self.assertNotIn("Set-Cookie", first.headers)
			for lost in ("_usr", "_otp_secret"):
				tmp_id = by_memora(app, person).json()["tmp_id"]
				frappe.cache().delete(f"{tmp_id}{lost}")
				reply = app.post(LOGIN, tmp_id=tmp_id, otp=person.code())
				self.assertEqual(refusal(reply), (401, "AuthenticationError"), lost)
				self.assertNotIn("Set-Cookie", reply.headers)


class TestHeaders(HTTPTestCase):
	def test_the_reply_to_a_login_shows_the_tightest_of_its_limits(self):
		replies = [self.app.login(self.player.user, "wrong") for _ in range(2)]
		self.assertEqual([reply.headers["X-RateLimit-Limit"] for reply in replies], ["5", "5"])
		self.assertEqual([reply.headers["X-RateLimit-Remaining"] for reply in replies], ["4", "3"])
