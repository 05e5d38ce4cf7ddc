"""The copies that decide on every request: the live session and the devices."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import DeviceLimitReached, InvalidInput
from memora.services import device_auth, gate_copies, session_manager
from memora.utils import redis_keys, redis_store
from tests import factories
from tests.committed import forget_player, take_user


class GateTestCase(FrappeTestCase):
	def setUp(self):
		self.player = factories.make_player(devices=["phone"], user=take_user())
		self.phone = self.player.authorized_devices[0].device_id
		frappe.db.commit()
		self.addCleanup(self.forget)

	def forget(self, player=None):
		frappe.db.rollback()
		forget_player(player or self.player)
		frappe.db.commit()


class TestDevices(GateTestCase):
	def test_an_authorized_device_is_known_and_any_other_is_not(self):
		self.assertTrue(device_auth.is_device_authorized(self.player.user, self.phone))
		self.assertFalse(device_auth.is_device_authorized(self.player.user, factories.new_uuid()))

	def test_the_sets_own_marker_is_no_device(self):
		gate_copies.load(self.player.user)
		self.assertFalse(device_auth.is_device_authorized(self.player.user, "loaded"))

	def test_a_third_device_is_refused_and_the_list_stays_at_two(self):
		device_auth.add_authorized_device(self.player.name, factories.new_uuid(), "tablet")
		frappe.db.commit()
		with self.assertRaisesRegex(DeviceLimitReached, "at most 2"):
			device_auth.add_authorized_device(self.player.name, factories.new_uuid(), "laptop")
		self.assertEqual(device_auth.count_devices(self.player.name), 2)

	def test_a_device_that_is_authorized_already_is_refused(self):
		with self.assertRaisesRegex(InvalidInput, "authorized already"):
			device_auth.add_authorized_device(self.player.name, self.phone.upper(), "phone")

	def test_a_removed_device_is_unknown_at_once_and_its_session_ends(self):
		session_manager.create_session(self.player.user, self.phone, "a-session")
		self.assertTrue(session_manager.validate_session(self.player.user, "a-session"))
		device_auth.remove_authorized_device(self.player.name, self.phone)
		frappe.db.commit()
		self.assertFalse(device_auth.is_device_authorized(self.player.user, self.phone))
		self.assertFalse(session_manager.validate_session(self.player.user, "a-session"))

	def test_a_device_that_is_not_there_cannot_be_removed(self):
		unknown = factories.new_uuid()
		with self.assertRaisesRegex(InvalidInput, unknown):
			device_auth.remove_authorized_device(self.player.name, unknown)

	def test_a_change_that_is_rolled_back_leaves_the_old_devices(self):
		device_auth.is_device_authorized(self.player.user, self.phone)
		device_auth.remove_authorized_device(self.player.name, self.phone)
		frappe.db.rollback()
		self.assertTrue(device_auth.is_device_authorized(self.player.user, self.phone))

	def test_the_first_of_two_devices_that_try_to_be_the_first_is_authorized(self):
		newcomer = factories.make_player(user=take_user())
		frappe.db.commit()
		self.addCleanup(self.forget, newcomer)
		first, second = factories.new_uuid(), factories.new_uuid()
		self.assertTrue(device_auth.authorize_first_device(newcomer.user, first, None))
		frappe.db.commit()
		self.assertFalse(device_auth.authorize_first_device(newcomer.user, second, None))
		self.assertEqual(
			[row.device_name for row in factories.reload(newcomer).authorized_devices], ["Device 1"]
		)

	def test_rebuilding_the_device_cache_brings_back_what_was_lost_or_forged(self):
		forged = factories.new_uuid()
		key = redis_keys.get_player_devices_key(self.player.user)
		redis_store.add_members(key, "loaded", forged)
		device_auth.rebuild_device_cache()
		self.assertEqual(redis_store.members(key), {"loaded", self.phone})


class TestSessions(GateTestCase):
	def test_the_last_login_wins(self):
		session_manager.create_session(self.player.user, self.phone, "first")
		session_manager.create_session(self.player.user, self.phone, "second")
		self.assertFalse(session_manager.validate_session(self.player.user, "first"))
		self.assertTrue(session_manager.validate_session(self.player.user, "second"))

	def test_what_is_stored_is_no_session_id(self):
		session_manager.create_session(self.player.user, self.phone, "secret-session-id")
		session_manager.validate_session(self.player.user, "secret-session-id")
		stored = factories.reload(self.player).active_session_hash
		self.assertEqual(stored, gate_copies.hash_session_id("secret-session-id"))
		self.assertEqual(redis_store.get(redis_keys.get_active_session_key(self.player.user)), stored)

	def test_a_lost_copy_is_read_from_the_profile(self):
		session_manager.create_session(self.player.user, self.phone, "live")
		redis_store.delete(*redis_store.keys_matching(f"*{self.player.user}*"))
		self.assertTrue(session_manager.validate_session(self.player.user, "live"))
		self.assertFalse(session_manager.validate_session(self.player.user, "other"))

	def test_an_invalidated_session_is_gone_and_a_rolled_back_invalidation_is_not(self):
		session_manager.create_session(self.player.user, self.phone, "live")
		session_manager.invalidate_session(self.player.user)
		frappe.db.rollback()
		self.assertTrue(session_manager.validate_session(self.player.user, "live"))
		session_manager.invalidate_session(self.player.user)
		frappe.db.commit()
		self.assertFalse(session_manager.validate_session(self.player.user, "live"))

	def test_logging_out_an_old_session_leaves_the_live_one(self):
		session_manager.create_session(self.player.user, self.phone, "live")
		session_manager.end_own_session(self.player.user, "old")
		self.assertTrue(session_manager.validate_session(self.player.user, "live"))
		session_manager.end_own_session(self.player.user, "live")
		self.assertFalse(session_manager.validate_session(self.player.user, "live"))

	def test_a_saved_profile_form_never_writes_a_session(self):
		session_manager.create_session(self.player.user, self.phone, "live")
		profile = factories.reload(self.player)
		profile.active_session_hash = gate_copies.hash_session_id("forged")
		profile.display_name = "Salma"
		profile.save()
		frappe.db.commit()
		self.assertTrue(session_manager.validate_session(self.player.user, "live"))

	def test_without_redis_the_gate_is_answered_from_the_database(self):
		session_manager.create_session(self.player.user, self.phone, "live")
		frappe.local.conf["memora_redis_url"] = "redis://127.0.0.1:1"
		self.addCleanup(frappe.local.conf.pop, "memora_redis_url", None)
		self.assertTrue(session_manager.validate_session(self.player.user, "live"))
		self.assertTrue(device_auth.is_device_authorized(self.player.user, self.phone))
		self.assertFalse(device_auth.is_device_authorized(self.player.user, factories.new_uuid()))

	def test_a_user_without_a_profile_has_no_gate(self):
		user = factories.make_user("Memora Student")
		self.assertFalse(gate_copies.read(user.name, factories.new_uuid()).is_player)
