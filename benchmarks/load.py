"""One round of load: wrk replays prepared requests against the web server and says how it went."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name("wrk") / "replay.lua"


class Refused(Exception):
	"""A round in which not every answer was 2xx measures something else."""


class Round(NamedTuple):
	"""sent: how many of the prepared requests were begun. generator_share: of one core, what wrk itself took."""

	median_ms: float
	requests_per_second: float
	bytes_per_reply: float
	requests: int
	sent: int
	generator_share: float


def raw_request(
	method: str, path: str, host: str, headers: dict[str, str] | None = None, body: dict | None = None
) -> bytes:
	"""An HTTP/1.1 request as it goes over the wire."""
	content = b"" if body is None else json.dumps(body).encode()
	lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept: application/json"]
	lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
	if body is not None:
		lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
	return "\r\n".join([*lines, "", ""]).encode() + content


def run(
	address: str, requests: Sequence[bytes], connections: int, seconds: int, is_once: bool = False
) -> Round:
	"""Replay for so many seconds.

	Args:
		is_once: no request may be sent twice, so there must be more of them than can be answered.

	Raises:
		Refused: an answer was not 2xx, a connection broke, or the requests ran out.
	"""
	with tempfile.NamedTemporaryFile(suffix=".requests") as file:
		for request in requests:
			file.write(b"%d\n%b\n" % (len(request), request))
		file.flush()
		used_before = _seconds_of_children()
		output = subprocess.run(
			[
				os.environ["MEMORA_WRK"],
				*("-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(SCRIPT)),
				*(address, "--", file.name),
			],
			capture_output=True,
			text=True,
			check=True,
		).stdout
		used = _seconds_of_children() - used_before
	told = json.loads(output.strip().splitlines()[-1])
	require_answered(told, len(requests) if is_once else None)
	duration = told["microseconds"] / 1e6
	return Round(
		told["median_microseconds"] / 1000,
		told["requests"] / duration,
		told["bytes"] / told["requests"],
		told["requests"],
		told["sent"],
		used / duration,
	)


def require_answered(told: dict, prepared: int | None) -> None:
	"""Refuse a round by what the script told of it.

	Args:
		prepared: how many requests there were, where none may be sent twice.
	"""
	if told["refused"] or told["broken"] or not told["requests"]:
		raise Refused(
			f"{told['refused']} of {told['requests']} answers were not 2xx, {told['broken']} connections broke: "
			f"{told['refusal']}"
		)
	if prepared is not None and told["sent"] > prepared:
		raise Refused(f"{told['sent']} requests were sent, only {prepared} were prepared")


def _seconds_of_children() -> float:
	used = resource.getrusage(resource.RUSAGE_CHILDREN)
	return used.ru_utime + used.ru_stime
