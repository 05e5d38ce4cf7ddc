"""The bench's own processes, killed by the pid that the bench recorded, and how one knows that they serve again."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pymysql
import redis
import requests
from devbench import processes

import frappe

RUN = Path(os.environ["MEMORA_BENCH"]) / "run"
SECONDS_TO_RECOVER = 60


def recorded(name: str) -> processes.Identity | None:
	"""Who runs as this server of the bench; None between its death and its next start."""
	found = processes.recorded(RUN, name)
	return found if processes.is_alive(found) else None


def end(name: str, number: int = signal.SIGKILL) -> float:
	"""End a server; returns how many seconds went by until its successor answered."""
	ended = recorded(name)
	began = time.monotonic()
	os.kill(ended.pid, number)
	wait_until(lambda: recorded(name) not in (None, ended) and ANSWERS[name](), f"{name} did not come back")
	return time.monotonic() - began


def wait_until(condition: Callable[[], object], failure: str, seconds: float = SECONDS_TO_RECOVER) -> None:
	assert processes.wait_until(condition, seconds, 0.1), failure


def web_workers() -> list[int]:
	"""The pids of gunicorn's workers."""
	return processes.children_of(recorded("web").pid)


def _web_answers() -> bool:
	try:
		address = f"{os.environ['MEMORA_WEB_URL']}/api/method/ping"
		site = {"X-Frappe-Site-Name": os.environ["MEMORA_TEST_SITE"]}
		return requests.get(address, headers=site, timeout=10).status_code == 200
	except requests.RequestException:
		return False


def _redis_answers() -> bool:
	try:
		return redis.Redis.from_url(frappe.conf.redis_queue).ping()
	except redis.RedisError:
		return False


def _mariadb_answers() -> bool:
	conf = frappe.conf
	try:
		pymysql.connect(
			host=conf.db_host, port=int(conf.db_port), user=conf.db_name, password=conf.db_password
		).close()
	except pymysql.err.OperationalError:
		return False
	return True


ANSWERS = {
	"web": _web_answers,
	"redis_queue": _redis_answers,
	"mariadb": _mariadb_answers,
	# These two open no port, and a flush of Redis takes the worker's name from RQ's list.
	"worker": lambda: True,
	"schedule": lambda: True,
}


def all_answer() -> bool:
	return all(recorded(name) and answers() for name, answers in ANSWERS.items())


def reconnect() -> None:
	"""Give this process a connection to the database that was started again."""
	frappe.db.close()
	frappe.connect()
	frappe.flags.in_test = True
