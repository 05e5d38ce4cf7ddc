"""Copies of the gate that missed a change, because Redis was away while it was made."""

import frappe
from memora.utils import redis_keys, redis_store
from tests import factories
from tests.http.app import App, refusal
from tests.http.test_first_slice import GET_WALLET, HTTPTestCase


class TestCopiesAfterAnOutage(HTTPTestCase):
	def test_a_session_that_began_during_the_outage_is_the_live_one(self):
		self.log_in()
		older = App(self.app.device_id)
		older.http.cookies.update(self.app.http.cookies)
		before = self.copies()
		self.log_in()
		self.put_back(before)
		self.assertEqual(self.app.get(GET_WALLET).status_code, 200)
		self.assertEqual(refusal(older.get(GET_WALLET)), (401, "SessionReplaced"))
		self.assertNotEqual(self.copies(), before)

	def test_a_device_that_was_added_during_the_outage_is_let_in(self):
		self.log_in()
		before = self.copies()
		tablet = factories.new_uuid()
		frappe.db.rollback()
		profile = factories.reload(self.player)
		profile.append("authorized_devices", {"device_id": tablet, "device_name": "tablet"})
		profile.save(ignore_permissions=True)
		frappe.db.commit()
		self.put_back(before)
		reply = self.app.request("GET", f"/api/method/{GET_WALLET}", headers={"X-Device-ID": tablet})
		self.assertEqual(reply.status_code, 200)

	def copies(self):
		self.app.get(GET_WALLET)  # whoever asks loads them
		session = redis_store.get(redis_keys.get_active_session_key(self.player.user))
		return session, redis_store.members(redis_keys.get_player_devices_key(self.player.user))

	def put_back(self, copies):
		session, devices = copies
		key = redis_keys.get_player_devices_key(self.player.user)
		redis_store.delete(key)
		redis_store.add_members(key, *devices)
		redis_store.set(redis_keys.get_active_session_key(self.player.user), session)
