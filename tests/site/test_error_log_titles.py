"""Monitoring: an operator finds each documented trouble in the Error Log under its documented title."""

from unittest.mock import patch

import frappe
from memora.services import wallet_sync
from memora.services.cdn_export import batch_processor
from tests.database import another_connection
from tests.site.cdn_export.queueing import QueueTestCase
from tests.site.players.wallets import WalletTestCase


def reports(title):
	return frappe.get_all("Error Log", filters={"method": title}, pluck="error")


def forget_reports(title):
	frappe.db.rollback()
	frappe.db.delete("Error Log", {"method": title})
	frappe.db.commit()


class TestPublishing(QueueTestCase):
	def test_a_plan_that_cannot_be_built_is_found_under_cdn_plan_rebuild_error(self):
		self.addCleanup(forget_reports, "CDN Plan Rebuild Error")
		game = self.make_game()
		self.break_lesson(game)
		self.assertFalse(batch_processor._rebuild_plan(game.plan.name))
		self.assertTrue(any(game.plan.name in report for report in reports("CDN Plan Rebuild Error")))


class TestPlayers(WalletTestCase):
	def test_wallets_that_cannot_be_written_are_found_under_wallet_sync_critical_error(self):
		self.addCleanup(forget_reports, "Wallet Sync Critical Error")
		before = len(reports("Wallet Sync Critical Error"))
		self.add_xp(5)
		connection = another_connection(self)
		connection.begin()
		connection.cursor().execute(
			"select name from `tabMemora Player Wallet` where player = %s for update", (self.player.name,)
		)
		with patch.object(wallet_sync, "ROW_LOCK_WAIT_SECONDS", 1):
			self.assertEqual(wallet_sync.sync_pending_wallets()["errors"], 1)
		frappe.db.rollback()
		self.assertEqual(len(reports("Wallet Sync Critical Error")), before + 1)

	def test_a_corrupted_wallet_is_found_under_security_event(self):
		wallet = frappe.get_doc("Memora Player Wallet", {"player": self.player.name})
		wallet.current_streak = -3
		wallet.save()
		self.assertTrue(any(wallet.name in report for report in reports("Security Event")))
		frappe.db.rollback()
