"""The rules of wallets: nothing negative, no day in the future, and a copy that never outlives a correction."""

from datetime import date, datetime

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from memora.services import gate_copies, wallet_engine
from memora.utils import clock, redis_store
from memora.utils.redis_keys import get_wallet_key
from tests.factories import insert, make_player, make_user, reload


def wallet_of(player):
	return frappe.get_doc("Memora Player Wallet", {"player": player.name})


class TestWalletRules(FrappeTestCase):
	def setUp(self):
		self.player = make_player()
		self.wallet = wallet_of(self.player)

	def tearDown(self):
		frappe.db.rollback()

	def test_negative_xp_is_refused_and_the_total_stays(self):
		self.wallet.total_xp = -1
		with self.assertRaisesRegex(InvalidInput, "Total XP cannot be negative"):
			self.wallet.save()
		self.assertEqual(reload(self.wallet).total_xp, 0)

	def test_a_negative_streak_is_reset_to_zero_and_reported(self):
		self.wallet.current_streak = -3
		self.wallet.save()
		self.assertEqual(reload(self.wallet).current_streak, 0)
		reports = frappe.get_all("Error Log", filters={"method": "Security Event"}, pluck="error")
		self.assertTrue(any(self.wallet.name in report and "-3" in report for report in reports))

	def test_the_last_success_date_may_be_today_in_utc_and_not_tomorrow(self):
		with clock.freeze(datetime(2026, 3, 1, 23, 59, 59)):
			self.wallet.last_success_date = "2026-03-01"
			self.wallet.save()
			self.wallet.last_success_date = "2026-03-02"
			with self.assertRaisesRegex(InvalidInput, "cannot be in the future"):
				self.wallet.save()
		self.assertEqual(reload(self.wallet).last_success_date, date(2026, 3, 1))

	def test_an_administrator_may_correct_the_figures(self):
		self.wallet.update({"total_xp": 250, "current_streak": 4})
		self.wallet.save()
		stored = reload(self.wallet)
		self.assertEqual((stored.total_xp, stored.current_streak), (250, 4))

	def test_the_snapshots_position_is_the_servers_to_set(self):
		frappe.db.set_value(self.wallet.doctype, self.wallet.name, "synced_through", 7, update_modified=False)
		self.wallet.synced_through = 99
		self.wallet.save()
		self.assertEqual(reload(self.wallet).synced_through, 7)

	def test_a_player_has_one_wallet_and_it_stays_his(self):
		with self.assertRaises(frappe.UniqueValidationError):
			insert("Memora Player Wallet", player=self.player.name)
		self.wallet.player = make_player().name
		with self.assertRaises(frappe.CannotChangeConstantError):
			self.wallet.save()


class TestWalletCopy(FrappeTestCase):
	"""Committed, as the copy is loaded from what is committed; deleted again at the end."""

	def setUp(self):
		self.player = make_player(user=make_user("Memora Student").name)
		self.user = self.player.user
		frappe.db.commit()

	def tearDown(self):
		frappe.db.rollback()
		if frappe.db.exists("Memora Player Profile", self.player.name):
			frappe.delete_doc("Memora Player Profile", self.player.name)
		frappe.delete_doc("User", self.user, force=True, ignore_on_trash=True)
		frappe.db.commit()
		wallet_engine.drop_wallet_copy(self.user)
		gate_copies.drop(self.user)

	def test_a_new_wallet_has_its_copy_once_it_is_committed(self):
		self.assertEqual(redis_store.get_hash(get_wallet_key(self.user)).get("total_xp"), "0")

	def test_a_corrected_wallet_is_read_as_corrected(self):
		wallet_engine.get_wallet(self.user)
		wallet = wallet_of(self.player)
		wallet.total_xp = 250
		wallet.save()
		frappe.db.commit()
		self.assertEqual(wallet_engine.get_wallet(self.user)["total_xp"], 250)

	def test_a_correction_that_is_rolled_back_is_not_read(self):
		wallet = wallet_of(self.player)
		wallet.total_xp = 250
		wallet.save()
		frappe.db.rollback()
		self.assertEqual(wallet_engine.get_wallet(self.user)["total_xp"], 0)

	def test_a_deleted_wallet_leaves_no_copy(self):
		wallet_engine.get_wallet(self.user)
		frappe.delete_doc("Memora Player Profile", self.player.name)
		frappe.db.commit()
		self.assertFalse(redis_store.exists(get_wallet_key(self.user)))
