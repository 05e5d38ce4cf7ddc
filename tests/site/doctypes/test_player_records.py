"""Structure Progress and the Interaction Log: what the server earns for a player nobody types in, edits or deletes."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from tests.factories import insert, make_subject, make_user, new_uuid, reload


class TestStructureProgress(FrappeTestCase):
	def setUp(self):
		self.player, self.subject = make_user("Memora Student").name, make_subject().name

	def tearDown(self):
		frappe.db.rollback()

	def progress(self, **values):
		return insert("Memora Structure Progress", player=self.player, subject=self.subject, **values)

	def test_a_player_has_one_row_for_a_subject(self):
		self.progress()
		with self.assertRaises(frappe.UniqueValidationError):
			self.progress()

	def test_progress_typed_into_a_form_is_ignored(self):
		row = self.progress(progress_bitmap="AQ==", total_xp_earned=10, completion_percentage=50)
		form = reload(row)
		form.update({"progress_bitmap": "/w==", "total_xp_earned": 999, "enrolled_directly": 1})
		form.save()
		stored = reload(row)
		self.assertEqual((stored.progress_bitmap, stored.total_xp_earned), ("AQ==", 10))
		self.assertEqual(stored.enrolled_directly, 1)

	def test_a_row_made_in_a_form_starts_empty(self):
		row = frappe.get_doc(
			{
				"doctype": "Memora Structure Progress",
				"player": self.player,
				"subject": self.subject,
				"progress_bitmap": "/w==",
				"total_xp_earned": 999,
			}
		).insert()
		stored = reload(row)
		self.assertEqual((stored.progress_bitmap or "", stored.total_xp_earned), ("", 0))

	def test_what_is_no_progress_is_refused(self):
		for values, reason in (
			({"progress_bitmap": "not base64!"}, "Progress Bitmap must be base64"),
			({"best_hearts": "[1]"}, "Best Hearts must be a JSON object"),
			({"best_hearts": '{"LESSON-001": 6}'}, "best hearts of LESSON-001 must be 0 to 5"),
			({"best_hearts": '{"LESSON-001": true}'}, "best hearts of LESSON-001 must be 0 to 5"),
			({"completion_percentage": 100.01}, "must be from 0 to 100"),
			({"completion_percentage": -1}, "must be from 0 to 100"),
		):
			with self.subTest(values), self.assertRaisesRegex(InvalidInput, reason):
				self.progress(**values)

	def test_the_row_never_changes_its_player_or_subject(self):
		row = self.progress()
		row.subject = make_subject().name
		with self.assertRaises(frappe.CannotChangeConstantError):
			row.save(ignore_permissions=True)


class TestInteractionLog(FrappeTestCase):
	def setUp(self):
		self.player = make_user("Memora Student").name

	def tearDown(self):
		frappe.set_user("Administrator")
		frappe.db.rollback()

	def entry(self, **values):
		values = {"player": self.player, "interaction_type": "login", **values}
		return insert("Memora Interaction Log", **values)

	def stored(self, name, *columns):
		return frappe.db.get_value("Memora Interaction Log", name, columns)

	def test_entries_are_numbered(self):
		first, second = self.entry().name, self.entry().name
		self.assertIsInstance(first, int)
		self.assertGreater(second, first)

	def test_an_entry_gets_an_id_and_a_time_of_its_own(self):
		event_id, created_at = self.stored(self.entry().name, "event_id", "created_at")
		self.assertEqual(len(event_id), 36)
		self.assertIsNotNone(created_at)

	def test_what_an_entry_does_not_have_is_null_in_the_database(self):
		for nothing in (None, "", 0):
			columns = ("seq", "first_completion_of", "client_event_id")
			entry = self.entry(**dict.fromkeys(columns, nothing))
			self.assertEqual(self.stored(entry.name, *columns), (None, None, None))

	def test_many_entries_without_a_place_among_the_awards_stand_side_by_side(self):
		names = {self.entry().name for _index in range(3)}
		self.assertEqual(frappe.db.count("Memora Interaction Log", {"player": self.player}), len(names))

	def test_the_database_keeps_each_key_once_a_player(self):
		other = make_user("Memora Student").name
		for key, value in (
			("seq", 1),
			("first_completion_of", "LESSON-001"),
			("client_event_id", new_uuid()),
		):
			self.entry(**{key: value})
			self.entry(**{key: value, "player": other})
			with (
				self.subTest(key),
				self.assertRaisesRegex(frappe.UniqueValidationError, f"unique_player_{key}"),
			):
				self.entry(**{key: value})

	def test_the_database_keeps_an_event_id_once(self):
		event_id = self.entry().event_id
		with self.assertRaisesRegex(frappe.UniqueValidationError, "event_id"):
			self.entry(event_id=event_id)

	def test_details_are_a_json_object(self):
		entry = self.entry(interaction_data={"hearts": 5, "note": "<b>٣</b>"})
		self.assertEqual(frappe.parse_json(reload(entry).interaction_data), {"hearts": 5, "note": "<b>٣</b>"})
		with self.assertRaisesRegex(InvalidInput, "Interaction Data must be a JSON object"):
			self.entry(interaction_data="[1]")

	def test_nobody_edits_an_entry_not_even_the_administrator(self):
		entry = self.entry(seq=1, xp_awarded=10)
		for ignores_permissions in (False, True):
			form = reload(entry)
			form.xp_awarded = 1000
			with self.assertRaisesRegex(InvalidInput, "append only"):
				form.save(ignore_permissions=ignores_permissions)
		self.assertEqual(self.stored(entry.name, "xp_awarded"), 10)

	def test_nobody_deletes_an_entry_not_even_by_force(self):
		entry = self.entry()
		for options in ({}, {"force": True}, {"ignore_permissions": True}):
			with self.assertRaisesRegex(InvalidInput, "append only"):
				frappe.delete_doc("Memora Interaction Log", entry.name, **options)
		self.assertTrue(frappe.db.exists("Memora Interaction Log", entry.name))

	def test_a_system_manager_reads_the_log_and_writes_nothing(self):
		entry = reload(self.entry())
		frappe.set_user(make_user("System Manager").name)
		self.assertTrue(entry.has_permission("read"))
		for action in ("write", "create", "delete"):
			self.assertFalse(entry.has_permission(action))
