"""The audit trail: which event is on record, where, and what never is."""

import json
import os

import frappe
from memora.services import audit_trail, device_auth, session_manager
from memora.utils import redis_keys, redis_store
from tests import factories
from tests.committed import PASSWORD
from tests.http.app import App, message_of
from tests.http.people import system_settings
from tests.http.test_first_slice import GET_WALLET, HTTPTestCase
from tests.http.ways_in import by_frappe, by_link

LOG_FILE = os.path.join("logs", "memora.security.log")


def log_text() -> str:
	with open(frappe.get_site_path(LOG_FILE), encoding="utf-8") as log:
		return log.read()


class AuditTestCase(HTTPTestCase):
	def setUp(self):
		super().setUp()
		frappe.db.delete("Error Log", {"method": audit_trail.REPORT_TITLE})
		frappe.db.commit()

	def events(self, user=None, **filters):
		"""(kind, details) of each event of a user, the oldest first."""
		frappe.db.rollback()
		rows = frappe.get_all(
			"Memora Interaction Log",
			filters={"player": user or self.player.user, "seq": ["is", "not set"], **filters},
			fields=["interaction_type", "interaction_data"],
			order_by="name",
		)
		return [(row.interaction_type, json.loads(row.interaction_data)) for row in rows]

	def kinds(self, user=None):
		return [kind for kind, _ in self.events(user)]

	def reports(self):
		frappe.db.rollback()
		return frappe.get_all(
			"Error Log",
			filters={"method": audit_trail.REPORT_TITLE, "error": ["like", f"%{self.player.user}%"]},
			pluck="error",
		)


class TestLoggingInAndOut(AuditTestCase):
	def test_a_login_and_a_logout_by_any_route_are_on_record_and_in_the_log_file(self):
		for end in ("memora.api.player.logout", "logout", "web_logout"):
			self.log_in()
			self.app.post(end)
		self.assertEqual(self.kinds(), ["device_added", *["login", "logout"] * 3])
		self.assertIn(f"'event': 'logout', 'user': '{self.player.user}'", log_text())

	def test_a_wrong_password_is_on_record_by_both_logins_with_the_address_and_without_the_password(self):
		secret = frappe.generate_hash()
		self.app.login(self.player.user, secret)
		self.app.post("login", usr=self.player.user.upper(), pwd=secret)
		_, *failures = self.events()
		self.assertEqual([kind for kind, _ in failures], ["login_failed", "login_failed"])
		for _, details in failures:
			self.assertEqual(details["result"], "AuthenticationError")
			self.assertEqual(details["address"], self.app.http.headers["X-Forwarded-For"])
			self.assertNotIn(secret, json.dumps(details))
		self.assertNotIn(secret, log_text())

	def test_the_name_of_no_account_is_not_on_record_but_the_failure_is(self):
		typed_into_the_wrong_field = frappe.generate_hash()
		self.app.login(typed_into_the_wrong_field, "x")
		frappe.db.rollback()
		address = self.app.http.headers["X-Forwarded-For"]
		[data] = frappe.get_all(
			"Memora Interaction Log",
			filters={"interaction_type": "login_failed", "interaction_data": ["like", f"%{address}%"]},
			pluck="interaction_data",
		)
		self.assertNotIn(typed_into_the_wrong_field, data + log_text())

	def test_a_login_that_is_refused_says_why(self):
		App().login(self.player.user, PASSWORD)
		self.assertEqual([data["result"] for _, data in self.events()[1:]], ["DeviceNotAuthorized"])

	def test_no_session_id_is_in_the_trail(self):
		session_ids = []
		for _ in range(2):
			self.log_in()
			session_ids.append(self.app.sid)
		self.app.get(GET_WALLET)
		self.app.post("logout")
		trail = json.dumps(self.events()) + log_text()
		self.assertEqual([session_id for session_id in session_ids if session_id in trail], [])

	def test_a_failed_get_is_not_committed_with_its_trail(self):
		"""A link authorizes a newcomer's device, and then Frappe refuses him: he may not log in at this hour."""
		newcomer = self.game.add_player(devices=())
		frappe.db.set_value("User", newcomer.user, "login_after", 25)
		frappe.db.commit()
		self.addCleanup(self.allow_any_hour, newcomer.user)
		reply = by_link(App(), frappe._dict(user=newcomer.user))
		self.assertEqual(reply.status_code, 401)
		frappe.db.rollback()
		self.assertEqual(factories.reload(newcomer).authorized_devices, [])

	def allow_any_hour(self, user):
		frappe.db.set_value("User", user, "login_after", 0)
		frappe.db.commit()


class TestChanges(AuditTestCase):
	def test_a_login_that_replaces_a_session_is_on_record_with_its_device(self):
		self.log_in()
		self.log_in()
		kinds = self.kinds()
		self.assertEqual(kinds, ["device_added", "login", "session_replaced", "login"])
		self.assertEqual(dict(self.events())["session_replaced"]["device_id"], self.app.device_id)

	def test_devices_that_come_and_go_are_on_record_with_who_did_it(self):
		tablet = factories.new_uuid()
		device_auth.add_authorized_device(self.player.name, tablet, "tablet")
		device_auth.remove_authorized_device(self.player.name, tablet)
		frappe.db.commit()
		changes = [(kind, data["device_id"], data["by"]) for kind, data in self.events()[1:]]
		self.assertEqual(
			changes, [("device_added", tablet, "Administrator"), ("device_removed", tablet, "Administrator")]
		)
		self.assertEqual(self.reports(), [])

	def test_a_change_that_is_rolled_back_is_not_on_record(self):
		device_auth.add_authorized_device(self.player.name, factories.new_uuid(), "tablet")
		self.assertEqual(self.kinds(), ["device_added"])

	def test_a_device_that_is_removed_in_use_is_reported_to_a_person_once_an_hour(self):
		for _ in range(2):
			self.log_in()
			device_auth.remove_authorized_device(self.player.name, self.app.device_id)
			frappe.db.commit()
		self.assertEqual(self.kinds().count("device_removed_in_use"), 2)
		self.assertEqual(self.kinds().count("session_invalidated"), 2)
		self.assertEqual(len(self.reports()), 1)
		key = redis_keys.get_security_report_key(self.player.user, audit_trail.DEVICE_REMOVED_IN_USE)
		self.assertTrue(redis_store.exists(key))

	def test_a_session_that_an_administrator_ends_is_on_record(self):
		self.log_in()
		session_manager.invalidate_session(self.player.user)
		frappe.db.commit()
		self.assertEqual(self.kinds()[-1], "session_invalidated")


class TestLockout(AuditTestCase):
	def test_a_locked_account_is_reported_to_a_person_once(self):
		person = frappe._dict(user=self.player.user, password="wrong")
		with system_settings(allow_consecutive_login_attempts=1, allow_login_after_fail=60):
			for _ in range(4):
				by_frappe(App(), person)
		frappe.cache().hdel("login_failed_count", self.player.user)
		frappe.cache().hdel("login_failed_time", self.player.user)
		self.assertEqual(self.kinds()[1:], ["login_failed"] * 2 + ["account_locked"] * 2)
		self.assertEqual(len(self.reports()), 1)
		message_of(self.app.login(self.player.user, PASSWORD))
