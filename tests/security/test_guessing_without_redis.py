"""While the store of the counters is away, guessing passwords stays limited: MariaDB counts the failures."""

import json
from pathlib import Path

import frappe
from frappe.core.doctype.activity_log.activity_log import add_authentication_log
from tests.committed import PASSWORD
from tests.http.app import App, refusal
from tests.http.people import system_settings
from tests.http.test_first_slice import HTTPTestCase

TOO_MANY = (429, "RateLimitExceeded")
NOBODY_LISTENS = "redis://127.0.0.1:1"


class TestGuessingWithoutRedis(HTTPTestCase):
	def setUp(self):
		super().setUp()
		self.set_redis(NOBODY_LISTENS)
		self.addCleanup(self.set_redis, None)
		self.addCleanup(self.forget_failures)

	def set_redis(self, url):
		"""The site's own store, for the web server; this process keeps the bench's."""
		path = Path(frappe.get_site_path("site_config.json"))
		config = json.loads(path.read_text())
		config.pop("memora_redis_url", None)
		path.write_text(json.dumps({**config, **({"memora_redis_url": url} if url else {})}, indent=1))

	def forget_failures(self):
		frappe.db.delete("Activity Log", {"user": self.player.user})
		frappe.db.commit()

	def fail(self, times, *, user=None, address="10.0.0.1"):
		"""Failures as Frappe records them."""
		frappe.local.request_ip = address
		for _ in range(times):
			add_authentication_log("Invalid login credentials", user or self.player.user, status="Failed")
		frappe.local.request_ip = None
		frappe.db.commit()

	def test_a_login_succeeds_and_so_does_what_follows(self):
		self.log_in()
		self.assertEqual(self.app.get("memora.api.player.validate_session").status_code, 200)

	def test_the_sixth_wrong_password_from_one_address_is_too_many(self):
		replies = [self.app.login(self.player.user, "wrong") for _ in range(6)]
		self.assertEqual([reply.status_code for reply in replies], [401] * 5 + [429])
		self.assertEqual(refusal(replies[-1]), TOO_MANY)
		self.assertTrue(1 <= int(replies[-1].headers["Retry-After"]) <= 60)
		self.assertEqual(App(self.app.device_id).login(self.player.user, PASSWORD).status_code, 200)

	def test_twenty_wrong_passwords_for_an_account_from_anywhere_are_too_many(self):
		self.fail(19)
		self.log_in()
		self.fail(1, address="10.0.0.2")
		self.assertEqual(refusal(self.app.login(self.player.user, PASSWORD)), TOO_MANY)

	def test_a_hundred_wrong_passwords_from_an_address_are_too_many_whatever_the_caller_claims_before_it(
		self,
	):
		address = self.app.http.headers["X-Forwarded-For"]
		self.fail(100, user="Guest", address=address)
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, "Activity Log", {"ip_address": address})
		self.app.http.headers["X-Forwarded-For"] = f"10.1.1.1, {address}"
		self.assertEqual(refusal(self.app.login(self.player.user, PASSWORD)), TOO_MANY)

	def test_an_address_that_the_caller_claims_is_not_the_one_on_record(self):
		address = self.app.http.headers["X-Forwarded-For"]
		self.app.http.headers["X-Forwarded-For"] = f"10.1.1.1, {address}"
		self.app.login(self.player.user, "wrong")
		frappe.db.rollback()
		recorded = frappe.get_all(
			"Activity Log", filters={"user": self.player.user, "status": "Failed"}, pluck="ip_address"
		)
		self.assertEqual(recorded, [address])

	def test_refusals_are_on_record_so_many_times_a_minute_and_kind(self):
		self.log_in()
		for _ in range(12):
			self.app.request(
				"GET", "/api/method/memora.api.player.get_wallet", headers={"X-Device-ID": "no-uuid"}
			)
		frappe.db.rollback()
		kept = {"player": self.player.user, "interaction_type": "device_id_missing"}
		self.assertEqual(frappe.db.count("Memora Interaction Log", kept), 10)


class TestGuessingByFrappesLogin(HTTPTestCase):
	def test_after_twenty_wrong_passwords_the_right_one_is_refused_as_wrong(self):
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, "Activity Log", {"user": self.player.user})
		body = {"usr": self.player.user, "pwd": "wrong"}
		with system_settings(allow_consecutive_login_attempts=0):  # or Frappe's own lockout would come first
			wrong = [App(self.app.device_id).post("login", **body) for _ in range(20)]
			right = self.app.post("login", usr=self.player.user, pwd=PASSWORD)
		self.assertEqual({reply.status_code for reply in (*wrong, right)}, {401})
		self.assertEqual(right.json()["message"], wrong[0].json()["message"])
		self.assertNotIn("Set-Cookie", right.headers)
