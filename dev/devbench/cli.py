"""The commands: ./dev/start, ./dev/stop, ./dev/bench, ./dev/test."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

from devbench import layout, ports, progress, python_env, site, start, testing
from devbench.errors import BenchError
from devbench.layout import Bench


def run(command: str, arguments: list[str]) -> int:
	"""Run a command; return its exit code. What a developer can mend is said in a line on stderr."""
	for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs start with SIGINT ignored
		signal.signal(number, _interrupt)
	try:
		bench = layout.locate(dict(os.environ))
		return COMMANDS[command](bench, arguments)
	except BenchError as error:
		sys.stderr.write(f"dev/{command}: {error}\n")
		return 1
	except PermissionError as error:
		sys.stderr.write(
			f"dev/{command}: {error}. Run as the user who made the bench, or remove .bench first.\n"
		)
		return 1
	except KeyboardInterrupt:
		sys.stderr.write(f"dev/{command}: interrupted; run it again to go on.\n")
		return 130


def _interrupt(number, frame):
	raise KeyboardInterrupt


def _start(bench: Bench, arguments: list[str]) -> int:
	options = _start_options(arguments)
	began = time.monotonic()
	demo_site, _ = layout.site_names(dict(os.environ))
	with start.locked(bench):
		supervisor = start.bring_up(
			bench,
			lambda chosen: site.ensure_demo_site(bench, chosen, demo_site),
			options.web_port,
			options.new_ports,
			options.desk,
		)
		(bench.run / "by-test").unlink(missing_ok=True)
		if options.detach:
			(bench.run / "detached").touch()
	state = "Running" if supervisor else "Was running already"
	progress.say(f"{state} after {time.monotonic() - began:.1f} s.\n{start.addresses(bench)}")
	if supervisor and not options.detach:
		return _stay(supervisor)
	return 0


def _start_options(arguments: list[str]) -> argparse.Namespace:
	parser = argparse.ArgumentParser(prog="dev/start", description="Start the development bench.")
	parser.add_argument("--detach", action="store_true", help="return when everything is served")
	parser.add_argument("--web-port", type=ports.number, metavar="N", help="serve on this port from now on")
	parser.add_argument("--new-ports", action="store_true", help="choose all ports anew")
	parser.add_argument("--no-desk", dest="desk", action="store_false", help="do not build Desk's bundles")
	return parser.parse_args(arguments)


def _stay(supervisor: subprocess.Popen) -> int:
	"""Stay in the foreground until Ctrl-C, ./dev/stop or the supervisor's end."""
	progress.say("Ctrl-C ends it.")
	try:
		return supervisor.wait()
	except KeyboardInterrupt:
		progress.say("\nEnding everything.")
		supervisor.terminate()
		return supervisor.wait()


def _stop(bench: Bench, arguments: list[str]) -> int:
	argparse.ArgumentParser(prog="dev/stop", description="End what ./dev/start started.").parse_args(
		arguments
	)
	ended = start.bring_down(bench)
	progress.say("Ended." if ended else "Nothing was running.")
	return 0


def _bench(bench: Bench, arguments: list[str]) -> int:
	"""Become bench, on the demo site unless --site names another."""
	if not start.status(bench):
		raise BenchError("The bench is not running. Run ./dev/start --detach first.")
	env = {**python_env.environment(bench), "FRAPPE_SITE": os.environ.get("FRAPPE_SITE", layout.DEMO_SITE)}
	argv = site.bench_argv(bench, *arguments)
	os.chdir(bench.sites)
	os.execve(argv[0], argv, env)


COMMANDS = {"start": _start, "stop": _stop, "bench": _bench, "test": testing.run}
