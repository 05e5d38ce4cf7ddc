"""An address in CDN Settings makes the server call somebody: who may be called, and where an answer may send it (SSRF)."""

import http.server
import os
import threading
from unittest import mock

import frappe
from memora.services.cdn_export import cdn_uploader, config
from tests.http.app import App, refusal
from tests.security.world import CONTENT_MANAGER, STUDENT, SYSTEM_MANAGER, SecurityTestCase

TEST_CONNECTION = "memora.api.cdn_admin.test_connection"
FORBIDDEN = (
	"http://169.254.169.254/latest/meta-data",
	"https://169.254.169.254",
	"https://[fe80::1]",
	"https://[::ffff:169.254.169.254]",
	"https://[::ffff:a9fe:a9fe]",
	"https://2852039166",
	"https://0xa9fea9fe",
	"https://0251.0376.0251.0376",
	"https://0xa9.254.169.254",
	"https://metadata.google.internal",
	"https://METADATA.GOOGLE.INTERNAL.",
	"https://100.100.100.200",
	"http://10.0.0.1",
	"http://attacker.example",
	"https://user:secret@attacker.example",
	"https://attacker.example\\@169.254.169.254",
	"https://0.0.0.0",
	"file:///etc/passwd",
	"gopher://127.0.0.1:6379/_FLUSHALL",
	"https://attacker.example\r\nX: y",
)


class Redirector(http.server.BaseHTTPRequestHandler):
	"""Answers every request with the same status and headers, and keeps what it was asked."""

	status, headers_sent, body, asked = 200, {}, b"", []

	def answer(self):
		self.rfile.read(int(self.headers.get("Content-Length") or 0))
		self.asked.append((self.command, self.path, dict(self.headers)))
		self.send_response(self.status)
		for name, value in {**self.headers_sent, "Content-Length": str(len(self.body))}.items():
			self.send_header(name, value)
		self.end_headers()
		if self.command != "HEAD":
			self.wfile.write(self.body)

	do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

	def log_message(self, *args):
		"""Nothing to say."""


class TestServerSideRequests(SecurityTestCase):
	def serve(self, status=200, body=b"", **headers):
		"""(address, what was asked) of a server on this machine."""
		sent = {name.replace("_", "-"): value for name, value in headers.items()}
		members = {"status": status, "headers_sent": sent, "body": body, "asked": []}
		server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Server", (Redirector,), members))
		threading.Thread(target=server.serve_forever, daemon=True).start()
		self.addCleanup(server.server_close)
		self.addCleanup(server.shutdown)
		return f"http://127.0.0.1:{server.server_port}", server.RequestHandlerClass.asked

	def test_no_address_of_the_machines_own_network_is_stored_by_any_route(self):
		app = self.desk(SYSTEM_MANAGER)
		before = frappe.db.get_singles_dict("CDN Settings")
		for address in FORBIDDEN:
			for field in ("endpoint_url", "cdn_base_url"):
				for verb, path, body in (
					("PUT", "/api/resource/CDN Settings/CDN Settings", {field: address}),
					(
						"POST",
						"/api/method/frappe.client.set_value",
						{
							"doctype": "CDN Settings",
							"name": "CDN Settings",
							"fieldname": field,
							"value": address,
						},
					),
				):
					reply = app.request(verb, path, json=body)
					self.assertEqual(refusal(reply), (417, "InvalidInput"), (address, path))
		frappe.db.rollback()
		self.assertEqual(frappe.db.get_singles_dict("CDN Settings"), before)

	def test_neither_students_nor_content_managers_name_an_address(self):
		for app in (self.app, self.desk(CONTENT_MANAGER), App()):
			body = {"endpoint_url": "https://attacker.example"}
			reply = app.request("PUT", "/api/resource/CDN Settings/CDN Settings", json=body)
			self.assertEqual(reply.status_code, 403)
		self.assertEqual(self.app_of(STUDENT).post(TEST_CONNECTION).status_code, 403)

	def test_an_endpoint_that_was_stored_past_the_form_is_not_called(self):
		for address in FORBIDDEN:
			with self.assertRaises(ValueError, msg=address):
				cdn_uploader.get_cdn_client(self.settings(address))

	def test_an_answer_that_sends_elsewhere_is_not_followed(self):
		elsewhere, asked_elsewhere = self.serve()
		wrong_region = f"""<?xml version="1.0"?><Error><Code>PermanentRedirect</Code>
<Endpoint>{elsewhere.removeprefix("http://")}</Endpoint><Bucket>memora-content</Bucket></Error>"""
		for status in (301, 302, 303, 307, 308):
			for body in (b"", wrong_region.encode()):
				headers = {"Location": f"{elsewhere}/latest/meta-data", "x-amz-bucket-region": "us-east-1"}
				endpoint, asked = self.serve(status, body, **headers)
				client = cdn_uploader.get_cdn_client(self.settings(endpoint))
				uploaded = cdn_uploader.upload_json(client, "memora-content", "x.json", b"{}")
				self.assertFalse(uploaded.success, status)
				self.assertTrue(asked)
		self.assertEqual(asked_elsewhere, [])

	def test_a_region_that_an_answer_makes_up_leads_nowhere_else(self):
		for region in ("attacker.example/", "@attacker.example", "x#", "us-east-1.attacker.example"):
			endpoint, asked = self.serve(301, **{"x-amz-bucket-region": region})
			client = cdn_uploader.get_cdn_client(self.settings(endpoint))
			self.assertFalse(cdn_uploader.upload_json(client, "memora-content", "x.json", b"{}").success)
			hosts = {headers["Host"] for _, _, headers in asked}
			self.assertEqual(hosts, {endpoint.removeprefix("http://")})

	def test_without_keys_of_its_own_a_client_takes_none_from_the_machine(self):
		"""Otherwise the machine's own would be asked of its metadata service, and shown to the endpoint."""
		endpoint, asked = self.serve()
		settings = config.CdnSettings(endpoint_url=endpoint, bucket_name="memora-content", access_key="")
		machines = {"AWS_ACCESS_KEY_ID": "AKIAMACHINE", "AWS_SECRET_ACCESS_KEY": "machines"}
		with mock.patch.dict(os.environ, machines), self.assertRaisesRegex(ValueError, "access key"):
			cdn_uploader.get_cdn_client(settings)
		self.assertEqual(asked, [])

	@staticmethod
	def settings(endpoint: str) -> config.CdnSettings:
		return config.CdnSettings(
			endpoint_url=endpoint, bucket_name="memora-content", access_key="key", secret_key="secret"
		)
