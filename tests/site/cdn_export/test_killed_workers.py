"""kill -9 of a worker at every step of publishing: the old build is whole or the new one is, and the plan is published."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from memora.services.cdn_export import batch_processor, build_lock, local_storage, publish_queue, stamping
from memora.utils import clock
from tests.site.cdn_export import dying_publish
from tests.site.cdn_export.queueing import QueueTestCase, flush_queue

ROOT = Path(__file__).parents[3]
# The steps after which the row says Success.
ENDED = {("unlock", "before"), ("unlock", "after"), ("release", "before"), ("release", "after")}


class TestKilledWorkers(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_published_game()
		self.plan_id = self.game.plan.name

	def test_a_worker_killed_at_any_step_leaves_the_plan_queued_and_the_next_poll_publishes_it(self):
		for number, (step, moment) in enumerate(dying_publish.MOMENTS):
			with self.subTest(step=step, moment=moment):
				title = f"Title {number}"
				self.rename("Memora Lesson", self.game.lessons[0], title)
				self.run_until_killed(step, moment)
				self.assert_promises_are_kept()
				if (step, moment) in ENDED:
					self.assertEqual((self.queued(), set(self.statuses())), ([], {"Success"}))
				else:
					self.assertEqual(list(batch_processor.sync_log.due_plans()), [self.plan_id])
					self.publish_with_the_next_poll()
				self.assertEqual(self.published_title(self.game), title)
				self.assert_promises_are_kept()
				self.assertEqual(set(self.statuses()), {"Success"})
				publish_queue.release([self.plan_id])  # as time would

	def test_a_worker_killed_while_redis_forgets_everything_changes_nothing_of_that(self):
		self.rename("Memora Lesson", self.game.lessons[0], "New")
		self.run_until_killed("publish", "before")
		flush_queue()
		self.assertEqual(self.process()["processed"], 1)
		self.assertEqual(self.published_title(self.game), "New")

	def run_until_killed(self, step, moment):
		command = [sys.executable, "-m", "tests.site.cdn_export.dying_publish", step, moment]
		died = subprocess.run(
			command,
			cwd=local_storage.frappe.local.sites_path,
			env={**os.environ, "PYTHONPATH": str(ROOT)},
			capture_output=True,
			text=True,
			timeout=60,
		)
		self.assertEqual(died.returncode, -signal.SIGKILL, died.stderr)
		self.wait_until_the_database_noticed()

	def wait_until_the_database_noticed(self):
		deadline = time.monotonic() + 10
		while build_lock.is_held(self.plan_id):
			self.assertLess(time.monotonic(), deadline)
			time.sleep(0.01)

	def publish_with_the_next_poll(self):
		"""At once, but for a worker that had only taken the plan: it is believed to live for the length of a lease."""
		begun = "Processing" in self.statuses()
		later = timedelta(seconds=0 if begun else publish_queue.LEASE_SECONDS)
		with clock.freeze(clock.utc_now() + later):
			self.assertEqual(self.process()["processed"], 1)

	def assert_promises_are_kept(self):
		for path, described in self.manifest(self.game.plan)["files"].items():
			self.assertEqual(stamping.describe(local_storage.read_bytes(path)), described, path)
