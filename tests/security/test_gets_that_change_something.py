"""A GET reads. What changes something is refused by GET, whatever the caller claims the method to be."""

from tests.http.app import App
from tests.security import inventory, privileges
from tests.security.state import changes, state
from tests.security.world import CONTENT_MANAGER, STUDENT, SYSTEM_MANAGER, SecurityTestCase

# Asks for an import that somebody has started.
IMPORT_STATUS = "memora.api.content_sheet.import_status"
OVERRIDES = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "POST"}


class TestGets(SecurityTestCase):
	def setUp(self):
		super().setUp()
		self.good = {
			"subject_id": self.game.subject.name,
			"subject": self.game.subject.name,
			"plan_id": self.game.plan.name,
			"lesson_id": self.game.lessons[0],
			"hearts": 3,
			"hearts_earned": 3,
			"xp_amount": 100,
			"player": self.victim.name,
			"student_email": self.victim.user,
			"device_id": self.victim.device_ids[0],
			"device_name": "attacked",
			"doctype": "Memora Lesson",
			"name": self.game.lessons[0],
			"title": "attacked",
			"parent": self.game.subject.topic_names[0],
			"is_published": 0,
			"reason": "attacked",
			"force": 1,
			"repair": 1,
			"filters": f'{{"subjects": ["{self.game.subject.name}"]}}',
			"chart_name": "Memora XP a Day",
			"limit": 5,
			"type": "Quiz",
		}

	def arguments(self, endpoint: inventory.Endpoint) -> dict:
		return {name: self.good[name] for name in endpoint.arguments if name in self.good}

	def get(self, app: App, endpoint: inventory.Endpoint, headers: dict | None = None, verb: str = "GET"):
		self.forget_limits()
		path = f"/api/method/{endpoint.name}"
		return app.request(verb, path, headers=headers, params=self.arguments(endpoint))

	def test_what_changes_something_is_refused_by_get_and_by_claims_in_headers(self):
		for who in (STUDENT, CONTENT_MANAGER, SYSTEM_MANAGER):
			app, before = self.app_of(who), state()
			for endpoint in inventory.endpoints().values():
				if endpoint.only_by_post:
					for headers in (None, OVERRIDES):
						reply = self.get(app, endpoint, headers)
						self.assertIn(
							reply.status_code, (401, 403, 405), (who, endpoint.name, reply.text[:200])
						)
						self.assertNotIn("message", reply.json(), (who, endpoint.name))
					params = {**self.arguments(endpoint), "_method": "POST", "cmd": endpoint.name}
					self.assertIn(app.request("GET", "/", params=params).status_code, (401, 403, 405))
			self.assertEqual(changes(before), [], who)

	def test_what_is_called_by_get_changes_nothing(self):
		answered = set()
		for who in (STUDENT, CONTENT_MANAGER, SYSTEM_MANAGER):
			app, before = self.app_of(who), state()
			for endpoint in inventory.endpoints().values():
				if not endpoint.only_by_post and who in privileges.ENDPOINTS[endpoint.name]:
					for verb in ("GET", "HEAD"):
						reply = self.get(app, endpoint, verb=verb)
					if self.get(app, endpoint).status_code == 200:
						answered.add(endpoint.name)
					self.assertLess(reply.status_code, 500, endpoint.name)
			self.assertEqual(changes(before), [], who)
		readable = {endpoint.name for endpoint in inventory.endpoints().values() if not endpoint.only_by_post}
		self.assertEqual(readable - answered, {IMPORT_STATUS}, "no GET of these was answered")

	def test_other_verbs_than_the_endpoints_own_are_refused(self):
		before = state()
		for endpoint in inventory.endpoints().values():
			for verb in ("PUT", "DELETE", "PATCH"):
				reply = self.get(self.app, endpoint, verb=verb)
				self.assertIn(
					reply.status_code, (401, 403, 404, 405), (verb, endpoint.name, reply.text[:200])
				)
		self.assertEqual(changes(before), [])
