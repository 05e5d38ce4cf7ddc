"""./dev/test: pytest against the bench, on a site of its own; or the unit tests alone, without one.

Tests of Desk need its bundles and a browser. Where these cannot be had, those tests are left out and
the summary says so; with CI=true that is a failure.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devbench import (
	commands,
	desk,
	layout,
	ports,
	progress,
	python_env,
	services,
	site,
	start,
	system_packages,
)
from devbench.errors import BenchError
from devbench.layout import Bench

UNIT_TESTS = "tests/unit"
DESK_TESTS = "tests/desk"


def run(bench: Bench, arguments: list[str]) -> int:
	"""Run pytest with these arguments; return its exit code."""
	if only_unit_tests(bench.checkout, arguments):
		return _pytest(bench, unit_python(bench), arguments, dict(os.environ))
	_, test_site = layout.site_names(dict(os.environ))

	def prepare(chosen: dict[str, int]) -> dict[str, str]:
		python_env.install_test_requirements(bench)
		return {**test_environment(bench, chosen, test_site), **_prepare_desk(bench, chosen, arguments)}

	with serving(bench, test_site, prepare) as env:
		return _pytest(bench, bench.python, arguments, env)


@contextmanager
def serving(bench: Bench, test_site: str, prepare: Callable[[dict[str, int]], Any]) -> Iterator[Any]:
	"""Inside, the bench serves this site, beside others. Servers that nobody else started or uses end with it.

	Args:
		prepare: given the ports, under the lock of the set-up; what it returns is what the block is given.
	"""
	with _users_lock(bench) as users:
		with start.locked(bench):
			prepared = prepare(_bring_up(bench, test_site))
			fcntl.flock(users, fcntl.LOCK_SH)
		try:
			yield prepared
		finally:
			_leave(bench, users)


def only_unit_tests(checkout: Path, arguments: list[str]) -> bool:
	"""Whether the arguments name tests, and none outside tests/unit."""
	paths = named_paths(arguments)
	unit = (checkout / UNIT_TESTS).resolve()
	return bool(paths) and all(path == unit or unit in path.parents for path in paths)


def needs_desk(checkout: Path, arguments: list[str]) -> bool:
	"""Whether tests of Desk are among those that the arguments name; all are named when none is."""
	folder = (checkout / DESK_TESTS).resolve()
	paths = named_paths(arguments)
	return not paths or any(
		path == folder or folder in path.parents or path in folder.parents for path in paths
	)


def named_paths(arguments: list[str]) -> list[Path]:
	named = [argument.split("::")[0] for argument in arguments if not argument.startswith("-")]
	return [path.resolve() for path in map(Path, named) if path.exists()]


def unit_python(bench: Bench) -> Path | str:
	"""Return a Python that has the test requirements, making a small environment when there is none."""
	if progress.was_ever_done(bench, "test-requirements"):
		return bench.python
	listed = bench.checkout / "dev" / "requirements-test.txt"
	env = bench.home / "unit-env"
	bench.make_folders()

	def work():
		commands.run(
			[sys.executable, "-m", "venv", "--clear", str(env)], bench.logs / "venv.log", "venv failed."
		)
		commands.run(
			[str(env / "bin" / "python"), "-m", "pip", "install", "--requirement", str(listed)],
			bench.logs / "pip-unit.log",
			python_env.REGISTRY_ADVICE.format("the test requirements"),
		)

	progress.once(
		bench, "unit-env", progress.files_fingerprint([listed]), "Environment for the unit tests", work
	)
	return env / "bin" / "python"


def test_environment(bench: Bench, chosen: dict[str, int], test_site: str) -> dict[str, str]:
	"""Return the environment that tells the tests where the bench is."""
	s3 = services.s3_settings(bench, chosen, site.bucket_name(test_site))
	return {
		**python_env.environment(bench),
		"MEMORA_BENCH": str(bench.home),
		"MEMORA_SITES_PATH": str(bench.sites),
		"MEMORA_TEST_SITE": test_site,
		"MEMORA_WEB_URL": f"http://{layout.HOST}:{chosen['web']}",
		"MEMORA_S3_ENDPOINT": s3["endpoint_url"],
		"MEMORA_S3_ACCESS_KEY": s3["access_key"],
		"MEMORA_S3_SECRET_KEY": s3["secret_key"],
		"MEMORA_S3_BUCKET": s3["bucket_name"],
	}


def _pytest(bench: Bench, python: Path | str, arguments: list[str], env: dict[str, str]) -> int:
	return subprocess.run(
		[str(python), "-m", "pytest", *arguments], cwd=bench.checkout, env=env, check=False
	).returncode


def _prepare_desk(bench: Bench, chosen: dict[str, int], arguments: list[str]) -> dict[str, str]:
	"""Make Desk and a browser ready when its tests are to run; return what tells the tests so."""
	if not needs_desk(bench.checkout, arguments):
		return {}
	try:
		desk.build(bench, chosen["redis_cache"])
		return {"MEMORA_BROWSER": system_packages.ensure_browser(bench)}
	except BenchError as error:
		if os.environ.get("CI"):
			raise
		progress.say(f"  Without tests of Desk: {error}")
		return {}


def _bring_up(bench: Bench, test_site: str) -> dict[str, int]:
	supervisor = start.bring_up(
		bench, lambda chosen: site.ensure_test_site(bench, chosen, test_site), with_desk=False
	)
	if supervisor:
		(bench.run / "by-test").touch()
		(bench.run / "detached").touch()
	return ports.load(bench)


def _users_lock(bench: Bench):
	"""Open the file whose shared lock says: a test run uses this bench."""
	bench.run.mkdir(parents=True, exist_ok=True)
	return (bench.run / "test-users.lock").open("w")


def _leave(bench: Bench, users) -> None:
	"""End servers that ./dev/test started, unless another test run still uses them."""
	fcntl.flock(users, fcntl.LOCK_UN)
	with start.locked(bench):
		if not (bench.run / "by-test").exists():
			return
		try:
			fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except BlockingIOError:
			return
		start.bring_down(bench)
