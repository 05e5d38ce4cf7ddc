"""The sync of progress rows against the real database and Redis: what is written, what is never written, what stays."""

import json
import os
import threading
from unittest.mock import patch

import frappe
from memora.exceptions import StoreUnavailable
from memora.services import player_copies, sync_queue
from memora.services.progress_engine import bits, snapshot_syncer, structure_loader
from memora.utils import clock, redis_keys, redis_store
from tests.committed import ledger_of
from tests.database import another_connection
from tests.site.players import dying_sync
from tests.site.players.wallets import elsewhere
from tests.site.progress.syncing import MORNING, QUEUE, SyncTestCase

NO_TTL = -1


class TestWhatIsWritten(SyncTestCase):
	def sync(self) -> dict:
		with clock.freeze(MORNING):
			return snapshot_syncer.sync_pending_bitmaps()

	def keys(self):
		return (
			redis_keys.get_progress_key(self.user, self.subject),
			redis_keys.get_best_hearts_key(self.user, self.subject),
		)

	def test_the_row_says_what_the_ledger_says_and_nobody_waits_any_more(self):
		self.complete(0, 3)
		self.complete(2, 5)
		result = self.sync()
		self.assertEqual((result["synced"], result["errors"]), (1, 0))
		self.assertGreaterEqual(result["duration"], 0)
		row = self.row()
		self.assertEqual(bits.indexes_on(bits.decode_bitmap_from_mariadb(row.progress_bitmap)), {0, 2})
		self.assertEqual(json.loads(row.best_hearts), {self.game.lessons[0]: 3, self.game.lessons[2]: 5})
		self.assertEqual((row.total_xp_earned, row.synced_through), (66, 2))
		self.assertEqual(row.completion_percentage, 33.33)
		self.assertEqual(clock.from_site_time(row.last_synced_at), MORNING)
		self.assertEqual(self.waiting(), set())
		self.assertFalse(redis_store.exists(QUEUE.lock))

	def test_redis_alone_never_decides_what_is_written(self):
		self.complete()
		redis_store.set(self.keys()[0], b"\xff\xff")
		redis_store.set_hash(self.keys()[1], {self.game.lessons[1]: 5, ":xp": 9999})
		self.sync()
		self.assert_row_is_true()
		self.assertEqual(self.row().total_xp_earned, 35)

	def test_a_row_that_says_it_already_is_not_written(self):
		self.complete()
		self.sync()
		before = self.row()
		player_copies.mark_dirty(self.user, self.subject)
		with clock.freeze(MORNING.replace(hour=12)):
			self.assertEqual(snapshot_syncer.sync_pending_bitmaps()["synced"], 1)
		self.assertEqual((self.row(), self.waiting()), (before, set()))

	def test_what_is_read_after_a_sync_and_the_loss_of_all_keys_is_the_same(self):
		self.complete()
		before = self.copy()
		self.sync()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.copy()._replace(seq=0), before._replace(seq=0))

	def test_copies_have_no_ttl_while_they_wait_and_thirty_days_afterwards(self):
		self.complete()
		self.assertEqual([redis_store.ttl(key) for key in self.keys()], [NO_TTL, NO_TTL])
		self.sync()
		for key in self.keys():
			self.assertGreater(redis_store.ttl(key), 29 * 24 * 3600)

	def test_copies_that_are_dirty_again_before_the_sync_ends_keep_no_ttl(self):
		self.complete()
		with dying_sync.at_step("progress", "settle", "before", lambda: self.complete(1)):
			self.sync()
		self.assertEqual([redis_store.ttl(key) for key in self.keys()], [NO_TTL, NO_TTL])
		self.assertEqual(self.waiting(), {(self.user, self.subject)})
		self.sync()
		self.assertGreater(redis_store.ttl(self.keys()[0]), 0)
		self.assert_row_is_true()

	def test_a_row_that_is_missing_is_inserted_for_a_player_with_a_plan(self):
		self.complete()
		self.delete_row()
		self.sync()
		self.assert_row_is_true()
		self.assertEqual(self.row().completion_percentage, 16.67)

	def test_a_player_without_a_plan_whose_row_was_deleted_is_not_enrolled_again(self):
		self.complete()
		self.delete_row()
		frappe.db.set_value("Memora Player Profile", self.player.name, "current_plan", None)
		frappe.db.commit()
		self.sync()
		self.assertEqual((self.row(), self.waiting()), (None, set()))

	def delete_row(self):
		frappe.db.delete("Memora Structure Progress", {"player": self.user})
		frappe.db.commit()

	def test_pairs_of_players_and_subjects_that_are_gone_stop_nobody(self):
		self.complete()
		player_copies.mark_dirty("nobody@example.com", self.subject)
		player_copies.mark_dirty(self.user, "SUBJ-GONE")
		result = self.sync()
		self.assertEqual((result["synced"], result["errors"]), (1, 0))
		self.assert_row_is_true()
		self.assertEqual(self.waiting(), set())
		self.assertFalse(frappe.db.exists("Memora Structure Progress", {"subject": "SUBJ-GONE"}))

	def test_percent_is_of_the_lessons_that_the_players_plan_shows(self):
		plan = self.game.plan
		for number in (0, 5):
			self.complete(number)
		for number in (1, 2, 3, 5):
			plan.append(
				"overrides",
				{
					"target_doctype": "Memora Lesson",
					"target_name": self.game.lessons[number],
					"action": "Hide",
				},
			)
		plan.save()
		frappe.db.commit()
		self.sync()
		self.assertEqual(self.row().completion_percentage, 50.0)
		self.assertEqual(self.progress()["completion_percentage"], 50.0)

	def test_a_subject_that_nobody_can_see_is_zero_percent_done(self):
		self.complete()
		frappe.db.set_value("Memora Subject", self.subject, "is_published", 0)
		frappe.db.commit()
		os.remove(structure_loader.get_subject_json_path(self.subject))
		self.sync()
		self.assertEqual((self.row().completion_percentage, self.row().total_xp_earned), (0.0, 35))

	def test_neither_xp_nor_the_place_in_the_ledger_is_ever_lowered(self):
		self.complete(0)
		self.complete(1)
		self.sync()
		before = self.row()
		truth = self.truth()
		pair = (self.user, self.subject)
		for old in ({"seq": 1}, {"total_xp_earned": 35}, {"seq": 3, "total_xp_earned": 0}):
			rows = snapshot_syncer.lock_rows([pair])
			snapshot_syncer.write_rows({pair: truth._replace(bitmap=b"\x01", **old)}, rows)
			frappe.db.commit()
			self.assertEqual(self.row(), before, old)

	def test_a_hundred_rows_take_one_statement(self):
		others = [self.game.add_player() for _ in range(3)]
		for player in others:
			self.complete(user=player.user)
		with patch.object(snapshot_syncer, "write_rows", wraps=snapshot_syncer.write_rows) as writing:
			self.assertEqual(self.sync()["synced"], 3)
		self.assertEqual(writing.call_count, 1)
		for player in others:
			self.assert_row_is_true(player.user)

	def test_who_lost_his_place_in_the_queue_with_redis_is_queued_by_his_next_read(self):
		self.complete()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.waiting(), set())
		self.progress()
		self.assertEqual(self.waiting(), {(self.user, self.subject)})
		self.sync()
		self.assert_row_is_true()

	def test_a_save_of_an_old_form_does_not_turn_the_row_back(self):
		form = frappe.get_doc("Memora Structure Progress", {"player": self.user})
		self.complete()
		self.sync()
		form.enrolled_directly = 1
		form.save(ignore_permissions=True)
		frappe.db.commit()
		self.assert_row_is_true()
		self.assertEqual(self.row().synced_through, 1)


class TestTheLock(SyncTestCase):
	def test_a_second_sync_does_nothing(self):
		self.complete()
		redis_store.set(QUEUE.lock, "another", 60)
		self.assertEqual(snapshot_syncer.sync_pending_bitmaps(), {"synced": 0, "duration": 0.0, "errors": 0})
		self.assertEqual(redis_store.get(QUEUE.lock), "another")
		self.assertEqual((self.row().synced_through, len(self.waiting())), (0, 1))

	def test_a_sync_that_lost_its_lock_strikes_nobody(self):
		self.complete()

		def lose_lock():
			redis_store.set(QUEUE.lock, "another", 60)

		with dying_sync.at_step("progress", "write", "after", lose_lock):
			snapshot_syncer.sync_pending_bitmaps()
		self.assertEqual((redis_store.get(QUEUE.lock), len(self.waiting())), ("another", 1))


class TestABatchThatFails(SyncTestCase):
	def setUp(self):
		super().setUp()
		self.second = self.game.add_player()
		for user in (self.user, self.second.user):
			self.complete(user=user)
		self.addCleanup(self.forget_failures)
		self.forget_failures()

	def forget_failures(self):
		frappe.db.rollback()
		frappe.db.delete("Error Log", {"method": QUEUE.error_title})
		frappe.db.commit()

	def hold_row(self, user):
		connection = another_connection(self)
		connection.begin()
		connection.cursor().execute(
			"select name from `tabMemora Structure Progress` where player = %s for update", (user,)
		)
		return connection

	def test_it_stays_for_the_next_sync_is_logged_once_and_does_not_stop_the_others(self):
		connection = self.hold_row(self.user)
		with (
			patch.object(snapshot_syncer, "PAIRS_PER_BATCH", 1),
			patch.object(snapshot_syncer, "ROW_LOCK_WAIT_SECONDS", 1),
		):
			result = snapshot_syncer.sync_pending_bitmaps()
		frappe.db.commit()
		self.assertEqual((result["synced"], result["errors"]), (1, 1))
		self.assertEqual(frappe.db.count("Error Log", {"method": QUEUE.error_title}), 1)
		self.assertEqual(self.waiting(), {(self.user, self.subject)})
		self.assertEqual((self.row().total_xp_earned, self.row(self.second.user).total_xp_earned), (0, 35))
		connection.close()
		self.assertEqual(snapshot_syncer.sync_pending_bitmaps()["synced"], 1)
		self.assert_row_is_true()

	def test_without_redis_nobody_is_lost(self):
		frappe.local.conf["memora_redis_url"] = "redis://127.0.0.1:1"
		try:
			with self.assertRaises(StoreUnavailable):
				snapshot_syncer.sync_pending_bitmaps()
		finally:
			del frappe.local.conf["memora_redis_url"]
		self.assertEqual(len(self.waiting()), 2)


class TestAwardsDuringASync(SyncTestCase):
	def test_an_award_at_any_step_is_in_the_row_or_waits_for_the_next_sync(self):
		for number, (step, moment) in enumerate(dying_sync.moments("progress")):
			with self.subTest(step=step, moment=moment):
				self.complete(0, 1)
				self.sync_with_an_award_at(step, moment, 1 + number % 5)
				row, truth = self.row(), self.truth()
				in_row = sum(
					line.xp_awarded for line in ledger_of(self.player) if line.seq <= row.synced_through
				)
				self.assertEqual(row.total_xp_earned, in_row)
				if row.synced_through < truth.seq:
					self.assertEqual(self.waiting(), {(self.user, self.subject)})
				self.assert_copy_is_true()
				snapshot_syncer.sync_pending_bitmaps()
				self.assert_row_is_true()
				self.assertEqual(self.row().synced_through, truth.seq)

	def sync_with_an_award_at(self, step, moment, lesson):
		awards = []

		def award():
			awards.append(elsewhere(lambda: self.complete(lesson)))
			awards[-1].join()

		with dying_sync.at_step("progress", step, moment, award):
			snapshot_syncer.sync_pending_bitmaps()
		self.assertTrue(awards)

	def test_while_players_play_all_the_time_no_row_ever_goes_back_and_all_ends_true(self):
		stop = threading.Event()

		def play():
			number = 0
			while not stop.is_set():
				number += 1
				self.complete(number % 6)

		threads = [elsewhere(play) for _ in range(2)]
		seen = []
		for _ in range(12):
			snapshot_syncer.sync_pending_bitmaps()
			row = self.row()
			seen.append((row.synced_through, row.total_xp_earned))
		stop.set()
		for thread in threads:
			thread.join()
		self.assertEqual(seen, sorted(seen))
		self.assertEqual([xp for _, xp in seen], sorted(xp for _, xp in seen))
		snapshot_syncer.sync_pending_bitmaps()
		self.assert_row_is_true()
		self.assertEqual(self.row().total_xp_earned, sum(row.xp_awarded for row in ledger_of(self.player)))


class TestASyncThatIsKilled(SyncTestCase):
	def test_at_any_step_nothing_is_lost_or_counted_twice(self):
		for number, (step, moment) in enumerate(dying_sync.moments("progress")):
			with self.subTest(step=step, moment=moment):
				self.complete(number % 6)
				truth = self.truth()
				dying_sync.kill_at("progress", step, moment)
				self.assertEqual(self.truth(), truth)
				self.assert_copy_is_true()
				self.assertLessEqual(redis_store.ttl(QUEUE.lock), sync_queue.LOCK_TTL_SECONDS)
				redis_store.delete(QUEUE.lock)  # a minute passes
				snapshot_syncer.sync_pending_bitmaps()
				self.assert_row_is_true()
				self.assertEqual(self.row().synced_through, truth.seq)
				self.assertEqual(self.waiting(), set())
