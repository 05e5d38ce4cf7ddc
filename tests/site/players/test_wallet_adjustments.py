"""A wallet that an administrator corrects: his figures hold, and the ledger says so."""

from datetime import date, timedelta

import frappe
from frappe import client
from memora.exceptions import InvalidInput
from memora.services import player_copies, recovery, wallet_sync, xp_adjustments
from memora.utils import clock, redis_store
from tests.committed import ledger_of
from tests.site.players.wallets import MORNING, WalletTestCase, elsewhere


class TestCorrections(WalletTestCase):
	def save(self, document=None, *, at=MORNING, **figures):
		document = document or self.document()
		with clock.freeze(at):
			document.update(figures).save()
		frappe.db.commit()

	def rows(self):
		return [(row.seq, row.interaction_type, row.xp_awarded) for row in ledger_of(self.player)]

	def assert_everywhere(self, **figures):
		"""The copy, the truth without a copy, and the row agree, and no key of Redis is needed for it."""
		self.assertEqual({key: self.wallet()[key] for key in figures}, figures)
		redis_store.delete(*redis_store.keys_matching(f"*{self.user}*"))
		self.assertEqual({key: self.wallet()[key] for key in figures}, figures)
		self.assert_row_is_true()

	def test_a_lagging_wallet_is_shown_as_the_ledger_has_it(self):
		self.complete()
		self.assertEqual(self.row().total_xp, 0)
		document = self.document()
		self.assertEqual((document.total_xp, document.current_streak, document.synced_through), (35, 1, 1))
		self.assertEqual(document.last_success_date, date(2026, 3, 1))
		self.assertEqual(clock.from_site_time(document.last_played_at), MORNING)
		self.assertEqual(self.row().total_xp, 0)

	def test_opening_a_lagging_wallet_and_saving_it_unchanged_changes_nothing(self):
		self.complete()
		before = self.wallet()
		self.save()
		self.assertEqual(self.rows(), [(1, "lesson_completion", 35)])
		self.assertEqual(self.wallet(), before)
		self.assert_row_is_true()

	def test_a_total_that_is_set_is_exactly_the_total_and_a_ledger_row_has_the_difference(self):
		self.complete()
		self.save(total_xp=100)
		self.assertEqual(self.rows(), [(1, "lesson_completion", 35), (2, "adjustment", 65)])
		self.assert_everywhere(total_xp=100, current_streak=1, last_success_date="2026-03-01")

	def test_a_total_can_be_lowered_and_a_later_sync_does_not_bring_the_old_one_back(self):
		self.complete()
		self.add_xp(500)
		self.save(total_xp=10)
		wallet_sync.sync_pending_wallets()
		self.assert_everywhere(total_xp=10)
		self.assertEqual(self.add_xp(5), 15)
		wallet_sync.sync_pending_wallets()
		self.assert_everywhere(total_xp=15)

	def test_xp_that_is_taken_with_a_reason_is_gone_from_the_row_at_once_and_after_a_sync(self):
		self.complete()
		wallet_sync.sync_pending_wallets()
		xp_adjustments.adjust_xp(self.user, -20, "Counted twice")
		self.assertEqual(self.row().total_xp, 15)
		wallet_sync.sync_pending_wallets()
		self.assert_everywhere(total_xp=15, current_streak=1)

	def test_a_corrected_streak_holds_and_goes_on_from_there(self):
		self.complete()
		self.save(at=MORNING + timedelta(days=9), current_streak=7, last_success_date="2026-03-09")
		self.assertEqual(self.rows()[-1], (2, "adjustment", 0))
		self.assert_everywhere(total_xp=35, current_streak=7, last_success_date="2026-03-09")
		self.assertEqual(self.complete(1, at=MORNING + timedelta(days=9))["streak"]["new_streak"], 8)

	def test_a_streak_can_be_taken_away(self):
		self.complete()
		self.save(current_streak=0, last_success_date=None)
		self.assert_everywhere(current_streak=0, last_success_date=None, streak_active=False)
		self.assertEqual(
			self.complete(1, at=MORNING + timedelta(days=1))["streak"]["streak_action"], "first_completion"
		)

	def test_a_correction_is_not_playing(self):
		self.complete()
		self.save(at=MORNING + timedelta(days=1), total_xp=1, last_played_at="2027-01-01 00:00:00")
		self.assertEqual(self.wallet()["last_played_at"], "2026-03-01T09:00:00")

	def test_a_correction_over_rest_needs_no_sync_before(self):
		self.complete()
		client.set_value("Memora Player Wallet", self.document().name, "total_xp", 100)
		frappe.db.commit()
		self.assert_everywhere(total_xp=100)

	def test_a_form_that_is_older_than_an_award_is_refused_and_nothing_changes(self):
		form = self.document()
		self.complete()
		with self.assertRaisesRegex(InvalidInput, "reload it"):
			self.save(form, total_xp=100)
		frappe.db.rollback()
		self.assertEqual(self.rows(), [(1, "lesson_completion", 35)])
		self.assertEqual(self.wallet()["total_xp"], 35)

	def test_a_sync_does_not_make_an_open_form_old(self):
		self.complete()
		form = self.document()
		wallet_sync.sync_pending_wallets()
		self.save(form, total_xp=100)
		self.assert_everywhere(total_xp=100)

	def test_an_award_that_another_worker_commits_after_this_transaction_began_is_seen(self):
		frappe.db.rollback()
		form = self.document()  # this transaction's view of the ledger begins here
		thread = elsewhere(self.complete)
		thread.join()
		with self.assertRaisesRegex(InvalidInput, "reload it"):
			form.update({"total_xp": 100}).save()
		frappe.db.rollback()
		self.assertEqual(self.truth().total_xp, 35)

	def test_an_award_during_the_save_waits_for_it_and_comes_on_top(self):
		self.complete()
		document = self.document()
		document.update({"total_xp": 100}).save()
		thread = elsewhere(lambda: self.add_xp(5))
		thread.join(timeout=0.5)
		self.assertTrue(thread.is_alive(), "the award did not wait for the save")
		frappe.db.commit()
		thread.join()
		self.assertEqual(self.rows()[1:], [(2, "adjustment", 65), (3, "xp_claim", 5)])
		self.assertEqual((self.wallet()["total_xp"], self.truth().total_xp), (105, 105))

	def test_a_correction_that_is_rolled_back_leaves_no_row(self):
		self.complete()
		self.document().update({"total_xp": 100}).save()
		frappe.db.rollback()
		self.assertEqual(self.rows(), [(1, "lesson_completion", 35)])
		self.assertEqual(self.wallet()["total_xp"], 35)

	def test_a_total_that_leaves_no_room_for_awards_is_refused(self):
		with self.assertRaisesRegex(InvalidInput, "at most 2000000000"):
			self.save(total_xp=2_000_000_001)
		frappe.db.rollback()
		self.assertEqual(self.rows(), [])

	def test_progress_survives_a_correction(self):
		self.complete()
		before = player_copies.read_progress(self.user, self.game.subject.name)
		self.save(total_xp=0)
		after = player_copies.read_progress(self.user, self.game.subject.name)
		self.assertEqual(after, before._replace(seq=2))


class TestOpenings(WalletTestCase):
	"""A wallet that is created with figures, as an import does."""

	def create(self, **figures):
		frappe.delete_doc("Memora Player Wallet", self.document().name)
		wallet = frappe.get_doc({"doctype": "Memora Player Wallet", "player": self.player.name, **figures})
		wallet.insert()
		frappe.db.commit()

	def rows(self):
		return [(row.seq, row.interaction_type, row.xp_awarded) for row in ledger_of(self.player)]

	def test_figures_that_a_wallet_begins_with_are_a_row_of_the_ledger(self):
		self.create(total_xp=700, current_streak=3, last_success_date="2026-02-28")
		self.assertEqual(self.rows(), [(1, "adjustment", 700)])
		self.assert_row_is_true()
		redis_store.delete(*redis_store.keys_matching(f"*{self.user}*"))
		told = recovery.read_wallets([self.user], from_ledger=True)[self.user]
		self.assertEqual(told[:4], (1, 700, 3, date(2026, 2, 28)))
		self.assertEqual(self.add_xp(5), 705)

	def test_a_wallet_that_begins_with_nothing_writes_no_row_and_tells_what_the_ledger_tells(self):
		self.complete()
		self.create()
		self.assertEqual(self.rows(), [(1, "lesson_completion", 35)])
		self.assertEqual(self.wallet()["total_xp"], 35)

	def test_figures_given_to_a_player_who_has_a_ledger_hold_from_then_on(self):
		self.complete()
		self.create(total_xp=100)
		self.assertEqual(self.rows(), [(1, "lesson_completion", 35), (2, "adjustment", 65)])
		self.assertEqual((self.wallet()["total_xp"], self.truth().total_xp), (100, 100))
