"""Being refused is no way to fill the database."""

import frappe
from memora.api import audit
from tests import factories
from tests.http.app import refusal
from tests.http.test_first_slice import GET_WALLET, HTTPTestCase


class TestFillingTheLog(HTTPTestCase):
	def test_of_one_players_refusals_the_log_keeps_so_many_a_minute(self):
		self.log_in()
		for _ in range(audit.AUDITED_REFUSALS_A_MINUTE + 5):
			headers = {"X-Device-ID": factories.new_uuid()}
			reply = self.app.request("GET", f"/api/method/{GET_WALLET}", headers=headers)
			self.assertEqual(refusal(reply), (403, "DeviceNotAuthorized"))
		frappe.db.rollback()
		refused = {"player": self.player.user, "interaction_type": "device_refused"}
		self.assertEqual(frappe.db.count("Memora Interaction Log", refused), audit.AUDITED_REFUSALS_A_MINUTE)
