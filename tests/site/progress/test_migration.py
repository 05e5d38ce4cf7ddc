"""Progress that an earlier system left as lists of lessons becomes bitmaps that the ledger knows about."""

import json
import os
from datetime import datetime

import frappe
from memora.patches import migrate_to_bitmaps
from memora.services import player_copies, rebuild, reconciliation, recovery
from memora.services.progress_engine import bits, completion, migration
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock
from tests.committed import Game, ledger_of, truth_of
from tests.site.players import dying_sync
from tests.site.players.wallets import WalletTestCase

NOW = datetime(2026, 3, 1, 9)
NOTHING = {"migrated": 0, "lessons_numbered": 0, "wallets_recorded": 0, "unmapped": []}


class MigrationTestCase(WalletTestCase):
	def setUp(self):
		super().setUp()
		self.game = Game(lessons=4)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		self.user, self.subject, self.lessons = self.player.user, self.game.subject.name, self.game.lessons

	def write_row(self, user=None, **values):
		sets = ", ".join(f"{column} = %({column})s" for column in values)
		frappe.db.sql(
			f"update `tabMemora Structure Progress` set {sets} where player = %(user)s and subject = %(subject)s",
			{**values, "user": user or self.user, "subject": self.subject},
		)
		frappe.db.commit()

	def migrate(self):
		frappe.db.rollback()
		return migration.migrate_to_bitmap_structure()

	def progress(self):
		frappe.db.rollback()
		return player_copies.read_progress(self.user, self.subject)

	def assert_passed(self, *indexes, best_hearts=None, xp=0):
		"""In the row, in the copies, and for the ledger alone."""
		frappe.db.rollback()
		row = recovery.read_snapshots([(self.user, self.subject)])[self.user, self.subject][2]
		truth = truth_of(self.user, self.subject)
		for told in (row, truth, self.progress()):
			self.assertEqual(bits.indexes_on(told.bitmap), set(indexes))
			self.assertEqual((told.best_hearts, told.total_xp_earned), (best_hearts or {}, xp))
		self.assertEqual(reconciliation.reconcile_player(self.user), [])


class TestShapes(MigrationTestCase):
	def test_a_list_of_lessons_becomes_a_bitmap(self):
		self.write_row(progress_bitmap=json.dumps(self.lessons[:2]), total_xp_earned=40)
		self.assertEqual(self.migrate(), {**NOTHING, "migrated": 1})
		self.assert_passed(0, 1, xp=40)

	def test_lessons_with_hearts_become_a_bitmap_and_best_hearts(self):
		told = {self.lessons[0]: 5, self.lessons[1]: "many", self.lessons[2]: False}
		self.write_row(progress_bitmap=json.dumps(told))
		self.assertEqual(self.migrate()["migrated"], 1)
		self.assert_passed(0, 1, best_hearts={self.lessons[0]: 5})

	def test_lessons_in_a_column_of_the_table_alone_are_found_beside_a_bitmap(self):
		frappe.db.sql_ddl(
			"alter table `tabMemora Structure Progress` add column passed_lessons longtext null"
		)
		self.addCleanup(
			frappe.db.sql_ddl, "alter table `tabMemora Structure Progress` drop column passed_lessons"
		)
		self.write_row(
			progress_bitmap=bits.encode_bitmap_for_mariadb(b"\x04"),
			best_hearts=json.dumps({self.lessons[2]: 3}),
			passed_lessons=json.dumps(self.lessons[:1]),
		)
		self.assertEqual(self.migrate(), {**NOTHING, "migrated": 1})
		self.assert_passed(0, 2, best_hearts={self.lessons[2]: 3})
		self.assertEqual(self.migrate(), NOTHING)

	def test_what_means_no_lesson_is_reported_and_kept_in_the_ledger(self):
		self.write_row(progress_bitmap=json.dumps([self.lessons[0], "LESSON-GONE", 7]))
		report = self.migrate()
		unmapped = [{"player": self.user, "subject": self.subject, "lessons": ["LESSON-GONE", "7"]}]
		self.assertEqual(report["unmapped"], unmapped)
		data = frappe.db.get_value(
			"Memora Interaction Log", {"player": self.user, "seq": 1}, "interaction_data"
		)
		self.assertEqual(json.loads(data)["unmapped"], unmapped)
		log = os.path.join(os.environ["MEMORA_SITES_PATH"], "..", "logs", "memora.log")
		with open(log, encoding="utf-8") as lines:
			self.assertIn("LESSON-GONE", lines.read())
		self.assert_passed(0)

	def test_text_that_is_no_json_is_reported_and_the_row_can_be_read_again(self):
		self.write_row(progress_bitmap="[broken")
		self.assertEqual(self.migrate()["unmapped"][0]["lessons"], ["[broken"])
		self.assert_passed()

	def test_awards_made_since_are_kept_and_not_counted_twice(self):
		with clock.freeze(NOW):
			completion.complete_lesson(self.user, self.lessons[0], 5, PROGRESS_POLICY)
		self.write_row(progress_bitmap=json.dumps(self.lessons[:2]), total_xp_earned=100)
		self.migrate()
		self.assert_passed(0, 1, best_hearts={self.lessons[0]: 5}, xp=135)
		self.assertEqual(self.wallet()["total_xp"], 35)


class TestWhatHoldsAfterwards(MigrationTestCase):
	def test_a_migrated_lesson_survives_a_rebuild_and_is_not_paid_as_a_first_completion(self):
		self.write_row(progress_bitmap=json.dumps(self.lessons[:2]))
		self.migrate()
		rebuild.rebuild_players([self.user], from_ledger=True)
		self.assert_passed(0, 1)
		with clock.freeze(NOW):
			outcome = completion.complete_lesson(self.user, self.lessons[0], 5, PROGRESS_POLICY)
			self.assertEqual((outcome["is_first_completion"], outcome["is_new_record"]), (False, True))
			self.assertTrue(
				completion.complete_lesson(self.user, self.lessons[2], 5, PROGRESS_POLICY)[
					"is_first_completion"
				]
			)

	def test_a_second_run_and_a_clean_site_find_nothing_to_do(self):
		self.assertEqual(self.migrate(), NOTHING)
		self.write_row(progress_bitmap=json.dumps(self.lessons[:2]))
		self.migrate()
		rows = ledger_of(self.player)
		migrate_to_bitmaps.execute()
		self.assertEqual(ledger_of(self.player), rows)

	def test_a_wallet_whose_figures_no_ledger_tells_is_recorded(self):
		frappe.db.set_value(
			"Memora Player Wallet", {"player": self.player.name}, {"total_xp": 700, "current_streak": 3}
		)
		frappe.db.commit()
		self.assertEqual(self.migrate()["wallets_recorded"], 1)
		self.assertEqual(self.truth()[:3], (1, 700, 3))
		self.assertEqual(reconciliation.reconcile_player(self.user), [])
		self.assertEqual(self.migrate(), NOTHING)

	def test_killed_at_any_step_it_goes_on_and_ends_the_same(self):
		others = [self.game.add_player().user for _ in range(2)]
		for step, moment in dying_sync.moments("migration"):
			with self.subTest(step=step, moment=moment):
				for user in (self.user, *others):
					frappe.db.delete("Memora Interaction Log", {"player": user})
					self.write_row(user, progress_bitmap=json.dumps(self.lessons[:2]), synced_through=0)
					frappe.db.set_value("Memora Structure Progress", {"player": user}, "total_xp_earned", 40)
				frappe.db.commit()
				dying_sync.kill_at("migration", step, moment)
				self.migrate()
				self.assert_passed(0, 1, xp=40)
				self.assertEqual(len(ledger_of(self.player)), 1)


class TestNumbering(MigrationTestCase):
	def test_lessons_without_a_place_get_one_and_the_others_keep_theirs(self):
		frappe.db.sql("update `tabMemora Lesson` set bit_index = -1 where name = %s", self.lessons[1])
		frappe.db.sql("update `tabMemora Lesson` set subject = null where name = %s", self.lessons[2])
		frappe.db.commit()
		self.assertEqual(self.migrate()["lessons_numbered"], 2)
		places = [
			frappe.db.get_value("Memora Lesson", name, ["subject", "bit_index"]) for name in self.lessons
		]
		self.assertEqual({subject for subject, _ in places}, {self.subject})
		self.assertEqual([place for _, place in places], [0, 4, 5, 3])

	def test_two_lessons_in_one_place_are_parted_and_a_counter_that_is_behind_catches_up(self):
		frappe.db.sql_ddl("alter table `tabMemora Lesson` drop index unique_subject_bit_index")
		self.addCleanup(self.restore_index)
		frappe.db.sql("update `tabMemora Lesson` set bit_index = 0 where name = %s", self.lessons[1])
		frappe.db.sql("update `tabMemora Subject` set next_bit_index = 0 where name = %s", self.subject)
		frappe.db.commit()
		self.assertEqual(self.migrate()["lessons_numbered"], 1)
		places = [frappe.db.get_value("Memora Lesson", name, "bit_index") for name in self.lessons]
		self.assertEqual(places, [0, 4, 2, 3])

	def restore_index(self):
		frappe.db.rollback()
		frappe.db.sql_ddl(
			"alter table `tabMemora Lesson` add unique index unique_subject_bit_index (subject, bit_index)"
		)
