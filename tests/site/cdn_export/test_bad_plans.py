"""Plans that fail, kill their worker or have to wait: the others are published all the same, and nobody is blamed wrongly."""

from datetime import datetime, timedelta
from unittest import mock

from rq.timeouts import JobTimeoutException

import frappe
from memora.services.cdn_export import batch_processor, change_tracker, findings, plan_publisher, sync_log
from memora.services.cdn_export.errors import BuildLockLost, PlanBuildBusy
from memora.utils import clock
from tests import factories
from tests.site.cdn_export.queueing import QueueTestCase, forget_queue

NOW = datetime(2026, 3, 1, 12, 0, 0)
RETRIES = (0, 30, 90, 210, 510, 1410)


class BadPlansTestCase(QueueTestCase):
	"""self.bad are queued plans that no build can publish."""

	bad_count = 1

	def setUp(self):
		super().setUp()
		broken = self.make_published_game()
		self.break_lesson(broken)
		forget_queue()
		with clock.freeze(NOW):
			self.bad = [
				factories.make_plan(subjects=[broken.subject.name]).name for _ in range(self.bad_count)
			]
			frappe.db.commit()
		self.addCleanup(self.remove_bad)

	def remove_bad(self):
		frappe.db.rollback()
		for doctype, field in (
			("Memora Plan Subject", "parent"),
			("Memora Academic Plan", "name"),
			("CDN Health Finding", "plan_id"),
		):
			frappe.db.delete(doctype, {field: ["in", self.bad]})
		frappe.db.commit()

	def run_job(self, seconds):
		with clock.freeze(NOW + timedelta(seconds=seconds)):
			batch_processor.process_queue()
		frappe.db.rollback()

	def make_good_plan(self):
		"""Queued after the bad ones."""
		with clock.freeze(NOW + timedelta(seconds=5)):
			return self.make_game().plan.name


class TestManyPlansThatFail(BadPlansTestCase):
	bad_count = batch_processor.PLANS_PER_RUN + 1

	def test_a_run_in_which_every_plan_failed_does_not_end_the_job(self):
		good = self.make_good_plan()
		self.run_job(6)
		self.assertEqual(self.statuses(good), ["Success"])
		self.assertEqual([self.statuses(plan) for plan in self.bad], [["Failed"]] * self.bad_count)

	def test_plans_that_are_given_up_in_one_job_are_one_alert(self):
		told = frappe.db.count("Error Log", {"error": ["like", f"%[dead_letter] {self.bad[0]} %"]})
		alerts = frappe.db.count("Notification Log", {"for_user": "Administrator"})
		for seconds in RETRIES:
			self.run_job(seconds)
		self.assertEqual([letter["plan_id"] for letter in change_tracker.dead_letters()], self.bad)
		self.assertEqual(frappe.db.count("Notification Log", {"for_user": "Administrator"}), alerts + 1)
		entries = {"error": ["like", f"%[dead_letter] {self.bad[0]} %[dead_letter] {self.bad[-1]} %"]}
		self.assertEqual((told, frappe.db.count("Error Log", entries)), (0, 1))

	def test_a_job_that_dies_before_it_tells_leaves_that_to_the_health_check(self):
		with mock.patch.object(findings, "tell_new", side_effect=SystemExit):
			for seconds in RETRIES:
				with self.assertRaises(SystemExit):
					self.run_job(seconds)
		self.assertEqual(
			frappe.get_all("CDN Health Finding", {"plan_id": ["in", self.bad]}, pluck="is_alerted"),
			[0] * self.bad_count,
		)


class TestPlansThatEndTheirJob(BadPlansTestCase):
	def test_a_plan_whose_build_killed_its_worker_comes_after_all_others(self):
		sync_log.claim(self.bad[0])  # and then the worker is killed
		frappe.db.commit()
		good = self.make_good_plan()
		self.assertEqual(list(sync_log.due_plans()), [good, self.bad[0]])

	def test_a_job_whose_time_is_over_ends_and_leaves_its_plan_due_without_a_failure(self):
		good = self.make_good_plan()
		with self.publish_raises(JobTimeoutException("300 seconds")), self.assertRaises(JobTimeoutException):
			self.run_job(6)
		(row,) = self.episodes(self.bad[0])
		self.assertEqual((row.status, row.error_message, row.next_retry_at), ("Processing", None, None))
		self.assertEqual(list(sync_log.due_plans()), [good, self.bad[0]])

	def test_a_run_begins_no_plan_after_its_time(self):
		with mock.patch.object(batch_processor, "RUN_SECONDS", -1):
			outcome = self.process()
		self.assertEqual((outcome["failed"], self.statuses(self.bad[0])), (0, ["Queued"]))

	def test_a_plan_that_had_to_wait_for_another_upload_is_queued_with_the_retries_that_it_had(self):
		self.run_job(0)
		with (
			self.publish_raises(PlanBuildBusy("upload stayed locked")),
			clock.freeze(NOW + timedelta(seconds=30)),
		):
			outcome = self.process()
		self.assertEqual((outcome["failed"], outcome["skipped"], outcome["errors"]), (0, 1, []))
		(row,) = self.episodes()
		self.assertEqual((row.status, row.retry_count), ("Queued", 1))
		self.run_job(31)
		(row,) = self.episodes()
		self.assertEqual((row.status, row.retry_count), ("Failed", 1))

	def test_a_build_that_lost_its_lock_is_left_to_whoever_has_it(self):
		with self.publish_raises(BuildLockLost("gone")):
			outcome = self.process()
		self.assertEqual((outcome["failed"], outcome["skipped"]), (0, 1))
		self.assertEqual(self.statuses(), ["Processing"])

	def publish_raises(self, error):
		return mock.patch.object(plan_publisher, "publish_or_withdraw", side_effect=error)
