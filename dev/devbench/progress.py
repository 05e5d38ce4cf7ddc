"""Telling the developer what happens: one line a step with its seconds; and which steps are done.

A step leaves a marker with a fingerprint of what it was made from, written only after it
succeeded. So a set-up that was interrupted goes on where it stopped, and a changed
requirement or DocType repeats exactly the steps that depend on it.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from devbench import commands
from devbench.layout import Bench, write_text

_output = threading.Lock()


def say(line: str) -> None:
	with _output, suppress(BrokenPipeError):  # a reader that left, such as `head`, stops nothing
		sys.stdout.write(line + "\n")
		sys.stdout.flush()


@contextmanager
def timed(title: str):
	started = time.monotonic()
	yield
	say(f"  {time.monotonic() - started:6.1f} s  {title}")


def fingerprint(parts: Iterable[str]) -> str:
	digest = hashlib.sha256()
	for part in parts:
		digest.update(part.encode() + b"\0")
	return digest.hexdigest()


def files_fingerprint(paths: Iterable[Path]) -> str:
	"""Return a digest of the files' names and content; a missing file counts as empty."""
	digest = hashlib.sha256()
	for path in paths:
		digest.update(str(path).encode() + b"\0")
		digest.update(path.read_bytes() if path.is_file() else b"")
	return digest.hexdigest()


def is_done(bench: Bench, step: str, made_from: str) -> bool:
	marker = bench.config / "steps" / step
	return marker.is_file() and marker.read_text() == made_from


def was_ever_done(bench: Bench, step: str) -> bool:
	return (bench.config / "steps" / step).is_file()


def mark_done(bench: Bench, step: str, made_from: str) -> None:
	marker = bench.config / "steps" / step
	marker.parent.mkdir(parents=True, exist_ok=True)
	write_text(marker, made_from)


def forget(bench: Bench, step: str) -> None:
	(bench.config / "steps" / step).unlink(missing_ok=True)


def once(bench: Bench, step: str, made_from: str, title: str, work: Callable[[], None]) -> bool:
	"""Do a step unless it is done; return whether it was done now."""
	if is_done(bench, step, made_from):
		return False
	with timed(title):
		work()
	mark_done(bench, step, made_from)
	return True


def side_by_side(*jobs: Callable[[], None]) -> None:
	"""Run jobs at the same time; raise the first failure after all have ended."""
	failures: list[BaseException] = []

	def attempt(job):
		try:
			job()
		except BaseException as failure:
			failures.append(failure)
			commands.end_all()

	threads = [threading.Thread(target=attempt, args=(job,)) for job in jobs]
	for thread in threads:
		thread.start()
	try:
		for thread in threads:
			thread.join()
	except KeyboardInterrupt:
		commands.end_all()
		for thread in threads:
			thread.join()
		raise
	if failures:
		raise failures[0]
