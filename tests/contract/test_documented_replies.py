"""Every documented reply has at least the documented keys, over HTTP from a running server."""

import requests

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.api import guards
from memora.exceptions import NoPlayerProfile
from memora.services import wallet_engine
from tests import factories
from tests.committed import PASSWORD, Game
from tests.http.app import App, message_of

# Endpoint -> its documented reply: a type stands for any value of it, a value for itself.
REPLIES = {
	"memora.api.player.login": {
		"message": "Logged in successfully",
		"session_id": str,
		"is_first_device": bool,
		"devices_authorized": int,
	},
	"memora.api.player.check_device_authorization": {"authorized": True, "device_count": int},
	"memora.api.player.validate_session": {"valid": True, "session_id": str},
	"memora.api.player.complete_lesson": {
		"message": "Lesson completed successfully",
		"xp": {"awarded": 30, "new_total": 30},
		"streak": {
			"old_streak": 0,
			"new_streak": 1,
			"action": "first_completion",
			"last_success_date": str,
		},
	},
	"memora.api.player.get_wallet": {
		"total_xp": int,
		"current_streak": int,
		"last_success_date": str,
		"last_played_at": str,
	},
	"memora.api.player.add_xp": {"message": "XP awarded successfully", "xp_awarded": 50, "new_total_xp": int},
	"memora.api.progress.complete_lesson": {
		"success": True,
		"xp_earned": int,
		"new_total_xp": int,
		"is_first_completion": bool,
		"is_new_record": bool,
	},
	"memora.api.progress.get_progress": {
		"subject_id": str,
		"root": dict,
		"completion_percentage": float,
		"total_xp_earned": int,
		"suggested_next_lesson_id": str,
		"total_lessons": 2,
		"passed_lessons": int,
	},
	"memora.api.player.logout": {"message": "Logged out successfully"},
}


def matches(value, documented) -> bool:
	if isinstance(documented, dict):
		return all(key in value and matches(value[key], wanted) for key, wanted in documented.items())
	return isinstance(value, documented) if isinstance(documented, type) else value == documented


class TestDocumentedReplies(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=2)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		self.app = App(self.player.device_ids[0])

	def assert_documented(self, endpoint: str, reply: requests.Response) -> None:
		message = message_of(reply)
		self.assertTrue(matches(message, REPLIES[endpoint]), f"{endpoint} answered {message}")

	def post(self, endpoint: str, **body) -> None:
		self.assert_documented(endpoint, self.app.post(endpoint, **body))

	def get(self, endpoint: str, **parameters) -> None:
		self.assert_documented(endpoint, self.app.get(endpoint, **parameters))

	def test_each_endpoint_of_a_students_day_answers_as_documented(self):
		first, second = self.game.lessons
		self.assert_documented("memora.api.player.login", self.app.login(self.player.user, PASSWORD))
		self.get("memora.api.player.check_device_authorization")
		self.get("memora.api.player.validate_session")
		self.post("memora.api.player.complete_lesson", lesson_id=first, hearts_earned=3)
		self.post("memora.api.player.add_xp", xp_amount=50)
		self.get("memora.api.player.get_wallet")
		self.get("memora.api.progress.get_progress", subject_id=self.game.subject.name)
		self.post("memora.api.progress.complete_lesson", lesson_id=second, hearts=5)
		self.post("memora.api.player.logout")


class TestDocumentedBehaviour(FrappeTestCase):
	def setUp(self):
		self.addCleanup(frappe.db.rollback)
		self.addCleanup(frappe.set_user, "Administrator")

	def test_a_wallet_read_safely_is_the_wallet(self):
		game = Game(lessons=1)
		self.addCleanup(game.remove)
		user = game.add_player().user
		self.assertEqual(wallet_engine.get_wallet_safe(user), wallet_engine.get_wallet(user))

	def test_an_endpoint_behind_require_authorized_device_keeps_its_name_and_refuses_who_is_no_player(self):
		@guards.require_authorized_device
		def read_something():
			return "read"

		self.assertEqual(read_something.__name__, "read_something")
		frappe.set_user(factories.make_user("System Manager").name)
		with self.assertRaisesRegex(NoPlayerProfile, "no player profile"):
			read_something()

	def test_a_security_event_is_kept_for_the_audit_trail_with_its_context(self):
		user, device = factories.make_user("Memora Student").name, factories.new_uuid()
		guards.log_security_event("login", user, device, "memora.api.player.login", "failure", attempt=3)
		self.addCleanup(frappe.local.memora_audit.pop)
		details = {
			"device_id": device,
			"endpoint": "memora.api.player.login",
			"result": "failure",
			"attempt": 3,
		}
		self.assertEqual(frappe.local.memora_audit[-1], ("login", user, details))
