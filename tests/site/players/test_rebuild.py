"""Rebuilding rows from the ledger: what it writes, killed at any step, twice, two at once, and as a command."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import frappe
from memora.exceptions import StoreUnavailable
from memora.services import player_copies, rebuild, reconciliation, recovery, wallet_sync
from memora.utils import redis_keys, redis_store
from tests.site.players import dying_sync
from tests.site.players.test_reconcile import ReconcileTestCase
from tests.site.players.wallets import MORNING, elsewhere

ROOT = Path(__file__).parents[3]


class RebuildTestCase(ReconcileTestCase):
	def spoil(self):
		"""Rows that lie, and copies loaded from them."""
		self.tamper(
			"Memora Player Wallet",
			{"player": self.player.name},
			total_xp=1,
			current_streak=9,
			synced_through=4,
		)
		self.tamper_with_row(progress_bitmap="", best_hearts="{}", total_xp_earned=7, synced_through=4)
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertNotEqual(self.everything(), self.before)

	def bench(self, *arguments):
		return subprocess.run(
			[sys.executable, str(ROOT / "dev" / "bench"), "--site", frappe.local.site, "memora", *arguments],
			capture_output=True,
			text=True,
			timeout=120,
		)


class TestRebuild(RebuildTestCase):
	def test_rows_and_copies_come_back_from_the_ledger_alone(self):
		self.spoil()
		self.assertEqual(rebuild.rebuild_players([self.user], from_ledger=True), 1)
		self.assertEqual(self.everything(), self.before)
		self.assertEqual(self.reconcile(), [])

	def test_rows_that_are_behind_are_brought_forward_from_what_they_say(self):
		self.complete(1, 5, at=MORNING + timedelta(days=2))
		rebuild.rebuild_players([self.user])
		row, truth = self.row(), self.truth()
		self.assertEqual((row.total_xp, row.synced_through), (truth.total_xp, 5))
		self.assertEqual(self.reconcile(), [])

	def test_a_progress_row_that_is_gone_comes_back(self):
		for from_ledger in (True, False):
			frappe.db.delete("Memora Structure Progress", {"player": self.user})
			frappe.db.commit()
			rebuild.rebuild_players([self.user], from_ledger)
			self.assertEqual(self.everything(), self.before)

	def test_rebuilding_twice_writes_the_same(self):
		for _ in range(2):
			rebuild.rebuild_players([self.user], from_ledger=True)
			self.assertEqual(self.everything(), self.before)

	def test_two_at_once_write_the_same(self):
		self.spoil()
		rebuilds = [
			elsewhere(lambda: list(rebuild.rebuild_all(from_ledger=True))),
			elsewhere(lambda: rebuild.rebuild_players([self.user], from_ledger=True)),
		]
		for thread in rebuilds:
			thread.join()
		self.assertEqual(self.everything(), self.before)

	def test_killed_at_any_step_it_leaves_old_rows_or_new_ones_and_ends_right_when_run_again(self):
		for step, moment in dying_sync.moments("rebuild"):
			with self.subTest(step=step, moment=moment):
				self.spoil()
				dying_sync.kill_at("rebuild", step, moment)
				self.assertIn(self.row().total_xp, (1, self.before[3]))
				list(rebuild.rebuild_all(from_ledger=True))
				self.assertEqual(self.everything(), self.before)

	def test_awards_made_meanwhile_are_in_the_row_or_come_after_it(self):
		awards = []

		def award(*args, **kwargs):
			awards.append(elsewhere(lambda: self.add_xp(7)))
			return rewrite(*args, **kwargs)

		rewrite = wallet_sync.rewrite_wallets
		with patch.object(wallet_sync, "rewrite_wallets", award):
			rebuild.rebuild_players([self.user], from_ledger=True)
		for thread in awards:
			thread.join()
		self.assertEqual(self.wallet()["total_xp"], self.before[3] + 7)
		self.assertEqual(self.reconcile(), [])

	def test_without_redis_nothing_is_written(self):
		self.spoil()
		with (
			patch.object(player_copies, "drop", side_effect=StoreUnavailable),
			self.assertRaises(StoreUnavailable),
		):
			rebuild.rebuild_players([self.user], from_ledger=True)
		self.assertEqual(self.row().total_xp, 1)

	def test_who_is_no_player_is_left_out(self):
		self.assertEqual(rebuild.rebuild_players(["nobody@example.com"]), 0)

	def test_a_player_in_another_spelling_is_rebuilt_and_compared_as_himself(self):
		redis_store.set_hash(redis_keys.get_wallet_key(self.user), {"total_xp": 9999})
		frappe.db.rollback()
		[finding] = reconciliation.reconcile_player(self.user.upper())
		self.assertEqual((finding["player"], finding["kind"]), (self.user, "wallet_copy"))
		self.assertEqual(rebuild.rebuild_players([self.user.upper()]), 1)
		self.assertEqual(self.everything(), self.before)

	def test_an_interrupted_run_goes_on_after_the_last_whole_chunk(self):
		players = sorted([self.user, *(self.game.add_player().user for _ in range(3))])
		with patch.object(rebuild, "chunks_of_players", lambda after: iter([players[:2], players[2:]])):
			self.assertEqual(list(rebuild.rebuild_all()), [(players[1], 2), (players[3], 2)])
		self.assertEqual(
			[user for chunk in rebuild.chunks_of_players(players[1], 1) for user in chunk if user in players],
			players[2:],
		)


class TestTheNumberOfQueries(RebuildTestCase):
	def test_it_does_not_depend_on_the_number_of_players(self):
		others = [self.game.add_player().user for _ in range(4)]
		for user in others:
			self.add_xp(5, user=user)
		self.assertEqual(self.queries([self.user]), self.queries([self.user, *others]))

	def queries(self, users):
		frappe.db.rollback()
		with patch.object(frappe.db, "sql", wraps=frappe.db.sql) as sql:
			recovery.read_all_progress_from_ledger(users)
			recovery.read_progress_many([(user, self.subject) for user in users])
			recovery.read_wallets(users, from_ledger=True)
		return sql.call_count


class TestTheCommands(RebuildTestCase):
	def test_rebuild_writes_one_player_or_all_and_says_how_many(self):
		self.spoil()
		done = self.bench("rebuild", "--from-ledger", self.user)
		self.assertEqual((done.returncode, done.stdout), (0, "Rebuilt 1 player.\n"), done.stderr)
		self.assertEqual(self.everything(), self.before)
		self.assertEqual(self.bench("rebuild").returncode, 0)

	def test_a_user_who_is_no_player_is_refused(self):
		for command in ("rebuild", "reconcile"):
			done = self.bench(command, "nobody@example.com")
			self.assertEqual((done.returncode, done.stderr), (1, "nobody@example.com is no player.\n"))

	def test_reconcile_shows_a_table_and_ends_with_one_until_all_is_repaired(self):
		self.tamper("Memora Player Wallet", {"player": self.player.name}, total_xp=9999)
		shown = self.bench("reconcile", self.user)
		self.assertEqual(shown.returncode, 1)
		self.assertRegex(shown.stdout, rf"{self.user} +wallet .*9999.*132.* no\n1 found, 0 repaired.")
		repaired = self.bench("reconcile", "--repair")
		self.assertEqual(repaired.returncode, 0, repaired.stdout + repaired.stderr)
		self.assertIn("1 found, 1 repaired.", repaired.stdout)
		again = self.bench("reconcile", self.user)
		self.assertEqual((again.returncode, again.stdout), (0, "Nothing differs from the ledger.\n"))
		self.assertEqual(self.everything(), self.before)
