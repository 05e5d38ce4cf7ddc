"""Every manifest is true at every moment, on disk and on the CDN, whoever publishes, fails or is killed."""

import contextlib
import os

from botocore.client import BaseClient

import frappe
from memora.services.cdn_export import batch_processor, claims, local_storage, storage_client
from memora.services.cdn_export.errors import InvalidContent, PlanBuildBusy, UploadFailed
from tests.site.cdn_export.world import (
	MANIFEST,
	HttpReader,
	S3Reader,
	SharedContentTestCase,
	in_child,
	kill_before_step,
	manifest_of,
	start_child,
	watchers,
)

BUILDS = 50  # of each of two plans


class TestReadersDuringBuilds(SharedContentTestCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(setattr, storage_client, "MAX_ATTEMPTS", storage_client.MAX_ATTEMPTS)
		storage_client.MAX_ATTEMPTS = 1  # a refused upload fails its build at once

	def test_readers_of_disk_and_cdn_never_meet_a_broken_promise_in_a_hundred_builds(self):
		for plan in self.plans:
			self.publish_committed(plan)
		with watchers(self.plans, HttpReader, lambda: S3Reader(self.s3)) as reports:
			second = start_child(lambda: build_again_and_again(self.other.name))
			for number in range(BUILDS):
				self.change_something(number)
				self.refuse_some_uploads(number)
				publish_or_fail(self.game.plan.name)
			second.join()
		self.assertEqual(second.exitcode, 0)
		self.assertEqual([broken for _, broken in reports], [[], []])
		self.assertGreater(min(files_read for files_read, _ in reports), 100)
		self.proxy.reset()
		self.check_everything_is_published()

	def refuse_some_uploads(self, number):
		"""Of every fifth build, one kind of file after the other: lessons, topics, manifests."""
		kind = ("/lessons/", f"/{self.game.subject.topic_names[0]}.json", "/manifest.json")[number // 5 % 3]
		refused = number % 5 == 0
		self.proxy.refuse = lambda method, path: refused and method == "PUT" and kind in path

	def change_something(self, number):
		subject = self.game.subject
		if number % 10 == 9:
			self.edit("Memora Lesson", subject.lesson_names[0], title="")  # fits no schema
			self.assertRaises(InvalidContent, batch_processor.publish_plan, self.game.plan.name)
			frappe.db.rollback()
		self.edit("Memora Lesson", subject.lesson_names[number % 4], title=f"Lesson {number}")
		self.edit("Memora Lesson", subject.lesson_names[0], title=f"First {number}")
		if number % 3 == 0:
			self.edit("Memora Unit", subject.unit_names[number % 2], title=f"Unit {number}")
		if number % 7 == 0:
			self.edit("Memora Lesson", subject.lesson_names[3], is_published=number // 7 % 2)

	def check_everything_is_published(self):
		for plan in self.plans:
			self.publish_committed(plan)
		for plan in self.plans:
			self.publish_committed(plan)
			for read in (local_storage.read_bytes, S3Reader(self.s3).read):
				self.assertTrue(claims.is_complete(read(MANIFEST.format(plan))))
		self.assertEqual(self.broken_promises(), [])


def build_again_and_again(plan_id):
	for _number in range(BUILDS):
		publish_or_fail(plan_id)


def publish_or_fail(plan_id):
	"""As a job does: a refused upload, a busy lock or a half made edit is for the next try."""
	with contextlib.suppress(UploadFailed, PlanBuildBusy, InvalidContent):
		batch_processor.publish_plan(plan_id)
	frappe.db.commit()


class TestKilledBuilds(SharedContentTestCase):
	STEPS = ((os, "replace"), (os, "unlink"), (BaseClient, "_make_api_call"))

	def test_a_build_killed_before_any_step_leaves_every_promise_true_and_the_next_one_starts_at_once(self):
		for plan in self.plans:
			self.publish_committed(plan)
		steps = 0
		while True:
			steps += 1
			self.edit("Memora Lesson", self.game.lessons[0], title=f"Lesson {steps}")
			self.edit("Memora Lesson", self.game.lessons[1], is_published=steps % 2)
			exit_code = in_child(lambda step=steps: self.publish_until(step))
			self.assertEqual(self.broken_promises(), [], f"killed before step {steps}")
			if exit_code == 0:
				break
			self.assertEqual(exit_code, -9)
			if steps % 4 == 0:
				self.publish_after_a_kill(f"Lesson {steps}")
		self.check_is_published(f"Lesson {steps}")
		self.assertGreater(steps, 25)

	def publish_after_a_kill(self, title):
		"""At once, and of both plans; then the steps go on from here, else from what the last kill left."""
		for plan in self.plans:
			self.assertEqual(self.publish_committed(plan)["status"], "published")
		self.assertEqual(self.broken_promises(), [])
		self.check_is_published(title)

	def publish_until(self, step):
		kill_before_step(step, *self.STEPS)
		batch_processor.publish_plan(self.game.plan.name)

	def check_is_published(self, title):
		path = f"lessons/{self.game.lessons[0]}.json"
		for read in (local_storage.read_bytes, S3Reader(self.s3).read):
			manifest = manifest_of(read, self.game.plan.name)
			self.assertNotIn("replacing", manifest)
			self.assertIn(title.encode(), read(path))
