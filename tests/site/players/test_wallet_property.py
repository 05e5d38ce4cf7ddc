"""Whatever happens in whatever order, a wallet is the sum of its ledger, in Redis and in MariaDB."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

import frappe
from memora.services import sync_queue, wallet_engine, wallet_sync
from memora.utils import clock, redis_keys, redis_store
from tests.committed import forget_player, ledger_of
from tests.site.players.wallets import WalletTestCase

START = datetime(2026, 3, 1, 20)

steps = st.one_of(
	st.tuples(st.just("complete"), st.integers(1, 5)),
	st.tuples(st.just("add_xp"), st.integers(1, 1000)),
	st.tuples(st.just("update_streak"), st.integers(0, 3)),
	st.tuples(st.just("adjust_total"), st.integers(0, 3000)),
	st.tuples(st.just("adjust_streak"), st.integers(0, 9)),
	st.tuples(st.just("save_unchanged"), st.none()),
	st.tuples(st.just("played"), st.none()),
	st.tuples(st.just("sync"), st.none()),
	st.tuples(st.just("interrupted_sync"), st.none()),
	st.tuples(st.just("lose"), st.sampled_from(["wallet", "subject", "queue", "everything"])),
	st.tuples(st.just("pass_time"), st.integers(1, 60)),
)


class TestAnyOrder(WalletTestCase):
	@settings(max_examples=60)
	@given(st.lists(steps, max_size=14))
	def test_the_wallet_is_always_the_sum_of_the_ledger_and_the_row_never_ahead_of_it(self, plan):
		self.begin()
		for step, argument in plan:
			with clock.freeze(self.now):
				getattr(self, f"do_{step}")(argument)
				self.check(step)
			self.now += timedelta(minutes=1)
		with clock.freeze(self.now):
			wallet_sync.trigger_wallet_sync(force=True)
		self.assert_row_is_true()

	def begin(self):
		frappe.db.rollback()
		forget_player(self.game.players.pop())
		self.player = self.game.add_player()
		self.user = self.player.user
		self.forget_waiting_users()
		self.now, self.expected_streak, self.expected_day = START, 0, None

	def check(self, step):
		wallet, rows, row = self.wallet(), ledger_of(self.player), self.row()
		self.assertEqual([line.seq for line in rows], list(range(1, len(rows) + 1)))
		total = sum(line.xp_awarded for line in rows)
		self.assertEqual((wallet["total_xp"], self.truth().total_xp), (total, total), step)
		until = [line.xp_awarded for line in rows if line.seq <= row.synced_through]
		self.assertEqual((row.total_xp, len(until)), (sum(until), row.synced_through), step)
		truth = self.truth()
		self.assertEqual(
			(truth.current_streak, truth.last_success_date), (self.expected_streak, self.expected_day), step
		)
		self.assertEqual(wallet["current_streak"], self.expected_streak, step)

	def count_day(self):
		"""A slow, obvious reference."""
		today = self.now.date()
		if self.expected_day == today:
			return
		in_a_row = self.expected_day == today - timedelta(days=1)
		self.expected_streak = self.expected_streak + 1 if in_a_row else 1
		self.expected_day = today

	def do_complete(self, hearts):
		self.complete(0, hearts, at=self.now)
		self.count_day()

	def do_add_xp(self, amount):
		self.add_xp(amount, at=self.now)

	def do_update_streak(self, hearts):
		wallet_engine.update_streak(self.user, hearts)
		if hearts:
			self.count_day()

	def do_adjust_total(self, total):
		self.document().update({"total_xp": total}).save()
		frappe.db.commit()
		self.assertEqual(self.wallet()["total_xp"], total)

	def do_adjust_streak(self, days):
		self.expected_streak, self.expected_day = days, self.now.date() - timedelta(days=1)
		self.document().update({"current_streak": days, "last_success_date": self.expected_day}).save()
		frappe.db.commit()

	def do_save_unchanged(self, _):
		before = len(ledger_of(self.player))
		self.document().save()
		frappe.db.commit()
		self.assertEqual(len(ledger_of(self.player)), before)

	def do_played(self, _):
		wallet_engine.update_last_played_at(self.user)
		self.assertEqual(self.wallet()["last_played_at"], clock.iso(self.now))

	def do_sync(self, _):
		wallet_sync.sync_pending_wallets()

	def do_interrupted_sync(self, _):
		"""Dies after it took the queue."""
		sync_queue.take(wallet_sync.QUEUE)

	def do_lose(self, what):
		subject = self.game.subject.name
		keys = {
			"wallet": [redis_keys.get_wallet_key(self.user)],
			"subject": [redis_keys.get_progress_key(self.user, subject)],
			"queue": [redis_keys.get_pending_wallet_sync_key(), redis_keys.get_syncing_wallets_key()],
			"everything": redis_store.keys_matching("*"),
		}[what]
		redis_store.delete(*keys)

	def do_pass_time(self, hours):
		self.now += timedelta(hours=hours)
