"""What comes from Debian's registry: MariaDB, Redis, Python's venv where it is split off; a browser for
tests and a load generator for benchmarks."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from devbench import commands, progress
from devbench.errors import BenchError
from devbench.layout import Bench

# Debian keeps servers in sbin, which is not on everybody's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
PACKAGE_OF_PROGRAM = {
	"mariadbd": "mariadb-server",
	"mariadb-install-db": "mariadb-server",
	"mariadb": "mariadb-client",
	"redis-server": "redis-server",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The font draws Arabic too; the browser alone brings none.
BROWSER_PACKAGES = ["chromium", "fonts-dejavu-core"]
LOAD_GENERATOR = "wrk"  # the package and the program

# A policy-rc.d that answers 101 keeps the packages from starting system-wide servers. One that
# was here before is left alone; ours carries a mark, so that one left by a kill is removed too.
# An interrupted dpkg is completed when the first attempt stumbles over it.
INSTALL_SCRIPT = """
policy=/usr/sbin/policy-rc.d
mark='# written by dev/start'
if [ ! -e "$policy" ] || grep -q "$mark" "$policy"; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\\n%s\\nexit 101\\n' "$mark" > "$policy"
	chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
get() { apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }
get update
get install --no-install-recommends "$@" || { dpkg --configure -a && get install --no-install-recommends "$@"; }
"""


def find(program: str) -> str | None:
	return shutil.which(program, path=SEARCH_PATH)


def find_browser(find: Callable[[str], str | None] = find) -> str | None:
	return next(filter(None, map(find, BROWSERS)), None)


def ensure_browser(bench: Bench) -> str:
	"""Return the path of a Chromium, installing Debian's when there is none.

	Raises:
		BenchError: there is none and it cannot be installed here.
	"""
	if not find_browser():
		require_installable(BROWSER_PACKAGES)
		install(bench, BROWSER_PACKAGES)
	return find_browser() or "chromium"


def ensure_load_generator(bench: Bench) -> str:
	"""Return the path of wrk, installing Debian's when there is none.

	Raises:
		BenchError: there is none and it cannot be installed here.
	"""
	if not find(LOAD_GENERATOR):
		require_installable([LOAD_GENERATOR])
		install(bench, [LOAD_GENERATOR])
	return find(LOAD_GENERATOR) or LOAD_GENERATOR


def missing_packages(find: Callable[[str], str | None] = find, has_venv: bool | None = None) -> list[str]:
	"""Return the Debian packages whose programs are not on this machine."""
	missing = {package for program, package in PACKAGE_OF_PROGRAM.items() if not find(program)}
	if has_venv is None:
		has_venv = importlib.util.find_spec("ensurepip") is not None
	if not has_venv:
		missing.add(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")
	return sorted(missing)


def require_installable(packages: list[str]) -> None:
	"""Refuse before anything is begun when packages are missing that cannot be installed here.

	Raises:
		BenchError: no apt, or neither root nor sudo; names the packages.
	"""
	wanted = " ".join(packages)
	if packages and not shutil.which("apt-get"):
		raise BenchError(f"This machine has no apt-get. Install these by hand, then run again: {wanted}")
	if packages and os.geteuid() != 0 and not _sudo_works():
		raise BenchError(
			f"Installing needs root. Run this, then ./dev/start again: sudo apt-get install {wanted}"
		)


def _sudo_works() -> bool:
	if not shutil.which("sudo"):
		return False
	return subprocess.run(["sudo", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def install(bench: Bench, packages: list[str]) -> None:
	"""Install packages, as root or through sudo, and say so before.

	Raises:
		BenchError: the registry does not answer, or apt refuses.
	"""
	if not packages:
		return
	prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
	progress.say(f"  Installing from Debian's registry: {' '.join(packages)}")
	with progress.timed("System packages"):
		commands.run(
			[*prefix, "sh", "-c", INSTALL_SCRIPT, "install", *packages],
			bench.logs / "apt.log",
			f"apt could not install {' '.join(packages)}. Check that the registry is reachable, then run again.",
			interruptible=False,
			show_log=False,
		)
