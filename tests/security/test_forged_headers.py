"""Headers say what the caller likes them to say: none of them makes him somebody, or somewhere, else."""

import json
import os
from urllib.parse import urlsplit

import frappe
from frappe.installer import update_site_config
from tests.committed import PASSWORD
from tests.http.app import App, message_of, refusal
from tests.http.test_first_slice import COMPLETE, GET_WALLET
from tests.security.world import SecurityTestCase

VALIDATE = "memora.api.player.validate_session"
LOGIN = "memora.api.player.login"


class TestForgedHeaders(SecurityTestCase):
	def ask(self, method=GET_WALLET, verb="GET", **headers):
		self.forget_limits()
		sent = {name.replace("_", "-"): value for name, value in headers.items()}
		return self.app.request(verb, f"/api/method/{method}", headers=sent)

	def test_no_header_names_another_user(self):
		victim, admin = self.victim.user, "Administrator"
		for name in ("X-User", "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Frappe-User", "From"):
			for user in (victim, admin):
				reply = self.ask("frappe.auth.get_logged_user", **{name: user})
				self.assertEqual(message_of(reply), self.player.user, name)

	def test_made_up_credentials_beside_the_cookie_make_nobody_else(self):
		for value in (
			"token Administrator:x",
			"Basic QWRtaW5pc3RyYXRvcjphZG1pbg==",
			"Bearer Administrator",
			"Basic \u00ff",
			"token",
			"x" * 4000,
		):
			reply = self.ask("frappe.auth.get_logged_user", Authorization=value.encode("latin-1"))
			told = reply.json().get("message")
			self.assertIn(told, (None, self.player.user), value)

	def test_session_ids_that_were_never_given_out_are_nobodys(self):
		for sid in (
			"Administrator",
			self.victim.user,
			"0" * 56,
			"' or '1'='1",
			"../" * 9,
			"%00",
			f"{self.app.sid}0",
			self.app.sid[:-1],
			"Guest",
		):
			app = App(self.app.device_id)
			reply = app.request(
				"GET", "/api/method/frappe.auth.get_logged_user", headers={"Cookie": f"sid={sid}"}
			)
			self.assertNotIn(
				reply.json().get("message"), (self.player.user, self.victim.user, "Administrator"), sid
			)
			for cookies in ({"user_id": "Administrator"}, {"system_user": "yes"}):
				app.http.cookies.update(cookies)
				self.assertEqual(app.get(GET_WALLET).status_code, 403)

	def test_user_and_role_in_cookies_are_decoration(self):
		self.app.http.cookies.update({"user_id": "Administrator", "system_user": "yes", "full_name": "x"})
		self.assertEqual(message_of(self.app.get("frappe.auth.get_logged_user")), self.player.user)
		reply = self.app.post("memora.api.player.trigger_wallet_sync")
		self.assertEqual(refusal(reply), (403, "PermissionError"))

	def test_a_site_that_is_not_there_knows_nobody(self):
		for site in ("nowhere.localhost", "../sites", "/etc", ""):
			reply = self.ask(VALIDATE, X_Frappe_Site_Name=site)
			self.assertIn(reply.status_code, (400, 401, 403, 404), site)

	def test_the_addresses_before_the_proxys_are_not_believed(self):
		mine = self.app.http.headers["X-Forwarded-For"]
		app = App(self.app.device_id)
		replies = []
		for number in range(6):
			headers = {"X-Forwarded-For": f"10.250.0.{number}, {mine}", "X-Real-IP": f"10.250.1.{number}"}
			body = json.dumps({"usr": self.victim.user, "pwd": "wrong"})
			headers["Content-Type"] = "application/json"
			replies.append(
				app.request("POST", f"/api/method/{LOGIN}", headers=headers, data=body).status_code
			)
		self.assertEqual(replies, [401] * 5 + [429])

	def test_a_host_that_the_caller_makes_up_is_told_to_nobody_else(self):
		self.login_host(Host="attacker.example")
		for headers in ({}, {"X-Forwarded-Host": "attacker.example"}):
			own = urlsplit(os.environ["MEMORA_WEB_URL"]).hostname
			self.assertEqual(self.login_host(**headers), own, headers)

	def test_a_site_that_knows_its_host_tells_no_other(self):
		self.addCleanup(frappe.local.conf.pop, "host_name", None)
		self.addCleanup(update_site_config, "host_name", "None", validate=False)
		update_site_config("host_name", "https://school.example", validate=False)
		for name in ("Host", "X-Forwarded-Host"):
			self.assertEqual(self.login_host(**{name: "attacker.example"}), "school.example", name)

	def login_host(self, **headers):
		"""The host in the address that a login with these headers is told."""
		self.forget_limits()
		body = {"usr": self.player.user, "pwd": PASSWORD}
		reply = self.app.request("POST", f"/api/method/{LOGIN}", headers=headers, json=body)
		return urlsplit(message_of(reply)["manifest_url"]).hostname

	def test_a_path_in_a_header_is_not_the_path(self):
		for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Prefix"):
			headers = {name: "/api/method/ping", "X-Device-ID": None}
			reply = self.app.request("GET", f"/api/method/{GET_WALLET}", headers=headers)
			self.assertEqual(refusal(reply), (403, "DeviceIdRequired"), name)

	def test_an_unguarded_path_carries_no_guarded_method(self):
		for path in (
			"/api/method/ping",
			"/api/method/logout",
			f"/api/method/{LOGIN}",
			"/",
			"/api/v2/method/ping",
		):
			body = {"cmd": COMPLETE, "lesson_id": self.game.lessons[0], "hearts": 5}
			reply = self.app.request("POST", path, headers={"X-Device-ID": None}, json=body)
			self.assertNotIn("xp_earned", reply.text, path)
			self.assertGreaterEqual(reply.status_code, 400, path)

	def test_an_event_that_is_sent_again_is_paid_once_even_from_another_session(self):
		event = {"lesson_id": self.game.lessons[0], "hearts": 5}
		event["client_event_id"] = "7b0e6a4e-8f5c-4d0a-9d5e-2f1f0f3c9a11"
		paid = message_of(self.app.post(COMPLETE, **event))
		self.log_in()
		again = message_of(self.app.post(COMPLETE, **event))
		self.assertEqual((paid["duplicate"], again["duplicate"]), (False, True))
		self.assertEqual(again["new_total_xp"], paid["new_total_xp"])
		victims = App(self.victim.device_ids[0])
		self.log_in(victims, self.victim)
		self.assertFalse(message_of(victims.post(COMPLETE, **event))["duplicate"])
