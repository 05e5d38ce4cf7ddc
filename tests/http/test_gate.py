"""Who gets in, over HTTP: devices, sessions, and every other route that Frappe offers."""

import frappe
from frappe.utils.password import set_encrypted_password, update_password
from tests import factories
from tests.committed import PASSWORD, forget_user
from tests.http.app import App, message_of, refusal
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, GET_WALLET, HTTPTestCase

CHECK_DEVICE = "memora.api.player.check_device_authorization"


class TestLoggingIn(HTTPTestCase):
	def test_the_first_device_of_a_player_is_authorized_by_his_first_login(self):
		newcomer = self.game.add_player(devices=())
		login = message_of(App().login(newcomer.user, PASSWORD, device_name="Salma's phone"))
		self.assertEqual((login["is_first_device"], login["devices_authorized"]), (True, 1))
		[device] = factories.reload(newcomer).authorized_devices
		self.assertEqual(device.device_name, "Salma's phone")

	def test_a_refused_login_gets_no_cookie_and_no_session(self):
		stranger = factories.make_user("Memora Student")
		frappe.db.commit()
		self.addCleanup(self.remove_user, stranger.name)
		update_password(stranger.name, PASSWORD)
		frappe.db.commit()
		for app, usr, pwd, expected in (
			(App(), self.player.user, PASSWORD, (403, "DeviceNotAuthorized")),
			(App("no-uuid"), self.player.user, PASSWORD, (403, "DeviceIdRequired")),
			(self.app, self.player.user, "wrong", (401, "AuthenticationError")),
			(self.app, stranger.name, PASSWORD, (403, "NoPlayerProfile")),
			(self.app, None, PASSWORD, (417, "InvalidInput")),
			(self.app, self.player.user, None, (417, "InvalidInput")),
		):
			reply = app.login(usr, pwd)
			self.assertEqual(refusal(reply), expected)
			self.assertNotIn("Set-Cookie", reply.headers, expected)
		frappe.db.rollback()
		self.assertEqual(frappe.db.count("Sessions", {"user": self.player.user}), 0)

	def test_frappes_own_login_is_decided_by_the_same_rules(self):
		refused = App().request("POST", "/api/method/login", json={"usr": self.player.user, "pwd": PASSWORD})
		self.assertEqual(refusal(refused), (403, "DeviceNotAuthorized"))
		self.assertNotIn("Set-Cookie", refused.headers)
		reply = self.app.request("POST", "/api/method/login", json={"usr": self.player.user, "pwd": PASSWORD})
		self.assertEqual(reply.status_code, 200)
		self.assertEqual(self.app.get(GET_WALLET).status_code, 200)

	def test_the_sixth_try_in_a_minute_from_one_address_is_too_many(self):
		replies = [self.app.login(self.player.user, "wrong") for _ in range(6)]
		self.assertEqual([reply.status_code for reply in replies], [401] * 5 + [429])
		self.assertLessEqual(int(replies[-1].headers["Retry-After"]), 60)

	def test_a_desk_user_logs_in_without_a_device(self):
		admin = factories.make_user("System Manager")
		update_password(admin.name, PASSWORD)
		frappe.db.commit()
		self.addCleanup(self.remove_user, admin.name)
		app = App()
		app.device_id = None
		app.request("POST", "/api/method/login", json={"usr": admin.name, "pwd": PASSWORD})
		reply = app.request("GET", "/api/resource/Memora Player Profile")
		self.assertEqual(reply.status_code, 200)
		self.assertEqual(refusal(app.get(GET_WALLET)), (403, "NoPlayerProfile"))

	def remove_user(self, user):
		frappe.db.rollback()
		forget_user(user)
		frappe.db.commit()


class TestEveryRequest(HTTPTestCase):
	def test_a_guest_is_refused(self):
		for reply in (self.app.get(GET_WALLET), self.app.post(COMPLETE, lesson_id="x", hearts=1)):
			self.assertEqual(reply.status_code, 403)

	def test_the_device_header_is_needed_on_every_route(self):
		self.log_in()
		for headers, expected in (
			({"X-Device-ID": None}, (403, "DeviceIdRequired")),
			({"X-Device-ID": "x"}, (403, "DeviceIdRequired")),
			({"X-Device-ID": factories.new_uuid()}, (403, "DeviceNotAuthorized")),
		):
			for path in (
				f"/api/method/{GET_WALLET}",
				"/api/resource/Memora Player Wallet",
				"/api/method/frappe.auth.get_logged_user",
			):
				self.assertEqual(refusal(self.app.request("GET", path, headers=headers)), expected, path)
		self.assertEqual(self.app.get(GET_WALLET).status_code, 200)

	def test_a_new_login_ends_the_session_before_it(self):
		self.log_in()
		second = App(self.app.device_id)
		self.log_in(second)
		self.assertEqual(refusal(self.app.get(GET_WALLET)), (401, "SessionReplaced"))
		self.assertEqual(second.get(GET_WALLET).status_code, 200)
		frappe.db.rollback()
		self.assertEqual(frappe.db.count("Sessions", {"user": self.player.user}), 1)

	def test_a_profile_form_that_was_opened_before_a_login_does_not_undo_it(self):
		frappe.db.rollback()
		form = factories.reload(self.player)  # from here on this connection sees the profile as it is now
		self.log_in()
		form.display_name = "Salma"
		form.save(ignore_permissions=True)
		frappe.db.commit()
		self.assertEqual(self.app.get(GET_WALLET).status_code, 200)

	def test_a_session_that_was_logged_out_is_refused_by_name(self):
		self.log_in()
		sid = self.app.sid
		self.assertEqual(
			message_of(self.app.post("memora.api.player.logout")), {"message": "Logged out successfully"}
		)
		again = App(
			self.app.device_id
		)  # the first one's jar holds the guest's cookie that Frappe 15 answers with
		again.http.cookies.set("sid", sid)
		self.assertEqual(refusal(again.get(GET_WALLET)), (401, "SessionReplaced"))

	def test_an_unknown_device_may_ask_whether_it_is_known(self):
		self.log_in()
		self.assertEqual(message_of(self.app.get(CHECK_DEVICE)), {"authorized": True, "device_count": 1})
		self.app.device_id = factories.new_uuid()
		self.assertEqual(message_of(self.app.get(CHECK_DEVICE)), {"authorized": False, "device_count": 1})

	def test_an_unguarded_path_carries_no_guarded_method_in(self):
		self.log_in()
		for path in ("/api/method/ping", "/api/method/memora.api.player.check_device_authorization", "/"):
			reply = self.app.request(
				"POST",
				path,
				headers={"X-Device-ID": None},
				data={"cmd": GET_WALLET, "cmd_is": "what Frappe runs"},
			)
			self.assertEqual(refusal(reply), (403, "DeviceIdRequired"), path)

	def test_an_api_key_of_a_player_opens_nothing(self):
		api_key, api_secret = frappe.generate_hash(length=15), frappe.generate_hash(length=15)
		frappe.db.set_value("User", self.player.user, "api_key", api_key)
		set_encrypted_password("User", self.player.user, api_secret, "api_secret")
		frappe.db.commit()
		headers = {"Authorization": f"token {api_key}:{api_secret}"}
		reply = self.app.request("GET", f"/api/method/{GET_WALLET}", headers=headers)
		self.assertEqual(refusal(reply), (401, "SessionReplaced"))

	def test_a_player_sees_no_rows_by_any_route_of_frappe(self):
		self.log_in()
		for doctype in (
			"Memora Player Wallet",
			"Memora Player Profile",
			"Memora Structure Progress",
			"Memora Interaction Log",
			"Memora Lesson",
		):
			reply = self.app.request("GET", f"/api/resource/{doctype}")
			self.assertTrue(reply.status_code == 403 or reply.json().get("data") == [], (doctype, reply.text))
			reply = self.app.get("frappe.client.get_list", doctype=doctype)
			self.assertTrue(
				reply.status_code == 403 or reply.json().get("message") == [], (doctype, reply.text)
			)

	def test_answers_carry_the_rate_limits_headers_also_when_refused(self):
		self.log_in()
		for reply in (self.app.get(GET_WALLET), self.app.get(GET_PROGRESS)):
			self.assertEqual(
				int(reply.headers["X-RateLimit-Limit"]) - int(reply.headers["X-RateLimit-Remaining"]), 1
			)
			self.assertIn("X-RateLimit-Reset", reply.headers)

	def test_the_sixty_first_look_at_the_wallet_in_a_minute_is_too_many(self):
		self.log_in()
		statuses = [self.app.get(GET_WALLET).status_code for _ in range(61)]
		self.assertEqual(statuses, [200] * 60 + [429])

	def test_logins_and_refusals_are_on_record_after_the_request(self):
		self.log_in()
		self.app.request("GET", f"/api/method/{GET_WALLET}", headers={"X-Device-ID": factories.new_uuid()})
		frappe.db.rollback()
		found = frappe.get_all(
			"Memora Interaction Log",
			filters={"player": self.player.user},
			pluck="interaction_type",
			order_by="name",
		)
		self.assertEqual(found, ["device_added", "login", "device_refused"])


class TestDevicesByAnAdministrator(HTTPTestCase):
	def setUp(self):
		super().setUp()
		self.admin = App()
		self.admin.request("POST", "/api/method/login", json={"usr": "Administrator", "pwd": "admin"})

	def test_a_second_device_is_registered_and_a_third_refused(self):
		tablet = App()
		body = {"student_email": self.player.user, "device_id": tablet.device_id, "device_name": "tablet"}
		reply = message_of(self.admin.post("memora.api.player.register_device", **body))
		self.assertEqual(reply["devices_authorized"], 2)
		self.log_in(tablet)
		body["device_id"] = factories.new_uuid()
		refused = self.admin.post("memora.api.player.register_device", **body)
		self.assertEqual(refusal(refused), (417, "DeviceLimitReached"))

	def test_a_removed_device_is_refused_on_its_next_request(self):
		self.log_in()
		body = {"student_email": self.player.user, "device_id": self.app.device_id}
		reply = message_of(self.admin.post("memora.api.player.remove_device", **body))
		self.assertEqual(reply["devices_authorized"], 0)
		self.assertEqual(refusal(self.app.get(GET_WALLET)), (401, "SessionReplaced"))

	def test_a_player_cannot_manage_devices(self):
		self.log_in()
		reply = self.app.post(
			"memora.api.player.register_device",
			student_email=self.player.user,
			device_id=factories.new_uuid(),
			device_name="mine",
		)
		self.assertEqual(reply.status_code, 403)
		self.assertEqual(len(factories.reload(self.player).authorized_devices), 1)
