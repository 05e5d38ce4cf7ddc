"""How far a machine goes: the load model replayed as fast as it can, bytes a player, and the plans of hot queries."""

from __future__ import annotations

import contextlib
import os
import random
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from devbench import layout, processes

import frappe
from benchmarks import content, load, load_model, machine, people, requests, web
from benchmarks.report import Line, Section, at_most
from memora.services import gate_copies, player_copies, recovery, wallet_sync
from memora.services.progress_engine import completion, progress_computer, snapshot_syncer
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import redis_store

CONNECTIONS = 16
BALLAST_ROWS_EACH = 100
# A statement that reads more rows than this of one table, without an index to look them up by, does not stay flat.
MANY_ROWS = 1000
VETERANS_ROWS = 5000  # a year and a half of them, see load_model
SERVERS = {"MariaDB": "mariadb", "Redis (cache)": "redis_cache", "Redis (queue)": "redis_queue"}


def run(options) -> list[Section]:
	_fill_ledger(options.ledger_rows)
	size = requests.QUICK if options.quick else requests.FULL
	requests.prepare_world(size.students)
	with web.serving(os.environ["MEMORA_TEST_SITE"]) as server:
		replay = _replay_lines(server, size.students, 4 if options.quick else 30)
	return [
		Section(f"{load_model.CONCURRENT_STUDENTS:,} students who play at once", replay),
		Section("Bytes a player", _byte_lines()),
		Section(
			f"Rows that hot queries look at: {_ledger_rows():,} in the ledger, {VETERANS_ROWS:,} of them the player's",
			_query_lines(),
		),
	]


def _ledger_rows() -> int:
	[[rows]] = frappe.db.sql("select count(*) from `tabMemora Interaction Log`")
	return rows


def _fill_ledger(wanted: int) -> None:
	"""Rows of players who do not exist: they cost what rows cost, and nobody else meets them."""
	missing = wanted - _ledger_rows()
	if missing > 0:
		people.insert_ledger(f"ballast-{wanted}", -(-missing // BALLAST_ROWS_EACH), BALLAST_ROWS_EACH)
		frappe.db.sql("analyze table `tabMemora Interaction Log`")


# --- Replay ------------------------------------------------------------------------------------------------------


def _replay_lines(server: web.Server, students: int, seconds: int) -> list[Line]:
	world = requests.Requests(server, requests.log_in_students(server, students))
	load.run(server.address, _mixed(world, 2), CONNECTIONS, 2, is_once=True)
	people.reset_limits()
	before = _cpu_by_server(server)
	done = load.run(server.address, _mixed(world, seconds), CONNECTIONS, seconds, is_once=True)
	used = {name: (after - before[name]) / seconds for name, after in _cpu_by_server(server).items()}
	cores = sum(used.values())
	carried = load_model.students_for(done.requests_per_second)
	wanted = load_model.requests_a_second(load_model.CONCURRENT_STUDENTS)
	return [
		Line("requests/s that they send", [wanted], ""),
		Line(
			"requests/s of that mix that this machine answers",
			[done.requests_per_second],
			"",
			note=f"{os.cpu_count()} cores, {CONNECTIONS} connections",
		),
		Line("students that this is", [carried], ""),
		Line("cores that the servers used", [cores], ""),
		Line("students a core", [carried / cores], ""),
		Line("cores for all of them", [load_model.CONCURRENT_STUDENTS * cores / carried], ""),
		*(
			Line(f"of the cores, {name}", [100 * share / cores], "%")
			for name, share in sorted(used.items(), key=lambda pair: -pair[1])
		),
	]


def _mixed(world: requests.Requests, seconds: int) -> Sequence[bytes]:
	"""More requests than can be answered in the time, mixed as the model says, in a fixed random order."""
	by_call = {
		"login": _endless(world.logins(web.LOGIN, people.NEWCOMER)()),
		"validate_session": _endless(
			world.plain("/api/method/memora.api.player.validate_session", world.students)()
		),
		"get_wallet": _endless(world.plain("/api/method/memora.api.player.get_wallet", world.students)()),
		"get_progress": _endless(
			world.plain(
				f"{requests.GET_PROGRESS}?subject_id={content.subject_id(requests.SMALL)}", world.students
			)()
		),
		"complete_lesson": _endless_completions(world),
	}
	shares = load_model.shares()
	order = random.Random(1).choices(list(shares), shares.values(), k=seconds * requests.PREPARED_A_SECOND)
	return [next(by_call[call]) for call in order]


def _endless(prepared: Sequence[bytes]) -> Iterator[bytes]:
	while True:
		yield from prepared


def _endless_completions(world: requests.Requests) -> Iterator[bytes]:
	while True:
		yield from world.completions()


def _cpu_by_server(server: web.Server) -> dict[str, float]:
	run_folder = layout.locate(dict(os.environ)).run
	used = {"web workers": machine.cpu_seconds(server.processes())}
	for title, name in SERVERS.items():
		identity = processes.recorded(run_folder, name)
		used[title] = machine.cpu_seconds([identity.pid])
	return used


# --- Bytes -------------------------------------------------------------------------------------------------------


def _byte_lines() -> list[Line]:
	[[data, indexes, rows]] = frappe.db.sql(
		"""select data_length, index_length, greatest(table_rows, 1) from information_schema.tables
		where table_schema = database() and table_name = 'tabMemora Interaction Log'"""
	)
	row_bytes = float(data + indexes) / float(rows)
	a_year = load_model.ledger_rows_a_year()
	return [
		Line(
			"Redis, a player with two subjects in play",
			[_redis_bytes(people.user(people.STUDENT, 0))],
			"bytes",
		),
		Line("MariaDB, a ledger row with its indexes", [row_bytes], "bytes"),
		Line("ledger rows, a player and year", [a_year], ""),
		Line("MariaDB, the ledger of a player and year", [a_year * row_bytes / 1e6], "MB"),
	]


def _redis_bytes(user: str) -> int:
	for lessons in (requests.SMALL, requests.LARGE):
		player_copies.read_progress(user, content.subject_id(lessons))
	client = redis_store.client()
	keys = redis_store.keys_matching(f"*{user}*")
	return sum(client.memory_usage(redis_store.physical(key)) or 0 for key in keys)


# --- Queries -----------------------------------------------------------------------------------------------------


class Statement(NamedTuple):
	call: str
	text: str


def _query_lines() -> list[Line]:
	lines, whole_tables = [], 0
	for statement in _hot_statements():
		# ANALYZE runs the statement: what EXPLAIN alone estimates knows nothing of LIMIT.
		plan = frappe.db.sql(f"analyze {statement.text}", as_dict=True)
		frappe.db.rollback()
		tables = [step for step in plan if step["table"] and not step["table"].startswith("<")]
		most = max((_rows(step) for step in tables), default=0)
		whole_tables += any(step["type"] in ("ALL", "index") and _rows(step) > MANY_ROWS for step in tables)
		how = ", ".join(f"{step['table']} by {step['key'] or 'no key'}" for step in tables)
		text = " ".join(statement.text.split())
		lines.append(Line(f"{statement.call}: `{text[:70]}`", [most], "rows", note=how))
	return [
		Line(
			"statements that read a whole large table", [whole_tables], "", target=at_most(0, of_value=True)
		),
		*lines,
	]


def _rows(step: dict) -> float:
	"""What a step really read; nothing for one that never ran."""
	return float(step["r_rows"] or 0)


def _hot_statements() -> list[Statement]:
	"""What the hot calls ask MariaDB, each once, as it was sent."""
	user, subject = people.ensure_veteran(VETERANS_ROWS), content.subject_id(requests.SMALL)
	lesson = content.lesson_id(requests.SMALL, 60)
	calls = {
		"complete_lesson": lambda: completion.complete_lesson(
			user, lesson, 4, PROGRESS_POLICY, str(uuid.uuid4())
		),
		"get_progress without copies": lambda: progress_computer.compute_progress(subject, user),
		"gate without copies": lambda: gate_copies.load(user, people.device_id(0)),
		"wallet sync, one wallet": lambda: wallet_sync._write_chunk([user]),
		"progress sync, one row": lambda: snapshot_syncer._write_batch(
			[player_copies.dirty_member(user, subject)]
		),
		"rebuild from the ledger, one player": lambda: recovery.read_all_progress_from_ledger([user]),
	}
	found = {}
	for name, call in calls.items():
		player_copies.drop(user)
		with recorded() as texts:
			call()
		for text in texts:
			found.setdefault(" ".join(text.split()[:12]), Statement(name, text))
	return list(found.values())


@contextlib.contextmanager
def recorded() -> Iterator[list[str]]:
	"""The statements with their values, without the lock waits that some set for themselves. No inserts."""
	real, texts = frappe.db.sql, []

	def sql(query, *args, **kwargs):
		result = real(query, *args, **kwargs)
		text = str(frappe.db.last_query).strip()
		if text.lower().startswith("set statement"):
			text = text.partition(" for\n")[2] or text.partition(" for ")[2]
		if text.lower().lstrip("( \n").startswith(("select", "update", "delete")):
			texts.append(text)
		return result

	frappe.db.sql = sql
	try:
		yield texts
	finally:
		frappe.db.sql = real
