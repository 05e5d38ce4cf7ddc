"""/memora/api-docs: there where a site switches it on, whole in itself, and open to a player without a device."""

import re

from frappe.installer import update_site_config
from tests.http.api_world import operations
from tests.http.app import App, refusal
from tests.http.test_first_slice import HTTPTestCase

ADDRESS = "/memora/api-docs"
SWITCH = "memora_api_docs"


class TestAPIDocsPage(HTTPTestCase):
	def switch_on(self):
		update_site_config(SWITCH, 1, validate=False)
		self.addCleanup(update_site_config, SWITCH, "None", validate=False)

	def test_without_the_switch_there_is_no_such_page(self):
		reply = App().request("GET", ADDRESS)
		self.assertEqual(reply.status_code, 404)
		self.assertNotIn("memora.api.player.login", reply.text)

	def test_it_tells_of_every_operation_and_loads_nothing(self):
		self.switch_on()
		reply = App().request("GET", ADDRESS)
		self.assertEqual(reply.status_code, 200)
		for operation in operations():
			self.assertIn(f"<code>/api/method/{operation.name}</code>", reply.text)
		self.assertEqual(re.findall(r"<script|<link|<img|<iframe|@import|url\(|src=", reply.text), [])
		self.assertIn("default-src 'none'", reply.headers["Content-Security-Policy"])

	def test_a_player_reads_it_from_any_browser(self):
		self.switch_on()
		self.log_in()
		self.assertEqual(self.app.request("GET", ADDRESS, headers={"X-Device-ID": None}).status_code, 200)

	def test_its_address_carries_no_method_past_the_gate(self):
		self.switch_on()
		self.log_in()
		query = {"cmd": "memora.api.player.get_wallet"}
		reply = self.app.request("GET", ADDRESS, headers={"X-Device-ID": None}, params=query)
		self.assertEqual(refusal(reply), (403, "DeviceIdRequired"))
