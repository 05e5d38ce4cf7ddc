"""Attack: be erased and go on; have somebody else erased; ask for somebody else's data."""

import contextlib

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.memora.doctype.memora_personal_data.memora_personal_data import MemoraPersonalData
from memora.services.privacy import erasure
from tests import committed
from tests.committed import PASSWORD, Game
from tests.http.app import App, refusal
from tests.http.desk_user import open_desk
from tests.site.privacy.people import Person, forget_tombstone, found_in_database, site_settings

DELETION = erasure.REQUEST


@contextlib.contextmanager
def as_user(user):
	frappe.set_user(user)
	try:
		yield
	finally:
		frappe.set_user("Administrator")


class TestErasedPlayer(FrappeTestCase):
	def setUp(self):
		committed.enter(self, site_settings())
		self.game = Game(lessons=3)
		self.addCleanup(self.game.remove)
		self.person = Person(self.game)
		self.addCleanup(forget_tombstone, self.person.user)
		self.app = App(self.person.device_ids[0])
		self.assertEqual(self.app.login(self.person.user, PASSWORD).status_code, 200)

	def tearDown(self):
		frappe.db.rollback()
		erasure.erase_player(self.person.user)

	def test_his_session_ends_at_once_and_his_password_opens_nothing(self):
		self.assertEqual(self.app.get("memora.api.player.get_wallet").status_code, 200)
		erasure.erase_player(self.person.user)
		self.assertEqual(refusal(self.app.get("memora.api.player.get_wallet")), (401, "SessionReplaced"))
		self.assertEqual(App(self.person.device_ids[0]).login(self.person.user, PASSWORD).status_code, 401)
		found = found_in_database([self.person.profile.name])
		self.assertEqual(found, set())

	def test_a_student_erases_nobody_and_reads_nobodys_data(self):
		other = Person(self.game)
		self.addCleanup(erasure.erase_player, other.user)
		request = other.ask_for_deletion()
		filters = f'{{"user": "{other.user}"}}'
		claimed = {"email": other.user, "status": "Pending Approval"}
		for response in (
			self.app.request("POST", f"/api/resource/{DELETION}", json=claimed),
			self.run_method(DELETION, request.name, "trigger_data_deletion"),
			self.run_method(DELETION, request.name, "erase"),
			self.run_method("Memora Personal Data", other.user, "load_from_db"),
			self.app.get("frappe.client.get_list", doctype="Memora Personal Data", filters=filters),
			self.app.get("frappe.client.get_list", doctype="Memora Tombstone"),
			self.app.request("GET", f"/api/resource/Memora Personal Data/{other.user}"),
		):
			with self.subTest(response.request.url):
				self.assertIn(response.status_code, (403, 404), response.text[:300])
		frappe.db.rollback()
		self.assertEqual(frappe.db.get_value("User", other.user, "enabled"), 1)
		self.assertTrue(frappe.db.exists("Memora Player Profile", {"user": other.user}))

	def test_nobody_in_desk_but_a_system_manager_lists_a_players_data(self):
		fields = {"doctype": "Memora Personal Data", "fields": '["name"]'}
		filters = f'[["Memora Personal Data", "user", "=", "{self.person.user}"]]'
		for method in ("reportview.get", "reportview.get_list", "reportview.get_count"):
			body = {**fields, "filters": filters}
			told = open_desk(self, "Memora Content Manager").post(f"frappe.desk.{method}", **body)
			self.assertNotIn(self.person.user, told.text, method)
			self.assertNotIn('"message":1', told.text.replace(" ", ""), method)

	def test_what_a_student_asks_for_another_by_frappes_web_form_holds_nothing_of_memora(self):
		other = Person(self.game)
		self.addCleanup(erasure.erase_player, other.user)
		with as_user(self.person.user):
			self.assertEqual(MemoraPersonalData.get_list({"filters": {"user": other.user}}), [])
			[own] = MemoraPersonalData.get_list({"filters": {"user": self.person.user}})
		self.assertEqual(own["user"], self.person.user)

	def run_method(self, doctype, name, method):
		body = {"dt": doctype, "dn": name, "method": method}
		return self.app.request("POST", "/api/method/run_doc_method", json=body)
