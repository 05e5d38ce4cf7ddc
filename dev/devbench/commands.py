"""Running a command of the set-up to its end, with its output in a log.

A command never outlives the set-up: when ./dev/start is killed, the kernel kills it too
(`setpriv --pdeathsig`), so a second ./dev/start never works beside a left-over one. Only
dpkg is left to finish, because half-installed system packages help nobody.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

from devbench.errors import BenchError, last_lines

_running: set[subprocess.Popen] = set()
_lock = threading.Lock()
_interrupted = threading.Event()


def run(
	argv: list[str],
	log: Path,
	advice: str,
	cwd: Path | None = None,
	env: dict[str, str] | None = None,
	interruptible: bool = True,
	show_log: bool = True,
) -> None:
	"""Run a command; its output goes to `log`, which is started anew.

	Raises:
		BenchError: it failed; the message holds `advice` and, unless told otherwise, the log's end.
	"""
	if _interrupted.is_set():
		raise BenchError("The set-up was interrupted. Run the command again to go on.")
	setpriv = shutil.which("setpriv")
	if interruptible and setpriv:
		argv = [setpriv, "--pdeathsig", "KILL", *argv]
	log.parent.mkdir(parents=True, exist_ok=True)
	with log.open("wb") as output:
		child = subprocess.Popen(
			argv,
			cwd=cwd,
			env=env or dict(os.environ),
			stdin=subprocess.DEVNULL,
			stdout=output,
			stderr=subprocess.STDOUT,
			start_new_session=True,
		)
		code = _wait(child, interruptible)
	if code and not show_log:
		raise BenchError(f"{advice} (The log: {log})")
	if code:
		raise BenchError(f"{advice} The log {log} ends with:\n{last_lines(log.read_text(errors='replace'))}")


def _wait(child: subprocess.Popen, interruptible: bool) -> int:
	if not interruptible:
		return child.wait()
	with _lock:
		_running.add(child)
	try:
		return child.wait()
	finally:
		with _lock:
			_running.discard(child)


def end_all() -> None:
	"""End the commands that still run and start no more: the set-up was interrupted or failed."""
	_interrupted.set()
	with _lock:
		for child in _running:
			child.kill()
