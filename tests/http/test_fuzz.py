"""Every operation under generated arguments, for everybody: documented answers only, and a refused call changes nothing.

Redis is up, so 503 is no answer here. Rate limits are forgotten before each call: they must not hide what lies behind.
"""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import frappe
from memora.utils import redis_keys, redis_store
from tests.committed import PASSWORD
from tests.http.api_world import (
	CALLERS,
	DOCUMENT,
	GUEST,
	LOGIN,
	LOGOUT,
	STUDENT,
	APIWorld,
	Described,
	operations,
)
from tests.security import state

EXAMPLES = 3  # of each operation for each caller
# These hand work to a worker, which may change rows while the next call is looked at: they come last.
WRITTEN_BY_JOBS = {"tabCDN Health Finding", "tabCDN Sync Log"}
STARTS_A_JOB = ("memora.api.cdn_admin.scan_plans", "memora.api.content_sheet.start_import")
NEITHER_OURS_NOR_THE_PLAYERS = ("rate_limit:", "security_report:", "cdn_export:job")
# What our endpoints could change; a look at all of Frappe's tables takes ten times as long.
WATCHED = ("tabMemora", "tabCDN", "tabUser", "tabHas Role", "tabSingles", "tabSeries", "tabFile")
SPECIFICATION = schemathesis.openapi.from_dict(DOCUMENT)

hostile_text = st.one_of(
	st.text(max_size=20),
	st.sampled_from(
		["", " ", "a\x00b", "\ud800", "' or 1=1 --", "../../etc", "{{7*7}}", "<script>", "x" * 9000]
	),
)
junk = st.one_of(
	hostile_text,
	st.none(),
	st.booleans(),
	st.integers(-(10**30), 10**30),
	st.floats(),
	st.recursive(
		st.one_of(hostile_text, st.integers()),
		lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text, inner, max_size=3),
		max_leaves=4,
	),
)
fuzzed = settings(
	max_examples=EXAMPLES,
	derandomize=True,
	database=None,
	deadline=None,
	suppress_health_check=list(HealthCheck),
)


def bodies(operation: Described, usual: dict[str, Any]) -> st.SearchStrategy:
	"""The usual arguments with some of them replaced, left out, or joined by ones that nobody knows."""
	from_schema = arguments_by_schema(operation)
	changed = st.fixed_dictionaries(
		{}, optional={name: st.one_of(junk, junk, st.just(...)) for name in operation.arguments}
	)
	mixed = st.builds(lambda other, new: merged(usual, other, new), from_schema, changed)
	return st.one_of(mixed, st.builds(lambda new: merged(usual, {}, new), changed), from_schema)


def arguments_by_schema(operation: Described) -> st.SearchStrategy:
	found = SPECIFICATION[f"/api/method/{operation.name}"][operation.verb]
	place = "body" if operation.verb == "POST" else "query"
	cases = found.as_strategy()
	return cases.map(lambda case: dict(getattr(case, place) or {}) if is_mapping(case, place) else {})


def is_mapping(case, place: str) -> bool:
	return isinstance(getattr(case, place), dict)


def merged(*parts: dict) -> dict:
	return {name: value for part in parts for name, value in part.items() if value is not ...}


def closed(node: Any) -> Any:
	"""The schema, for which what it does not name is wrong."""
	if isinstance(node, list):
		return [closed(item) for item in node]
	if not isinstance(node, dict):
		return node
	node = {name: closed(value) for name, value in node.items()}
	is_shape = node.get("type") == "object" and "properties" in node
	return {**node, "additionalProperties": False} if is_shape else node


SHAPES = closed(DOCUMENT["components"])


def faults_of_reply(operation: Described, reply) -> list[str]:
	"""What the document does not say of an answer."""
	told = operation.response(reply.status_code)
	if told is None:
		return [f"status {reply.status_code} {reply.text[:300]}"]
	if "application/json" not in told["content"]:
		return []
	schema = told["content"]["application/json"]["schema"]
	body = reply.json()
	if reply.status_code != 200:
		return faults_of_refusal(schema["properties"]["exc_type"]["enum"], body.get("exc_type"))
	if "message" not in body:
		return [] if "required" not in schema else ["no message"]
	validator = Draft202012Validator({**closed(schema["properties"]["message"]), "components": SHAPES})
	return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(body["message"])]


def faults_of_refusal(documented: list[str], named: str | None) -> list[str]:
	# Frappe 14 names only errors that were thrown with a message, and its own refusals are not.
	is_frappes = named is None and frappe.__version__.startswith("14.") and "PermissionError" in documented
	return [] if named in documented or is_frappes else [f"exc_type {named}, not one of {documented}"]


class TestFuzz(APIWorld):
	def setUp(self):
		super().setUp()
		self.app.get("memora.api.progress.get_progress", subject_id=self.game.subject.name)
		self.not_watched = [table for table in frappe.db.get_tables() if not table.startswith(WATCHED)]
		self.before = self.snapshot()
		redis_store.set(redis_keys.get_publish_job_key(), "held back by a test")
		self.addCleanup(redis_store.delete, redis_keys.get_publish_job_key())

	def snapshot(self) -> tuple:
		keys = [
			key for key in redis_store.keys_matching("*") if not key.startswith(NEITHER_OURS_NOR_THE_PLAYERS)
		]
		copies = {key: redis_store.client().dump(redis_store.physical(key)) for key in keys}
		return state.state(*self.not_watched), copies

	def fuzz(self, operation: Described, who: str) -> list[str]:
		app, found = self.caller(who), []
		usual = self.arguments_of(operation)

		@fuzzed
		@given(body=bodies(operation, usual))
		def call(body):
			reply = self.send(operation, body, app)
			found.extend(
				f"{who} {operation.name} {body}: {each}" for each in faults_of_reply(operation, reply)
			)
			if reply.status_code == 200 and operation.name == LOGOUT and who == STUDENT:
				self.app.login(self.player.user, PASSWORD)
			changed = self.changes()
			if reply.status_code != 200:
				ours = changed - WRITTEN_BY_JOBS if operation.name in STARTS_A_JOB else changed
				found.extend(f"{who} {operation.name} {body} changed {each}" for each in sorted(ours))

		self.changes()  # of those who logged in
		call()
		return found

	def changes(self) -> set[str]:
		"""What is not as it was when this was last asked."""
		before, after = self.before, self.snapshot()
		self.before = after
		return {
			name
			for was, becomes in zip(before, after, strict=True)
			for name in {*was, *becomes}
			if was.get(name) != becomes.get(name)
		}

	@pytest.mark.long
	def test_every_operation_answers_as_documented_and_refuses_without_a_trace(self):
		in_order = sorted(operations(), key=lambda operation: operation.name in STARTS_A_JOB)
		found = []
		for operation in in_order:
			for who in (GUEST,) if operation.name == LOGIN else CALLERS:
				found += self.fuzz(operation, who)
		self.assertEqual(found, [], json.dumps(found, indent=1))
