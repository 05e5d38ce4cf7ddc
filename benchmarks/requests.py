"""Requests over HTTP, each beside Frappe's cheapest authenticated call on the same server, in alternating rounds.

The floor is called by desk users, whom the gate lets pass unasked: what remains is Frappe's own request cycle. Students
are as many as it takes to reach no rate limit within a round; between rounds the limits are reset.
"""

import itertools
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import frappe
from benchmarks import content, load, people, web
from benchmarks.report import Line, Section, Target, at_least, at_most
from benchmarks.web import Caller, Server
from memora.services import gate_copies, player_copies

SMALL, LARGE = 100, 1000  # lessons of the two subjects in the students' plan
PLAN = f"{content.PREFIX}-PLAN-STUDENTS"
FLOOR = "/api/method/frappe.auth.get_logged_user"
COMPLETE = "/api/method/memora.api.progress.complete_lesson"
GET_PROGRESS = "/api/method/memora.api.progress.get_progress"
PREPARED_A_SECOND = 2500  # requests that must not be sent twice; far more than any machine answers
PAUSE_SECONDS = 0.2  # what was on its way when a round ended is answered


class Size(NamedTuple):
	students: int
	rounds: int
	seconds: int
	connections: Sequence[int]


FULL = Size(400, 5, 3, (1, 8, 32))
QUICK = Size(60, 1, 1, (1, 32))


class Call(NamedTuple):
	"""make: the requests of one round. limits: by connections; of the median time at 1, of the requests/s at more."""

	name: str
	make: Callable[[], Sequence[bytes]]
	limits: dict[int, Target]
	is_once: bool = False
	floor: str = "floor"


def run(options) -> list[Section]:
	size = QUICK if options.quick else FULL
	prepare_world(size.students)
	with web.serving(os.environ["MEMORA_TEST_SITE"]) as server:
		students = log_in_students(server, size.students)
		desk = web.log_in_all(server, people.DESK, 20)
		world = Requests(server, students)
		floors = {
			"floor": world.plain(FLOOR, desk),
			"Frappe's own login": world.logins(web.FRAPPE_LOGIN, people.VISITOR),
		}
		calls = world.calls()
		measured = {}
		for connections in size.connections:
			for call in calls:
				if connections in call.limits or connections == 1:
					measured[call.name, connections] = _compare(
						server, call, floors[call.floor], connections, size
					)
	return _sections(calls, measured, size)


def prepare_world(students: int) -> None:
	for lessons in (SMALL, LARGE):
		content.ensure(lessons)
	if not frappe.db.exists("Memora Academic Plan", PLAN):
		content.add_plan(PLAN, [content.subject_id(SMALL), content.subject_id(LARGE)])
	people.ensure_users(people.STUDENT, students, PLAN)
	people.ensure_users(people.NEWCOMER, students, PLAN)
	people.ensure_users(people.VISITOR, students)
	people.ensure_users(people.DESK, 20)
	people.forget_what_was_played(people.STUDENT)
	for lessons in (SMALL, LARGE):
		people.pass_half(people.STUDENT, lessons)
	frappe.db.commit()  # the web server reads it
	people.reset_limits()


def log_in_students(server: Server, count: int) -> list[Caller]:
	"""Students with a session, and with copies of what they own."""
	callers = web.log_in_all(server, people.STUDENT, count)
	for number, caller in enumerate(callers):
		gate_copies.read(caller.user, people.device_id(number))
		for lessons in (SMALL, LARGE):
			player_copies.read_progress(caller.user, content.subject_id(lessons))
	return callers


class Requests:
	"""Prepares the bytes of calls. Each round goes on with the players and lessons where the last one ended."""

	def __init__(self, server: Server, students: Sequence[Caller]):
		self.server = server
		self.students = students
		self._plays = self._endless_plays()

	def calls(self) -> list[Call]:
		near = {1: at_most(1.25), 8: None, 32: at_least(0.8)}
		player = "/api/method/memora.api.player."

		def progress(lessons: int) -> Callable[[], Sequence[bytes]]:
			return self.plain(f"{GET_PROGRESS}?subject_id={content.subject_id(lessons)}", self.students)

		return [
			Call("the floor, asked by students: the gate alone", self.plain(FLOOR, self.students), {1: None}),
			Call("validate_session", self.plain(player + "validate_session", self.students), near),
			Call(
				"check_device_authorization",
				self.plain(player + "check_device_authorization", self.students),
				near,
			),
			Call("get_wallet", self.plain(player + "get_wallet", self.students), near),
			Call("complete_lesson", self.completions, {1: at_most(1.8), 8: None, 32: None}, is_once=True),
			Call(f"get_progress, {SMALL} lessons", progress(SMALL), {1: at_most(1.4), 8: None, 32: None}),
			Call(f"get_progress, {LARGE:,} lessons", progress(LARGE), {1: at_most(2.5), 8: None, 32: None}),
			Call(
				"login",
				self.logins(web.LOGIN, people.NEWCOMER),
				{1: at_most(1.15)},
				floor="Frappe's own login",
			),
		]

	def plain(self, path: str, callers: Sequence[Caller]) -> Callable[[], Sequence[bytes]]:
		requests = [load.raw_request("GET", path, self.server.host, caller.headers) for caller in callers]
		return lambda: requests

	def logins(self, path: str, kind: str) -> Callable[[], Sequence[bytes]]:
		requests = [
			load.raw_request(
				"POST", path, self.server.host, web.login_headers(number), web.credentials(kind, number)
			)
			for number in range(len(self.students))
		]
		return lambda: requests

	def completions(self) -> Sequence[bytes]:
		return list(itertools.islice(self._plays, PREPARED_A_SECOND))

	def _endless_plays(self) -> Iterator[bytes]:
		"""Each student's next lesson: the ones that he has not passed first, then again from the beginning."""
		for turn in itertools.count(SMALL // 2):
			for student in self.students:
				body = {
					"lesson_id": content.lesson_id(SMALL, turn % SMALL),
					"hearts": 4,
					"client_event_id": str(uuid.uuid4()),
				}
				yield load.raw_request("POST", COMPLETE, self.server.host, student.headers, body)


def _compare(
	server: Server, call: Call, floor: Callable[[], Sequence[bytes]], connections: int, size: Size
) -> list[tuple[load.Round, load.Round]]:
	"""Rounds of (floor, call), after a short one of the call in which the workers read what they keep."""
	_round(server, call.make, connections, 1, call.is_once)
	return [
		(
			_round(server, floor, connections, size.seconds, False),
			_round(server, call.make, connections, size.seconds, call.is_once),
		)
		for _ in range(size.rounds)
	]


def _round(
	server: Server, make: Callable[[], Sequence[bytes]], connections: int, seconds: int, is_once: bool
) -> load.Round:
	people.reset_limits()
	requests = [request for _ in range(seconds if is_once else 1) for request in make()]
	measured = load.run(server.address, requests, connections, seconds, is_once)
	time.sleep(PAUSE_SECONDS)
	return measured


def _sections(calls: Sequence[Call], measured: dict, size: Size) -> list[Section]:
	lines = [
		_line(call, connections, measured[call.name, connections])
		for connections in size.connections
		for call in calls
		if (call.name, connections) in measured
	]
	lines += [_reply_size(call, measured[call.name, 1]) for call in calls if "get_progress" in call.name]
	lines.append(
		Line(
			"get_progress answers 304 when nothing changed",
			(),
			"",
			target=at_most(1),
			not_met="there is no ETag yet",
		)
	)
	shares = [one.generator_share * 100 for rounds in measured.values() for pair in rounds for one in pair]
	lines.append(
		Line("the load generator's share of one core", shares, "%", target=at_most(25, of_value=True))
	)
	return [Section("Requests", lines)]


def _line(call: Call, connections: int, rounds: Sequence[tuple[load.Round, load.Round]]) -> Line:
	def figures(which: int) -> list[float]:
		pairs = [pair[which] for pair in rounds]
		return [one.median_ms if connections == 1 else one.requests_per_second for one in pairs]

	at = "1 connection, median" if connections == 1 else f"{connections} connections"
	return Line(
		f"{call.name}, {at}",
		figures(1),
		"ms" if connections == 1 else "requests/s",
		call.floor,
		figures(0),
		call.limits.get(connections),
	)


def _reply_size(call: Call, rounds: Sequence[tuple[load.Round, load.Round]]) -> Line:
	return Line(f"{call.name}, reply with its headers", [rounds[0][1].bytes_per_reply], "bytes")
