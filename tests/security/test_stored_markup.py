"""Markup in what people typed: Frappe and Memora give it out as text, or as JSON that no browser takes for a page."""

import frappe
from tests.committed import PASSWORD
from tests.http.app import App
from tests.security import inventory
from tests.security.world import CONTENT_MANAGER, SYSTEM_MANAGER, SecurityTestCase

SCRIPT = "<script>alert(7907)</script>"
IMAGE = '"><img src=x onerror=alert(7907)>'


class TestStoredMarkup(SecurityTestCase):
	def test_a_page_shows_markup_in_content_as_text(self):
		lesson = self.game.lessons[0]
		app = self.desk(CONTENT_MANAGER)
		body = {"title": SCRIPT + "A title", "description": SCRIPT + IMAGE}
		saved = app.request("PUT", f"/api/resource/Memora Lesson/{lesson}", json=body)
		self.assertEqual(saved.status_code, 200, saved.text[:300])
		arguments = {"doctype": "Memora Lesson", "name": lesson, "format": "Standard", "no_letterhead": 1}
		page = app.request("GET", "/printview", params=arguments, headers={"Accept": "text/html"})
		self.assertEqual(page.status_code, 200)
		self.assertNotIn(SCRIPT, page.text)
		self.assertNotRegex(page.text, r"<[^>]*onerror")

	def test_a_player_stores_no_markup_that_an_administrator_would_run(self):
		newcomer = self.game.add_player(devices=())
		reply = App().login(newcomer.user, PASSWORD, device_name=SCRIPT + IMAGE)
		frappe.db.rollback()
		names = frappe.get_all(
			"Memora Authorized Device", filters={"parent": newcomer.name}, pluck="device_name"
		)
		desk = self.desk(SYSTEM_MANAGER)
		answers = [
			desk.get("memora.api.player_admin.overview", player=newcomer.name),
			desk.request("GET", f"/api/resource/Memora Player Profile/{newcomer.name}"),
			reply,
		]
		for answer in answers:
			self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/json")
		self.assertEqual((reply.status_code, len(names)), (200, 1), reply.text)
		self.assertIn("alert(7907)", names[0])  # it is stored, and nothing of it runs
		self.assertNotIn(SCRIPT, names[0])
		self.assertNotRegex(names[0], r"<[^>]*onerror")

	def test_a_page_that_tells_an_error_shows_nothing_of_what_was_sent_as_markup(self):
		"""Frappe answers a browser's failed call with a page."""
		for endpoint in inventory.endpoints().values():
			self.forget_limits()
			arguments = dict.fromkeys(endpoint.arguments, IMAGE)
			path, headers = f"/api/method/{endpoint.name}", {"Accept": "text/html"}
			reply = self.app.request(endpoint.verb, path, headers=headers, params=arguments)
			self.assertNotRegex(reply.text, r"<[^>]*onerror", endpoint.name)
