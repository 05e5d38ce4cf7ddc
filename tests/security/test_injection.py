"""SQL, templates, format strings and markup in every argument of every endpoint, from somebody who may call it."""

import json

from tests.security import inventory, privileges
from tests.security.state import changes, state
from tests.security.world import STUDENT, SYSTEM_MANAGER, SecurityTestCase

SUM, PRODUCT = "{{ 7919 * 7907 }}", str(7919 * 7907)
MARKUP = "<img src=x onerror=alert(7907)>"
SLEEP_SECONDS = 20
PAYLOADS = (
	f"' or sleep({SLEEP_SECONDS}) -- ",
	f'" or sleep({SLEEP_SECONDS}) or "',
	"x' union select name, password from __Auth -- ",
	"1; drop table `tabMemora Lesson`",
	"`tabUser`.`name`",
	"%' or '1'='1",
	"%s %(name)s %d",
	"{0.__class__.__mro__} {frappe} {}",
	SUM,
	"{% for x in range(9) %}{{ frappe.db.get_value('User', 'Administrator') }}{% endfor %}",
	"${7919*7907} #{7919*7907} <%= 7919*7907 %>",
	MARKUP,
	"<script>alert(7907)</script>",
	"javascript:alert(7907)",
	"../../../../etc/passwd",
	"..\\..\\site_config.json",
	"/etc/passwd\x00.json",
	"\r\nSet-Cookie: sid=attacker",
	"$(touch /tmp/attacked)",
	"__import__('os').system('id')",
)
GIVEN_AWAY = (
	PRODUCT,
	"SQL syntax",
	"pymysql",
	"MySQLdb",
	"OperationalError",
	"ProgrammingError",
	"root:x:0",
	"<class ",
	"jinja2",
)
LONGEST_SECONDS = SLEEP_SECONDS / 2


class TestInjection(SecurityTestCase):
	def setUp(self):
		super().setUp()
		self.apps = {STUDENT: self.app, SYSTEM_MANAGER: self.desk(SYSTEM_MANAGER)}

	def test_no_text_in_an_argument_is_ever_run_or_repeated_as_markup(self):
		before = state()
		for endpoint in inventory.endpoints().values():
			who = STUDENT if STUDENT in privileges.ENDPOINTS[endpoint.name] else SYSTEM_MANAGER
			for payload in PAYLOADS if endpoint.arguments else ():
				self.send(who, endpoint, dict.fromkeys(endpoint.arguments, payload))
		self.assertEqual(changes(before), [])

	def test_good_arguments_beside_a_bad_one_let_it_do_no_more(self):
		"""The bad one gets past the checks of those before it."""
		lesson, topic = self.game.lessons[0], self.game.subject.topic_names[0]
		good = {
			"memora.api.content_admin.get_tree": {"subject": self.game.subject.name, "plan_id": None},
			"memora.api.content_admin.add_child": {"doctype": None, "name": topic, "title": "x"},
			"memora.api.content_admin.move_node": {
				"doctype": "Memora Lesson",
				"name": lesson,
				"parent": topic,
				"before": None,
			},
			"memora.api.content_admin.search_targets": {
				"doctype": "Memora Lesson",
				"txt": None,
				"searchfield": None,
				"filters": json.dumps({"subjects": [self.game.subject.name]}),
			},
			"memora.api.content_admin.set_published": {
				"doctype": "Memora Lesson",
				"name": lesson,
				"is_published": None,
			},
			"memora.api.player_admin.enrol_in_plan": {"player": self.victim.name, "plan_id": None},
			"memora.api.player_admin.adjust_xp": {
				"player": self.victim.name,
				"xp_amount": None,
				"reason": "a test",
			},
			"memora.api.progress.get_progress": {"subject_id": self.game.subject.name, "plan_id": None},
			"memora.api.progress.complete_lesson": {
				"lesson_id": lesson,
				"hearts": 3,
				"client_event_id": None,
			},
		}
		before, endpoints = state(), inventory.endpoints()
		for name, arguments in good.items():
			who = STUDENT if STUDENT in privileges.ENDPOINTS[name] else SYSTEM_MANAGER
			for bad in (argument for argument, value in arguments.items() if value is None):
				for payload in PAYLOADS:
					self.send(who, endpoints[name], {**arguments, bad: payload})
		self.assertEqual(changes(before), [])

	def send(self, who, endpoint, arguments):
		self.forget_limits()
		app = self.apps[who]
		reply = (app.get if endpoint.verb == "GET" else app.post)(endpoint.name, **arguments)
		what = (endpoint.name, arguments, reply.status_code, reply.text[:600])
		self.assertLess(reply.status_code, 500, what)
		self.assertLess(reply.elapsed.total_seconds(), LONGEST_SECONDS, what)
		for text in GIVEN_AWAY:
			self.assertNotIn(text, reply.text, what)
		for message in json.loads(reply.json().get("_server_messages", "[]")):
			self.assertNotIn(MARKUP, json.loads(message)["message"], what)  # Desk shows messages as markup
			self.assertNotIn("<script", json.loads(message)["message"], what)
		self.assertNotIn("attacker", reply.headers.get("Set-Cookie", ""), what)
		self.assertEqual(reply.headers["Content-Type"].split(";")[0], "application/json", what)
