"""A web server of the benchmarks' own, set up as the bench's (gunicorn, 2 workers x 4 threads), and logins to it."""

import contextlib
import json
import os
import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import NamedTuple

from devbench import layout, ports, processes, services

from benchmarks import people

LOGINS_AT_ONCE = 4
SECONDS_TO_START = 60
LOGIN = "/api/method/memora.api.player.login"
FRAPPE_LOGIN = "/api/method/login"


class Server(NamedTuple):
	address: str
	host: str
	pid: int

	def processes(self) -> list[int]:
		return [self.pid, *processes.children_of(self.pid)]


class Caller(NamedTuple):
	"""Somebody who is logged in. headers: what each of his requests carries."""

	user: str
	headers: dict[str, str]


@contextlib.contextmanager
def serving(host: str) -> Iterator[Server]:
	"""The server, which ends with the block. It runs the code as it is now, and nobody else calls it."""
	bench = layout.locate(dict(os.environ))
	port = _free_port()
	service = services.applications(bench, {**ports.load(bench), "web": port})[0]
	child = processes.spawn(service.argv, bench.logs / "benchmarks-web.log", service.cwd, service.env)
	identity = processes.identify(child.pid)
	try:
		if not processes.wait_until(service.answers, SECONDS_TO_START):
			raise RuntimeError(f"the web server did not answer; see {bench.logs / 'benchmarks-web.log'}")
		yield Server(f"http://{layout.HOST}:{port}", host, child.pid)
	finally:
		processes.end(identity, service.seconds_to_end)
		child.wait()


def _free_port() -> int:
	with socket.socket() as probe:
		probe.bind((layout.HOST, 0))
		return probe.getsockname()[1]


def log_in_all(server: Server, kind: str, count: int) -> list[Caller]:
	"""The people numbered 0 to count - 1, each with a session."""
	with ThreadPoolExecutor(LOGINS_AT_ONCE) as pool:
		return list(pool.map(lambda number: log_in(server, kind, number), range(count)))


def log_in(server: Server, kind: str, number: int) -> Caller:
	"""Log in as an app does: students on their device, all others by Frappe's own login."""
	is_player = kind not in (people.VISITOR, people.DESK)
	headers = login_headers(number)
	request = urllib.request.Request(
		server.address + (LOGIN if is_player else FRAPPE_LOGIN),
		data=json.dumps(credentials(kind, number)).encode(),
		headers={**headers, "Host": server.host, "Content-Type": "application/json"},
	)
	with urllib.request.urlopen(request, timeout=60) as reply:
		cookies = SimpleCookie()
		for header in reply.headers.get_all("Set-Cookie"):
			cookies.load(header)
		token = json.load(reply).get("message", {})
	sent = {"Cookie": f"sid={cookies['sid'].value}", "X-Device-ID": people.device_id(number)}
	if isinstance(token, dict) and token.get("csrf_token"):
		sent["X-Frappe-CSRF-Token"] = token["csrf_token"]
	return Caller(people.user(kind, number), sent)


def credentials(kind: str, number: int) -> dict[str, str]:
	return {"usr": people.user(kind, number), "pwd": people.PASSWORD}


def login_headers(number: int) -> dict[str, str]:
	"""An address of his own for each, or they would share a limit."""
	return {
		"X-Device-ID": people.device_id(number),
		"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
	}
