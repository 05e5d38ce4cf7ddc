"""Bytes that no client would send, past every library: bodies, headers, cookies, addresses and verbs.

What never reaches an endpoint is refused by gunicorn, Werkzeug or Frappe in its own way, a body that is no JSON with
Frappe's 500 among them. So a 5xx is a fault where our code stands in its traceback.
"""

import http.client
import json
import os
from urllib.parse import urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memora.utils import failpoints, redis_store
from tests.committed import ledger_of
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, HTTPTestCase

OURS = (
	"/memora/api/",
	"/memora/services/",
	"/memora/utils/",
	"memora.api.",
	"memora.services.",
	"memora.utils.",
)
LOGIN = "memora.api.player.login"
VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
CONTENT_TYPES = (
	"application/json",
	"application/json; charset=utf-16",
	"application/x-www-form-urlencoded",
	"multipart/form-data; boundary=x",
	"multipart/form-data",
	"text/plain",
	"\xff",
	"",
)
# Without line breaks, which end a header.
header_bytes = st.binary(max_size=60).map(lambda raw: raw.translate(None, b"\r\n\x00"))
header_values = st.one_of(
	header_bytes, st.just(b"x" * 4000), st.just(b"5a1e7b52-6f0d-4c39-9d41-2b8e0c6fa731")
)
bodies = st.one_of(
	st.binary(max_size=200),
	st.sampled_from(
		[
			b"",
			b"{",
			b"[]",
			b"null",
			b'"\\ud800"',
			b"[" * 5000,
			b'{"lesson_id": "\\u0000", "hearts": 1e999}',
			b'{"cmd": "memora.api.player.login"}',
			b"lesson_id=%ff&hearts=%00",
			b"--x\r\nContent-Disposition: form-data; name=lesson_id\r\n\r\n\xff\r\n--x--",
		]
	),
)
raw_calls = settings(
	max_examples=120,
	derandomize=True,
	database=None,
	deadline=None,
	suppress_health_check=list(HealthCheck),
)


def is_a_fault_of_ours(status: int, text: str) -> bool:
	return status >= 500 and any(place in text for place in OURS)


class TestRawRequests(HTTPTestCase):
	def request(self, verb, path, headers, body) -> tuple[int, str]:
		server = urlsplit(os.environ["MEMORA_WEB_URL"])
		connection = http.client.HTTPConnection(server.hostname, server.port, timeout=30)
		try:
			connection.putrequest(verb, path, skip_accept_encoding=True)
			for name, value in {**headers, "Content-Length": str(len(body)).encode()}.items():
				connection.putheader(name, value)
			connection.endheaders(body)
			reply = connection.getresponse()
			return reply.status, reply.read().decode("utf-8", "replace")
		finally:
			connection.close()

	def test_a_fault_of_ours_would_be_seen(self):
		self.log_in()
		token = failpoints.folder() / "award.inserted"
		token.parent.mkdir(exist_ok=True)
		token.write_text("no space")
		self.addCleanup(token.unlink, missing_ok=True)
		headers = {
			"X-Frappe-Site-Name": os.environ["MEMORA_TEST_SITE"].encode(),
			"X-Device-ID": self.app.device_id.encode(),
			"Cookie": b"sid=" + self.app.sid.encode(),
			"Content-Type": b"application/json",
			"Accept": b"application/json",
		}
		body = json.dumps({"lesson_id": self.game.lessons[0], "hearts": 5}).encode()
		status, text = self.request("POST", f"/api/method/{COMPLETE}", headers, body)
		self.assertTrue(is_a_fault_of_ours(status, text), (status, text[:2000]))
		self.assertEqual(ledger_of(self.player), [])

	def test_no_bytes_of_a_request_make_our_code_fail_or_pay(self):
		self.log_in()
		site = os.environ["MEMORA_TEST_SITE"].encode()

		@raw_calls
		@given(
			verb=st.sampled_from(VERBS),
			method=st.sampled_from([COMPLETE, GET_PROGRESS, LOGIN, "memora.api."]),
			query=st.binary(max_size=40).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)),
			device=st.one_of(header_values, st.just(self.app.device_id.encode())),
			cookie=st.one_of(header_values, st.just(b"sid=" + self.app.sid.encode())),
			content_type=st.sampled_from(CONTENT_TYPES),
			body=bodies,
		)
		def call(verb, method, query, device, cookie, content_type, body):
			redis_store.delete(*redis_store.keys_matching("rate_limit:*"))
			headers = {
				"X-Frappe-Site-Name": site,
				"X-Device-ID": device,
				"Cookie": cookie,
				"Content-Type": content_type.encode("latin-1"),
				"Accept": b"application/json",
			}
			status, text = self.request(verb, f"/api/method/{method}?{query}", headers, body)
			assert not is_a_fault_of_ours(status, text), (verb, method, status, text[:2000])

		call()
		self.assertEqual(ledger_of(self.player), [])
