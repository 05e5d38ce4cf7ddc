"""The one parent of everything that runs in a bench.

It starts the servers, then the applications when the file run/serve asks for them, starts
again what dies, and on SIGTERM ends all of it in order. What it knows stands in
run/status.json, which the commands read. A supervisor whose ./dev/start was killed in the
foreground ends everything too; run/detached says that nobody needs to stay.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from devbench import layout, ports, processes, services
from devbench.errors import last_lines
from devbench.services import Service

SECONDS_TO_ANSWER = 90
QUICK_DEATH_SECONDS = 10
QUICK_DEATHS_ALLOWED = 5  # of a server; an application is tried for ever, its code may be being edited
LONGEST_PAUSE_SECONDS = 10
POLL_SECONDS = 0.1


class Supervisor:
	def __init__(self, bench: layout.Bench, owner_pid: int):
		self.bench = bench
		self.owner_pid = owner_pid
		self.owner = processes.identify(owner_pid)
		self.chosen_ports = ports.load(bench)
		self.infrastructure = services.infrastructure(bench, self.chosen_ports)
		self.servers = {spec.name for spec in self.infrastructure}
		self.running: dict[str, subprocess.Popen] = {}
		self.specs: dict[str, Service] = {}
		self.started_at: dict[str, float] = {}
		self.quick_deaths: dict[str, int] = {}
		self.restart_at: dict[str, float] = {}
		self.ready: dict[str, float] = {}
		self.failure: str | None = None
		self.ending = False

	def run(self) -> int:
		for number in (signal.SIGTERM, signal.SIGINT):
			signal.signal(number, self._ask_to_end)
		processes.record(self.bench.run, "supervisor", os.getpid())
		try:
			if self._start_all(self.infrastructure):
				self._watch(until=self._serve_wanted)
			if not self.ending and self._start_all(services.applications(self.bench, self.chosen_ports)):
				self._watch(until=lambda: False)
		finally:
			self._end_all()
		return 1 if self.failure else 0

	def _ask_to_end(self, number, frame):
		self.ending = True

	def _serve_wanted(self) -> bool:
		return (self.bench.run / "serve").exists()

	def _owner_is_gone(self) -> bool:
		return os.getppid() != self.owner_pid and not (self.bench.run / "detached").exists()

	def _start_all(self, specs: list[Service]) -> bool:
		"""Start services side by side and wait until each answers; return whether all do."""
		for spec in specs:
			self.specs[spec.name] = spec
			self._start(spec)
		began = time.monotonic()
		waiting = list(specs)
		while waiting and not self.ending:
			for spec in list(waiting):
				if self.running[spec.name].poll() is not None:
					self._fail(f"{spec.title} ended while starting.", spec)
				elif spec.answers():
					self.ready[spec.title] = round(time.monotonic() - began, 1)
					waiting.remove(spec)
					self._write_status()
				elif time.monotonic() - began > SECONDS_TO_ANSWER:
					self._fail(f"{spec.title} did not answer within {SECONDS_TO_ANSWER} s.", spec)
			self.ending = self.ending or self._owner_is_gone()
			time.sleep(POLL_SECONDS / 2)
		return not self.ending

	def _start(self, spec: Service) -> None:
		child = processes.spawn(spec.argv, self._log(spec), spec.cwd, spec.env)
		self.running[spec.name] = child
		self.started_at[spec.name] = time.monotonic()
		processes.record(self.bench.run, spec.name, child.pid)

	def _log(self, spec: Service) -> Path:
		return self.bench.logs / f"{spec.name}.log"

	def _watch(self, until: Callable[[], bool]) -> None:
		while not self.ending and not until():
			for name, child in list(self.running.items()):
				if child.poll() is not None:
					self._plan_restart(name, child)
			for name, moment in list(self.restart_at.items()):
				if time.monotonic() >= moment and not self.ending:
					del self.restart_at[name]
					self._start(self.specs[name])
			self.ending = self.ending or self._owner_is_gone()
			time.sleep(POLL_SECONDS)

	def _plan_restart(self, name: str, child: subprocess.Popen) -> None:
		lived = time.monotonic() - self.started_at[name]
		was_killed = child.returncode in (-signal.SIGKILL, -signal.SIGTERM)
		by_itself = lived < QUICK_DEATH_SECONDS and not was_killed
		quick = self.quick_deaths.get(name, 0) + 1 if by_itself else 0
		self.quick_deaths[name] = quick
		del self.running[name]
		processes.kill_group(child.pid)
		processes.forget(self.bench.run, name)
		spec = self.specs[name]
		if quick >= QUICK_DEATHS_ALLOWED and name in self.servers:
			self._fail(f"{spec.title} ended {quick} times within {QUICK_DEATH_SECONDS} s of its start.", spec)
			return
		pause = min(0.2 + quick, LONGEST_PAUSE_SECONDS)
		_log_line(
			f"{name} (pid {child.pid}) ended with {child.returncode}; starting it again in {pause:.1f} s"
		)
		self.restart_at[name] = time.monotonic() + pause

	def _fail(self, what: str, spec: Service) -> None:
		log = self._log(spec)
		self.failure = f"{what} Its log {log} ends with:\n{last_lines(log.read_text(errors='replace'))}"
		_log_line(self.failure)
		self.ending = True
		self._write_status()

	def _write_status(self) -> None:
		status = {
			"identity": asdict(processes.identify(os.getpid())),
			"owner": self.owner and asdict(self.owner),
			"ready": self.ready,
			"failure": self.failure,
		}
		layout.write_json(self.bench.run / "status.json", status)

	def _end_all(self) -> None:
		"""End applications first, then the servers that they use, each group side by side."""
		(self.bench.run / "serve").unlink(missing_ok=True)
		self._end_group([name for name in self.running if name not in self.servers])
		self._end_group([name for name in self.running if name in self.servers])
		processes.forget(self.bench.run, "supervisor")
		_log_line("ended")

	def _end_group(self, names: list[str]) -> None:
		asked_at = time.monotonic()
		for name in names:
			self.running[name].terminate()
		for name in sorted(names, key=lambda name: self.specs[name].seconds_to_end):
			child = self.running.pop(name)
			try:
				child.wait(max(0.1, asked_at + self.specs[name].seconds_to_end - time.monotonic()))
			except subprocess.TimeoutExpired:
				_log_line(f"{name} (pid {child.pid}) did not end in time and was killed")
				processes.end(processes.identify(child.pid), 0, signal.SIGKILL)
				child.wait()
			processes.kill_group(child.pid)
			processes.forget(self.bench.run, name)


def _log_line(text: str) -> None:
	sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
	sys.stdout.flush()


if __name__ == "__main__":
	sys.exit(Supervisor(layout.locate(dict(os.environ)), os.getppid()).run())
