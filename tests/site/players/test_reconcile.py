"""Reconciling: whatever is tampered with is found by name, and repaired where the ledger proves what it was."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import frappe
from memora.services import (
	nightly_check,
	player_copies,
	reconciliation,
	wallet_engine,
	wallet_sync,
)
from memora.services.progress_engine import snapshot_syncer
from memora.utils import redis_keys, redis_store
from tests.committed import ledger_of, truth_of
from tests.site.players.wallets import MORNING, WalletTestCase

ROOT = Path(__file__).parents[3]
TITLE = nightly_check.REPORT_TITLE


class ReconcileTestCase(WalletTestCase):
	"""A player with two finished lessons, a claim, and rows that are synced."""

	def setUp(self):
		super().setUp()
		self.subject = self.game.subject.name
		self.complete(0, 5)
		self.complete(0, 2, at=MORNING + timedelta(hours=1))
		self.add_xp(50, at=MORNING + timedelta(hours=2))
		self.complete(1, 4, at=MORNING + timedelta(days=1))
		self.sync()
		self.before = self.everything()
		self.assertEqual(self.reconcile(), [])

	def sync(self):
		frappe.db.rollback()
		wallet_sync.sync_pending_wallets()
		snapshot_syncer.sync_pending_bitmaps()

	def reconcile(self, repair=False):
		frappe.db.rollback()
		return reconciliation.reconcile_player(self.user, repair)

	def everything(self):
		"""All that is told about the player."""
		frappe.db.rollback()
		wallet = self.wallet()
		progress = player_copies.read_progress(self.user, self.subject)
		row = frappe.db.get_value(
			"Memora Structure Progress",
			{"player": self.user, "subject": self.subject},
			["progress_bitmap", "best_hearts", "total_xp_earned", "completion_percentage"],
		)
		return wallet, progress[:3], row, self.row().total_xp, self.truth()[:4]

	def tamper(self, doctype, filters, **values):
		sets = ", ".join(f"`{column}` = %({column})s" for column in values)
		where = " and ".join(f"`{column}` = %(where_{column})s" for column in filters)
		frappe.db.sql(
			f"update `tab{doctype}` set {sets} where {where}",
			{**values, **{f"where_{column}": value for column, value in filters.items()}},
		)
		frappe.db.commit()

	def tamper_with_row(self, **values):
		self.tamper("Memora Structure Progress", {"player": self.user, "subject": self.subject}, **values)

	def tamper_with_award(self, seq, **values):
		self.tamper("Memora Interaction Log", {"player": self.user, "seq": seq}, **values)

	def delete_award(self, *seqs):
		frappe.db.sql(
			"delete from `tabMemora Interaction Log` where player = %s and seq in %s", (self.user, seqs)
		)
		frappe.db.commit()

	def data_of(self, seq):
		return json.loads(
			frappe.db.get_value(
				"Memora Interaction Log", {"player": self.user, "seq": seq}, "interaction_data"
			)
		)

	def assert_found_and_repaired(self, *kinds, copies=False):
		"""Exactly these kinds are found, nothing is changed by looking, and repairing brings everything back."""
		found = self.reconcile()
		self.assertEqual(
			{each["kind"] for each in found if copies or not each["kind"].endswith("_copy")}, {*kinds}
		)
		self.assertFalse(any(each["repaired"] for each in found))
		self.assertEqual(self.reconcile(), found)
		repaired = self.reconcile(repair=True)
		self.assertTrue(repaired and all(each["repaired"] for each in repaired), repaired)
		self.assertEqual(self.reconcile(), [])
		self.assertEqual(self.everything(), self.before)
		return found


class TestRows(ReconcileTestCase):
	def test_a_wallet_with_another_total_is_found_and_repaired(self):
		self.tamper("Memora Player Wallet", {"player": self.player.name}, total_xp=9999)
		[finding] = self.assert_found_and_repaired("wallet")
		self.assertEqual((finding["found"]["total_xp"], finding["expected"]["total_xp"]), (9999, 132))
		self.assertEqual((finding["player"], finding["subject"]), (self.user, None))

	def test_a_wallet_with_another_streak_is_found_and_repaired(self):
		self.tamper("Memora Player Wallet", {"player": self.player.name}, current_streak=365)
		self.assert_found_and_repaired("wallet")

	def test_a_bitmap_without_a_passed_lesson_is_found_and_repaired(self):
		self.tamper_with_row(progress_bitmap="")
		[finding] = self.assert_found_and_repaired("bitmap")
		self.assertEqual((finding["found"], finding["expected"]), ([], self.game.lessons))

	def test_best_hearts_that_nobody_earned_are_found_and_repaired(self):
		self.tamper_with_row(best_hearts=json.dumps({self.game.lessons[0]: 5, self.game.lessons[1]: 5}))
		[finding] = self.assert_found_and_repaired("best_hearts")
		self.assertEqual(
			(finding["found"], finding["expected"]), ({self.game.lessons[1]: 5}, {self.game.lessons[1]: 4})
		)

	def test_another_xp_of_a_subject_is_found_and_repaired(self):
		self.tamper_with_row(total_xp_earned=1)
		[finding] = self.assert_found_and_repaired("subject_xp")
		self.assertEqual((finding["found"], finding["expected"], finding["subject"]), (1, 82, self.subject))

	def test_a_bit_that_no_lesson_has_any_more_is_no_finding(self):
		row = frappe.db.get_value("Memora Structure Progress", {"player": self.user}, "progress_bitmap")
		self.assertTrue(row)
		self.tamper_with_row(progress_bitmap="A/8=")
		self.assertEqual(self.reconcile(), [])


class TestCopies(ReconcileTestCase):
	def test_a_wallets_copy_with_another_total_is_found_and_dropped(self):
		redis_store.set_hash(redis_keys.get_wallet_key(self.user), {"total_xp": 9999})
		self.assert_found_and_repaired("wallet_copy", copies=True)

	def test_a_copy_that_stands_elsewhere_than_the_ledger_is_found_and_dropped(self):
		redis_store.set_hash(redis_keys.get_wallet_key(self.user), {"seq": 2})
		self.assert_found_and_repaired("wallet_copy", copies=True)

	def test_a_copys_bitmap_and_best_hearts_are_found_and_dropped(self):
		redis_store.set(redis_keys.get_progress_key(self.user, self.subject), b"\x01")
		redis_store.set_hash(
			redis_keys.get_best_hearts_key(self.user, self.subject), {self.game.lessons[0]: 1}
		)
		self.assert_found_and_repaired("bitmap_copy", "best_hearts_copy", copies=True)

	def test_a_copy_that_an_award_is_about_to_change_is_no_finding(self):
		key = redis_keys.get_wallet_key(self.user)
		redis_store.set_hash(key, {"total_xp": 9999, "in_flight_seq": 5, "in_flight_since": 2**40})
		self.assertEqual(self.reconcile(), [])


class TestTheLedger(ReconcileTestCase):
	def test_another_xp_of_a_row_is_put_back(self):
		self.tamper_with_award(2, xp_awarded=5000)
		found = self.assert_found_and_repaired("xp_awarded", "wallet", "subject_xp")
		[flaw] = [each for each in found if each["kind"] == "xp_awarded"]
		self.assertEqual((flaw["seq"], flaw["found"], flaw["expected"]), (2, 5000, 14))

	def test_another_outcome_of_a_row_is_put_back(self):
		data = self.data_of(2)
		data["outcome"].update(xp_awarded=15)
		self.tamper_with_award(2, interaction_data=json.dumps(data))
		self.assert_found_and_repaired("outcome_xp")
		self.assertEqual(self.data_of(2)["outcome"]["xp_awarded"], 14)
		data["outcome"].update(xp_awarded=14, new_total_xp=1)
		self.tamper_with_award(2, interaction_data=json.dumps(data))
		self.assert_found_and_repaired("outcome_total")

	def test_a_first_completion_that_lost_its_key_gets_it_back_and_is_not_paid_again(self):
		self.tamper_with_award(1, first_completion_of=None)
		[finding] = self.assert_found_and_repaired("first_completion")
		self.assertEqual((finding["seq"], finding["expected"]), (1, self.game.lessons[0]))
		again = self.complete(0, 5, at=MORNING + timedelta(days=2))
		self.assertFalse(again["is_first_completion"])

	def test_a_row_that_was_deleted_is_replaced_by_what_the_rows_around_it_prove(self):
		for seq, lesson in ((3, None), (2, None), (1, self.game.lessons[0])):
			with self.subTest(seq):
				self.delete_award(seq)
				found = self.reconcile()
				self.assertIn("missing_rows", {each["kind"] for each in found})
				repaired = self.reconcile(repair=True)
				self.assertTrue(all(each["repaired"] for each in repaired), repaired)
				self.assertEqual(self.everything(), self.before)
				if lesson:
					again = self.complete(0, 5, at=MORNING + timedelta(days=2))
					self.assertFalse(again["is_first_completion"])

	def test_rows_deleted_at_the_end_are_replaced_by_what_the_rows_and_copies_of_the_player_agree_on(self):
		self.delete_award(3, 4)
		found = self.reconcile()
		[flaw] = [each for each in found if each["kind"] == "missing_rows"]
		self.assertEqual((flaw["found"], flaw["expected"], flaw["seq"]), (2, 83, 4))
		repaired = self.reconcile(repair=True)
		self.assertTrue(all(each["repaired"] for each in repaired), repaired)
		self.assertEqual(self.everything(), self.before)
		self.assertEqual([row.seq for row in ledger_of(self.player)], [1, 2, 3, 4])

	def test_a_wallet_that_alone_speaks_of_rows_that_are_gone_proves_nothing(self):
		self.tamper("Memora Player Wallet", {"player": self.player.name}, synced_through=9, total_xp=9999)
		redis_store.delete(redis_keys.get_wallet_key(self.user))
		found = self.reconcile(repair=True)
		[flaw] = [each for each in found if each["kind"] == "missing_rows"]
		self.assertEqual((flaw["expected"], flaw["repaired"]), (None, False))
		self.assertEqual((self.row().total_xp, len(ledger_of(self.player))), (9999, 4))

	def test_witnesses_that_contradict_each_other_change_nothing(self):
		data = self.data_of(1)
		data["outcome"]["xp_awarded"] = 900
		self.tamper_with_award(1, xp_awarded=900, interaction_data=json.dumps(data))
		found = self.reconcile(repair=True)
		[flaw] = [each for each in found if each["kind"] == "contradiction"]
		self.assertEqual((flaw["seq"], flaw["expected"], flaw["repaired"]), (1, None, False))
		self.assertEqual(self.row().total_xp, self.before[3])

	def test_a_repair_that_is_run_twice_changes_nothing_more(self):
		self.delete_award(2)
		self.reconcile(repair=True)
		rows = ledger_of(self.player)
		self.assertEqual(self.reconcile(repair=True), [])
		self.assertEqual(ledger_of(self.player), rows)


class TestHealthyPlayers(ReconcileTestCase):
	def test_awards_of_every_kind_leave_nothing_to_find(self):
		wallet_engine.update_streak(self.user, 3)
		document = self.document()
		document.update({"total_xp": 40, "current_streak": 1}).save()
		frappe.db.commit()
		self.complete(1, 5, at=MORNING + timedelta(days=3))
		self.assertEqual(self.reconcile(), [])
		self.sync()
		self.assertEqual(self.reconcile(), [])

	def test_nothing_is_found_while_four_processes_complete_lessons(self):
		arguments = [sys.executable, "-m", "tests.site.players.busy_player", self.user, *self.game.lessons]
		environment = {
			**os.environ,
			"PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
		}
		players = [
			subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)
		]
		findings, looks = [], 0
		while any(player.poll() is None for player in players):
			findings += [found for chunk in reconciliation.reconcile_all() for found in chunk.findings]
			looks += 1
		paid = sum(int(player.communicate()[0]) for player in players)
		self.assertEqual(([player.returncode for player in players], findings), ([0] * 4, []))
		self.assertGreater(looks, 3)
		self.assertEqual((len(ledger_of(self.player)), self.reconcile()), (4 + paid, []))


class TestTheNightlyCheck(ReconcileTestCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(self.forget_reports)
		self.forget_reports()

	def forget_reports(self):
		frappe.db.rollback()
		frappe.db.delete("Error Log", {"method": TITLE})
		frappe.db.commit()
		redis_store.delete(redis_keys.get_nightly_check_key())

	def reports(self):
		frappe.db.rollback()
		return frappe.get_all("Error Log", filters={"method": TITLE}, pluck="error")

	def check(self, seconds=60):
		frappe.db.rollback()
		return nightly_check.check_all_players(seconds)

	def test_what_it_finds_is_reported_once_and_left_as_it_is(self):
		self.tamper("Memora Player Wallet", {"player": self.player.name}, total_xp=9999)
		result = self.check()
		self.assertEqual((result["findings"], result["repaired"], result["complete"]), (1, 0, True))
		[report] = self.reports()
		self.assertIn(self.user, report)
		self.assertEqual(self.row().total_xp, 9999)

	def test_it_repairs_where_the_site_says_so(self):
		self.tamper("Memora Player Wallet", {"player": self.player.name}, total_xp=9999)
		frappe.conf.memora_nightly_repair = 1
		self.addCleanup(frappe.conf.pop, "memora_nightly_repair")
		self.assertEqual(self.check()["repaired"], 1)
		self.assertEqual(self.everything(), self.before)

	def test_nothing_found_is_not_reported(self):
		self.assertEqual(self.check()["findings"], 0)
		self.assertEqual(self.reports(), [])

	def test_who_is_behind_the_ledger_and_waits_nowhere_is_queued_again(self):
		self.complete(1, 5, at=MORNING + timedelta(days=3))
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertGreaterEqual(self.check()["queued"], 2)
		self.sync()
		self.assert_row_is_true()
		self.assertEqual(
			frappe.db.get_value("Memora Structure Progress", {"player": self.user}, "total_xp_earned"),
			truth_of(self.user, self.subject).total_xp_earned,
		)

	def test_a_run_out_of_time_goes_on_where_it_ended(self):
		result = self.check(seconds=0)
		self.assertEqual(result["complete"], False)
		self.assertTrue(redis_store.get(redis_keys.get_nightly_check_key()))
		while not self.check(seconds=0)["complete"]:
			pass
		self.assertIsNone(redis_store.get(redis_keys.get_nightly_check_key()))
