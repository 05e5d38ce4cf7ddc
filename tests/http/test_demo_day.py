"""./dev/demo plays a student's day against the running server, any number of times."""

import os
import subprocess
import sys
from pathlib import Path

import frappe
from frappe.tests.utils import FrappeTestCase
from memora import demo
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from tests import factories

DEMO = Path(__file__).resolve().parents[2] / "dev" / "demo"
OMAR = "omar@demo.memora.test"


def play_day(*options, url=None):
	"""Run ./dev/demo as a reader would: (exit code, last line, everything)."""
	argv = [sys.executable, str(DEMO), "--url", url or os.environ["MEMORA_WEB_URL"]]
	argv += ["--host", os.environ["MEMORA_TEST_SITE"], *options]
	day = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, encoding="utf-8")
	return day.returncode, day.stdout.strip().splitlines()[-1], day.stdout + day.stderr


class TestDemoDay(FrappeTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		demo.remove()
		cls.addClassCleanup(demo.remove)
		cls.plans = demo.load()["plans"]

	def test_two_days_in_a_row_are_as_documented_and_the_second_takes_the_next_lesson(self):
		for expected in ("next: Reading large numbers", "next: Comparing and ordering numbers"):
			code, last_line, shown = play_day()
			self.assertEqual((code, last_line), (0, "17 steps, all as documented."), shown)
			self.assertIn(expected, shown)
			self.assertNotIn("demo-student-1", shown)

	def test_a_day_after_the_last_lesson_plays_the_first_one_again(self):
		self.pass_everything(OMAR, "grade-7")
		code, last_line, shown = play_day("--student", "omar")
		self.assertEqual((code, last_line), (0, "17 steps, all as documented."), shown)
		self.assertIn("all are passed, so once more: ممّ تتكوّن المادة؟", shown)
		self.assertIn("nothing is locked any more", shown)

	def test_an_answer_that_differs_ends_the_day_with_its_step(self):
		profile = frappe.db.get_value("Memora Player Profile", {"user": OMAR}, "name")
		self.set_plan(profile, None)
		self.addCleanup(self.set_plan, profile, self.plans["grade-7"])
		code, last_line, _ = play_day("--student", "omar")
		self.assertEqual((code, last_line), (1, "Step 1 failed: the student follows no plan"))

	def test_without_a_server_it_says_how_to_start_one(self):
		code, last_line, _ = play_day(url="http://127.0.0.1:9")
		self.assertEqual(code, 1)
		self.assertRegex(last_line, r"no server answers at http://127\.0\.0\.1:9 .* ./dev/start --detach")

	def set_plan(self, profile, plan):
		frappe.db.set_value("Memora Player Profile", profile, "current_plan", plan)
		frappe.db.commit()  # the server reads it

	def pass_everything(self, student, plan):
		subjects = frappe.get_all(
			"Memora Plan Subject", filters={"parent": self.plans[plan]}, pluck="subject", order_by="idx"
		)
		for subject in subjects:
			lessons = frappe.get_all(
				"Memora Lesson",
				filters={"subject": subject, "is_published": 1},
				order_by="bit_index",
				pluck="name",
			)
			for lesson in lessons:
				completion.complete_lesson(student, lesson, 5, PROGRESS_POLICY, factories.new_uuid())
