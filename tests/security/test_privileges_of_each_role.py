"""Each role gets what its line in `privileges` gives it, over HTTP, and nothing else."""

import frappe
from tests.http.app import App
from tests.security import inventory, privileges
from tests.security.state import changes, state
from tests.security.world import CONTENT_MANAGER, SYSTEM_MANAGER, SecurityTestCase

ACTIONS = ("read", "write", "create", "delete")
REFUSED_FOR_WHO_HE_IS = ("PermissionError", "NoPlayerProfile", "SessionReplaced", "AuthenticationError")
# These act on everything at once and need no argument, which would be to run them for real.
ACT_AT_ONCE = {
	"memora.api.cdn_admin.rebuild_all",
	"memora.api.cdn_admin.check_health",
	"memora.api.cdn_admin.scan_plans",
	"memora.api.player.trigger_wallet_sync",
	"memora.api.player.logout",
}
# Anybody may knock; what becomes of it is the business of the login table.
DECIDES_BY_ITSELF = "memora.api.player.login"
JUNK = "\t"


class TestTheTables(SecurityTestCase):
	def test_every_endpoint_has_its_line(self):
		self.assertEqual(set(inventory.endpoints()), set(privileges.ENDPOINTS))

	def test_every_doctype_has_its_line(self):
		self.assertEqual(set(inventory.definitions()), set(privileges.DOCTYPES))

	def test_only_who_logs_in_is_let_in_as_a_guest(self):
		for_guests = [name for name, endpoint in inventory.endpoints().items() if endpoint.is_for_guests]
		self.assertEqual(for_guests, ["memora.api.player.login"])

	def test_every_endpoint_says_by_which_verbs_it_is_called(self):
		for name, endpoint in inventory.endpoints().items():
			self.assertLessEqual(set(endpoint.verbs), {"GET", "POST"}, name)

	def test_outside_of_the_api_a_request_runs_only_what_replaces_a_method_of_frappe(self):
		self.assertEqual(inventory.whitelisted_elsewhere(), set())


class TestPrivileges(SecurityTestCase):
	def test_who_may_not_call_is_refused_and_changes_nothing(self):
		for who in privileges.EVERYBODY:
			app, before = self.app_of(who), state()
			for endpoint in inventory.endpoints().values():
				if who not in privileges.ENDPOINTS[endpoint.name]:
					reply = self.call(app, endpoint)
					self.assertIn(reply.status_code, (401, 403), (who, endpoint.name, reply.text[:300]))
					self.assertNotIn("message", reply.json(), (who, endpoint.name))
			self.assertEqual(changes(before), [], who)

	def test_who_may_call_is_not_refused_for_who_he_is(self):
		for who in privileges.EVERYBODY:
			app = self.app_of(who)
			for endpoint in inventory.endpoints().values():
				may = who in privileges.ENDPOINTS[endpoint.name]
				if may and endpoint.name not in {*ACT_AT_ONCE, DECIDES_BY_ITSELF}:
					reply = self.call(app, endpoint)
					is_json = reply.headers["Content-Type"].startswith("application/json")
					kind = reply.json().get("exc_type") if is_json else None  # others are files
					self.assertNotIn(kind, REFUSED_FOR_WHO_HE_IS, (who, endpoint.name, reply.text[:300]))
					self.assertLess(reply.status_code, 500, (who, endpoint.name))

	def call(self, app: App, endpoint: inventory.Endpoint):
		"""With arguments that nothing can be done with."""
		self.forget_limits()
		junk = dict.fromkeys(endpoint.arguments, JUNK)
		send = app.get if endpoint.verb == "GET" else app.post
		return send(endpoint.name, **junk)

	def test_each_role_may_do_with_each_doctype_what_its_line_says(self):
		for column, role in enumerate((CONTENT_MANAGER, SYSTEM_MANAGER)):
			app = self.desk(role)
			for doctype, rights in privileges.DOCTYPES.items():
				found = {action for action in ACTIONS if self.may(app, doctype, action)}
				self.assertEqual(found, set(rights[column]), (role, doctype))

	def may(self, app: App, doctype: str, action: str) -> bool:
		"""What the server itself decides by."""
		frappe.db.rollback()
		return bool(frappe.has_permission(doctype, action, user=app.user))
