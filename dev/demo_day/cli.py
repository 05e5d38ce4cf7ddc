"""Options of ./dev/demo, and where the server is that it plays against."""

from __future__ import annotations

import argparse
import json
import os
import sys

from devbench import layout
from devbench.errors import BenchError

from demo_day.day import Day
from demo_day.errors import DayEnded
from demo_day.http_client import Player
from demo_day.transcript import Transcript

PEOPLE = layout.CHECKOUT / "memora" / "demo_content" / "people.json"


def main(arguments: list[str]) -> int:
	"""Play the day; return 0 when every answer was as documented."""
	sys.stdout.reconfigure(encoding="utf-8")
	students = {
		student["key"]: student for student in json.loads(PEOPLE.read_text(encoding="utf-8"))["students"]
	}
	options = _options(arguments, list(students))
	transcript = Transcript()
	try:
		player = Player(options.url or _bench_address(), options.host, transcript.exchange, transcript.wait)
		Day(player, students[options.student], transcript).play()
	except DayEnded as error:
		transcript.fail(str(error))
		return 1
	except BenchError as error:
		sys.stderr.write(f"dev/demo: {error}\n")
		return 1
	except BrokenPipeError:
		# The reader (head, less) has seen enough; Python's own last flush must not complain either.
		os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
		return 1
	transcript.end()
	return 0


def _options(arguments: list[str], students: list[str]) -> argparse.Namespace:
	parser = argparse.ArgumentParser(
		prog="dev/demo", description="Play a student's day against the running bench and check every answer."
	)
	parser.add_argument(
		"--student", choices=students, default=students[0], help="whose day (default: %(default)s)"
	)
	parser.add_argument("--url", metavar="ADDRESS", help="web server (default: this checkout's bench)")
	parser.add_argument("--host", metavar="SITE", help="site to ask for (default: the server's own)")
	return parser.parse_args(arguments)


def _bench_address() -> str:
	chosen = layout.read_json(layout.locate(dict(os.environ)).config / "ports.json")
	if chosen is None:
		raise BenchError("There is no bench yet. Run ./dev/start --detach first.")
	return f"http://127.0.0.1:{chosen['web']}"
