"""Writing content over HTTP: open to content managers and system managers alone, and strict about what it is told."""

import frappe
from memora.api import content_admin
from memora.utils import redis_store
from tests.http.app import App, message_of, refusal
from tests.http.desk_user import open_desk
from tests.http.test_first_slice import HTTPTestCase

API = "memora.api.content_admin"


class TestContentAdmin(HTTPTestCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(self.remove_traces)
		self.desk = open_desk(self, "Memora Content Manager")
		subject, lesson = self.game.subject.name, self.game.lessons[0]
		topic = self.game.subject.topic_names[0]
		# Every endpoint: its verb, and arguments that are good for it.
		self.endpoints = {
			"get_tree": ("GET", {"subject": subject, "plan_id": self.game.plan.name}),
			"add_child": ("POST", {"doctype": "Memora Topic", "name": topic, "title": "New"}),
			"move_node": ("POST", {"doctype": "Memora Lesson", "name": lesson, "parent": topic}),
			"set_published": ("POST", {"doctype": "Memora Lesson", "name": lesson, "is_published": 0}),
			"get_place": ("GET", {"doctype": "Memora Lesson", "name": lesson}),
			"what_breaks": ("GET", {"doctype": "Memora Lesson", "name": lesson}),
			"stage_templates": ("GET", {}),
			"check_stage_config": ("POST", {"stage_type": "Text", "config": '{"markdown": 1}'}),
			"search_targets": (
				"GET",
				{"doctype": "Memora Lesson", "filters": f'{{"subjects": ["{subject}"]}}'},
			),
			"known_items": ("GET", {}),
			"published_files": ("GET", {"plan_id": self.game.plan.name}),
		}

	def remove_traces(self):
		redis_store.delete(*redis_store.keys_matching("rate_limit:*content_admin*"))

	def ask(self, app, endpoint, **arguments):
		verb = self.endpoints[endpoint][0]
		return (app.get if verb == "GET" else app.post)(f"{API}.{endpoint}", **arguments)

	def test_the_table_has_every_endpoint(self):
		whitelisted = {
			name
			for name, value in vars(content_admin).items()
			if callable(value) and value in frappe.whitelisted
		}
		self.assertEqual(whitelisted, set(self.endpoints))

	def test_neither_students_nor_guests_reach_any_endpoint(self):
		self.log_in()
		for endpoint, (_verb, arguments) in self.endpoints.items():
			for who, app in (("student", self.app), ("guest", App())):
				reply = self.ask(app, endpoint, **arguments)
				self.assertEqual(reply.status_code, 403, (endpoint, who, reply.text[:300]))
				self.assertNotIn("message", reply.json(), (endpoint, who))
		frappe.db.rollback()
		self.assertEqual(frappe.db.get_value("Memora Lesson", self.game.lessons[0], "is_published"), 1)

	def test_a_content_manager_reads_the_tree_and_the_picker(self):
		tree = message_of(self.ask(self.desk, "get_tree", **self.endpoints["get_tree"][1]))
		self.assertEqual(
			(tree["name"], tree["access"]["access_level"]), (self.game.subject.name, "authenticated")
		)
		found = message_of(self.ask(self.desk, "search_targets", **self.endpoints["search_targets"][1]))
		self.assertEqual({row[0] for row in found}, set(self.game.lessons))

	def test_a_content_manager_reads_a_place_and_what_breaks_with_players_as_a_count(self):
		self.log_in()
		place = message_of(self.ask(self.desk, "get_place", **self.endpoints["get_place"][1]))
		self.assertEqual([node["name"] for node in place["path"]][-1], self.game.lessons[0])
		breakage = self.ask(self.desk, "what_breaks", **self.endpoints["what_breaks"][1])
		self.assertEqual(message_of(breakage)["players_passed"], 0)
		self.assertNotIn(self.player.user, breakage.text)

	def test_a_config_is_checked_and_nothing_is_saved(self):
		told = [
			message_of(self.ask(self.desk, "check_stage_config", stage_type="Text", config=config))["fault"]
			for config in ('{"markdown": 1}', '{"markdown": "<b>1</b> & 2"}', "", "{")
		]
		self.assertEqual(told[:3], ["Config: markdown must be text.", "", ""])
		self.assertIn("line 1 column 2", told[3])
		templates = message_of(self.ask(self.desk, "stage_templates"))
		self.assertEqual(len({template["stage_type"] for template in templates}), 5)

	def test_bad_arguments_are_refused_and_change_nothing(self):
		lesson = self.game.lessons[0]
		bad = [
			("get_tree", {}),
			("add_child", {"doctype": "User", "name": "Administrator", "title": "X"}),
			(
				"add_child",
				{"doctype": "Memora Topic", "name": self.game.subject.topic_names[0], "title": " "},
			),
			("move_node", {"doctype": "Memora Lesson", "name": lesson}),
			("set_published", {"doctype": "Memora Lesson", "name": lesson, "is_published": "perhaps"}),
			("set_published", {"doctype": "Memora Lesson", "name": lesson}),
			("get_place", {"doctype": "User", "name": "Administrator"}),
			("get_place", {"doctype": "Memora Lesson"}),
			("what_breaks", {"doctype": "Memora Academic Plan", "name": self.game.plan.name}),
			("what_breaks", {"doctype": "Memora Lesson", "name": "\x00"}),
			("check_stage_config", {"config": "{}"}),
			("check_stage_config", {"stage_type": "Text"}),
			("check_stage_config", {"stage_type": "Text", "config": "x" * 200_001}),
			("search_targets", {"doctype": "User", "filters": '{"subjects": []}'}),
			("search_targets", {"doctype": "Memora Lesson", "filters": "{"}),
			("search_targets", {"doctype": "Memora Lesson"}),
			("published_files", {"plan_id": ""}),
			("published_files", {"plan_id": "../PLAN"}),
		]
		for endpoint, arguments in bad:
			with self.subTest(endpoint, **arguments):
				expected = (404, "DoesNotExistError") if "../" in str(arguments) else (417, "InvalidInput")
				self.assertEqual(refusal(self.ask(self.desk, endpoint, **arguments)), expected)
		frappe.db.rollback()
		self.assertEqual(frappe.db.get_value("Memora Lesson", lesson, "is_published"), 1)
