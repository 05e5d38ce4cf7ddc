"""Diagnostics tell a healthy table from a broken one, and say what is broken.

A DocType is made for this file and its table is damaged. Changing a table commits, so each test makes its own and
drops it.
"""

import uuid

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from memora.utils import diagnostics
from tests.factories import insert, make_lesson, make_subject

QUESTIONS = (
	diagnostics.validate_schema,
	diagnostics.diagnose_query_failure,
	diagnostics.get_table_info,
	diagnostics.check_foreign_keys,
	diagnostics.validate_indexes,
)

FIELDS = [
	{"fieldname": "code", "fieldtype": "Data", "label": "Code", "unique": 1, "in_list_view": 1},
	{"fieldname": "level", "fieldtype": "Int", "label": "Level", "search_index": 1},
	{"fieldname": "details", "fieldtype": "JSON", "label": "Details"},
	{"fieldname": "owner_of", "fieldtype": "Link", "label": "Owner Of", "options": "Memora Subject"},
	{"fieldname": "kind", "fieldtype": "Link", "label": "Kind", "options": "DocType"},
	{"fieldname": "thing", "fieldtype": "Dynamic Link", "label": "Thing", "options": "kind"},
]


class TestHealthyTables(FrappeTestCase):
	def test_a_healthy_table_answers_every_question_well(self):
		for doctype in ("Memora Lesson", "Memora Lesson Stage", "Memora Interaction Log", "User"):
			with self.subTest(doctype):
				self.assertTrue(diagnostics.validate_schema(doctype)["valid"])
				self.assertTrue(diagnostics.diagnose_query_failure(doctype)["ok"])
				self.assertTrue(diagnostics.validate_indexes(doctype)["valid"])

	def test_a_table_is_described_with_its_rows_columns_and_indexes(self):
		before = diagnostics.get_table_info("Memora Lesson")["rows"]
		make_lesson(make_subject(lessons=0).topic_names[0])
		info = diagnostics.get_table_info("Memora Lesson")
		frappe.db.rollback()
		self.assertEqual(
			(info["table"], info["engine"], info["rows"]), ("tabMemora Lesson", "InnoDB", before + 1)
		)
		self.assertIn(
			{"name": "unique_subject_bit_index", "columns": ["subject", "bit_index"], "unique": True},
			info["indexes"],
		)
		self.assertIn(
			{"name": "bit_index", "type": "int(11)", "nullable": False, "default": "-1"}, info["columns"]
		)

	def test_what_has_no_table_is_refused(self):
		for question in QUESTIONS:
			for doctype in ("No Such DocType", "", None, "x` or 1=1 -- "):
				with (
					self.subTest(question.__name__),
					self.assertRaisesRegex(InvalidInput, "There is no DocType"),
				):
					question(doctype)
			with self.subTest(question.__name__), self.assertRaisesRegex(InvalidInput, "no table of its own"):
				question("CDN Settings")


class TestBrokenTables(FrappeTestCase):
	def setUp(self):
		self.doctype = f"Scratch {uuid.uuid4().hex[:8]}"
		insert("DocType", name=self.doctype, module="Memora", custom=1, fields=FIELDS)
		frappe.db.commit()

	def tearDown(self):
		frappe.db.rollback()
		frappe.db.sql_ddl(f"drop table if exists `tab{self.doctype}`")
		frappe.delete_doc("DocType", self.doctype, force=True)
		frappe.db.commit()

	def alter(self, change: str):
		frappe.db.sql_ddl(f"alter table `tab{self.doctype}` {change}")

	def insert_row(self, **values) -> str:
		name = uuid.uuid4().hex[:10]
		frappe.get_doc({"doctype": self.doctype, **values}).db_insert()
		return name

	def test_the_table_is_healthy_before_it_is_broken(self):
		self.assertTrue(diagnostics.validate_schema(self.doctype)["valid"])
		self.assertTrue(diagnostics.diagnose_query_failure(self.doctype)["ok"])
		self.assertTrue(diagnostics.validate_indexes(self.doctype)["valid"])
		self.assertTrue(diagnostics.check_foreign_keys(self.doctype)["valid"])

	def test_missing_extra_and_changed_columns_are_named(self):
		self.alter("drop column `details`, add column `forgotten` int, modify `level` varchar(140)")
		found = diagnostics.validate_schema(self.doctype)
		self.assertEqual(
			found,
			{
				"doctype": self.doctype,
				"valid": False,
				"missing_columns": ["details"],
				"extra_columns": ["forgotten"],
				"type_mismatches": [{"column": "level", "expected": "int(11)", "actual": "varchar(140)"}],
			},
		)

	def test_a_forgotten_column_alone_does_no_harm(self):
		self.alter("add column `forgotten` int")
		found = diagnostics.validate_schema(self.doctype)
		self.assertEqual((found["valid"], found["extra_columns"]), (True, ["forgotten"]))

	def test_the_column_that_makes_a_list_fail_is_found_with_the_databases_words(self):
		self.alter("drop column `code`")
		found = diagnostics.diagnose_query_failure(self.doctype)
		self.assertEqual((found["ok"], found["failing_columns"]), (False, ["code"]))
		failures = {query["query"]: query["error"] for query in found["queries"] if not query["ok"]}
		self.assertEqual(set(failures), {"list", "column"})
		self.assertIn("Unknown column", failures["column"])
		self.assertIn("Unknown column", failures["list"])

	def test_a_table_that_is_gone_fails_every_query(self):
		self.alter("rename to `tabScratch Moved Away`")
		self.addCleanup(frappe.db.sql_ddl, "drop table if exists `tabScratch Moved Away`")
		found = diagnostics.diagnose_query_failure(self.doctype)
		self.assertFalse(any(query["ok"] for query in found["queries"]))

	def test_lost_and_unasked_indexes_are_named(self):
		self.alter("drop index `code`, drop index `level`, add index `for_nobody` (`owner_of`)")
		found = diagnostics.validate_indexes(self.doctype)
		self.assertEqual(
			found,
			{
				"doctype": self.doctype,
				"valid": False,
				"missing": [
					{"columns": ["code"], "unique": True},
					{"columns": ["level"], "unique": False},
				],
				"undeclared": ["for_nobody"],
			},
		)

	def test_an_index_that_is_no_longer_unique_counts_as_missing(self):
		self.alter("drop index `code`, add index `code` (`code`)")
		found = diagnostics.validate_indexes(self.doctype)
		self.assertEqual(found["missing"], [{"columns": ["code"], "unique": True}])
		self.assertEqual(found["undeclared"], ["code"])

	def test_links_that_point_at_nothing_are_counted_and_shown(self):
		subject = insert("Memora Subject", title="S").name
		self.insert_row(code="a", owner_of=subject, kind="Memora Subject", thing=subject)
		self.insert_row(code="b", owner_of="SUBJ-gone", kind="Memora Subject", thing="SUBJ-gone too")
		for index in range(7):
			self.insert_row(code=f"c{index}", owner_of="", kind="Memora Track", thing=f"TRACK-gone {index}")
		found = diagnostics.check_foreign_keys(self.doctype)
		dangling = {(link["fieldname"], link["target"]): link["dangling"] for link in found["links"]}
		self.assertFalse(found["valid"])
		self.assertEqual(
			dangling,
			{
				("owner_of", "Memora Subject"): 1,
				("kind", "DocType"): 0,
				("thing", "Memora Subject"): 1,
				("thing", "Memora Track"): 7,
			},
		)
		[owner_of] = [link for link in found["links"] if link["fieldname"] == "owner_of"]
		self.assertEqual([sample["value"] for sample in owner_of["samples"]], ["SUBJ-gone"])
		[tracks] = [link for link in found["links"] if link["target"] == "Memora Track"]
		self.assertEqual(len(tracks["samples"]), 5)

	def test_links_to_a_doctype_that_is_gone_all_dangle(self):
		self.insert_row(code="a", kind="Doctype Of Old", thing="anything")
		[link] = [
			link
			for link in diagnostics.check_foreign_keys(self.doctype)["links"]
			if link["target"] == "Doctype Of Old"
		]
		self.assertEqual((link["dangling"], link["samples"][0]["value"]), (1, "anything"))
