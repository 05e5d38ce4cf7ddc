"""A content manager looks for players by every route that Frappe has: rows, reports, users, contacts, and the plan that
players follow. He finds how many they are, and not who.

A player is found by what tells who he is: his address, his name, his device.
"""

import json
from urllib.parse import unquote

import frappe
from tests import factories
from tests.security import frappe_routes, inventory
from tests.security.frappe_routes import Route, method
from tests.security.world import CONTENT_MANAGER, STUDENT, SecurityTestCase

PLAYER_ROWS = (
	"Memora Player Profile",
	"Memora Player Wallet",
	"Memora Structure Progress",
	"Memora Interaction Log",
	"Memora Authorized Device",
)
NAME = "Canary Ward"
# Frappe keeps this page, and shows it with the path that was not found first.
NOT_FOUND = 'id="page-404"'


def report_routes(report):
	ran = {"report_name": report, "filters": {}}
	return [
		method("frappe.desk.query_report.run", **ran),
		method("frappe.desk.query_report.run", "POST", **ran, ignore_prepared_report=1),
		method("frappe.desk.query_report.export_query", "POST", **ran, file_format_type="CSV"),
		method("frappe.desk.query_report.background_enqueue_run", "POST", **ran),
		method("frappe.desk.query_report.get_script", report_name=report),
		method("frappe.core.doctype.prepared_report.prepared_report.make_prepared_report", "POST", **ran),
		method("run_doc_method", "POST", dt="Report", dn=report, method="execute_script_report"),
		Route("GET", f"/api/resource/Report/{report}"),
	]


def people_routes(user, first_name):
	return [
		*(route for doctype in ("User", "Contact") for route in frappe_routes.reads(doctype, user)),
		method("frappe.desk.search.search_link", "POST", doctype="User", txt=first_name[:5]),
		method("frappe.desk.search.search_link", "POST", doctype="Contact", txt=first_name[:5]),
		method("frappe.desk.search.get_names_for_mentions", search_term=first_name[:5]),
		method("frappe.core.doctype.user.user.get_all_roles"),
		method("frappe.utils.global_search.search", text=first_name),
		method("frappe.email.get_contact_list", txt=first_name[:5]),
		method(
			"frappe.email.get_communication_doctype", "POST", doctype="Contact", txt="", searchfield="name"
		),
		method("frappe.boot.get_user_info"),
		method(
			"frappe.core.doctype.session_default_settings.session_default_settings.get_session_default_values"
		),
	]


def around(word, answer):
	begin = max(0, answer.index(word) - 150)
	return answer[begin : begin + 300]


class TestContentManager(SecurityTestCase):
	def setUp(self):
		super().setUp()
		user = self.victim.user
		self.first_name = f"Canary{frappe.generate_hash(length=8)}"
		frappe.db.set_value("Memora Player Profile", self.victim.name, "display_name", NAME)
		self.name_user(self.first_name)
		self.addCleanup(self.name_user, "Test")  # he serves the next test
		self.contact = factories.insert(
			"Contact", first_name=self.first_name, user=user, email_ids=[{"email_id": user}]
		)
		self.addCleanup(self.remove_contact)
		factories.insert("Memora Interaction Log", player=user, interaction_type="login")
		frappe.db.commit()
		self.rows = {
			"Memora Player Profile": self.victim.name,
			"Memora Player Wallet": frappe.db.get_value("Memora Player Wallet", {"player": self.victim.name}),
			"Memora Structure Progress": frappe.db.get_value("Memora Structure Progress", {"player": user}),
			"Memora Interaction Log": str(frappe.db.get_value("Memora Interaction Log", {"player": user})),
			"Memora Authorized Device": self.victim.authorized_devices[0].name,
		}

	def name_user(self, name):
		frappe.db.set_value("User", self.victim.user, {"first_name": name, "full_name": name})
		frappe.clear_document_cache("User", self.victim.user)
		frappe.db.commit()

	def remove_contact(self):
		frappe.db.rollback()
		frappe.db.delete("Contact Email", {"parent": self.contact.name})
		frappe.db.delete("Contact", {"name": self.contact.name})
		frappe.db.commit()

	def found(self, who, routes):
		"""The routes that told somebody who the player is. What the caller sent himself may come back."""
		app, told = self.app_of(who), []
		words = (self.victim.user, NAME, self.first_name, *self.victim.device_ids)
		for route in routes:
			sent, answer = json.dumps(route.body) + unquote(route.path), route.walk(app).text
			if NOT_FOUND in answer:
				continue
			told += [
				(route, word, around(word, answer)) for word in words if word in answer and word not in sent
			]
		return told

	def test_he_finds_no_player_among_the_rows(self):
		for doctype in PLAYER_ROWS:
			with self.subTest(doctype):
				self.assertEqual(
					self.found(CONTENT_MANAGER, frappe_routes.reads(doctype, self.rows[doctype])), []
				)

	def test_he_runs_no_report_about_players(self):
		self.assertEqual(len(inventory.named("report")), 3)
		for report in inventory.named("report"):
			with self.subTest(report):
				self.assertEqual(self.found(CONTENT_MANAGER, report_routes(report)), [])

	def test_neither_he_nor_a_student_finds_a_player_among_users_and_contacts(self):
		for who in (CONTENT_MANAGER, STUDENT):
			with self.subTest(who):
				self.assertEqual(self.found(who, people_routes(self.victim.user, self.first_name)), [])
				self.assertEqual(self.found(who, frappe_routes.reads("Contact", self.contact.name)), [])

	def test_the_plan_that_players_follow_leads_to_none_of_them(self):
		for doctype, name in (
			("Memora Academic Plan", self.game.plan.name),
			("Memora Subject", self.game.subject.name),
		):
			routes = [
				*frappe_routes.reads(doctype, name),
				method("frappe.client.delete", "POST", doctype=doctype, name=name),
			]
			with self.subTest(doctype):
				self.assertEqual(self.found(CONTENT_MANAGER, routes), [])
		self.assertTrue(frappe.db.exists("Memora Academic Plan", self.game.plan.name))

	def test_the_check_itself_finds_what_an_administrator_is_told(self):
		for doctype in PLAYER_ROWS[:4]:
			with self.subTest(doctype):
				self.assertNotEqual(
					self.found("System Manager", frappe_routes.reads(doctype, self.rows[doctype])), []
				)
