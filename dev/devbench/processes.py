"""Processes as the kernel knows them: who is this pid, is it still ours, end it with its children.

A pid alone is never trusted: it is compared with the start time and command line that were
recorded when the process was started, so a number taken over by a stranger is left alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from devbench.layout import read_json, write_json

PROC = Path("/proc")
STATE_FIELD, PARENT_FIELD, START_FIELD = 0, 1, 19  # of /proc/PID/stat, counted after the command name


@dataclass(frozen=True)
class Identity:
	pid: int
	start_ticks: int
	boot_id: str


def stat_fields(pid: int) -> list[str] | None:
	"""Return the fields of /proc/PID/stat after the command name; None when the process is gone."""
	try:
		text = (PROC / str(pid) / "stat").read_text()
	except (FileNotFoundError, ProcessLookupError):
		return None
	return text[text.rindex(")") + 2 :].split()


def identify(pid: int) -> Identity | None:
	"""Return who runs under this pid now; None for nobody and for the dead (zombies)."""
	fields = stat_fields(pid)
	if fields is None or fields[STATE_FIELD] in "ZX":
		return None
	boot_id = (PROC / "sys/kernel/random/boot_id").read_text().strip()
	return Identity(pid, int(fields[START_FIELD]), boot_id)


def is_alive(identity: Identity | None) -> bool:
	return identity is not None and identify(identity.pid) == identity


def record(folder: Path, name: str, pid: int) -> None:
	"""Write NAME.pid (the number, for people and tests) and NAME.process (who it was, for us)."""
	identity = identify(pid)
	if identity:
		write_json(folder / f"{name}.process", asdict(identity))
		(folder / f"{name}.pid").write_text(f"{pid}\n")


def recorded(folder: Path, name: str) -> Identity | None:
	values = read_json(folder / f"{name}.process")
	return Identity(**values) if values else None


def forget(folder: Path, name: str) -> None:
	for suffix in ("pid", "process"):
		(folder / f"{name}.{suffix}").unlink(missing_ok=True)


def children_of(pid: int) -> list[int]:
	"""Return all descendants, also those that moved to a process group of their own."""
	parents = {}
	for entry in PROC.iterdir():
		if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
			parents.setdefault(int(fields[PARENT_FIELD]), []).append(int(entry.name))
	found, waiting = [], [pid]
	while waiting:
		direct = parents.get(waiting.pop(), [])
		found += direct
		waiting += direct
	return found


def end(identity: Identity, seconds: float, ask: int = signal.SIGTERM) -> None:
	"""Ask a process to end; after `seconds` make it, together with all its descendants."""
	if not is_alive(identity):
		return
	family = [who for who in map(identify, children_of(identity.pid)) if who]
	os.kill(identity.pid, ask)
	if not wait_until(lambda: not is_alive(identity), seconds):
		family.append(identity)
	for who in family:
		if is_alive(who):
			_kill(who.pid)


def _kill(pid: int) -> None:
	with suppress(ProcessLookupError):  # it ended by itself in the meantime
		os.kill(pid, signal.SIGKILL)


def kill_group(group: int) -> None:
	"""End what is left of a process group whose leader is gone."""
	with suppress(ProcessLookupError):  # nothing is left
		os.killpg(group, signal.SIGKILL)


def end_leftovers(folder: Path, seconds_to_end: dict[str, float], default: float = 15) -> list[str]:
	"""End the recorded processes that still run; return their names."""
	left = {path.stem: recorded(folder, path.stem) for path in sorted(folder.glob("*.process"))}
	alive = {name: identity for name, identity in left.items() if is_alive(identity)}
	for identity in alive.values():
		os.kill(identity.pid, signal.SIGTERM)
	for name, identity in alive.items():
		end(identity, seconds_to_end.get(name, default))
	for name in left:
		forget(folder, name)
	return list(alive)


def wait_until(condition, seconds: float, pause: float = 0.05) -> bool:
	deadline = time.monotonic() + seconds
	while not condition():
		if time.monotonic() > deadline:
			return False
		time.sleep(pause)
	return True


def spawn(argv: list[str], log: Path, cwd: Path, env: dict[str, str]) -> subprocess.Popen:
	"""Start a program in a process group of its own, its output appended to a log."""
	with log.open("ab") as output:
		return subprocess.Popen(
			argv,
			cwd=cwd,
			env=env,
			stdin=subprocess.DEVNULL,
			stdout=output,
			stderr=subprocess.STDOUT,
			start_new_session=True,
		)
