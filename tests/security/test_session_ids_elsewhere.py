"""A session id may come as a cookie, in the address or in the body: the gate is the same."""

from tests.committed import PASSWORD
from tests.http.app import App, message_of, refusal
from tests.http.test_first_slice import COMPLETE, GET_WALLET, HTTPTestCase

ENDED = (401, "SessionReplaced")


class TestSessionIdsElsewhere(HTTPTestCase):
	def test_a_session_id_in_the_address_needs_the_device_as_well(self):
		self.log_in()
		path = f"/api/method/{GET_WALLET}?sid={self.app.sid}"
		self.assertEqual(App(self.app.device_id).request("GET", path).status_code, 200)
		self.assertEqual(refusal(App(None).request("GET", path)), (403, "DeviceNotAuthorized"))
		bare = App(None).request("GET", path, headers={"X-Device-ID": None})
		self.assertEqual(refusal(bare), (403, "DeviceIdRequired"))

	def test_an_ended_session_is_told_so_wherever_its_id_came_from(self):
		self.log_in()
		ended = self.app.sid
		message_of(self.app.post("memora.api.player.logout"))
		self.assertEqual(refusal(App(self.app.device_id).get(GET_WALLET, sid=ended)), ENDED)
		self.assertEqual(refusal(App(self.app.device_id).post(COMPLETE, sid=ended)), ENDED)

	def test_an_ended_session_is_told_so_by_the_endpoints_before_the_gate_too(self):
		self.log_in()
		ended = self.app.sid
		self.log_in(App(self.app.device_id))
		for verb, method in (
			("POST", "memora.api.player.logout"),
			("GET", "memora.api.player.check_device_authorization"),
		):
			app = App(self.app.device_id)
			app.http.cookies.set("sid", ended)
			self.assertEqual(refusal(app.request(verb, f"/api/method/{method}")), ENDED, method)

	def test_an_ended_session_does_not_stand_in_the_way_of_a_login(self):
		body = {"usr": self.player.user, "pwd": PASSWORD}
		reply = self.app.request(
			"POST", "/api/method/memora.api.player.login", json=body, headers={"Cookie": "sid=" + "0" * 40}
		)
		self.assertEqual(reply.status_code, 200)
		self.assertEqual(self.app.get(GET_WALLET).status_code, 200)

	def test_another_spelling_of_a_live_session_id_is_not_it(self):
		self.log_in()
		for sid in (self.app.sid.upper(), f"{self.app.sid} "):
			self.assertEqual(refusal(App(self.app.device_id).get(GET_WALLET, sid=sid)), ENDED)

	def test_a_preflight_needs_no_session_and_gets_none(self):
		self.log_in()
		for app in (App(), self.app):
			for path in (f"/api/method/{GET_WALLET}", "/"):
				reply = app.request("OPTIONS", path, headers={"X-Device-ID": None})
				self.assertEqual((reply.status_code, reply.text), (200, ""))
