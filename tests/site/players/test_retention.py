"""Folding old ledger rows: everything that is told about a player stays, and nothing old is paid again."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

import frappe
from memora.services import (
	interaction_log,
	ledger_retention,
	player_copies,
	rebuild,
	reconciliation,
	recovery,
	xp_claims,
)
from memora.services.progress_engine import bits, completion, snapshot_syncer
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_store
from tests.committed import Game, forget_player, ledger_of
from tests.factories import new_uuid
from tests.site.players import dying_sync
from tests.site.players.wallets import WalletTestCase, elsewhere

START = datetime(2026, 3, 1, 20)
FOLD_BEFORE = dying_sync.FOLD_BEFORE
LESSONS = 3

steps = st.one_of(
	st.tuples(st.just("play"), st.integers(0, LESSONS - 1), st.integers(1, 5)),
	st.tuples(st.just("play_again"), st.integers(0, 20), st.none()),
	st.tuples(st.just("claim"), st.integers(1, 1000), st.none()),
	st.tuples(st.just("adjust"), st.integers(0, 3000), st.none()),
	st.tuples(st.just("fold"), st.integers(0, 40), st.none()),
	st.tuples(st.just("sync"), st.none(), st.none()),
	st.tuples(st.just("lose_copies"), st.none(), st.none()),
	st.tuples(st.just("lose_row"), st.none(), st.none()),
	st.tuples(st.just("pass_days"), st.integers(1, 10), st.none()),
)


class RetentionTestCase(WalletTestCase):
	def setUp(self):
		super().setUp()
		self.game = Game(lessons=LESSONS)
		self.addCleanup(self.game.remove)
		self.begin()

	def begin(self):
		frappe.db.rollback()
		while self.game.players:
			forget_player(self.game.players.pop())
		self.player = self.game.add_player()
		self.user, self.subject = self.player.user, self.game.subject.name
		self.now = START
		self.total = self.subject_xp = 0
		self.hearts, self.streak, self.events = {}, (0, None), []

	def play(self, lesson, hearts):
		# Linear content: the lesson itself, or the first one that is not passed yet.
		lesson_id = self.game.lessons[min(lesson, len(self.hearts))]
		event_id = new_uuid()
		with clock.freeze(self.now):
			outcome = completion.complete_lesson(self.user, lesson_id, hearts, PROGRESS_POLICY, event_id)
		self.assertEqual(outcome["is_first_completion"], lesson_id not in self.hearts)
		self.assertEqual(outcome["is_new_record"], hearts > self.hearts.get(lesson_id, 0))
		self.hearts[lesson_id] = max(hearts, self.hearts.get(lesson_id, 0))
		self.subject_xp += outcome["xp_awarded"]
		self.total += outcome["xp_awarded"]
		self.count_day()
		self.events.append((lesson_id, hearts, event_id, outcome))

	def count_day(self):
		days, last = self.streak
		today = self.now.date()
		if last != today:
			self.streak = (days + 1 if last == today - timedelta(days=1) else 1, today)

	def claim(self, amount):
		with clock.freeze(self.now):
			xp_claims.grant_xp(self.user, amount)
		self.total += amount

	def fold(self, moment):
		frappe.db.rollback()
		return ledger_retention.fold_player(self.user, moment)

	def check(self):
		"""All three tellers against the reference: rows and ledger, the ledger alone, the copies."""
		frappe.db.rollback()
		for from_ledger in (False, True):
			wallet = recovery.read_wallets([self.user], from_ledger=from_ledger)[self.user]
			self.assertEqual(
				(wallet.total_xp, (wallet.current_streak, wallet.last_success_date)),
				(self.total, self.streak),
			)
			pair = (self.user, self.subject)
			self.check_progress(recovery.read_progress_many([pair], from_ledger)[pair])
		self.check_progress(player_copies.read_progress(self.user, self.subject))
		self.assertEqual(player_copies.read_wallet(self.user).total_xp, self.total)
		self.assertEqual(sum(row.xp_awarded for row in ledger_of(self.player)), self.total)

	def check_progress(self, progress):
		self.assertEqual(
			bits.indexes_on(progress.bitmap), {self.game.lessons.index(lesson) for lesson in self.hearts}
		)
		self.assertEqual((progress.best_hearts, progress.total_xp_earned), (self.hearts, self.subject_xp))

	def rows(self, **filters):
		frappe.db.rollback()
		return frappe.db.count("Memora Interaction Log", {"player": self.user, **filters})


class TestAnyOrder(RetentionTestCase):
	@settings(max_examples=25)
	@given(st.lists(steps, max_size=14))
	def test_totals_progress_and_streak_are_as_without_folding_and_nothing_old_is_paid_again(self, plan):
		self.begin()
		for step, first, second in plan:
			getattr(self, f"do_{step}")(first, second)
			self.now += timedelta(minutes=1)
			self.check()
		self.fold(self.now + timedelta(days=1))
		self.check()
		for index in range(len(self.events)):
			self.do_play_again(index, None)
		self.check()
		self.assertEqual(reconciliation.reconcile_player(self.user), [])

	def do_play(self, lesson, hearts):
		self.play(lesson, hearts)

	def do_play_again(self, index, _):
		if not self.events:
			return
		lesson_id, hearts, event_id, outcome = self.events[index % len(self.events)]
		with clock.freeze(self.now):
			again = completion.complete_lesson(self.user, lesson_id, hearts, PROGRESS_POLICY, event_id)
		self.assertEqual(again, {**outcome, "duplicate": True})

	def do_claim(self, amount, _):
		self.claim(amount)

	def do_adjust(self, total, _):
		with clock.freeze(self.now):
			self.document().update({"total_xp": total}).save()
			frappe.db.commit()
		self.total = total

	def do_fold(self, days_ago, _):
		with clock.freeze(self.now):
			self.fold(self.now - timedelta(days=days_ago))

	def do_sync(self, *_):
		snapshot_syncer.sync_pending_bitmaps()

	def do_lose_copies(self, *_):
		redis_store.delete(*redis_store.keys_matching("*"))

	def do_lose_row(self, *_):
		frappe.db.delete("Memora Structure Progress", {"player": self.user})
		frappe.db.set_value(
			"Memora Player Wallet", {"player": self.player.name}, {"total_xp": 0, "synced_through": 0}
		)
		frappe.db.commit()
		with clock.freeze(self.now):
			rebuild.rebuild_players([self.user], from_ledger=True)

	def do_pass_days(self, days, _):
		self.now += timedelta(days=days)


class TestWhatStays(RetentionTestCase):
	def setUp(self):
		super().setUp()
		for day, hearts in enumerate((3, 5, 2, 4)):
			self.now = START + timedelta(days=day)
			self.play(0, hearts)
		self.claim(50)
		self.now = datetime(2026, 3, 12)
		self.play(1, 5)
		with clock.freeze(START):
			interaction_log.append_event(self.user, "login", {"by": "test"})
		with clock.freeze(self.now):
			interaction_log.append_event(self.user, "login", {"by": "test"})
		frappe.db.commit()

	def test_one_balance_stands_for_all_old_rows_beside_those_with_keys_and_the_young_ones(self):
		self.assertTrue(self.fold(FOLD_BEFORE))
		self.assertEqual(
			[(row.seq, row.interaction_type) for row in ledger_of(self.player)],
			[(5, "balance_forward"), (6, "lesson_completion")],
		)
		self.assertEqual(self.rows(client_event_id=["is", "set"]), 5)
		self.check()
		self.assertEqual(reconciliation.reconcile_player(self.user), [])

	def test_a_second_fold_finds_nothing_and_a_later_one_merges_the_balance(self):
		self.fold(FOLD_BEFORE)
		before = ledger_of(self.player)
		self.assertFalse(self.fold(FOLD_BEFORE))
		self.assertEqual(ledger_of(self.player), before)
		self.assertTrue(self.fold(datetime(2026, 4, 1)))
		[row] = ledger_of(self.player)
		self.assertEqual((row.seq, row.xp_awarded), (6, self.total))
		self.check()

	def test_old_audit_entries_are_deleted_and_young_ones_stay(self):
		self.assertEqual(self.rows(interaction_type="login"), 2)
		ledger_retention.fold_before(FOLD_BEFORE)
		self.assertEqual(self.rows(interaction_type="login"), 1)
		self.check()

	def test_a_snapshot_older_than_the_balance_is_not_added_to_it(self):
		self.fold(FOLD_BEFORE)
		frappe.db.set_value(
			"Memora Player Wallet", {"player": self.player.name}, {"total_xp": 20, "synced_through": 1}
		)
		frappe.db.set_value(
			"Memora Structure Progress",
			{"player": self.user, "subject": self.subject},
			{"total_xp_earned": 20, "synced_through": 1},
		)
		frappe.db.commit()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.check()

	def test_a_ledger_that_was_tampered_with_is_not_folded_before_it_is_put_right(self):
		frappe.db.sql(
			"update `tabMemora Interaction Log` set xp_awarded = 5000 where player = %s and seq = 2",
			self.user,
		)
		frappe.db.commit()
		before = ledger_of(self.player)
		self.assertFalse(self.fold(FOLD_BEFORE))
		self.assertEqual(ledger_of(self.player), before)
		reconciliation.reconcile_player(self.user, repair=True)
		self.assertTrue(self.fold(FOLD_BEFORE))
		self.check()

	def test_two_folds_at_once_fold_once(self):
		folds = [elsewhere(lambda: ledger_retention.fold_before(FOLD_BEFORE)) for _ in range(2)]
		for thread in folds:
			thread.join()
		self.assertEqual(self.rows(interaction_type="balance_forward"), 1)
		self.check()

	def test_killed_at_any_step_totals_are_true_and_the_next_run_folds(self):
		for step, moment in dying_sync.moments("fold"):
			with self.subTest(step=step, moment=moment):
				self.begin()
				for day in range(3):
					self.now = START + timedelta(days=day)
					self.play(0, 3 + day)
				self.now = datetime(2026, 3, 12)
				self.play(1, 5)
				dying_sync.kill_at("fold", step, moment)
				self.check()
				ledger_retention.fold_before(FOLD_BEFORE)
				self.assertEqual([row.seq for row in ledger_of(self.player)], [3, 4])
				self.check()


class TestTheSwitch(RetentionTestCase):
	def setUp(self):
		super().setUp()
		self.play(0, 5)
		self.addCleanup(frappe.conf.pop, "memora_ledger_retention_days", None)

	def test_it_is_off_by_default(self):
		with clock.freeze(START + timedelta(days=4000)):
			self.assertEqual(ledger_retention.fold_old_rows(), {"players": 0, "events": 0})
		self.assertEqual([row.interaction_type for row in ledger_of(self.player)], ["lesson_completion"])

	def test_it_folds_what_is_older_than_the_days_of_the_site_and_never_what_is_younger_than_eight(self):
		for days, later, players in ((30, 30, 0), (1, 8, 0), (1, 9, 1)):
			frappe.conf.memora_ledger_retention_days = days
			with clock.freeze(START + timedelta(days=later)):
				self.assertEqual(ledger_retention.fold_old_rows()["players"], players, (days, later))
		self.check()
