"""Publishing as an operator starts it: the command, and the endpoints for those who may."""

import os
import subprocess
import sys
import time
from pathlib import Path

import frappe
from memora.api import cdn_admin
from memora.services.cdn_export import local_storage
from tests import factories
from tests.committed import Game
from tests.site.cdn_export.publishing import PublishingTestCase, forget_published

WAIT_SECONDS = 60


class TestPublishCommand(PublishingTestCase):
	def setUp(self):
		super().setUp()
		frappe.db.commit()  # the command is another process: it must find the CDN switched off
		self.game = Game()
		self.addCleanup(self.remove_game)

	def remove_game(self):
		self.game.remove()
		frappe.db.delete("CDN Sync Log", {"plan_id": self.game.plan.name})
		frappe.db.commit()
		forget_published()

	def test_a_named_plan_is_published_and_its_log_row_kept(self):
		done = self.bench("publish", self.game.plan.name)
		self.assertEqual(done.returncode, 0, done.stderr)
		self.assertRegex(
			done.stdout, f"{self.game.plan.name}: published, 7 files, 7 written, 0 uploaded, 0 deleted"
		)
		self.assertEqual(len(self.manifest(self.game.plan)["files"]), 6)
		frappe.db.rollback()
		self.assertEqual(self.last_log(self.game.plan).triggered_by, "bench publish")

	def test_a_plan_that_fails_makes_the_command_fail(self):
		frappe.db.set_value("Memora Lesson", self.game.lessons[0], "title", "")
		frappe.db.commit()
		done = self.bench("publish", self.game.plan.name)
		self.assertEqual(done.returncode, 1)
		self.assertIn(f"{self.game.plan.name}: 4 files are not valid", done.stderr)
		self.assertIsNone(self.manifest(self.game.plan))

	def test_a_plan_that_nobody_knows_is_refused_and_the_others_are_published(self):
		done = self.bench("publish", "PLAN-NONE", self.game.plan.name)
		self.assertEqual(done.returncode, 1)
		self.assertIn("PLAN-NONE: there is no such plan", done.stderr)
		self.assertIn(f"{self.game.plan.name}: published", done.stdout)
		self.assertEqual(frappe.db.count("CDN Sync Log", {"plan_id": "PLAN-NONE"}), 0)

	def test_all_published_plans_are_published_on_request(self):
		done = self.bench("publish", "--all")
		self.assertIn(f"{self.game.plan.name}: published", done.stdout)

	def test_neither_plans_nor_all_is_a_usage_error(self):
		for arguments in (("publish",), ("publish", "--all", self.game.plan.name)):
			done = self.bench(*arguments)
			self.assertEqual(done.returncode, 2)
			self.assertIn("Name the plans to publish, or give --all.", done.stderr)

	def test_the_endpoint_publishes_in_the_background(self):
		answer = cdn_admin.publish_plan(self.game.plan.name)
		self.assertEqual(answer, {"status": "queued", "plan_id": self.game.plan.name})
		self.wait_for_success()
		self.assertEqual(len(self.manifest(self.game.plan)["files"]), 6)

	def wait_for_success(self):
		frappe.db.commit()
		deadline = time.monotonic() + WAIT_SECONDS
		while not frappe.db.exists("CDN Sync Log", {"plan_id": self.game.plan.name, "status": "Success"}):
			self.assertLess(time.monotonic(), deadline, "no worker has published the plan")
			time.sleep(0.2)
			frappe.db.rollback()

	def bench(self, *arguments):
		sites = Path(local_storage.get_local_base_path()).parents[2]
		command = [
			sys.executable,
			"-m",
			"frappe.utils.bench_helper",
			"frappe",
			"--site",
			frappe.local.site,
			"memora",
		]
		return subprocess.run(
			[*command, *arguments],
			cwd=sites,
			env=dict(os.environ),
			capture_output=True,
			text=True,
			timeout=120,
		)


class TestWhoMayPublish(PublishingTestCase):
	def setUp(self):
		super().setUp()
		frappe.flags.in_test = False  # with it Frappe checks no roles

	def tearDown(self):
		frappe.flags.in_test = True
		frappe.set_user("Administrator")
		super().tearDown()

	def test_students_and_guests_may_not(self):
		student = factories.make_user("Memora Student").name
		for user in (student, "Guest"):
			frappe.set_user(user)
			for call in (cdn_admin.test_connection, lambda: cdn_admin.publish_plan("PLAN-001")):
				with self.assertRaises(frappe.PermissionError):
					call()

	def test_a_content_manager_may_and_bad_plans_are_refused_by_name(self):
		manager = factories.make_user("Memora Content Manager").name
		frappe.set_user(manager)
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no plan PLAN-NONE"):
			cdn_admin.publish_plan("PLAN-NONE")
		with self.assertRaisesRegex(frappe.ValidationError, "plan_id must be text"):
			cdn_admin.publish_plan()
