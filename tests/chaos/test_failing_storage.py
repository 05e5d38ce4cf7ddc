"""S3 refuses, is slow, or hangs up, and the disk is full: what was published stays, and comes right by itself."""

import contextlib
import resource

import pytest

import frappe
from memora.services.cdn_export import batch_processor, retry_policy, sync_log
from tests.chaos import checks, jobs, report, servers
from tests.chaos.publishing import PublishingByTheWorker

# Smaller than any published file: the kernel refuses the write in the middle, as a full disk does.
BYTES_LEFT = 100


@pytest.mark.long
class TestFailingStorage(PublishingByTheWorker):
	def test_a_storage_that_refuses_is_tried_again(self):
		self.fails_and_comes_right("S3 refuses uploads", refuse=lambda method, path: method == "PUT")

	def test_a_storage_that_hangs_up_is_tried_again(self):
		self.fails_and_comes_right(
			"S3 hangs up in the middle of a lesson",
			cut=lambda method, path: method == "PUT" and "/lessons/" in path,
		)

	def test_a_storage_that_is_slow_is_waited_for(self):
		line = report.line("S3 answers after 0.5 s")
		with self.read_all_the_while(line):
			self.proxy.delay_seconds = 0.5
			self.queue_all("slow")
			self.publish_by_the_worker()
			self.check_published("slow")

	def test_a_storage_that_never_comes_back_ends_in_the_dead_letter_with_its_reason(self):
		self.proxy.refuse = lambda method, path: method == "PUT"
		self.edit("Memora Academic Plan", self.plans[0], title="Never")
		batch_processor.enqueue_publish(self.plans[0], "an editor")
		frappe.db.commit()
		jobs.run(jobs.PUBLISH)
		for _attempt in range(retry_policy.MAX_RETRIES):
			self.retry_by_the_worker()
		frappe.db.rollback()
		self.assertIsNone(sync_log.next_retry_at())
		[letter] = sync_log.dead_letters()
		self.assertEqual(letter["plan_id"], self.plans[0])
		checks.no_plan_is_lost(self.plans[:1])
		self.assertEqual(self.broken_promises(), [])

	def test_a_full_disk_changes_nothing_that_is_published(self):
		line = report.line(f"disk full after {BYTES_LEFT} bytes of a file")
		with self.read_all_the_while(line):
			self.queue_all("full")
			with full_disk():
				jobs.run(jobs.PUBLISH)
			self.assert_all_failed("File too large")
			self.assertEqual(self.broken_promises(), [])
			self.retry_by_the_worker()
			self.check_published("full")

	def test_a_disk_that_is_full_between_two_files_changes_nothing_either(self):
		line = report.line("no space left when the files are about to change")
		with self.read_all_the_while(line):
			self.queue_all("no space")
			with jobs.armed("publish.noted", "no space"):
				jobs.run(jobs.PUBLISH)
			self.assertEqual(self.broken_promises(), [])
			self.retry_by_the_worker()
			self.check_published("no space")

	def fails_and_comes_right(self, what, **failing):
		line = report.line(what)
		with self.read_all_the_while(line):
			for name, value in failing.items():
				setattr(self.proxy, name, value)
			self.queue_all(what)
			jobs.run(jobs.PUBLISH)
			self.assert_all_failed("")
			self.assertEqual(self.broken_promises(), [])
			self.proxy.reset()
			self.retry_by_the_worker()
			self.check_published(what)

	def assert_all_failed(self, reason):
		frappe.db.rollback()
		rows = frappe.get_all(
			"CDN Sync Log",
			filters={"plan_id": ["in", self.plans], "status": "Failed"},
			fields=["plan_id", "error_message"],
		)
		self.assertEqual({row.plan_id for row in rows}, set(self.plans))
		self.assertTrue(all(reason in row.error_message for row in rows), rows)


@contextlib.contextmanager
def full_disk():
	"""The worker's jobs can write no file that is longer than BYTES_LEFT. Works without a disk of its own, or root."""
	pid = servers.recorded("worker").pid
	soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
	resource.prlimit(pid, resource.RLIMIT_FSIZE, (BYTES_LEFT, hard))
	try:
		yield
	finally:
		resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
