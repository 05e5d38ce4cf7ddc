"""Somebody who may not see or change a row tries every route that Frappe has, for every DocType (IDOR)."""

import json

from tests.http.app import App, message_of, refusal
from tests.security import frappe_routes, inventory
from tests.security.state import changes, state
from tests.security.world import (
	CONTENT_MANAGER,
	GUEST,
	STUDENT,
	MarkedRows,
	a_field,
)

STAND_IN = "/api/method/memora.api.frappe_lookups.get_link_title"
PLAYER_ROWS = (
	"Memora Player Profile",
	"Memora Player Wallet",
	"Memora Structure Progress",
	"Memora Authorized Device",
)


class TestForeignRows(MarkedRows):
	def test_every_doctype_has_a_row_to_be_attacked(self):
		self.assertEqual(set(self.rows), set(inventory.definitions()))

	def test_a_student_reads_no_row_by_any_route(self):
		self.read_all(self.app_of(STUDENT), self.rows)

	def test_a_guest_reads_no_row_by_any_route(self):
		self.read_all(self.app_of(GUEST), self.rows)

	def test_a_content_manager_reads_no_players_row_and_no_setting_by_any_route(self):
		self.read_all(self.app_of(CONTENT_MANAGER), [*PLAYER_ROWS, "CDN Settings"])

	def test_a_student_changes_nothing_by_any_route(self):
		self.write_all(self.app_of(STUDENT), self.rows)

	def test_a_guest_changes_nothing_by_any_route(self):
		self.write_all(self.app_of(GUEST), self.rows)

	def test_another_way_of_writing_a_doctype_is_the_same_doctype(self):
		wallet, likes = self.rows["Memora Player Wallet"], "frappe.desk.like.toggle_like"
		before = state()
		for written in (
			"memora player wallet",
			" Memora Player Wallet\n",
			"memora-player-wallet",
			"MEMORA PLAYER WALLET",
		):
			for body in (
				{"doctype": written, "name": wallet, "add": "Yes"},
				{"args": json.dumps(json.dumps({"doctype": written, "name": wallet}))},
				{"docs": json.dumps([{"a": [{"b": written}]}])},
			):
				for path in (f"/api/method/{likes}", f"/?cmd={likes}", "/api/method/upload_file", STAND_IN):
					reply = self.app.request("POST", path, json=body)
					self.assertEqual(refusal(reply), (403, "PermissionError"), (written, body, path))
				form = self.app.request("POST", f"/api/method/{likes}", data=body)
				self.assertEqual(refusal(form), (403, "PermissionError"), (written, body))
		self.assertEqual(changes(before), [])

	def test_nesting_that_nobody_can_read_is_no_error_of_ours(self):
		deep = "[" * 100_000
		reply = self.app.post("frappe.auth.get_logged_user", filters=deep)
		self.assertEqual(message_of(reply), self.player.user)

	def test_a_doctype_is_found_however_deep_it_lies(self):
		deep = {"doctype": "Memora Lesson"}
		for _ in range(500):
			deep = [deep]
		reply = self.app.post("frappe.auth.get_logged_user", filters=deep)
		self.assertEqual(refusal(reply), (403, "PermissionError"))

	def test_a_guest_at_a_list_of_desk_is_shown_the_way_to_the_login(self):
		guest = App()
		for path in ("/app/memora-lesson", f"/app/memora-subject/{self.game.subject.name}"):
			reply = guest.request("GET", path, headers={"Accept": "text/html"}, allow_redirects=False)
			# Frappe 15 sends him there, earlier ones show a page with the way.
			self.assertIn("/login", reply.headers.get("Location") or reply.text, path)
		reply = guest.request("GET", "/app/memora-lesson", params={"cmd": "frappe.client.get_list"})
		self.assertEqual(reply.status_code, 403)

	def read_all(self, app: App, doctypes):
		leaks = []
		for doctype in doctypes:
			for route in frappe_routes.reads(doctype, self.rows[doctype]):
				reply = route.walk(app)
				if self.mark in reply.text:
					leaks.append((doctype, route, reply.text[:300]))
		self.assertEqual(leaks, [])

	def write_all(self, app: App, doctypes):
		before = state()
		accepted = []
		for doctype in doctypes:
			for route in frappe_routes.writes(doctype, self.rows[doctype], *a_field(doctype)):
				reply = route.walk(app)
				if reply.status_code < 400:
					accepted.append((doctype, route.path))
		self.assertEqual(changes(before), [], accepted)
