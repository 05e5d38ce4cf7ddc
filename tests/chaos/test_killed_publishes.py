"""The worker's job dies at each step of publishing; readers notice nothing and the next poll publishes the plan."""

import pytest
from rq.job import JobStatus

import frappe
from memora.services.cdn_export import batch_processor
from memora.utils import failpoints
from tests.chaos import jobs, report, servers
from tests.chaos.publishing import PublishingByTheWorker
from tests.site.cdn_export.world import HttpReader, S3Reader, manifest_of

POINTS = [point for point in failpoints.POINTS if point.startswith("publish.")]


@pytest.mark.long
class TestKilledPublishes(PublishingByTheWorker):
	def test_a_build_killed_at_each_step_breaks_no_promise_and_loses_no_plan(self):
		line = report.line("publish job killed at each step")
		with self.read_all_the_while(line):
			for point in POINTS:
				self.queue_all(point)
				with jobs.armed(point):
					self.assertEqual(jobs.run(jobs.PUBLISH), JobStatus.FAILED)
				line.kills += 1
				self.assertEqual(self.broken_promises(), [], point)
				self.publish_by_the_worker()
				self.check_published(point)

	def test_a_killed_build_is_made_again_where_no_other_plan_brings_it_back(self):
		"""A shared lesson queues every plan that shows it, and so would hide that one was forgotten."""
		line = report.line("publish job of a single plan killed")
		plan = self.plans[0]
		with self.read_all_the_while(line):
			for point in ("publish.claimed", "publish.built", "publish.written"):
				self.edit("Memora Academic Plan", plan, title=point)
				batch_processor.enqueue_publish(plan, "an editor")
				frappe.db.commit()
				with jobs.armed(point):
					self.assertEqual(jobs.run(jobs.PUBLISH), JobStatus.FAILED)
				line.kills += 1
				self.publish_by_the_worker()
				for read in (HttpReader().read, S3Reader(self.s3).read):
					self.assertEqual(manifest_of(read, plan)["title"], point)

	def test_a_worker_killed_around_its_job_leaves_one_build_of_each_plan(self):
		line = report.line("RQ worker killed while its job builds")
		with self.read_all_the_while(line):
			self.queue_all("without a parent")
			with jobs.armed("publish.built", "sleep 2"):
				jobs.start(jobs.PUBLISH)
			line.recoveries.append(servers.end("worker"))
			line.kills += 1
			self.publish_by_the_worker()
		self.check_published("without a parent")
