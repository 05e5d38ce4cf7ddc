"""Rows that cannot be read, or that lack what rows of their kind tell: found, never believed, and in nobody else's way."""

import json
from datetime import timedelta

import frappe
from memora.services import nightly_check, player_copies, rebuild, recovery
from memora.services.progress_engine import snapshot_syncer
from memora.utils import redis_keys, redis_store
from tests.committed import ledger_of, truth_of
from tests.site.players import test_reconcile
from tests.site.players.wallets import MORNING

UNREADABLE_FIGURES = (
	{"progress_bitmap": "no base64!"},
	{"best_hearts": "{"},
	{"best_hearts": "[1]"},
	{"best_hearts": '{"LESSON": "many"}'},
	{"best_hearts": '{"LESSON": 6}'},
)


class UnreadableTestCase(test_reconcile.ReconcileTestCase):
	def lose_copies(self):
		redis_store.delete(*redis_store.keys_matching(f"*{self.user}*"))

	def change_data(self, seq, **changes):
		"""Set or, with None, remove parts of an award's data; parts of its outcome by their name in it."""
		data = self.data_of(seq)
		for name, value in changes.items():
			part = data if name in ("hearts", "outcome") else data["outcome"]
			part.pop(name) if value is None else part.update({name: value})
		self.tamper_with_award(seq, interaction_data=json.dumps(data))

	def assert_nothing_is_taken_from_the_player(self, kind, seq):
		"""The flaw is found and nothing is written on its word."""
		found = self.reconcile(repair=True)
		[flaw] = [each for each in found if each["kind"] == kind]
		self.assertEqual((flaw["seq"], flaw["repaired"]), (seq, False))
		self.assertEqual(self.everything()[:4], self.before[:4])


class TestProgressRows(UnreadableTestCase):
	def test_the_player_is_answered_from_the_ledger(self):
		for figures in UNREADABLE_FIGURES:
			with self.subTest(figures):
				self.tamper_with_row(**figures)
				self.lose_copies()
				progress = player_copies.read_progress(self.user, self.subject)
				self.assertEqual(progress[:3], self.before[1])

	def test_they_are_found_and_repaired(self):
		for figures in UNREADABLE_FIGURES:
			with self.subTest(figures):
				self.tamper_with_row(**figures)
				self.assert_found_and_repaired("unreadable")

	def test_a_rebuild_and_a_sync_write_them_anew(self):
		for write in (self.rebuild, self.sync):
			for figures in UNREADABLE_FIGURES:
				with self.subTest(figures, by=write.__name__):
					self.tamper_with_row(**figures)
					player_copies.mark_dirty(self.user, self.subject)
					write()
					self.assertEqual(self.everything(), self.before)

	def rebuild(self):
		frappe.db.rollback()
		rebuild.rebuild_players([self.user], from_ledger=True)

	def test_a_list_of_an_earlier_system_is_left_to_its_migration(self):
		told = json.dumps([self.game.lessons[0]])
		self.tamper_with_row(progress_bitmap=told)
		player_copies.mark_dirty(self.user, self.subject)
		self.sync()
		with self.assertRaisesRegex(ValueError, "waits for migrate_to_bitmap_structure"):
			self.rebuild()
		[finding] = self.reconcile(repair=True)
		self.assertEqual((finding["kind"], finding["repaired"]), ("unreadable", False))
		row = frappe.db.get_value("Memora Structure Progress", {"player": self.user}, "progress_bitmap")
		self.assertEqual(row, told)


class TestLedgerRows(UnreadableTestCase):
	def test_an_award_without_its_outcome_proves_no_xp(self):
		self.tamper_with_award(3, interaction_data="{}", xp_awarded=5000)
		self.assert_nothing_is_taken_from_the_player("incomplete", 3)
		self.assertEqual(self.row().total_xp, 132)

	def test_an_award_that_lost_its_streak_or_its_hearts_takes_none_away(self):
		for changes in (
			{"streak": None},
			{"streak": "long"},
			{"hearts": None},
			{"hearts": "many"},
			{"hearts": 9},
		):
			with self.subTest(changes):
				data = self.data_of(4)
				self.change_data(4, **changes)
				self.lose_copies()
				self.assert_nothing_is_taken_from_the_player("incomplete", 4)
				self.tamper_with_award(4, interaction_data=json.dumps(data))

	def test_an_award_that_tells_no_streak_leaves_the_one_before_it_to_be_told(self):
		self.change_data(4, streak="long")
		self.tamper("Memora Player Wallet", {"player": self.player.name}, synced_through=1)
		self.lose_copies()
		self.assertEqual(self.wallet()["current_streak"], 1)

	def test_an_award_whose_kind_was_changed_takes_no_lesson_away(self):
		for kind in ("login", "streak_update", "lesson_failed"):
			with self.subTest(kind):
				self.tamper_with_award(4, interaction_type=kind)
				found = {each["kind"] for each in self.reconcile(repair=True) if not each["repaired"]}
				self.assertIn("first_completion", found)
				self.assertEqual(self.everything()[1], self.before[1])
				self.tamper_with_award(4, interaction_type="lesson_completion")

	def test_an_award_that_was_given_to_another_lesson_takes_no_lesson_away(self):
		self.tamper_with_award(4, reference_id=self.game.lessons[0])
		found = self.reconcile(repair=True)
		[flaw] = [each for each in found if each["kind"] == "first_completion"]
		self.assertEqual((flaw["seq"], flaw["found"], flaw["repaired"]), (4, self.game.lessons[1], False))
		self.assertEqual(self.everything()[1], self.before[1])


class TestOthers(UnreadableTestCase):
	"""One player whose ledger cannot be added up, beside one with an ordinary flaw."""

	def setUp(self):
		super().setUp()
		self.broken = self.game.add_player().user
		frappe.db.sql(
			"""insert into `tabMemora Interaction Log`
				(name, player, seq, interaction_type, xp_awarded, interaction_data, created_at, creation, modified)
			values (nextval(`memora_interaction_log_id_seq`), %s, 1, 'adjustment', 0, %s, now(), now(), now())""",
			(self.broken, json.dumps({"outcome": {"xp_awarded": 0}, "balance": {"best_hearts": {}}})),
		)
		frappe.db.commit()
		for title in (nightly_check.REPORT_TITLE, snapshot_syncer.QUEUE.error_title):
			self.forget_log(title)
			self.addCleanup(self.forget_log, title)

	def forget_log(self, title):
		frappe.db.rollback()
		frappe.db.delete("Error Log", {"method": title})
		frappe.db.commit()

	def logged(self, title):
		frappe.db.rollback()
		return frappe.get_all("Error Log", filters={"method": title}, pluck="error")

	def test_the_nightly_check_names_him_and_goes_on(self):
		self.tamper("Memora Player Wallet", {"player": self.player.name}, total_xp=9999)
		result = nightly_check.check_all_players()
		self.assertEqual((result["findings"], result["complete"]), (2, True))
		[report] = self.logged(nightly_check.REPORT_TITLE)
		self.assertIn(self.user, report)
		self.assertIn(f'{{"player": "{self.broken}", "kind": "unreadable"', report)

	def test_a_sync_of_progress_writes_the_others_and_says_whose_row_it_could_not(self):
		self.complete(1, 5, at=MORNING + timedelta(days=2))
		player_copies.mark_dirty(self.broken, self.subject)
		result = snapshot_syncer.sync_pending_bitmaps()
		self.assertEqual((result["synced"], result["errors"]), (1, 1))
		[entry] = self.logged(snapshot_syncer.QUEUE.error_title)
		self.assertIn(self.broken, entry)
		self.assertEqual(
			redis_store.members(redis_keys.get_syncing_progress_key()),
			{player_copies.dirty_member(self.broken, self.subject)},
		)
		truth = truth_of(self.user, self.subject)
		row = recovery.read_snapshots([(self.user, self.subject)])[self.user, self.subject]
		self.assertEqual((row[0], row[2][:3]), (len(ledger_of(self.player)), truth[:3]))
