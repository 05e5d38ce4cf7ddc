"""A subject's spreadsheet over HTTP: for content managers and system managers alone, imported by the bench's worker."""

import io
import time
import zipfile

import frappe
from memora.api import content_sheet
from memora.services.content_sheet import outline, subject_reader, template, workbooks
from memora.utils import redis_store
from tests import factories
from tests.http.app import App, message_of, refusal
from tests.http.desk_user import open_desk
from tests.http.test_first_slice import HTTPTestCase
from tests.site.test_content_sheet import remove_subject

API = "memora.api.content_sheet"
PATIENCE_SECONDS = 60


class TestContentSheet(HTTPTestCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(self.remove_traces)
		self.desk = open_desk(self, "Memora Content Manager")
		self.subject = self.game.subject.name
		# Every endpoint: its verb, and arguments that are good for it.
		self.endpoints = {
			"download_template": ("GET", {}),
			"export_subject": ("GET", {"subject": self.subject, "file_type": "csv"}),
			"start_import": ("POST", {"is_check": 0}),
			"import_status": ("GET", {"run_id": factories.new_uuid()}),
		}

	def remove_traces(self):
		redis_store.delete(*redis_store.keys_matching("rate_limit:*content_sheet*"))
		redis_store.delete(*redis_store.keys_matching("content_import:*"))

	def send(self, app, name: str, content: bytes, **fields):
		path = f"/api/method/{API}.start_import"
		return app.request("POST", path, data=fields, files={"file": (name, content)})

	def follow(self, app, run_id: str) -> dict:
		deadline = time.monotonic() + PATIENCE_SECONDS
		while time.monotonic() < deadline:
			status = message_of(app.get(f"{API}.import_status", run_id=run_id))
			if status["state"] not in ("queued", "running"):
				return status
			time.sleep(0.3)
		self.fail(f"the import is still {status['state']} after {PATIENCE_SECONDS} s")

	def import_file(self, app, name: str, content: bytes, is_check: int) -> dict:
		return self.follow(app, message_of(self.send(app, name, content, is_check=is_check))["run_id"])

	def subjects_titled(self, title: str) -> list[str]:
		frappe.db.rollback()
		return frappe.get_all("Memora Subject", filters={"title": title}, pluck="name")

	def test_the_table_has_every_endpoint(self):
		whitelisted = {
			name
			for name, value in vars(content_sheet).items()
			if callable(value) and value in frappe.whitelisted
		}
		self.assertEqual(whitelisted, set(self.endpoints))

	def test_neither_students_nor_guests_reach_any_endpoint(self):
		self.log_in()
		title = factories.unique("Never")
		content = workbooks.write_csv([["Subject"], [title]])
		for endpoint, (verb, arguments) in self.endpoints.items():
			for who, app in (("student", self.app), ("guest", App())):
				if verb == "GET":
					reply = app.get(f"{API}.{endpoint}", **arguments)
				else:
					reply = self.send(app, "a.csv", content, **arguments)
				self.assertEqual(reply.status_code, 403, (endpoint, who, reply.text[:300]))
				self.assertNotIn("Subject", reply.headers.get("Content-Disposition", ""))
		self.assertEqual(redis_store.keys_matching("content_import:*"), [])
		self.assertEqual(self.subjects_titled(title), [])

	def test_a_file_is_sent_once_to_be_checked_and_once_to_be_imported(self):
		root = template.arabic_example()
		root.title = factories.unique("مادة")
		content = workbooks.write_xlsx({"Content": outline.write(root)})
		checked = self.import_file(self.desk, "مادة.xlsx", content, is_check=1)
		self.assertEqual((checked["state"], checked["report"]["problems"]), ("done", []))
		self.assertEqual(self.subjects_titled(root.title), [])
		imported = self.import_file(self.desk, "مادة.xlsx", content, is_check=0)
		(name,) = self.subjects_titled(root.title)
		self.addCleanup(remove_subject, name)
		self.assertEqual(
			(imported["report"]["is_imported"], imported["report"]["subject"], imported["file_name"]),
			(True, name, "مادة.xlsx"),
		)
		self.assertEqual(imported["report"]["counts"], checked["report"]["counts"])
		owner = frappe.db.get_value("Memora Subject", name, "owner")
		self.assertEqual(owner, self.desk.user)

	def test_what_is_wrong_is_told_by_row_a_hundred_times_at_most(self):
		rows = [["Subject", "Track", "Published"], *[["S", f"T{number}", "perhaps"] for number in range(120)]]
		status = self.import_file(self.desk, "a.csv", workbooks.write_csv(rows), is_check=1)
		report = status["report"]
		self.assertEqual((report["problem_count"], len(report["problems"])), (120, 100))
		self.assertEqual(
			report["problems"][0],
			{"row": 2, "column": "Published", "message": "Published must be Yes or No."},
		)

	def test_what_is_no_spreadsheet_is_told_in_a_sentence(self):
		for name, content in (("a.xlsx", b"no zip"), ("a.exe", b""), ("a.csv", b"\xff\xfe")):
			with self.subTest(name):
				report = self.import_file(self.desk, name, content, is_check=0)["report"]
				self.assertFalse(report["is_imported"])
				self.assertEqual([problem["row"] for problem in report["problems"]], [None])

	def test_an_export_is_a_file_that_names_the_subject(self):
		csv = self.desk.get(f"{API}.export_subject", subject=self.subject, file_type="csv")
		self.assertEqual(csv.status_code, 200)
		self.assertIn(f"{self.subject}.csv", csv.headers["Content-Disposition"])
		root, problems = outline.read(workbooks.read_table("a.csv", csv.content))
		frappe.db.rollback()
		self.assertEqual(problems, [])
		self.assertEqual(
			[node.id for node in root], [node.id for node in subject_reader.read_subject(self.subject)]
		)
		for reply in (
			self.desk.get(f"{API}.export_subject", subject=self.subject),
			self.desk.get(f"{API}.download_template"),
		):
			self.assertIn("xl/workbook.xml", zipfile.ZipFile(io.BytesIO(reply.content)).namelist())

	def test_bad_arguments_are_refused_and_start_nothing(self):
		too_large = b"a" * (workbooks.MAX_FILE_BYTES + 1)
		refused = [
			self.desk.post(f"{API}.start_import", is_check=1),
			self.desk.post(f"{API}.start_import", is_check=1, file="Subject"),
			self.send(self.desk, "a.csv", b"Subject"),
			self.send(self.desk, "a.csv", b"Subject", is_check="perhaps"),
			self.send(self.desk, "a.csv", too_large, is_check=1),
			self.send(self.desk, "a" * 300 + ".csv", b"Subject", is_check=1),
			self.desk.get(f"{API}.export_subject"),
			self.desk.get(f"{API}.export_subject", subject=self.subject, file_type="pdf"),
			self.desk.get(f"{API}.import_status"),
			self.desk.get(f"{API}.import_status", run_id="../x"),
		]
		for number, reply in enumerate(refused):
			self.assertEqual(refusal(reply), (417, "InvalidInput"), (number, reply.text[:300]))
		unknown = [
			self.desk.get(f"{API}.export_subject", subject="SUBJ-NONE"),
			self.desk.get(f"{API}.import_status", run_id=factories.new_uuid()),
		]
		for reply in unknown:
			self.assertEqual(refusal(reply), (404, "DoesNotExistError"))
		self.assertEqual(redis_store.keys_matching("content_import:*"), [])
