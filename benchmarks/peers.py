"""Beside others: Kolibri's progress logging, and what one would write first with Frappe's documents."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from devbench import layout

from benchmarks import content, load, naive, people, requests, timing, web
from benchmarks.report import Line, Section
from memora.services.progress_engine import completion, progress_computer
from memora.services.progress_engine.award import PROGRESS_POLICY

KOLIBRI = "kolibri==0.19.5"
SCRIPT = Path(__file__).with_name("kolibri_script.py")
SECONDS_TO_INSTALL = 600


def run(options) -> list[Section]:
	size = requests.QUICK if options.quick else requests.FULL
	requests.prepare_world(size.students)
	sections = [Section("Beside Frappe's documents", _naive_lines(options.quick))]
	python = _kolibri_python()
	if python:
		sections.append(Section(f"Beside Kolibri ({KOLIBRI})", _kolibri_lines(python, size)))
	return sections


# --- Frappe's documents ------------------------------------------------------------------------------------------


def _naive_lines(quick: bool) -> list[Line]:
	rounds, seconds = (3, 0.3) if quick else (9, 1)
	user = people.user(people.STUDENT, 2)
	lesson, subject = content.lesson_id(requests.SMALL, 70), content.subject_id(requests.SMALL)

	def ours():
		completion.complete_lesson(user, lesson, 4, PROGRESS_POLICY, str(uuid.uuid4()))

	naive.ensure_doctypes()
	works = (ours, lambda: naive.complete_lesson(user, subject, lesson, 4))
	completed, completed_naively = timing.interleaved(list(works), rounds, seconds)
	reads = (
		lambda: progress_computer.compute_progress(subject, user),
		functools.partial(naive.get_progress, user, subject),
	)
	read, read_naively = timing.interleaved(list(reads), rounds, seconds)
	return [
		Line("complete_lesson, service call", completed, "ms", "documents saved", completed_naively),
		Line(
			f"get_progress of {requests.SMALL} lessons, service call",
			read,
			"ms",
			"one query a lesson",
			read_naively,
		),
	]


# --- Kolibri -----------------------------------------------------------------------------------------------------


def _kolibri_python() -> Path | None:
	"""Kolibri's own environment, made once; None where it cannot be installed."""
	folder = layout.locate(dict(os.environ)).home / "kolibri-env"
	python = folder / "bin" / "python"
	if not (folder / "bin" / "kolibri").exists():
		subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
		install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", KOLIBRI]
		if subprocess.run(install, check=False, timeout=SECONDS_TO_INSTALL).returncode:
			return None
	return python


def _kolibri_lines(python: Path, size: requests.Size) -> list[Line]:
	"""Ours over HTTP with its gate, theirs without a network; alternately, so that a busy moment meets both."""
	rounds, ours, theirs = 1 if size.rounds < 3 else 5, [], {"begin_ms": [], "finish_ms": []}
	with web.serving(os.environ["MEMORA_TEST_SITE"]) as server:
		world = requests.Requests(server, requests.log_in_students(server, size.students))
		load.run(server.address, world.completions(), 1, 1, is_once=True)
		for _ in range(rounds):
			people.reset_limits()
			ours.append(load.run(server.address, world.completions(), 1, 1, is_once=True).median_ms)
			for name, times in _kolibri_round(python).items():
				theirs[name] += times
	both = [begin + finish for begin, finish in zip(*theirs.values(), strict=True)]
	return [
		Line(
			"complete_lesson over HTTP",
			ours,
			"ms",
			"PUT trackprogress alone, without a network,",
			theirs["finish_ms"],
		),
		Line("complete_lesson over HTTP", ours, "ms", "POST and PUT, begun and finished,", both),
	]


def _kolibri_round(python: Path) -> dict[str, list[float]]:
	home = layout.locate(dict(os.environ)).data / "kolibri"
	output = subprocess.run(
		[str(python), str(SCRIPT), "30"],
		env={"KOLIBRI_HOME": str(home), "PATH": os.environ["PATH"]},
		capture_output=True,
		text=True,
		check=True,
	).stdout
	told = json.loads(output.strip().splitlines()[-1])
	return {name: told[name] for name in ("begin_ms", "finish_ms")}
