"""A subject from a spreadsheet, and back: all or nothing, twice without effect, whatever becomes of the worker."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from unittest.mock import patch

from devbench import processes

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.memora.doctype import content_node
from memora.memora.doctype.memora_lesson import memora_lesson
from memora.memora.doctype.memora_lesson_stage import memora_lesson_stage
from memora.services.content_sheet import (
	columns,
	exporter,
	importer,
	outline,
	runs,
	subject_reader,
	template,
	workbooks,
)
from memora.services.content_sheet.outline import Node
from memora.utils import redis_store
from memora.utils.redis_keys import get_content_import_key, get_content_upload_key
from tests import factories
from tests.bench_command import run_memora
from tests.committed import Game
from tests.site import dying_import

SUBJECT, TRACK, LESSON = "Memora Subject", "Memora Track", "Memora Lesson"
ROOT = Path(__file__).parents[2]


def remove_subject(name: str) -> None:
	"""Everything that an import made of a subject."""
	frappe.db.rollback()
	names = {
		node.id: subject_reader.DOCTYPES[node.level] for node in subject_reader.read_subject(name) if node.id
	}
	for each, doctype in names.items():
		frappe.db.sql(f"delete from `tab{doctype}` where name = %s", each)
		frappe.db.sql("delete from `tabMemora Lesson Stage` where parent = %s", each)
		frappe.db.sql("delete from tabVersion where docname = %s", each)
	frappe.db.commit()


def csv_of(root: Node) -> bytes:
	return workbooks.write_csv(outline.write(root))


def sheet_of(*rows) -> bytes:
	return workbooks.write_csv(rows)


def run(content: bytes, is_check: bool = False) -> importer.Report:
	return importer.import_sheet("subject.csv", content, is_check)


class SheetTestCase(FrappeTestCase):
	def setUp(self):
		self.addCleanup(frappe.db.rollback)
		self.title = factories.unique("Subject")

	def example(self) -> Node:
		root = template.english_example()
		root.title = self.title
		return root

	def imported(self, root: Node) -> str:
		"""Import it, expect no problem, and have it removed after the test. Returns the subject's name."""
		report = run(csv_of(root))
		self.assertEqual(report.problems, [])
		self.addCleanup(self.remove_if_there, report.subject)
		return report.subject

	def remove_if_there(self, name: str) -> None:
		frappe.db.rollback()
		if frappe.db.exists(SUBJECT, name):
			remove_subject(name)

	def subjects(self) -> list[str]:
		frappe.db.rollback()
		return frappe.get_all(SUBJECT, filters={"title": self.title}, pluck="name")

	def messages(self, report) -> list[tuple]:
		return [(problem.row, problem.column, problem.message) for problem in report.problems]


class TestImport(SheetTestCase):
	def test_a_new_subject_is_there_as_the_sheet_tells_it(self):
		report = run(csv_of(self.example()))
		self.addCleanup(remove_subject, report.subject)
		self.assertEqual(report.problems, [])
		self.assertEqual(
			{level: dict(count) for level, count in report.counts.items()},
			{
				**{
					level: {"new": 1, "changed": 0, "unchanged": 0}
					for level in ("Subject", "Track", "Unit", "Topic")
				},
				"Lesson": {"new": 2, "changed": 0, "unchanged": 0},
				"Stage": {"new": 2, "removed": 0},
			},
		)
		frappe.db.rollback()
		lessons = frappe.get_all(
			LESSON, {"subject": report.subject}, ["title", "bit_index", "base_xp"], order_by="sort_order"
		)
		self.assertEqual([tuple(row.values()) for row in lessons], [("Halves", 0, 10), ("Thirds", 1, 10)])

	def test_the_same_sheet_again_changes_nothing(self):
		subject = self.imported(self.example())
		before = self.whole(subject)
		report = run(csv_of(self.example()))
		self.assertEqual(report.problems, [])
		self.assertEqual(
			{count["unchanged"] for level, count in report.counts.items() if level != "Stage"}, {1, 2}
		)
		self.assertEqual(report.subject, subject)
		self.assertEqual(self.whole(subject), before)

	def whole(self, subject: str) -> list:
		"""Every row of the subject, and how many versions there are."""
		frappe.db.rollback()
		names = [node.id for node in subject_reader.read_subject(subject) if node.id]
		tables = [f"tab{doctype}" for doctype in subject_reader.DOCTYPES]
		keys = ["parent" if "Stage" in table else "name" for table in tables]
		rows = [
			frappe.db.sql(f"select * from `{table}` where {key} in %s order by name", (tuple(names),))
			for table, key in zip(tables, keys, strict=True)
		]
		return [*rows, frappe.db.count("Version", {"docname": ("in", names)})]

	def test_a_check_tells_what_an_import_would_do_and_changes_nothing(self):
		counters = frappe.db.sql("select * from tabSeries order by name")
		report = run(csv_of(self.example()), is_check=True)
		self.assertEqual((report.problems, report.counts["Lesson"]["new"]), ([], 2))
		self.assertEqual(self.subjects(), [])
		self.assertEqual(frappe.db.sql("select * from tabSeries order by name"), counters)

	def test_what_a_document_refuses_is_told_with_its_row_and_nothing_is_imported(self):
		root = self.example()
		lessons = root.children[0].children[0].children[0].children
		lessons[0].children[0].values["config"] = '{"url": 5}'
		lessons.append(Node(columns.LESSON, "Fourths", values={"base_xp": 20}))
		report = run(csv_of(root))
		((row, _column, message),) = self.messages(report)
		self.assertEqual(row, 6)
		self.assertIn("Stage 1: Config: url", message)
		self.assertEqual(self.subjects(), [])

	def test_below_what_is_refused_nothing_more_is_told(self):
		with patch.object(content_node, "MAX_TITLE_LENGTH", 10):
			report = run(csv_of(self.example()))
		self.assertEqual([row for row, _, _ in self.messages(report)], [2])
		self.assertEqual(self.subjects(), [])

	def test_ids_of_another_subject_are_refused_and_it_stays_as_it_was(self):
		other = Game()
		self.addCleanup(other.remove)
		report = run(
			sheet_of(("Subject", "Track", "ID"), (self.title,), ("", "Stolen", other.subject.track_names[0]))
		)
		self.assertEqual(
			self.messages(report),
			[(3, "ID", f"{other.subject.track_names[0]} is no track of this subject.")],
		)
		self.assertEqual(frappe.db.get_value(TRACK, other.subject.track_names[0], "title"), "Track")
		self.assertEqual(self.subjects(), [])

	def test_a_subject_is_found_by_its_exact_title_and_two_of_one_title_ask_for_an_id(self):
		lower = factories.insert(SUBJECT, title=self.title.lower())
		frappe.db.commit()
		self.addCleanup(remove_subject, lower.name)
		first = run(sheet_of(("Subject",), (self.title,)))
		self.addCleanup(remove_subject, first.subject)
		self.assertNotEqual(first.subject, lower.name)
		second = factories.insert(SUBJECT, title=self.title)
		frappe.db.commit()
		self.addCleanup(remove_subject, second.name)
		report = run(sheet_of(("Subject",), (self.title,)))
		names = ", ".join(sorted([first.subject, second.name]))
		self.assertEqual(
			self.messages(report),
			[(2, "Subject", f"“{self.title}” could be any of {names}. Fill in the ID.")],
		)
		unknown = run(sheet_of(("Subject", "ID"), (self.title, "SUBJ-NONE")))
		self.assertEqual(self.messages(unknown), [(2, "ID", "There is no subject SUBJ-NONE.")])

	def test_what_the_sheet_does_not_name_stays_and_bits_are_kept_when_rows_move(self):
		game = Game(topics=2, lessons=2)
		self.addCleanup(game.remove)
		first, second, third, fourth = game.lessons
		bits = {name: frappe.db.get_value(LESSON, name, "bit_index") for name in game.lessons}
		frappe.db.delete("CDN Sync Log", {"plan_id": game.plan.name})
		frappe.db.commit()
		root = subject_reader.read_subject(game.subject.name)
		one, two = root.children[0].children[0].children
		two.children = [two.children[1], one.children.pop()]  # fourth, second; third is not named
		report = run(csv_of(root))
		self.assertEqual(report.problems, [])
		frappe.db.rollback()
		after = subject_reader.read_subject(game.subject.name).children[0].children[0].children
		self.assertEqual(
			[[node.id for node in topic.children] for topic in after], [[first], [third, fourth, second]]
		)
		self.assertEqual(
			{name: frappe.db.get_value(LESSON, name, "bit_index") for name in game.lessons}, bits
		)
		self.assertEqual(frappe.db.count("CDN Sync Log", {"plan_id": game.plan.name}), 1)

	def test_markup_and_line_ends_come_to_rest(self):
		root = self.example()
		root.values["description"] = "<b onclick='x()'>bold</b>\r\n=1+1\n'quoted"
		subject = self.imported(root)
		for content in (csv_of(root), exporter.export_subject(subject, "csv")):
			report = run(content)
			self.assertEqual(report.problems, [])
			self.assertEqual(report.counts["Subject"], {"new": 0, "changed": 0, "unchanged": 1})
		self.assertEqual(self.subjects(), [subject])

	def test_who_may_not_write_content_imports_nothing(self):
		student = factories.make_user("Memora Student").name
		frappe.set_user(student)
		self.addCleanup(frappe.set_user, "Administrator")
		report = run(csv_of(self.example()))
		self.assertEqual(self.messages(report), [(2, None, "You may not change this subject.")])
		self.assertEqual(self.subjects(), [])

	def test_limits_by_column_are_those_of_the_documents(self):
		self.assertEqual(columns.MAX_TITLE_LENGTH, content_node.MAX_TITLE_LENGTH)
		self.assertEqual(columns.MAX_BASE_XP, memora_lesson.MAX_BASE_XP)
		self.assertEqual(columns.MAX_WEIGHT, memora_lesson_stage.MAX_WEIGHT)
		self.assertEqual(columns.MAX_TARGET_TIME_SECONDS, memora_lesson_stage.MAX_TARGET_TIME_SECONDS)
		types = frappe.get_meta("Memora Lesson Stage").get_field("type").options
		self.assertEqual(columns.STAGE_TYPES, tuple(types.split("\n")))

	def test_every_column_is_a_field_of_its_documents(self):
		for level, doctype in enumerate(subject_reader.DOCTYPES):
			fields = {field.fieldname for field in frappe.get_meta(doctype).fields}
			self.assertLessEqual({column.fieldname for column in columns.columns_of(level)}, fields)


class TestExport(SheetTestCase):
	def test_a_subject_costs_six_queries_whatever_its_size(self):
		subject = factories.make_subject(topics=2, lessons=3)
		with self.assertQueryCount(6):
			exporter.export_subject(subject.name, "csv")

	def test_an_export_imports_unchanged_in_both_kinds_of_file(self):
		game = Game(topics=2, lessons=2)
		self.addCleanup(game.remove)
		for file_type in ("xlsx", "csv"):
			content = exporter.export_subject(game.subject.name, file_type)
			report = importer.import_sheet(f"a.{file_type}", content, False)
			self.assertEqual(report.problems, [])
			self.assertEqual(
				{count.get("new", 0) + count.get("changed", 0) for count in report.counts.values()}, {0}
			)

	def test_there_is_nothing_to_export_of_a_subject_that_is_not_there(self):
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no subject SUBJ-NONE"):
			exporter.export_subject("SUBJ-NONE", "xlsx")


class TestRuns(SheetTestCase):
	def start(self, content: bytes, is_check: bool = False) -> str:
		with patch.object(redis_store, "enqueue"):  # the bench's worker would run it
			run_id = runs.start("subject.csv", content, is_check)
		self.addCleanup(redis_store.delete, get_content_import_key(run_id), get_content_upload_key(run_id))
		return run_id

	def spawn(self, run_id: str, moment: str) -> subprocess.Popen:
		command = [sys.executable, "-m", "tests.site.dying_import", run_id, moment]
		environment = {**os.environ, "PYTHONPATH": str(ROOT)}
		folder = os.environ["MEMORA_SITES_PATH"]
		return subprocess.Popen(command, cwd=folder, env=environment)

	def test_a_run_tells_what_it_did_and_lets_go_of_the_file(self):
		run_id = self.start(csv_of(self.example()))
		self.assertEqual(runs.status(run_id)["state"], "queued")
		runs.execute(run_id)
		status = runs.status(run_id)
		self.addCleanup(remove_subject, status["report"]["subject"])
		self.assertEqual((status["state"], status["report"]["is_imported"]), ("done", True))
		self.assertEqual(self.subjects(), [status["report"]["subject"]])
		self.assertFalse(redis_store.exists(get_content_upload_key(run_id)))
		runs.execute(run_id)
		self.assertEqual(runs.status(run_id), status)

	def test_a_run_is_told_to_its_user_alone(self):
		run_id = self.start(csv_of(self.example()), is_check=True)
		frappe.set_user(factories.make_user("Memora Content Manager").name)
		self.addCleanup(frappe.set_user, "Administrator")
		with self.assertRaisesRegex(frappe.DoesNotExistError, "Nothing is known of this import"):
			runs.status(run_id)
		with self.assertRaises(frappe.DoesNotExistError):
			runs.status(str(uuid.uuid4()))

	def test_a_killed_worker_leaves_all_or_nothing_and_is_told_as_lost(self):
		for moment in dying_import.MOMENTS:
			with self.subTest(moment):
				run_id = self.start(csv_of(self.example()))
				self.assertEqual(self.spawn(run_id, moment).wait(60), -signal.SIGKILL)
				status = runs.status(run_id)
				self.assertEqual(status["state"], "lost")
				self.assertIn("Check the file again", status["message"])
				self.assertEqual(len(self.subjects()), moment == "after commit")
		report = run(csv_of(self.example()))
		self.addCleanup(remove_subject, report.subject)
		self.assertEqual((report.problems, report.counts["Lesson"]["unchanged"]), ([], 2))

	def test_two_imports_at_once_make_one_subject(self):
		run_ids = [self.start(csv_of(self.example())) for _time in range(2)]
		workers = [self.spawn(run_id, "never") for run_id in run_ids]
		self.assertEqual([worker.wait(60) for worker in workers], [0, 0])
		reports = [runs.status(run_id)["report"] for run_id in run_ids]
		(subject,) = self.subjects()
		self.addCleanup(remove_subject, subject)
		self.assertEqual([report["subject"] for report in reports], [subject] * 2)
		self.assertEqual(sorted(report["counts"]["Lesson"]["new"] for report in reports), [0, 2])

	def test_an_import_that_meets_another_for_too_long_says_so(self):
		run_id = self.start(csv_of(self.example()))
		worker = self.spawn(self.start(csv_of(self.example())), "never")
		try:
			with patch.object(importer, "WAIT_SECONDS", 0):
				is_met = processes.wait_until(lambda: importer.named_locks.is_held(importer.LOCK_NAME), 60)
				self.assertTrue(is_met)
				runs.execute(run_id)
		finally:
			self.assertEqual(worker.wait(60), 0)
		for subject in self.subjects():
			self.addCleanup(remove_subject, subject)
		status = runs.status(run_id)
		self.assertEqual(
			(status["state"], status["message"]),
			("failed", "Another import is running. Try again when it has ended."),
		)

	def test_what_nobody_expected_changes_nothing_and_is_in_the_error_log(self):
		run_id = self.start(csv_of(self.example()))
		before = frappe.db.count("Error Log", {"method": runs.ERROR_TITLE})
		with patch.object(importer.matching, "match", side_effect=RuntimeError("unexpected")):
			runs.execute(run_id)
		self.assertEqual(frappe.db.count("Error Log", {"method": runs.ERROR_TITLE}), before + 1)
		status = runs.status(run_id)
		self.assertEqual(status["state"], "failed")
		self.assertIn("changed nothing", status["message"])
		self.assertEqual(self.subjects(), [])


class TestCommands(SheetTestCase):
	def file(self, name: str) -> Path:
		path = Path(os.environ["MEMORA_SITES_PATH"], f"{uuid.uuid4().hex}-{name}")
		self.addCleanup(lambda: path.unlink(missing_ok=True))
		return path

	def test_a_subject_goes_out_and_comes_back(self):
		subject = self.imported(self.example())
		file = self.file("subject.xlsx")
		self.assertEqual(run_memora("export-subject", subject, str(file)).returncode, 0)
		dry = run_memora("import-subject", "--dry-run", str(file))
		self.assertEqual(dry.returncode, 0, dry.stderr)
		self.assertIn("Lesson: 0 new, 0 changed, 2 unchanged\n", dry.stdout)
		self.assertIn("Nothing was changed.", dry.stdout)
		back = run_memora("import-subject", str(file))
		self.assertEqual((back.returncode, back.stdout.splitlines()[-1]), (0, f"Imported as {subject}."))

	def test_a_wrong_file_ends_with_one_and_tells_each_row(self):
		file = self.file("subject.csv")
		file.write_bytes(sheet_of(("Subject", "Published"), (self.title, "perhaps")))
		result = run_memora("import-subject", str(file))
		self.assertEqual(result.returncode, 1)
		self.assertIn("row 2: Published must be Yes or No.", result.stderr)
		self.assertIn("nothing was changed", result.stderr)
		self.assertEqual(self.subjects(), [])
