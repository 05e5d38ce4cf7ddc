"""Bringing a bench up: build what is missing, start the supervisor, make the sites, serve.

Every command comes here: ./dev/start for the demo site, ./dev/test for a test site. One of
them at a time works on a bench (run/setup.lock); a bench that runs already is only brought
up to date. Servers started by ./dev/test end with the last ./dev/test that uses them.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devbench import (
	desk,
	layout,
	mariadb,
	ports,
	processes,
	progress,
	python_env,
	services,
	site,
	system_packages,
)
from devbench.errors import BenchError
from devbench.layout import Bench

SECONDS_TO_START = 150


@contextmanager
def locked(bench: Bench) -> Iterator[None]:
	"""Be the only command that changes the bench; wait for another one first."""
	bench.run.mkdir(parents=True, exist_ok=True)
	with (bench.run / "setup.lock").open("w") as lock:
		try:
			fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except BlockingIOError:
			progress.say("  Another command sets this bench up; waiting for it to finish.")
			fcntl.flock(lock, fcntl.LOCK_EX)
		yield


def status(bench: Bench) -> dict | None:
	"""Return what the running supervisor says of itself; None when none runs."""
	found = layout.read_json(bench.run / "status.json")
	if found and processes.is_alive(processes.Identity(**found["identity"])):
		return found
	return None


def is_usable(bench: Bench) -> bool:
	"""Whether servers run that will stay: not on their way down, their ./dev/start not killed.

	Asked under the lock, when no other command is between starting them and asking them to serve.
	"""
	found = status(bench)
	if not found or not (bench.run / "serve").exists():
		return False
	if (bench.run / "detached").exists():
		return True
	return found["owner"] is not None and processes.is_alive(processes.Identity(**found["owner"]))


def bring_up(
	bench: Bench,
	ensure_site: Callable[[dict[str, int]], bool],
	web_port: int | None = None,
	new_ports: bool = False,
	with_desk: bool = True,
) -> subprocess.Popen | None:
	"""Bring the bench up with a site; the caller holds the lock.

	Args:
		ensure_site: brings one site up to date and says whether the servers must reload.
		with_desk: build Desk's bundles too. Where that fails the bench still serves the API.

	Returns:
		The supervisor when it was started now; None when the bench was running before.

	Raises:
		BenchError: with the reason and what to do; everything started here is ended.
	"""
	running = is_usable(bench)
	if running and (web_port or new_ports):
		raise BenchError("This bench is running; its ports cannot change now. Run ./dev/stop first.")
	supervisor = None
	told: set[str] = set()
	try:
		if not running:
			chosen = _prepare(bench, web_port, new_ports)
			build(bench)
			services.write_configuration(bench, chosen)
			supervisor = _start_supervisor(bench)
			_await(bench, supervisor, services.infrastructure(bench, chosen), told)
		else:
			chosen = ports.load(bench)
			build(bench)
		if with_desk:
			build_desk(bench, chosen)
		code = code_fingerprint(bench)
		changed = ensure_site(chosen)
		if supervisor:
			(bench.run / "serve").touch()
			_await(bench, supervisor, services.applications(bench, chosen), told)
		elif changed or not progress.is_done(bench, "loaded-code", code):
			reload_code(bench)
		progress.mark_done(bench, "loaded-code", code)
	except BaseException:
		if supervisor:
			supervisor.terminate()
			supervisor.wait()
		raise
	return supervisor


def _prepare(bench: Bench, web_port: int | None, new_ports: bool) -> dict[str, int]:
	bench.make_folders()
	if bring_down(bench):
		progress.say("  Ended what an interrupted start had left running.")
	for name in ("status.json", "serve", "detached", "by-test"):
		(bench.run / name).unlink(missing_ok=True)
	chosen = ports.load(bench, web_port, new_ports)
	ports.require_free(chosen)
	ports.remember(bench, chosen)
	return chosen


def build(bench: Bench) -> None:
	"""Install and unpack what is missing; system packages and database come while pip works."""
	missing = system_packages.missing_packages()
	system_packages.require_installable(missing)
	if any(package.endswith("-venv") for package in missing):
		system_packages.install(bench, missing)
		missing = []

	def databases():
		system_packages.install(bench, missing)
		mariadb.initialise(bench)

	progress.side_by_side(databases, lambda: python_env.build(bench))
	python_env.install_app(bench)


def build_desk(bench: Bench, chosen: dict[str, int]) -> None:
	try:
		desk.build(bench, chosen["redis_cache"])
	except BenchError as error:
		progress.say(f"  Desk's bundles are not built, the API works: {error}")


def _start_supervisor(bench: Bench) -> subprocess.Popen:
	env = {**os.environ, "PYTHONPATH": str(bench.checkout / "dev")}
	with (bench.logs / "supervisor.log").open("ab") as log:
		return subprocess.Popen(
			[sys.executable, "-m", "devbench.supervisor"],
			cwd=bench.home,
			env=env,
			stdin=subprocess.DEVNULL,
			stdout=log,
			stderr=subprocess.STDOUT,
			start_new_session=True,
		)


def _await(
	bench: Bench, supervisor: subprocess.Popen, expected: list[services.Service], told: set[str]
) -> None:
	"""Print each service as it begins to answer and add it to `told`; return when all expected do."""

	def all_ready() -> bool:
		found = layout.read_json(bench.run / "status.json", {})
		for title, seconds in found.get("ready", {}).items():
			if title not in told:
				progress.say(f"  {seconds:6.1f} s  {title} answers")
				told.add(title)
		if found.get("failure"):
			raise BenchError(found["failure"])
		if supervisor.poll() is not None:
			raise BenchError(f"The supervisor ended. See {bench.logs / 'supervisor.log'}, then run again.")
		return {service.title for service in expected} <= told

	if not processes.wait_until(all_ready, SECONDS_TO_START):
		raise BenchError(f"Not everything answered in time. See the logs in {bench.logs}, then run again.")


def code_fingerprint(bench: Bench) -> str:
	app = bench.checkout / "memora"
	sources = sorted(path for path in app.rglob("*") if path.suffix in (".py", ".json"))
	return progress.files_fingerprint(sources)


def reload_code(bench: Bench) -> None:
	"""Let the running applications load the app's present code: gunicorn without a pause for its
	callers, worker and scheduler by ending them, whereupon the supervisor starts new ones."""
	with progress.timed("Applications load the changed code"):
		web = processes.recorded(bench.run, "web")
		before = set(processes.children_of(web.pid))
		os.kill(web.pid, services.RELOAD_SIGNAL)
		for name in ("worker", "schedule"):
			processes.end(processes.recorded(bench.run, name), seconds=15)
		processes.wait_until(lambda: not before & set(processes.children_of(web.pid)), 20)


def bring_down(bench: Bench) -> bool:
	"""End what runs in the bench; return whether anything did."""
	supervisor = processes.recorded(bench.run, "supervisor")
	ran = processes.is_alive(supervisor)
	if ran:
		os.kill(supervisor.pid, services.END_SIGNAL)
		processes.wait_until(lambda: not processes.is_alive(supervisor), 60)
	return bool(processes.end_leftovers(bench.run, services.SECONDS_TO_END)) or ran


def addresses(bench: Bench) -> str:
	chosen = ports.load(bench)
	web = f"http://{layout.HOST}:{chosen['web']}"
	demo = layout.DEMO_SITE
	return f"""
  Web        {web}   (also http://{demo}:{chosen["web"]})
  Desk       {web}/app   user Administrator, password {layout.ADMIN_PASSWORD}
  Files      {web}/memora_content/...
  S3         http://{layout.HOST}:{chosen["s3"]}   bucket {site.bucket_name(demo)}
  MariaDB    {layout.HOST}:{chosen["mariadb"]}   Redis {layout.HOST}:{chosen["redis_cache"]} (cache), {chosen["redis_queue"]} (queue)
  Logs       {_shown(bench.logs)}
  Commands   ./dev/bench ARGS, ./dev/demo, ./dev/test, ./dev/stop
"""


def _shown(path: Path) -> str:
	return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
