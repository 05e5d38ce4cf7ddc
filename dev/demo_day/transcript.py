"""How a day is shown: one numbered paragraph a step, with its requests, answers and what was found.

JSON is abridged: long lists, deep branches and long texts end in an ellipsis, and secrets are covered; an answer that
came before in the same bytes is not shown again. On a terminal, a text that holds Arabic is put between Unicode isolates, so that the brackets and commas of the JSON around it keep their places.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import TextIO

from demo_day.http_client import Answer, Request

MAX_ITEMS = 2
MAX_FIELDS = 15
MAX_DEPTH = 5
MAX_TEXT = 90
LINE_WIDTH = 100
SECRETS = ("pwd", "session_id")
SHOWN_HEADERS = ("Content-Type", "Cache-Control", "X-RateLimit-Remaining", "Retry-After")
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
BOLD, DIM, RED, GREEN, YELLOW, PLAIN = "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[0m"


class Transcript:
	"""Writes the day to a stream; in color, and with isolates, when it is a terminal."""

	def __init__(self, stream: TextIO = sys.stdout):
		self.stream = stream
		self.is_terminal = stream.isatty()
		self.steps = 0
		self._last_body: bytes | None = None

	def begin_step(self, title: str) -> None:
		self.steps += 1
		self._line(f"\n{self._styled(f'{self.steps:2}  {title}', BOLD)}")

	def exchange(self, request: Request, answer: Answer) -> None:
		self._line(f"    {request.method} {request.address}")
		for name, value in request.shown_headers.items():
			self._line(self._styled(f"    {name}: {value}", DIM))
		if request.body:
			self._block(request.body)
		size = f"{answer.milliseconds:.0f} ms, {len(answer.body)} bytes"
		color = GREEN if answer.status < 400 else YELLOW
		self._line(f"    {self._styled(f'{answer.status} {answer.reason}', color)}  ({size})")
		for name in SHOWN_HEADERS:
			if answer.headers.get(name):
				self._line(self._styled(f"    {name}: {answer.headers[name]}", DIM))
		if answer.body == self._last_body:
			self._line("      (the same bytes)")
		else:
			self._block(readable(answer.json))
		self._last_body = answer.body

	def wait(self, seconds: int) -> None:
		self._line(
			self._styled(f"    The server asks for {seconds} s of patience (rate limit); waiting.", YELLOW)
		)

	def found(self, text: str) -> None:
		self._line(f"    {self._styled('=', GREEN)} {self._isolated(text)}")

	def end(self) -> None:
		self._line(f"\n{self._styled(f'{self.steps} steps, all as documented.', GREEN)}")

	def fail(self, reason: str) -> None:
		self._line(f"\n{self._styled(f'Step {self.steps} failed: {reason}', RED)}")

	def _block(self, value) -> None:
		if value is not None:
			for line in layout(abridged(value, self._isolated)):
				self._line(f"      {line}")

	def _isolated(self, text: str) -> str:
		needs_isolates = self.is_terminal and is_right_to_left(text)
		return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}" if needs_isolates else text

	def _styled(self, text: str, style: str) -> str:
		return f"{style}{text}{PLAIN}" if self.is_terminal else text

	def _line(self, text: str) -> None:
		self.stream.write(text + "\n")
		self.stream.flush()


def is_right_to_left(text: str) -> bool:
	"""Whether a text holds a letter that is written from right to left."""
	return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def readable(body):
	"""The part of an answer that a reader wants: of a refusal, its type and its words.

	Frappe sends the words as a JSON list of JSON texts in `_server_messages`.
	"""
	if not isinstance(body, dict) or "exc_type" not in body:
		return body
	words = [json.loads(item).get("message") for item in json.loads(body.get("_server_messages") or "[]")]
	return {"exc_type": body["exc_type"], "words": words}


def abridged(value, of_text=lambda text: text, depth: int = MAX_DEPTH):
	"""A copy of a JSON value with long lists, deep branches and long texts cut."""
	if isinstance(value, str):
		return of_text(value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…")
	if not isinstance(value, (dict, list)) or not value:
		return value
	if depth == 0:
		return "{…}" if isinstance(value, dict) else f"[… {len(value)}]"
	if isinstance(value, dict):
		return {key: _field(key, item, of_text, depth - 1) for key, item in _first_items(value)}
	shown = [abridged(item, of_text, depth - 1) for item in value[:MAX_ITEMS]]
	return [*shown, f"… {len(value) - MAX_ITEMS} more"] if len(value) > MAX_ITEMS else shown


def _field(key: str, value, of_text, depth: int):
	is_secret = key in SECRETS and isinstance(value, str)
	return f"{value[:4]}****" if is_secret else abridged(value, of_text, depth)


def _first_items(value: dict) -> list[tuple]:
	"""All of a record's fields, but only the first of a table of them keyed by id."""
	items = list(value.items())
	if len(items) > MAX_FIELDS:
		return [*items[:MAX_ITEMS], ("…", f"{len(items) - MAX_ITEMS} more")]
	return items


def layout(value, indent: str = "") -> list[str]:
	"""Lines of JSON in which whatever fits stands on one line."""
	flat = json.dumps(value, ensure_ascii=False)
	if len(indent) + len(flat) <= LINE_WIDTH or not isinstance(value, (dict, list)):
		return [flat]
	inner = indent + "  "
	if isinstance(value, dict):
		entries = [(f"{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
	else:
		entries = [("", item) for item in value]
	lines = []
	for position, (key, item) in enumerate(entries, 1):
		first, *rest = layout(item, inner)
		lines += [f"  {key}{first}", *(f"  {line}" for line in rest)]
		lines[-1] += "," if position < len(entries) else ""
	opening, closing = "{}" if isinstance(value, dict) else "[]"
	return [opening, *lines, closing]
