"""A student reads nothing directly, not even his own rows; each role does what its name says."""

import frappe
from frappe.tests.utils import FrappeTestCase
from tests.factories import insert, make_plan, make_player, make_subject, make_user

CONTENT = (
	"Memora Season",
	"Memora Grade",
	"Memora Stream",
	"Memora Subject",
	"Memora Track",
	"Memora Unit",
	"Memora Topic",
	"Memora Lesson",
	"Memora Academic Plan",
)
PLAYER_ROWS = (
	"Memora Player Profile",
	"Memora Player Wallet",
	"Memora Structure Progress",
	"Memora Interaction Log",
)
ALL = (*CONTENT, *PLAYER_ROWS, "CDN Settings", "CDN Sync Log", "CDN Health Finding")


class TestPermissions(FrappeTestCase):
	def setUp(self):
		subject = make_subject()
		self.student = make_user("Memora Student").name
		player = make_player(user=self.student, current_plan=make_plan(subjects=[subject.name]).name)
		insert("Memora Interaction Log", player=self.student, interaction_type="login")
		self.own_rows = {
			"Memora Player Profile": player.name,
			"Memora Player Wallet": frappe.db.get_value("Memora Player Wallet", {"player": player.name}),
			"Memora Structure Progress": frappe.db.get_value(
				"Memora Structure Progress", {"player": self.student}
			),
			"Memora Interaction Log": frappe.db.get_value("Memora Interaction Log", {"player": self.student}),
		}

	def tearDown(self):
		frappe.set_user("Administrator")
		frappe.db.rollback()

	def test_a_student_is_no_desk_user(self):
		self.assertEqual(frappe.db.get_value("User", self.student, "user_type"), "Website User")

	def test_a_student_may_do_nothing_with_any_doctype(self):
		frappe.set_user(self.student)
		for doctype in ALL:
			for action in ("read", "write", "create", "delete", "report", "export", "select"):
				with self.subTest(f"{action} {doctype}"):
					self.assertFalse(frappe.has_permission(doctype, action))

	def test_a_student_lists_nothing(self):
		frappe.set_user(self.student)
		for doctype in (*CONTENT, *PLAYER_ROWS, "CDN Sync Log"):
			with self.subTest(doctype), self.assertRaises(frappe.PermissionError):
				frappe.get_list(doctype)

	def test_a_student_reads_not_even_his_own_rows(self):
		frappe.set_user(self.student)
		for doctype, name in self.own_rows.items():
			with self.subTest(doctype), self.assertRaises(frappe.PermissionError):
				frappe.get_doc(doctype, name).check_permission("read")

	def test_a_shared_row_and_a_widened_role_show_a_student_nothing(self):
		for doctype, name in self.own_rows.items():
			widen = {"parent": doctype, "role": "Memora Student", "permlevel": 0, "read": 1, "report": 1}
			insert("Custom DocPerm", **widen)
			frappe.clear_cache(doctype=doctype)
			self.addCleanup(frappe.clear_cache, doctype=doctype)
			frappe.set_user(self.student)
			with self.subTest(doctype):
				self.assertEqual(frappe.get_list(doctype), [])
				self.assertFalse(frappe.get_doc(doctype, name).has_permission("read"))
			frappe.set_user("Administrator")

	def test_a_content_manager_works_on_content_and_reads_the_logs_of_his_work_only(self):
		frappe.set_user(make_user("Memora Content Manager").name)
		for doctype in CONTENT:
			for action in ("read", "write", "create", "delete"):
				with self.subTest(f"{action} {doctype}"):
					self.assertTrue(frappe.has_permission(doctype, action))
		for doctype in ("CDN Sync Log", "CDN Health Finding"):
			self.assertTrue(frappe.has_permission(doctype, "read"))
			self.assertFalse(frappe.has_permission(doctype, "write"))
		for doctype in (*PLAYER_ROWS, "CDN Settings"):
			self.assertFalse(frappe.has_permission(doctype, "read"))

	def test_a_system_manager_sees_players_and_settings(self):
		frappe.set_user(make_user("System Manager").name)
		for doctype, name in self.own_rows.items():
			with self.subTest(doctype):
				self.assertTrue(frappe.get_doc(doctype, name).has_permission("read"))
				self.assertTrue(frappe.get_list(doctype, filters={"name": name}))
		self.assertTrue(frappe.has_permission("CDN Settings", "write"))
