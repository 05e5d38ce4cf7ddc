"""Publishing and its health as an operator asks for them: the commands."""

from concurrent.futures import ThreadPoolExecutor

import frappe
from memora.services.cdn_export import change_tracker, local_storage, sync_log
from tests import factories
from tests.bench_command import run_memora, run_memora_on_a_terminal
from tests.committed import Game, forget_user
from tests.site.cdn_export.publishing import PublishingTestCase, forget_published
from tests.site.cdn_export.queueing import QueueTestCase


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
		done = run_memora("publish", self.game.plan.name)
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
		done = run_memora("publish", self.game.plan.name)
		self.assertEqual(done.returncode, 1)
		self.assertIn(f"{self.game.plan.name}: 4 files are not valid", done.stderr)
		self.assertIsNone(self.manifest(self.game.plan))

	def test_a_plan_that_nobody_knows_is_refused_and_the_others_are_published(self):
		done = run_memora("publish", "PLAN-NONE", self.game.plan.name)
		self.assertEqual(done.returncode, 1)
		self.assertIn("PLAN-NONE: there is no such plan", done.stderr)
		self.assertIn(f"{self.game.plan.name}: published", done.stdout)
		self.assertEqual(frappe.db.count("CDN Sync Log", {"plan_id": "PLAN-NONE"}), 0)

	def test_all_published_plans_are_published_on_request(self):
		done = run_memora("publish", "--all")
		self.assertIn(f"{self.game.plan.name}: published", done.stdout)

	def test_neither_plans_nor_all_is_a_usage_error(self):
		for arguments in (("publish",), ("publish", "--all", self.game.plan.name)):
			done = run_memora(*arguments)
			self.assertEqual(done.returncode, 2)
			self.assertIn("Name the plans to publish, or give --all.", done.stderr)

	def test_on_a_terminal_a_bar_shows_how_far_it_is_and_the_lines_follow(self):
		output = run_memora_on_a_terminal("publish", self.game.plan.name)
		self.assertIn("Publishing", output)
		self.assertIn("100%", output)
		self.assertIn(f"{self.game.plan.name}: published, 7 files", output)


class TestHealthCommand(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_published_game()
		self.addCleanup(self.forget_findings)

	def forget_findings(self):
		for doctype in ("CDN Health Finding", "Notification Log", "Error Log"):
			frappe.db.delete(doctype)
		frappe.db.commit()

	def test_what_is_wrong_is_a_line_each_and_fails(self):
		change_tracker.move_to_dead_letter(self.game.plan.name, "gave up")
		frappe.db.commit()
		done = run_memora("health")
		self.assertEqual(done.returncode, 1)
		self.assertRegex(done.stdout, rf"(?m)^dead_letter {self.game.plan.name}, since 20.* UTC: gave up$")

	def test_a_scan_says_how_many_plans_it_saw_and_repair_queues_what_differs(self):
		local_storage.delete_content_file(f"lessons/{self.game.lessons[0]}.json")
		done = run_memora("health", "--scan", "--repair")
		self.assertIn("1 queued to be repaired", done.stdout)
		self.assertRegex(done.stdout, f"local_missing {self.game.plan.name}, .*{self.game.lessons[0]}.json")
		frappe.db.rollback()
		self.assertEqual(self.last_log(self.game.plan).triggered_by, "health check")

	def test_repair_without_a_scan_is_a_usage_error(self):
		done = run_memora("health", "--repair")
		self.assertEqual((done.returncode, done.stdout), (2, ""))

	def test_of_two_checks_at_once_one_tells(self):
		manager = factories.make_user("System Manager").name
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(forget_user, manager)
		sync_log.bury(self.game.plan.name, "gave up")
		frappe.db.commit()
		with ThreadPoolExecutor(2) as pool:
			checks = list(pool.map(lambda _: run_memora("health"), range(2)))
		self.assertEqual([check.returncode for check in checks], [1, 1])
		frappe.db.rollback()
		told = frappe.get_all(
			"Notification Log", filters={"for_user": manager, "email_content": ["like", "%dead_letter%"]}
		)
		self.assertEqual(len(told), 1)
