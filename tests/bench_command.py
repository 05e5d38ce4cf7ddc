"""Memora's commands as an operator runs them: in another process, on the test site."""

import os
import pty
import subprocess
import sys

TIMEOUT_SECONDS = 120


def run_memora(*arguments: str) -> subprocess.CompletedProcess:
	"""`bench --site SITE memora ARGUMENTS`; what it needs must be committed."""
	return subprocess.run(
		_command(arguments), cwd=_folder(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS
	)


def run_memora_on_a_terminal(*arguments: str) -> str:
	"""What the command shows a person."""
	ours, terminal = pty.openpty()
	process = subprocess.Popen(
		_command(arguments), cwd=_folder(), stdin=terminal, stdout=terminal, stderr=terminal
	)
	os.close(terminal)
	shown = b"".join(_read_until_closed(ours))
	os.close(ours)
	process.wait(TIMEOUT_SECONDS)
	return shown.decode()


def _read_until_closed(terminal: int):
	while True:
		try:
			yield os.read(terminal, 4096)
		except OSError:  # Linux's way to say that nobody writes any more
			return


def _command(arguments: tuple[str, ...]) -> list[str]:
	return [
		*(sys.executable, "-m", "frappe.utils.bench_helper", "frappe"),
		*("--site", os.environ["MEMORA_TEST_SITE"], "memora", *arguments),
	]


def _folder() -> str:
	return os.environ["MEMORA_SITES_PATH"]
