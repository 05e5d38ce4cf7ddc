"""What the wallet's tests share: one committed player, and the three places that tell his wallet."""

import os
import threading
from datetime import datetime

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import recovery, wallet_engine
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_keys, redis_store
from tests.committed import Game

MORNING = datetime(2026, 3, 1, 9, 0, 0)
SYNC_KEYS = (
	redis_keys.get_pending_wallet_sync_key(),
	redis_keys.get_syncing_wallets_key(),
	redis_keys.get_wallet_sync_lock_key(),
)


class WalletTestCase(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=2)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		self.user = self.player.user
		self.forget_waiting_users()
		self.addCleanup(self.forget_waiting_users)

	def forget_waiting_users(self):
		redis_store.delete(*SYNC_KEYS)

	def complete(self, lesson=0, hearts=5, *, at=MORNING):
		with clock.freeze(at):
			return completion.complete_lesson(self.user, self.game.lessons[lesson], hearts, PROGRESS_POLICY)

	def add_xp(self, amount, *, at=MORNING, user=None):
		with clock.freeze(at):
			return wallet_engine.add_xp(user or self.user, amount)

	def wallet(self):
		return wallet_engine.get_wallet(self.user)

	def truth(self, user=None):
		"""The wallet as the ledger has it now."""
		frappe.db.rollback()
		return recovery.read_wallet(user or self.user)

	def row(self, player=None):
		"""The wallet's row alone, without the ledger."""
		frappe.db.rollback()
		return frappe.db.get_value(
			"Memora Player Wallet",
			{"player": (player or self.player).name},
			["total_xp", "current_streak", "last_success_date", "last_played_at", "synced_through"],
			as_dict=True,
		)

	def document(self):
		return frappe.get_doc("Memora Player Wallet", {"player": self.player.name})

	def pending(self):
		return redis_store.members(redis_keys.get_pending_wallet_sync_key())

	def assert_row_is_true(self, player=None):
		player = player or self.player
		row, truth = self.row(player), self.truth(player.user)
		self.assertEqual(
			(row.synced_through, row.total_xp, row.current_streak, row.last_success_date),
			(truth.seq, truth.total_xp, truth.current_streak, truth.last_success_date),
		)
		self.assertEqual(clock.from_site_time(row.last_played_at), truth.last_played_at)


def elsewhere(work) -> threading.Thread:
	"""Run work in a thread with a database connection of its own, as another web worker would. Returns it started."""

	def run():
		frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=os.environ["MEMORA_SITES_PATH"])
		frappe.connect()
		try:
			work()
		finally:
			frappe.destroy()

	thread = threading.Thread(target=run)
	thread.start()
	return thread
