"""Two plans that share lessons, published by the bench's own worker to disk and S3, and readers of both in a loop."""

import contextlib
from datetime import timedelta

import frappe
from memora.services.cdn_export import batch_processor, sync_log
from memora.utils import clock
from tests.chaos import checks, jobs, report, servers
from tests.chaos.storage import CuttingProxy
from tests.site.cdn_export.queueing import forget_queue
from tests.site.cdn_export.world import HttpReader, S3Reader, SharedContentTestCase, watchers

SECONDS_OF_A_LEASE = 10


class PublishingByTheWorker(SharedContentTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.proxy.stop()
		cls.proxy = CuttingProxy(cls.s3["endpoint_url"])

	def setUp(self):
		super().setUp()
		forget_queue()
		self.addCleanup(forget_queue)
		self.queue_all("the first")
		self.publish_by_the_worker()

	def queue_all(self, title: str) -> None:
		"""Change a lesson of both plans, and queue them as the change of an editor does."""
		self.edit("Memora Lesson", self.game.lessons[0], title=title)
		for plan in self.plans:
			batch_processor.enqueue_publish(plan, "an editor")
		frappe.db.commit()

	def publish_by_the_worker(self) -> None:
		"""Poll as the scheduler does, until nothing is queued."""

		def is_through():
			jobs.run(jobs.PUBLISH)
			frappe.db.rollback()
			return not sync_log.pending_plan_ids()

		servers.wait_until(is_through, "plans stay queued", seconds=3 * SECONDS_OF_A_LEASE)

	def retry_by_the_worker(self) -> None:
		"""The time of every retry comes, if any plan waits for one."""
		frappe.db.rollback()
		due = frappe.db.sql("select max(next_retry_at) from `tabCDN Sync Log` where status = 'Failed'")[0][0]
		later = clock.from_site_time(due) - clock.utc_now() if due else timedelta(0)
		with jobs.clock_moved(int(later.total_seconds()) + 1):
			jobs.run(jobs.PUBLISH)

	def check_published(self, title: str) -> None:
		self.assertEqual(self.broken_promises(), [])
		for plan in self.plans:
			for read in (HttpReader().read, S3Reader(self.s3).read):
				self.assertIn(title.encode(), read(f"lessons/{self.game.lessons[0]}.json"), plan)
		checks.no_plan_is_lost(self.plans)

	@contextlib.contextmanager
	def read_all_the_while(self, line: report.Line):
		"""Readers of the web server's files and of the bucket must not meet a broken promise."""
		with watchers(self.plans, HttpReader, lambda: S3Reader(self.s3)) as reports:
			yield
		line.files_read = sum(files_read for files_read, _ in reports)
		self.assertEqual([broken for _, broken in reports], [[], []])
		self.assertGreater(line.files_read, 0)
