"""Publishes that fail: when they are tried again, and how they end."""

import json
from datetime import datetime, timedelta

import frappe
from memora.services.cdn_export import batch_processor, change_tracker, publish_queue, retry_policy
from memora.utils import clock, redis_store
from tests import publish_jobs
from tests.committed import Game
from tests.site.cdn_export.publishing import StorageTestCase
from tests.site.cdn_export.queueing import DEAD_LETTER, PENDING, QueueTestCase, forget_queue

NOW = datetime(2026, 3, 1, 12, 0, 0)
# Seconds after the first failure at which each retry is due.
RETRIES = [30, 90, 210, 510, 1410]


class TestRetries(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_published_game()
		self.plan_id = self.game.plan.name
		with clock.freeze(NOW):
			self.break_lesson(self.game)

	def process_at(self, seconds):
		with clock.freeze(NOW + timedelta(seconds=seconds)):
			batch_processor.process_queue()
		frappe.db.rollback()

	def fail_for_good(self):
		for seconds in (0, *RETRIES):
			self.process_at(seconds)

	def test_a_failure_waits_for_its_retry_with_its_reason(self):
		self.process_at(0)
		(row,) = self.episodes()
		self.assertEqual((row.status, row.retry_count), ("Failed", 0))
		self.assertEqual(clock.from_site_time(row.next_retry_at), NOW + timedelta(seconds=30))
		self.assertIn("InvalidContent", row.error_message)
		self.assertEqual(self.queued(), [self.plan_id])
		with clock.freeze(NOW):
			status = batch_processor.get_queue_status()
		self.assertEqual((status["pending_plans"], status["next_retry_at"]), (1, "2026-03-01T12:00:30"))
		(failure,) = status["recent_failures"]
		self.assertEqual((failure["plan_id"], failure["status"]), (self.plan_id, "Failed"))

	def test_no_retry_comes_before_its_delay_and_each_comes_with_the_poll_after_it(self):
		self.process_at(0)
		for count, due in enumerate(RETRIES):
			self.process_at(due - 1)
			self.assertEqual(self.episodes()[0].retry_count, count)
			with clock.freeze(NOW + timedelta(seconds=due)), publish_jobs.counted() as jobs:
				batch_processor.poll_queue()
				self.assertEqual(len(jobs), 1)
			self.process_at(due)
			self.assertEqual(self.episodes()[0].retry_count, count + 1)

	def test_a_retry_that_succeeds_ends_the_episode(self):
		self.process_at(0)
		self.mend_lesson(self.game)
		self.process_at(30)
		(row,) = self.episodes()
		self.assertEqual((row.status, row.retry_count, row.next_retry_at), ("Success", 1, None))
		self.assertEqual((row.error_message, self.queued()), ("", []))
		self.assertEqual(self.published_title(self.game), "Mended")

	def test_after_the_last_retry_the_plan_is_in_the_dead_letter_with_its_reason(self):
		self.fail_for_good()
		(row,) = self.episodes()
		self.assertEqual((row.status, row.retry_count), ("Dead Letter", retry_policy.MAX_RETRIES))
		(letter,) = change_tracker.dead_letters()
		self.assertEqual((letter["plan_id"], letter["at"]), (self.plan_id, "2026-03-01T12:23:30"))
		self.assertIn("InvalidContent", letter["reason"])
		self.assertEqual(json.loads(redis_store.get_hash(DEAD_LETTER)[self.plan_id]), letter)
		self.assertEqual(self.queued(), [])
		self.process_at(100_000)
		self.assertEqual(self.statuses(), ["Dead Letter"])

	def test_the_system_managers_are_told_once_that_it_was_given_up(self):
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, "CDN Health Finding", {"plan_id": self.plan_id})
		self.fail_for_good()
		(finding,) = frappe.get_all("CDN Health Finding", {"plan_id": self.plan_id}, ["is_alerted", "detail"])
		self.assertEqual(finding.is_alerted, 1)
		self.assertIn("InvalidContent", finding.detail)

	def test_a_dead_letter_that_is_retried_has_all_its_retries_again(self):
		self.fail_for_good()
		self.assertTrue(change_tracker.retry_dead_letter(self.plan_id))
		frappe.db.commit()
		self.assertEqual((change_tracker.dead_letters(), self.queued()), ([], [self.plan_id]))
		self.assertEqual(redis_store.get_hash(DEAD_LETTER), {})
		self.process_at(2000)
		self.assertEqual([(row.status, row.retry_count) for row in self.episodes()], [("Failed", 0)])
		self.mend_lesson(self.game)
		self.process_at(2030)
		self.assertEqual(self.statuses(), ["Success"])

	def test_a_dead_letter_that_is_cleared_stays_as_it_is_published(self):
		self.fail_for_good()
		self.assertTrue(change_tracker.clear_dead_letter(self.plan_id))
		frappe.db.commit()
		self.assertEqual((change_tracker.dead_letters(), self.queued()), ([], []))
		self.assertEqual(redis_store.get_hash(DEAD_LETTER), {})
		self.assertEqual(self.published_title(self.game), "Lesson")

	def test_what_is_not_in_the_dead_letter_can_be_neither_retried_nor_cleared(self):
		self.assertFalse(change_tracker.retry_dead_letter(self.plan_id))
		self.assertFalse(change_tracker.clear_dead_letter(self.plan_id))
		self.assertEqual(self.statuses(), ["Queued"])

	def test_a_plan_can_be_moved_to_the_dead_letter_by_hand(self):
		change_tracker.move_to_dead_letter(self.plan_id, "The editors asked for it.")
		frappe.db.commit()
		self.assertEqual(
			[row["reason"] for row in change_tracker.dead_letters()], ["The editors asked for it."]
		)
		self.assertEqual(self.process()["processed"], 0)

	def test_a_change_does_not_wait_for_the_retry_of_an_older_one(self):
		self.process_at(0)
		with clock.freeze(NOW + timedelta(seconds=1)):
			self.rename("Memora Lesson", self.game.lessons[0], "Mended")
		self.process_at(2)
		self.assertIsNone(self.episodes()[0].next_retry_at)
		self.assertEqual(self.statuses(), ["Failed", "Success"])
		self.process_at(40)
		self.assertEqual(self.statuses(), ["Failed", "Success"])

	def test_a_change_takes_its_plan_out_of_the_dead_letter(self):
		self.fail_for_good()
		with clock.freeze(NOW + timedelta(hours=1)):
			self.rename("Memora Lesson", self.game.lessons[0], "Mended")
		self.process_at(3600)
		self.assertEqual(self.statuses(), ["Failed", "Success"])
		self.assertEqual((change_tracker.dead_letters(), redis_store.get_hash(DEAD_LETTER)), ([], {}))

	def test_a_plan_that_fails_does_not_hold_up_the_others_and_is_told_in_the_error_log(self):
		other = self.make_game()
		outcome = self.process()
		self.assertEqual((outcome["processed"], outcome["failed"]), (1, 1))
		self.assertRegex(outcome["errors"][0], f"^{self.plan_id}: .*not valid")
		self.assertIsNotNone(self.manifest(other.plan))
		error = frappe.get_last_doc("Error Log", {"method": "CDN Plan Rebuild Error"})
		self.assertIn(self.plan_id, error.error)

	def test_a_redis_that_forgets_everything_forgets_no_retry_and_no_dead_letter(self):
		self.process_at(0)
		redis_store.delete(*redis_store.keys_matching("cdn_export:*"))
		for seconds in RETRIES:
			self.process_at(seconds)
		redis_store.delete(*redis_store.keys_matching("cdn_export:*"))
		self.process_at(3600)
		self.assertIn(self.plan_id, redis_store.get_hash(DEAD_LETTER))
		self.assertEqual(redis_store.members(PENDING), frozenset())

	def test_a_build_that_kills_its_worker_every_time_ends_in_the_dead_letter(self):
		for count in range(retry_policy.MAX_RETRIES + 1):
			self.assertEqual(change_tracker.get_pending_plans(), [self.plan_id])
			batch_processor.sync_log.claim(self.plan_id)  # and then it is killed
			frappe.db.commit()
			self.assertEqual(
				[(row.status, row.retry_count) for row in self.episodes()], [("Processing", count)]
			)
			publish_queue.release([self.plan_id])
		self.process_at(0)
		(letter,) = change_tracker.dead_letters()
		self.assertIn("its process was killed", letter["reason"])


class TestAStorageOutage(StorageTestCase):
	def setUp(self):
		super().setUp()
		frappe.db.commit()
		self.game = Game()
		self.addCleanup(self.remove_game)

	def remove_game(self):
		frappe.db.rollback()
		self.game.remove()
		self.set_cdn(enabled=0)
		frappe.db.commit()
		forget_queue()

	def test_a_plan_is_published_within_a_poll_of_the_storage_being_back(self):
		attempts = []
		for seconds in range(0, 120, 15):
			self.proxy.refuse = (lambda method, path: True) if seconds < 60 else (lambda method, path: False)
			with clock.freeze(NOW + timedelta(seconds=seconds)):
				outcome = batch_processor.process_pending_plans()
			if outcome["processed"] or outcome["failed"]:
				attempts.append((seconds, outcome["processed"]))
		self.assertEqual(attempts, [(0, 0), (30, 0), (90, 1)])
		self.assertIn(f"plans/{self.game.plan.name}/manifest.json", self.objects())
		log = self.last_log(self.game.plan)
		self.assertEqual((log.status, log.retry_count, log.sync_verified), ("Success", 2, 1))
