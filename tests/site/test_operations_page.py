"""docs/operations.md works as printed: its commands, its console lines, and the problems and jobs that it explains."""

import re
import shlex
from pathlib import Path

import frappe
from frappe.tests.utils import FrappeTestCase
from memora import hooks
from memora.services.cdn_export import plan_scan, vital_signs
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from tests.bench_command import run_memora
from tests.committed import Game

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^bench --site SITE memora (inspect .+)$", re.MULTILINE)
CONSOLE = re.compile(r"```python\n(.+?)```", re.DOTALL)
ROW = re.compile(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", re.MULTILINE)
QUESTIONS = ("wallet", "progress", "session", "devices", "queue")


class TestOperationsPage(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=1)
		self.addCleanup(self.game.remove)
		self.user = self.game.add_player().user
		completion.complete_lesson(self.user, self.game.lessons[0], 5, PROGRESS_POLICY)

	def names(self):
		return {"USER": self.user, "SUBJECT": self.game.subject.name}

	def test_every_command_to_inspect_answers_as_printed(self):
		commands = COMMAND.findall(PAGE)
		self.assertEqual([command.split()[1] for command in commands], list(QUESTIONS))
		for command in commands:
			done = run_memora(*(self.names().get(word, word) for word in shlex.split(command)))
			self.assertEqual((done.returncode, done.stderr), (0, ""), command)
			self.assertRegex(done.stdout, r"(?m)^ +MariaDB +Redis$")

	def test_every_console_line_answers_the_same_as_a_dict(self):
		lines = CONSOLE.search(PAGE)[1].strip().splitlines()
		scope = self.names()
		exec(lines[0], scope)  # the page is our own
		answers = [eval(line, scope) for line in lines[1:] if line]
		self.assertEqual(len(answers), len(QUESTIONS))
		for answer in answers:
			self.assertEqual(
				set(answer), {"about", "truth", "copy", "copy_state", "agrees", "facts"}, answer["about"]
			)
			self.assertIsNot(answer["agrees"], False, answer)

	def test_the_facts_that_the_page_names_are_told(self):
		told = frappe.as_json(
			[
				frappe.get_attr(hooks.memora_inspections["wallet"])(self.user),
				frappe.get_attr(hooks.memora_inspections["progress"])(self.user, self.game.subject.name),
				frappe.get_attr(hooks.memora_inspections["session"])(self.user),
				frappe.get_attr(hooks.memora_inspections["queue"])(),
			]
		)
		for fact in re.findall(r"^\|.*\| `inspect [^`]+`: ([a-z ]+?)(?:[,;].*)? \|$", PAGE, re.MULTILINE):
			self.assertIn(f'"{fact}"', told)

	def test_every_problem_that_can_be_found_is_explained(self):
		explained = {name.strip("`") for row in ROW.findall(PAGE) for name in row.split(", ")}
		found = {*vital_signs.PROBLEMS, *plan_scan.LOCAL_PROBLEMS, *plan_scan.CDN_PROBLEMS}
		self.assertEqual(explained, found)

	def test_every_scheduled_job_is_named(self):
		events = hooks.scheduler_events
		scheduled = [jobs for when, jobs in events.items() if when != "cron"] + list(events["cron"].values())
		for job in (job for jobs in scheduled for job in jobs):
			self.assertIn(job, PAGE)
