"""What installing and migrating leave on a site, however often they run."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora import install
from memora.utils import diagnostics, table_indexes
from tests.factories import insert

DOCTYPES = (
	"Memora Season",
	"Memora Grade",
	"Memora Stream",
	"Memora Subject",
	"Memora Track",
	"Memora Unit",
	"Memora Topic",
	"Memora Lesson",
	"Memora Lesson Stage",
	"Memora Academic Plan",
	"Memora Plan Subject",
	"Memora Plan Override",
	"Memora Player Profile",
	"Memora Authorized Device",
	"Memora Player Wallet",
	"Memora Structure Progress",
	"Memora Interaction Log",
	"CDN Sync Log",
	"CDN Health Finding",
)


class TestInstall(FrappeTestCase):
	def tearDown(self):
		frappe.db.rollback()

	def test_students_have_no_desk_and_content_managers_have(self):
		for role, desk_access in (("Memora Student", 0), ("Memora Content Manager", 1)):
			self.assertEqual(frappe.db.get_value("Role", role, "desk_access"), desk_access)

	def test_running_it_again_changes_nothing_and_keeps_an_administrators_settings(self):
		settings = frappe.get_doc("CDN Settings")
		settings.update({"batch_threshold": 7, "local_fallback_mode": 0})
		settings.save()
		roles = frappe.db.count("Role")
		for step in (install.before_install, install.after_install, install.after_migrate):
			step()
		self.assertEqual(frappe.db.count("Role"), roles)
		stored = frappe.get_doc("CDN Settings")
		self.assertEqual((stored.batch_threshold, stored.local_fallback_mode), (7, 0))

	def test_settings_that_nobody_saved_have_their_defaults(self):
		frappe.db.delete("Singles", {"doctype": "CDN Settings"})
		install.after_install()
		stored = frappe.db.get_singles_dict("CDN Settings", cast=True)
		self.assertEqual((stored.signed_url_expiry_hours, stored.batch_threshold), (4, 50))

	def test_every_table_is_what_its_doctype_declares(self):
		for doctype in DOCTYPES:
			with self.subTest(doctype):
				schema, indexes = diagnostics.validate_schema(doctype), diagnostics.validate_indexes(doctype)
				self.assertTrue(schema["valid"], schema)
				self.assertTrue(indexes["valid"], indexes)
				self.assertEqual(diagnostics.get_table_info(doctype)["engine"], "InnoDB")

	def test_a_lost_index_comes_back_with_the_next_migrate(self):
		frappe.db.commit()
		frappe.db.sql_ddl("alter table `tabCDN Sync Log` drop index `status_next_retry_at_index`")
		self.assertFalse(diagnostics.validate_indexes("CDN Sync Log")["valid"])
		install.after_migrate()
		self.assertTrue(diagnostics.validate_indexes("CDN Sync Log")["valid"])

	def test_a_doctype_that_is_synced_again_keeps_its_empty_places_and_indexes(self):
		entry = insert("Memora Interaction Log", player="Guest", interaction_type="login").name
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, "Memora Interaction Log", {"name": entry})
		for _index in range(2):
			frappe.reload_doctype("Memora Interaction Log", force=True)
		self.assertIsNone(frappe.db.get_value("Memora Interaction Log", entry, "seq"))
		self.assertTrue(diagnostics.validate_indexes("Memora Interaction Log")["valid"])

	def test_every_module_that_declares_indexes_is_on_the_list(self):
		declaring = {
			doctype
			for doctype in DOCTYPES
			if hasattr(frappe.modules.load_doctype_module(doctype), "on_doctype_update")
		}
		self.assertEqual(declaring, set(table_indexes.DOCTYPES_WITH_DECLARATIONS))
