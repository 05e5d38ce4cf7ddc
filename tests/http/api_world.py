"""Who may call which operation of docs/openapi.json, and with what: one world in which each of them succeeds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import requests

import frappe
from memora.utils import redis_store
from tests import factories
from tests.committed import PASSWORD
from tests.http.app import App
from tests.http.desk_user import open_desk
from tests.http.test_first_slice import HTTPTestCase

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8"))
GUEST, STUDENT = "guest", "student"
CONTENT_MANAGER, SYSTEM_MANAGER = "Memora Content Manager", "System Manager"
CALLERS = (GUEST, STUDENT, CONTENT_MANAGER, SYSTEM_MANAGER)
LOGIN, LOGOUT = "memora.api.player.login", "memora.api.player.logout"


class Described(NamedTuple):
	"""An operation as the document has it. arguments: name -> schema."""

	name: str
	verb: str
	arguments: dict[str, dict]
	required: frozenset[str]
	told: dict[str, Any]

	@property
	def caller(self) -> str:
		"""Somebody whom it serves."""
		roles = self.told.get("x-roles", [])
		if not roles:
			return GUEST if self.name == LOGIN else STUDENT
		return CONTENT_MANAGER if CONTENT_MANAGER in roles else SYSTEM_MANAGER

	@property
	def takes_file(self) -> bool:
		return "multipart/form-data" in self.told.get("requestBody", {}).get("content", ())

	def response(self, status: int) -> dict | None:
		found = self.told["responses"].get(str(status))
		return resolved(found) if found else None


def resolved(node: dict) -> dict:
	while "$ref" in node:
		found: Any = DOCUMENT
		for step in node["$ref"].removeprefix("#/").split("/"):
			found = found[step]
		node = found
	return node


def example_of(schema: dict) -> Any:
	"""The document's own example, for arguments that are of no thing in this world."""
	if schema.get("format") == "binary":
		return ""
	return schema["examples"][0] if "examples" in schema else schema["enum"][0]


def operations() -> Iterator[Described]:
	for path, verbs in DOCUMENT["paths"].items():
		for verb, told in verbs.items():
			name = path.removeprefix("/api/method/")
			yield Described(name, verb.upper(), *_arguments(told), told)


def _arguments(told: dict) -> tuple[dict[str, dict], frozenset[str]]:
	if "requestBody" in told:
		schema = next(iter(told["requestBody"]["content"].values()))["schema"]
		return schema["properties"], frozenset(schema.get("required", ()))
	query = [each for each in map(resolved, told["parameters"]) if each["in"] == "query"]
	schemas = {
		each["name"]: resolved(each.get("schema") or each["content"]["application/json"]["schema"])
		for each in query
	}
	return schemas, frozenset(each["name"] for each in query if each["required"])


class APIWorld(HTTPTestCase):
	"""`self.player` plays on `self.app`; `self.caller(who)` is an app of somebody else, logged in."""

	def setUp(self):
		super().setUp()
		self.other = self.game.add_player()
		self.newcomer = self.game.add_player(devices=())
		self.log_in()
		self.desks: dict[str, App] = {}
		self.addCleanup(self.remove_what_grew)

	def caller(self, who: str) -> App:
		if who == STUDENT:
			return self.app
		if who == GUEST:
			return App()
		if who not in self.desks:
			self.desks[who] = open_desk(self, who)
		return self.desks[who]

	def arguments_of(self, operation: Described) -> dict[str, Any]:
		"""What makes a call succeed, or be refused for no fault of its arguments' form."""
		subject, first = self.game.subject, self.game.lessons[0]
		known = {
			"usr": self.newcomer.user,
			"pwd": PASSWORD,
			"student_email": self.other.user,
			"player": self.other.name,
			"device_id": factories.new_uuid(),
			"device_name": "A third one",
			"lesson_id": first,
			"hearts": 5,
			"hearts_earned": 3,
			"xp_amount": 5,
			"reason": "Because of a test",
			"subject_id": subject.name,
			"subject": subject.name,
			"plan_id": self.game.plan.name,
			"doctype": "Memora Topic",
			"name": subject.topic_names[0],
			"parent": subject.unit_names[0],
			"title": "A new one",
			"is_published": True,
			"is_check": True,
			"filters": {"subjects": [subject.name]},
			"chart_name": "Memora XP a Day",
		}
		wanted = {*operation.required, *({"usr", "pwd", "device_name"} if operation.name == LOGIN else ())}
		return {
			name: known[name] if name in known else example_of(operation.arguments[name])
			for name in sorted(wanted)
		}

	def send(self, operation: Described, body: Any, app: App | None = None, **more) -> requests.Response:
		"""As JSON, which GET takes as well: so every type gets through."""
		redis_store.delete(*redis_store.keys_matching("rate_limit:*"))
		if operation.name == LOGIN:
			app = App()
		return (app or self.caller(operation.caller)).request(
			operation.verb,
			f"/api/method/{operation.name}",
			data=json.dumps(body),
			headers={"Content-Type": "application/json", **more},
		)

	def remove_what_grew(self):
		"""Content that calls added below the game's subject; and what they did to its plan's queue."""
		frappe.db.rollback()
		subject = self.game.subject
		for doctype, field, parents, known in (
			("Memora Track", "parent_subject", [subject.name], subject.track_names),
			("Memora Unit", "parent_track", subject.track_names, subject.unit_names),
			("Memora Topic", "parent_unit", subject.unit_names, subject.topic_names),
			("Memora Lesson", "parent_topic", subject.topic_names, self.game.lessons),
		):
			frappe.db.delete(doctype, {field: ["in", parents], "name": ["not in", known]})
		frappe.db.commit()
