"""The rules of player profiles: two devices at most, each once, one profile a user, and what follows a change."""

import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils import set_request
from memora.exceptions import DeviceLimitReached, InvalidInput
from memora.services import device_auth, gate_copies, session_manager
from memora.utils import clock
from tests.factories import insert, make_plan, make_player, make_subject, make_user, new_uuid, reload

SESSION = "a-session-id"


def stored_session_hash(profile) -> str | None:
	return frappe.db.get_value(profile.doctype, profile.name, "active_session_hash")


class PlayerTestCase(FrappeTestCase):
	def tearDown(self):
		frappe.db.rollback()
		frappe.local.request = None

	def make_player(self, **values):
		player = make_player(**values)
		self.addCleanup(gate_copies.drop, player.user)
		return player


class TestDevices(PlayerTestCase):
	def test_a_third_device_is_refused_and_the_list_stays_at_two(self):
		player = self.make_player(devices=["phone", "tablet"])
		player.append("authorized_devices", {"device_id": new_uuid(), "device_name": "laptop"})
		with self.assertRaisesRegex(DeviceLimitReached, "at most 2 devices"):
			player.save()
		self.assertEqual([row.device_name for row in reload(player).authorized_devices], ["phone", "tablet"])

	def test_the_same_device_twice_is_refused_in_any_spelling(self):
		device_id = new_uuid()
		rows = [
			{"device_id": spelling, "device_name": "phone"} for spelling in (device_id, device_id.upper())
		]
		with self.assertRaisesRegex(InvalidInput, f"The device {device_id} is authorized already"):
			insert("Memora Player Profile", user=make_user().name, authorized_devices=rows)

	def test_a_device_id_is_stored_in_its_canonical_form(self):
		device_id = new_uuid()
		rows = [{"device_id": device_id.upper(), "device_name": " phone "}]
		player = insert("Memora Player Profile", user=make_user().name, authorized_devices=rows)
		device = reload(player).authorized_devices[0]
		self.assertEqual((device.device_id, device.device_name), (device_id, "phone"))

	def test_what_is_no_uuid_of_version_4_is_refused(self):
		user = make_user().name
		for device_id in (
			"",
			None,
			"phone",
			"c232ab00-9414-11ec-b3c8-9f6bdeced846",
			new_uuid().replace("-", ""),
		):
			rows = [{"device_id": device_id, "device_name": "phone"}]
			with self.subTest(device_id), self.assertRaisesRegex(InvalidInput, "UUID of version 4"):
				insert("Memora Player Profile", user=user, authorized_devices=rows)

	def test_a_device_name_has_3_to_100_characters(self):
		user = make_user().name
		for name in ("ab", "x" * 101, None, "  a  "):
			rows = [{"device_id": new_uuid(), "device_name": name}]
			with self.subTest(name), self.assertRaisesRegex(InvalidInput, "Device Name must have 3 to 100"):
				insert("Memora Player Profile", user=user, authorized_devices=rows)

	def test_the_time_of_adding_is_the_servers(self):
		player = self.make_player(devices=["phone"])
		added_on = clock.from_site_time(reload(player).authorized_devices[0].added_on)
		self.assertLess(abs((clock.utc_now() - added_on).total_seconds()), 60)

	def test_one_device_may_belong_to_two_players(self):
		device = {"device_id": new_uuid(), "device_name": "family tablet"}
		for _index in range(2):
			self.make_player(authorized_devices=[dict(device)])


class TestFirstDevice(PlayerTestCase):
	def test_a_profile_made_by_a_request_that_names_its_device_starts_with_it(self):
		device_id = new_uuid()
		set_request(method="POST", path="/", headers={"X-Device-ID": device_id})
		device = self.make_player().authorized_devices[0]
		self.assertEqual((device.device_id, device.device_name), (device_id, "Device 1"))

	def test_devices_that_were_given_are_not_joined_by_the_requests(self):
		set_request(method="POST", path="/", headers={"X-Device-ID": new_uuid()})
		player = self.make_player(devices=["phone"])
		self.assertEqual([row.device_name for row in player.authorized_devices], ["phone"])

	def test_a_request_without_the_header_and_a_job_without_a_request_authorize_nothing(self):
		self.assertEqual(self.make_player().authorized_devices, [])
		set_request(method="POST", path="/")
		self.assertEqual(self.make_player().authorized_devices, [])

	def test_a_header_that_is_no_device_id_is_refused(self):
		set_request(method="POST", path="/", headers={"X-Device-ID": "phone"})
		with self.assertRaisesRegex(InvalidInput, "UUID of version 4"):
			make_player()


class TestIdentity(PlayerTestCase):
	def test_a_user_has_one_profile(self):
		user = self.make_player().user
		with self.assertRaises(frappe.UniqueValidationError):
			make_player(user=user)

	def test_a_profile_never_changes_its_user(self):
		player = self.make_player()
		user = player.user
		player.user = make_user().name
		with self.assertRaises(frappe.CannotChangeConstantError):
			player.save()
		self.assertEqual(reload(player).user, user)

	def test_the_session_is_the_servers_to_set(self):
		user = make_user().name
		player = self.make_player(user=user, active_session_hash="forged", active_session_device=new_uuid())
		self.assertIsNone(stored_session_hash(player))
		player.active_session_hash = "forged"
		player.save()
		self.assertIsNone(stored_session_hash(player))

	def test_a_form_opened_before_a_login_does_not_end_the_session(self):
		player = self.make_player(devices=["phone"])
		form = reload(player)
		session_manager._write_session(player.user, gate_copies.hash_session_id(SESSION), new_uuid())
		form.display_name = "Sara"
		form.save()
		self.assertEqual(stored_session_hash(player), gate_copies.hash_session_id(SESSION))
		self.assertEqual(reload(player).display_name, "Sara")


class TestWhatFollows(PlayerTestCase):
	def test_a_new_player_gets_an_empty_wallet(self):
		player = self.make_player()
		wallets = frappe.get_all(
			"Memora Player Wallet", filters={"player": player.name}, fields=["total_xp", "current_streak"]
		)
		self.assertEqual(wallets, [{"total_xp": 0, "current_streak": 0}])

	def test_removing_a_device_ends_the_session_and_the_devices_authorization(self):
		player = self.make_player(devices=["phone", "tablet"])
		session_manager._write_session(player.user, gate_copies.hash_session_id(SESSION), None)
		removed = player.authorized_devices[0]
		player.remove(removed)
		player.save()
		self.assertIsNone(stored_session_hash(player))
		self.assertFalse(gate_copies._gate(gate_copies.read_truth(player.user), removed.device_id)[2])

	def test_replacing_a_device_ends_the_session_too(self):
		player = self.make_player(devices=["phone", "tablet"])
		session_manager._write_session(player.user, gate_copies.hash_session_id(SESSION), None)
		player.authorized_devices[0].device_id = new_uuid()
		player.save()
		self.assertIsNone(stored_session_hash(player))

	def test_adding_or_renaming_a_device_leaves_the_session_alone(self):
		player = self.make_player(devices=["phone"])
		session_manager._write_session(player.user, gate_copies.hash_session_id(SESSION), None)
		player.authorized_devices[0].device_name = "old phone"
		player.append("authorized_devices", {"device_id": new_uuid(), "device_name": "tablet"})
		player.save()
		self.assertEqual(stored_session_hash(player), gate_copies.hash_session_id(SESSION))

	def test_a_player_is_enrolled_in_the_subjects_of_his_plan(self):
		subjects = sorted(make_subject().name for _index in range(2))
		player = self.make_player(current_plan=make_plan(subjects=subjects).name)
		self.assertEqual(self.enrolled(player), subjects)

	def test_a_new_plan_adds_its_subjects_and_takes_none_away(self):
		first, second = make_subject().name, make_subject().name
		player = self.make_player(current_plan=make_plan(subjects=[first]).name)
		player.current_plan = make_plan(subjects=[first, second]).name
		player.save()
		self.assertEqual(self.enrolled(player), sorted([first, second]))

	def test_a_deleted_profile_takes_its_wallet_along(self):
		player = self.make_player(devices=["phone"])
		frappe.delete_doc("Memora Player Profile", player.name)
		self.assertFalse(frappe.db.exists("Memora Player Wallet", {"player": player.name}))

	def enrolled(self, player) -> list[str]:
		return sorted(
			frappe.get_all("Memora Structure Progress", filters={"player": player.user}, pluck="subject")
		)


class TestDeviceCopy(FrappeTestCase):
	"""Committed, as the copy is loaded from what is committed; deleted again at the end."""

	def setUp(self):
		self.player = make_player(devices=["phone", "tablet"])
		frappe.db.commit()

	def tearDown(self):
		frappe.db.rollback()
		frappe.delete_doc("Memora Player Profile", self.player.name)
		frappe.delete_doc("User", self.player.user, force=True, ignore_on_trash=True)
		frappe.db.commit()

	def test_the_copy_follows_a_device_that_is_removed_in_desk(self):
		phone, tablet = (row.device_id for row in self.player.authorized_devices)
		self.assertTrue(device_auth.is_device_authorized(self.player.user, phone))
		form = reload(self.player)
		form.remove(form.authorized_devices[0])
		form.save()
		frappe.db.commit()
		self.assertFalse(device_auth.is_device_authorized(self.player.user, phone))
		self.assertTrue(device_auth.is_device_authorized(self.player.user, tablet))

	def test_a_change_that_is_rolled_back_changes_nothing(self):
		phone = self.player.authorized_devices[0].device_id
		form = reload(self.player)
		form.remove(form.authorized_devices[0])
		form.save()
		frappe.db.rollback()
		self.assertTrue(device_auth.is_device_authorized(self.player.user, phone))
