"""One player's HTTP: a cookie jar, his device header, and patience where the server asks for it."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from demo_day.errors import Unreachable

TIMEOUT_SECONDS = 30
MAX_WAIT_SECONDS = 65
METHOD_PATH = "/api/method/"


@dataclass(frozen=True)
class Request:
	"""`address` is whole; `shown_headers` are the headers that a reader should see."""

	method: str
	address: str
	headers: dict[str, str]
	shown_headers: dict[str, str]
	body: dict | None = None


@dataclass(frozen=True)
class Answer:
	status: int
	reason: str
	headers: http.client.HTTPMessage
	body: bytes
	milliseconds: float

	@property
	def json(self):
		"""The body as JSON; None when it is none."""
		try:
			return json.loads(self.body)
		except ValueError:
			return None

	@property
	def message(self):
		"""What the method returned: Frappe wraps it."""
		return self.json["message"]

	@property
	def error(self) -> str | None:
		return (self.json or {}).get("exc_type")


class Player:
	"""A student's app.

	Args:
		base: address of the web server, for example http://127.0.0.1:8000
		host: Host header, where the address does not name the site.
	"""

	def __init__(self, base: str, host: str | None, on_exchange, on_wait):
		self.base = base.rstrip("/")
		self.host = host
		self.cookies: dict[str, str] = {}
		self.device_id: str | None = None
		self._on_exchange = on_exchange
		self._on_wait = on_wait

	def call(
		self, method: str, name: str, arguments: dict | None = None, cookies: dict | None = None
	) -> Answer:
		"""Call a whitelisted method; GET arguments go into the address, POST ones into a JSON body."""
		address = f"{self.base}{METHOD_PATH}{name}"
		if method == "GET" and arguments:
			address += f"?{urlencode(arguments)}"
		cookies = self.cookies if cookies is None else cookies
		shown = {"X-Device-ID": self.device_id} if self.device_id else {}
		if cookies.get("sid"):
			shown["Cookie"] = f"sid={cookies['sid'][:8]}..."
		headers = {**shown, **self._site_headers(), "Accept": "application/json"}
		if cookies:
			headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in cookies.items())
		body = arguments or {} if method == "POST" else None
		answer = self._exchange(Request(method, address, headers, shown, body))
		self._keep_cookies(answer)
		return answer

	def read(self, address: str) -> Answer:
		"""Read a published file, from the web server or from wherever it is published: no cookie, no device."""
		headers = self._site_headers() if address.startswith(self.base) else {}
		return self._exchange(Request("GET", address, headers, {}))

	def _site_headers(self) -> dict[str, str]:
		return {"Host": self.host} if self.host else {}

	def _exchange(self, request: Request) -> Answer:
		answer = send(request)
		self._on_exchange(request, answer)
		wait = int(answer.headers.get("Retry-After") or 0)
		if answer.status == 429 and 0 < wait <= MAX_WAIT_SECONDS:
			self._on_wait(wait)
			time.sleep(wait)
			return self._exchange(request)
		return answer

	def _keep_cookies(self, answer: Answer) -> None:
		for header in answer.headers.get_all("Set-Cookie") or ():
			for name, morsel in SimpleCookie(header).items():
				if morsel.value and morsel["max-age"] != "0":
					self.cookies[name] = morsel.value
				else:
					self.cookies.pop(name, None)


def send(request: Request) -> Answer:
	"""Send one request.

	Raises:
		Unreachable: nobody answers at the address.
	"""
	parts = urlsplit(request.address)
	connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
	connection = connect(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
	body, headers = None, dict(request.headers)
	if request.body is not None:
		body = json.dumps(request.body, ensure_ascii=False).encode()
		headers["Content-Type"] = "application/json; charset=utf-8"
	target = parts.path + (f"?{parts.query}" if parts.query else "")
	began = time.monotonic()
	try:
		connection.request(request.method, target, body, headers)
		response = connection.getresponse()
		content = response.read()
	except (OSError, http.client.HTTPException) as error:
		raise Unreachable(f"{parts.scheme}://{parts.netloc}", error) from error
	finally:
		connection.close()
	elapsed = (time.monotonic() - began) * 1000
	return Answer(response.status, response.reason, response.headers, content, elapsed)
