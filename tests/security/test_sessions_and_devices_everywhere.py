"""A replaced session, an ended one, a foreign and a removed device: refused on every endpoint and on Frappe's routes."""

import frappe
from tests import factories
from tests.committed import PASSWORD
from tests.http.app import App, message_of, refusal
from tests.security import inventory
from tests.security.state import changes, state
from tests.security.world import SecurityTestCase

CHECK_DEVICE = "memora.api.player.check_device_authorization"
LOGOUT = "memora.api.player.logout"
FRAPPES = (
	("GET", "/api/resource/User"),
	("GET", "/api/method/frappe.client.get_list?doctype=User"),
	("POST", "/api/method/frappe.client.set_value"),
	("POST", "/api/method/upload_file"),
	("GET", "/api/method/frappe.auth.get_logged_user"),
	("GET", "/private/files/x.txt"),
	("GET", "/printview?doctype=User&name=Administrator"),
	("GET", "/me"),
	("GET", "/?cmd=frappe.auth.get_logged_user"),
	("POST", "/?cmd=run_doc_method"),
	("GET", "/api/v2/document/User"),
)


class TestEverywhere(SecurityTestCase):
	def ask_everywhere(self, app: App, *but: str):
		"""(route, reply) of every endpoint of a logged-in player, and of Frappe's routes."""
		sid = app.sid
		for endpoint in inventory.endpoints().values():
			if not endpoint.is_for_guests and endpoint.name not in but:
				self.forget_limits()
				yield endpoint.name, self.ask(app, sid, endpoint.verb, f"/api/method/{endpoint.name}")
		for verb, path in FRAPPES:
			yield path, self.ask(app, sid, verb, path)

	def ask(self, app: App, sid: str | None, verb: str, path: str):
		"""With the same cookie each time: a refusal may send the guest's."""
		app.http.cookies.clear()
		if sid:
			app.http.cookies.set("sid", sid)
		return app.request(verb, path, allow_redirects=False)

	def check(self, app: App, expected: tuple[int, str], *but: str):
		before = state()
		for route, reply in self.ask_everywhere(app, *but):
			self.assertEqual(refusal(reply), expected, route)
		self.assertEqual(changes(before), [])

	def test_a_replaced_session_gets_nothing_anywhere(self):
		old = App(self.app.device_id)
		old.http.cookies.set("sid", self.app.sid)
		self.log_in()
		before = state()
		for route, reply in self.ask_everywhere(old):
			if route.startswith("memora."):
				self.assertEqual(refusal(reply), (401, "SessionReplaced"), route)
			self.assertNotIn(self.player.user, reply.text, route)
		self.assertEqual(changes(before), [])

	def test_a_foreign_device_is_refused_everywhere(self):
		thief = App(self.victim.device_ids[0])
		thief.http.cookies.set("sid", self.app.sid)
		self.check(thief, (403, "DeviceNotAuthorized"), CHECK_DEVICE, LOGOUT)
		self.assertFalse(message_of(thief.get(CHECK_DEVICE))["authorized"])

	def test_no_device_and_one_that_is_none_are_refused_everywhere(self):
		for device in (None, "", "no-uuid", f"{self.app.device_id},{self.victim.device_ids[0]}", "0" * 36):
			thief = App()
			thief.device_id = device
			thief.http.cookies.set("sid", self.app.sid)
			self.check(thief, (403, "DeviceIdRequired"), LOGOUT)

	def test_a_removed_device_gets_nothing_anywhere(self):
		with_two = self.game.add_player(devices=("phone", "tablet"))
		app = App(with_two.device_ids[0])
		self.log_in(app, with_two)
		profile = factories.reload(with_two)
		profile.authorized_devices = [
			row for row in profile.authorized_devices if row.device_name == "tablet"
		]
		profile.save(ignore_permissions=True)
		frappe.db.commit()
		before = state()
		for route, reply in self.ask_everywhere(app):
			self.assertNotIn(with_two.user, reply.text, route)
			if route.startswith("memora."):
				self.assertEqual(refusal(reply), (401, "SessionReplaced"), route)
		self.assertEqual(changes(before), [])
		self.assertEqual(
			refusal(App(app.device_id).login(with_two.user, PASSWORD)), (403, "DeviceNotAuthorized")
		)

	def test_a_guest_gets_nothing_anywhere(self):
		before = state()
		for route, reply in self.ask_everywhere(App()):
			if route.startswith("memora."):
				self.assertEqual(refusal(reply), (403, "PermissionError"), route)
			self.assertNotIn(self.player.user, reply.text, route)
			self.assertNotIn("admin@example.com", reply.text, route)
		self.assertEqual(changes(before), [])
