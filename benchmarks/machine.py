"""What a run was made on: machine, commit, versions; and how busy each server was."""

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import frappe
from memora.utils import redis_store

ROOT = Path(__file__).resolve().parents[1]


def facts(options) -> list[tuple[str, str]]:
	memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
	[[mariadb]] = frappe.db.sql("select version()")
	redis = redis_store.client().info("server")["redis_version"]
	load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
	return [
		("Date", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"),
		("Machine", f"{os.cpu_count()} cores, {_cpu_name()}, {memory_gb:.0f} GB; load before the run {load}"),
		("Commit", _commit()),
		(
			"Versions",
			f"Python {platform.python_version()}, Frappe {frappe.__version__}, MariaDB {mariadb}, Redis {redis}",
		),
		("Run", "`--quick`: shows that everything runs, not how fast" if options.quick else "in full"),
	]


def _cpu_name() -> str:
	for line in Path("/proc/cpuinfo").read_text().splitlines():
		if line.startswith("model name"):
			return line.partition(":")[2].strip()
	return platform.machine()


def _commit() -> str:
	def git(*arguments: str) -> str:
		return subprocess.run(
			["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
		).stdout.strip()

	changed = " with uncommitted changes" if git("status", "--porcelain") else ""
	return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{changed}"


def cpu_seconds(pids: list[int]) -> float:
	"""What these processes have used so far."""
	ticks = 0
	for pid in pids:
		fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
		ticks += int(fields[11]) + int(fields[12])  # utime, stime
	return ticks / os.sysconf("SC_CLK_TCK")
