"""An erased player is found nowhere: database, both Redis, logs. What he did stays in the figures of the days."""

import json
from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from memora.services import dashboard, nightly_check, wallet_sync
from memora.services.privacy import erasure, tombstones
from memora.services.progress_engine import snapshot_syncer
from memora.utils import clock, named_locks, redis_store
from tests import committed
from tests.committed import Game
from tests.database import another_connection
from tests.site.privacy.people import (
	Person,
	forget_tombstone,
	found_in_database,
	found_in_logs,
	found_in_redis,
	site_settings,
)


class PrivacyTestCase(FrappeTestCase):
	def setUp(self):
		committed.enter(self, site_settings())
		self.game = Game(lessons=3)
		self.addCleanup(self.game.remove)
		self.person = Person(self.game)
		self.played_at = clock.utc_now()
		with clock.freeze(self.played_at):
			self.person.play(self.game)
		self.addCleanup(forget_tombstone, self.person.user)

	def last_days(self, number):
		"""The days' figures as on the day that he played, though midnight may have passed."""
		with clock.freeze(self.played_at):
			return dashboard.last_days(number)

	def erase(self, person=None):
		"""What a System Manager's "Delete Data" does."""
		request = (person or self.person).ask_for_deletion()
		request.trigger_data_deletion()
		frappe.db.commit()
		return request

	def settle(self):
		"""The scheduler, after mails and late jobs are through."""
		with clock.freeze(clock.utc_now() + erasure.SETTLING + timedelta(minutes=1)):
			return erasure.take_up()

	def assert_nowhere(self, words=None):
		words = words or self.person.words
		self.assertEqual(found_in_database(words), set())
		self.assertEqual(found_in_redis(words), set())
		self.assertEqual(found_in_logs(words), set())


class TestErasure(PrivacyTestCase):
	def test_he_is_found_everywhere_before_and_nowhere_after(self):
		self.assertTrue(found_in_database([self.person.user]))
		self.assertTrue(found_in_redis([self.person.user]))
		self.assertTrue(found_in_logs([self.person.user]))
		request = self.erase()
		self.settle()
		self.assert_nowhere()
		request.reload()
		self.assertEqual((request.status, request.email), ("Deleted", request.name))
		self.assertEqual(frappe.db.get_value("User", request.name, "enabled"), 0)

	def test_the_days_keep_their_figures(self):
		dashboard.forget_past_days()
		before = self.last_days(3)
		self.erase()
		dashboard.forget_past_days()
		self.assertEqual(self.last_days(3), before)
		self.assertGreaterEqual(before[-1].lessons, 2)

	def test_neither_a_sync_nor_the_nightly_check_brings_him_back(self):
		self.erase()
		redis_store.add_members("pending_wallet_sync", self.person.user)
		redis_store.add_members("dirty_progress", json.dumps([self.person.user, self.game.subject.name]))
		self.assertEqual(wallet_sync.sync_pending_wallets()["errors"], 0)
		self.assertEqual(snapshot_syncer.sync_pending_bitmaps()["errors"], 0)
		nightly_check.check_all_players()
		self.settle()
		self.assert_nowhere()

	def test_another_player_on_the_same_device_keeps_everything(self):
		sibling = Person(self.game)
		sibling.play(self.game)
		self.addCleanup(forget_tombstone, sibling.user)
		frappe.db.set_value(
			"Memora Authorized Device",
			{"parent": sibling.profile.name, "idx": 1},
			"device_id",
			self.person.device_ids[0],
		)
		frappe.db.commit()
		rows = self.rows_of(sibling)
		self.erase()
		self.assertEqual(self.rows_of(sibling), rows)
		self.erase(sibling)

	def rows_of(self, person):
		frappe.db.rollback()
		log = frappe.get_all(
			"Memora Interaction Log", {"player": person.user}, ["name", "interaction_data"], order_by="name"
		)
		devices = frappe.get_all(
			"Memora Authorized Device", {"parent": person.profile.name}, ["device_id", "device_name"]
		)
		return log, devices, frappe.db.get_value("Memora Player Wallet", {"player": person.profile.name}, "*")

	def test_frappes_own_users_cannot_be_erased(self):
		for user in ("Administrator", "Guest"):
			with self.assertRaisesRegex(InvalidInput, "cannot be erased"):
				erasure.erase_player(user)

	def test_the_address_stays_in_the_request_until_late_jobs_are_through(self):
		request = self.erase()
		erasure.take_up()
		found = found_in_database([self.person.user])
		self.assertLessEqual(
			found,
			{
				"tabPersonal Data Deletion Request",
				"tabEmail Queue",
				"tabEmail Queue Recipient",
				"tabContact",
				"tabContact Email",
				"tabActivity Log",
			},
		)
		self.assertIn("tabPersonal Data Deletion Request", found)
		self.settle()
		self.assertEqual(frappe.db.get_value(erasure.REQUEST, request.name, "email"), request.name)


class TestTwoAtOnce(PrivacyTestCase):
	def test_an_erasure_that_is_under_way_elsewhere_is_left_to_it(self):
		erasure.erase_player(self.person.user)
		elsewhere = another_connection(self).cursor()
		elsewhere.execute("select get_lock(%s, 0)", named_locks.physical(erasure.LOCK_NAME))
		with patch.object(erasure, "LOCK_WAIT_SECONDS", 0):
			self.assertEqual(erasure.take_up(), {"erased": 0, "settled": 0, "errors": 0})
		self.assertTrue(frappe.db.exists("User", self.person.user))
		elsewhere.execute("select release_lock(%s)", named_locks.physical(erasure.LOCK_NAME))
		erasure.take_up()
		self.assertFalse(frappe.db.exists("User", self.person.user))

	def test_one_that_fails_keeps_nobody_waiting_and_is_reported(self):
		other = Person(self.game)
		self.addCleanup(forget_tombstone, other.user)
		self.addCleanup(frappe.db.delete, "Error Log", {"method": erasure.FAILED_TITLE})
		for user in (self.person.user, other.user):
			tombstones.put(user)
		fold = erasure.daily_totals.fold_player

		def fold_or_fail(user):
			if user == self.person.user:
				raise frappe.ValidationError("broken")
			return fold(user)

		with patch.object(erasure.daily_totals, "fold_player", fold_or_fail):
			self.assertEqual(erasure.take_up()["errors"], 1)
		self.assertTrue(frappe.db.exists("User", self.person.user))
		self.assertFalse(frappe.db.exists("User", other.user))
		self.assertTrue(frappe.db.exists("Error Log", {"method": erasure.FAILED_TITLE}))
		erasure.take_up()
		self.assertFalse(frappe.db.exists("User", self.person.user))


class TestTombstones(PrivacyTestCase):
	def test_a_restored_backup_is_erased_again_though_it_knows_no_tombstone(self):
		backup = self.back_up()
		self.erase()
		self.settle()
		days = self.last_days(1)
		self.restore(backup)
		self.assertTrue(found_in_database([self.person.user]))
		erasure.take_up()
		self.settle()
		self.assert_nowhere()
		self.assertEqual(self.last_days(1)[0].players, days[0].players)

	def back_up(self):
		tables = {
			"User": {"name": self.person.user},
			"Has Role": {"parent": self.person.user},
			"Contact": {"user": self.person.user},
			"Memora Player Profile": {"user": self.person.user},
			"Memora Authorized Device": {"parent": self.person.profile.name},
			"Memora Player Wallet": {"player": self.person.profile.name},
			"Memora Structure Progress": {"player": self.person.user},
			"Memora Interaction Log": {"player": self.person.user},
			"Version": {"docname": self.person.profile.name},
		}
		rows = {table: frappe.get_all(table, filters, ["*"]) for table, filters in tables.items()}
		totals = frappe.get_all("Memora Daily Total", fields=["*"])
		return {**rows, "Memora Daily Total": totals}

	def restore(self, backup):
		"""The database as it was; the site's folder as it is."""
		frappe.db.delete("Memora Tombstone", {"name": tombstones.name_of(self.person.user)})
		frappe.db.sql("delete from `tabMemora Daily Total`")
		for doctype, rows in backup.items():
			for row in rows:
				row = {column: value for column, value in row.items() if value is not None}
				frappe.db.sql(
					f"replace into `tab{doctype}` ({', '.join(f'`{column}`' for column in row)}) values %s",
					(tuple(row.values()),),
				)
		frappe.db.commit()

	def test_who_signs_up_again_is_left_alone(self):
		self.erase()
		self.settle()
		with clock.freeze(clock.utc_now() + timedelta(days=1)):
			frappe.get_doc(
				{"doctype": "User", "email": self.person.user, "first_name": "New", "send_welcome_email": 0}
			).insert(ignore_permissions=True)
			created = clock.to_site_time(clock.utc_now())
			frappe.db.set_value("User", self.person.user, "creation", created)
			frappe.db.commit()
			erasure.take_up()
		self.assertEqual(frappe.db.get_value("User", self.person.user, "enabled"), 1)
		frappe.delete_doc("User", self.person.user, force=True)
		frappe.db.commit()

	def test_a_tombstone_does_not_say_whose_it_is_and_stands_in_the_table_and_in_the_file(self):
		tombstones.put(self.person.user)
		name = tombstones.name_of(self.person.user)
		self.assertIn(name, tombstones.path().read_text())
		self.assertTrue(frappe.db.exists("Memora Tombstone", name))
		self.assertNotIn(self.person.user, tombstones.path().read_text())
		tombstones.path().write_text("torn li")
		tombstones.merge()
		self.assertIn(name, tombstones.path().read_text())
		self.assertIn(name, tombstones.read_all())

	def test_tombstones_of_a_lost_key_are_told_once(self):
		tombstones.put(self.person.user)
		name = tombstones.name_of(self.person.user)
		self.addCleanup(frappe.db.delete, "Error Log", {"method": erasure.LOST_KEY_TITLE})
		with patch.object(tombstones, "get_encryption_key", return_value="another"):
			self.assertNotIn(name, tombstones.read_all())
			for _again in range(2):
				erasure.take_up()
		self.assertEqual(frappe.db.count("Error Log", {"method": erasure.LOST_KEY_TITLE}), 1)
		self.assertIn(name, tombstones.read_all())


class TestDownload(PrivacyTestCase):
	def test_the_download_holds_all_that_is_his_and_nothing_of_others(self):
		frappe.db.sql(
			"update `tabMemora Interaction Log` set owner = 'admin@example.com' where player = %s",
			self.person.user,
		)
		frappe.db.commit()
		frappe.set_user(self.person.user)
		self.addCleanup(frappe.set_user, "Administrator")
		request = frappe.get_doc({"doctype": "Personal Data Download Request", "user": self.person.user})
		request.user_name = self.person.first_name
		request.insert(ignore_permissions=True)
		frappe.set_user("Administrator")
		file = frappe.get_doc("File", {"attached_to_name": request.name})
		[data] = json.loads(file.get_content())["Memora Personal Data"]
		self.assertEqual(data["profile"][0]["display_name"], self.person.display_name)
		self.assertEqual([row["device_id"] for row in data["devices"]], self.person.device_ids)
		self.assertEqual(len(data["awards"]), 3)
		self.assertEqual(data["wallet"]["total_xp"], sum(row["xp_awarded"] for row in data["awards"]))
		[progress] = data["progress"]
		self.assertEqual([row["lesson"] for row in progress["passed_lessons"]], self.game.lessons[:2])
		self.assertTrue({row["interaction_type"] for row in data["audit_trail"]} >= {"device_added"})
		for secret in ("active_session", "Administrator", "admin@example.com"):
			self.assertNotIn(secret, json.dumps(data))
		frappe.db.commit()
		self.erase()
		self.settle()
		self.assert_nowhere()
		self.assertFalse(frappe.db.exists("File", file.name))
