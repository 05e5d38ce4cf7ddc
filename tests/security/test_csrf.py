"""Another site's page makes the browser send a request: without the session's token, or without the device, it is nothing."""

import re

from tests.committed import PASSWORD
from tests.http.app import App, refusal
from tests.security import inventory
from tests.security.state import changes, state
from tests.security.world import SYSTEM_MANAGER, SecurityTestCase

# What a page may send to another site without asking it first.
SIMPLE_TYPES = ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x")
TOKEN = re.compile(r"csrf_token\s*[=:]\s*\"([0-9a-f]{20,})\"")
REFUSED = (400, "CSRFTokenError")
LOGOUT = "memora.api.player.logout"


class TestForgedRequests(SecurityTestCase):
	def desk_with_token(self) -> tuple[App, str]:
		"""Opening Desk gives a session its token."""
		app = self.desk(SYSTEM_MANAGER)
		found = TOKEN.search(app.request("GET", "/app", headers={"Accept": "text/html"}).text)
		self.assertTrue(found, "Desk's page holds no token")
		return app, found.group(1)

	def post(self, app: App, name: str, **headers):
		self.forget_limits()
		return app.request("POST", f"/api/method/{name}", headers=headers, data="player=x&plan_id=x")

	def test_every_post_of_a_session_with_a_token_needs_it(self):
		app, token = self.desk_with_token()
		before = state()
		for endpoint in inventory.endpoints().values():
			if endpoint.only_by_post and not endpoint.is_for_guests:
				for content_type in SIMPLE_TYPES:
					for wrong in (None, "", "null", "0" * len(token), token[:-1]):
						sent = {
							"Content-Type": content_type,
							**({"X-Frappe-CSRF-Token": wrong} if wrong else {}),
						}
						reply = self.post(app, endpoint.name, **sent)
						self.assertEqual(refusal(reply), REFUSED, (endpoint.name, content_type, wrong))
		self.assertEqual(changes(before), [])
		reply = self.post(app, "memora.api.player_admin.end_session", **{"X-Frappe-CSRF-Token": token})
		self.assertEqual(refusal(reply), (417, "InvalidInput"))

	def test_a_players_cookie_alone_moves_nothing(self):
		"""No page can make a browser send X-Device-ID to another site: it asks first, and is not answered."""
		before = state()
		for endpoint in inventory.endpoints().values():
			if endpoint.only_by_post and not endpoint.is_for_guests and endpoint.name != LOGOUT:
				for content_type in SIMPLE_TYPES:
					reply = self.post(
						self.app, endpoint.name, **{"Content-Type": content_type, "X-Device-ID": None}
					)
					self.assertEqual(refusal(reply), (403, "DeviceIdRequired"), endpoint.name)
		self.assertEqual(changes(before), [])
		asked = self.app.request(
			"OPTIONS",
			f"/api/method/{LOGOUT}",
			headers={
				"Origin": "https://attacker.example",
				"Access-Control-Request-Method": "POST",
				"Access-Control-Request-Headers": "x-device-id",
			},
		)
		self.assertNotIn("Access-Control-Allow-Origin", asked.headers)

	def test_the_session_cookie_is_kept_from_scripts_and_from_other_sites(self):
		reply = App(self.app.device_id).login(self.player.user, PASSWORD)
		[cookie] = [part for part in reply.raw.headers.getlist("Set-Cookie") if part.startswith("sid=")]
		self.assertIn("HttpOnly", cookie)
		self.assertIn("SameSite=Lax", cookie)
