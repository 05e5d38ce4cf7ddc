"""What the publishing tests share: a clean content folder, content to publish, and ways to look at the result."""

import json
import shutil
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services.cdn_export import batch_processor, cdn_uploader, config, local_storage, state_store
from tests import factories

FORWARDED = ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Last-Modified")


class PublishingTestCase(FrappeTestCase):
	"""Starts with nothing published and the CDN off; leaves nothing behind."""

	earlier_logs = ()

	def setUp(self):
		forget_published()
		self.settings = frappe.get_doc("CDN Settings")
		self.set_cdn(enabled=0, local_fallback_mode=0)

	def tearDown(self):
		frappe.db.rollback()
		frappe.clear_document_cache("CDN Settings", "CDN Settings")
		forget_published()

	def set_cdn(self, **values):
		self.settings.update(values)
		self.settings.save(ignore_permissions=True)

	def make_published(self, *, overrides=(), **subject):
		"""A subject and a plan with it, published once. Sets self.subject and self.plan."""
		self.subject = factories.make_subject(**subject)
		self.plan = factories.make_plan(subjects=[self.subject.name], overrides=overrides)
		return self.publish()

	def publish(self, plan=None):
		self.earlier_logs = frappe.get_all("CDN Sync Log", pluck="name")
		return batch_processor.publish_plan((plan or self.plan).name)

	def path(self, name, plan=None):
		return f"plans/{(plan or self.plan).name}/{name}"

	def manifest(self, plan=None):
		return local_storage.read_content_file(self.path("manifest.json", plan))

	def last_log(self, plan=None):
		"""The row of the last publish; several may be of one second."""
		filters = {"plan_id": (plan or self.plan).name, "name": ["not in", self.earlier_logs or [""]]}
		return frappe.get_last_doc("CDN Sync Log", filters, order_by="creation desc")


def forget_published():
	shutil.rmtree(local_storage.get_local_base_path(), ignore_errors=True)
	shutil.rmtree(state_store.state_folder(), ignore_errors=True)


def published_files():
	"""{path: bytes} of everything in the content folder."""
	base = Path(local_storage.get_local_base_path())
	return {
		path.relative_to(base).as_posix(): path.read_bytes() for path in base.rglob("*") if path.is_file()
	}


def changed_between(before, after):
	return {path for path in {*before, *after} if before.get(path) != after.get(path)}


class StorageTestCase(PublishingTestCase):
	"""Publishes to the bench's S3 server, through a proxy that records, delays and fails requests when told to."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.s3 = dict(frappe.conf.memora_dev_s3)
		cls.proxy = StorageProxy(cls.s3["endpoint_url"])
		cls.addClassCleanup(cls.proxy.stop)

	def setUp(self):
		super().setUp()
		self.proxy.reset()
		self.bucket = self.s3["bucket_name"]
		self.set_cdn(**self.connection(), enabled=1)
		self.client = cdn_uploader.get_cdn_client(
			config.CdnSettings(**{**self.connection(), "endpoint_url": self.s3["endpoint_url"]})
		)
		self.empty_bucket()

	def tearDown(self):
		self.empty_bucket()
		super().tearDown()

	def connection(self):
		return {
			**self.s3,
			"endpoint_url": self.proxy.address,
			"storage_provider": "Other S3",
			"cdn_base_url": "https://cdn.example.com",
		}

	def empty_bucket(self):
		cdn_uploader.delete_many(self.client, self.bucket, self.objects())

	def objects(self):
		pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
		return [found["Key"] for page in pages for found in page.get("Contents", ())]

	def object(self, key):
		return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

	def uploads(self):
		"""Keys that were put through the proxy, in order."""
		return [path.split("/", 2)[2] for method, path, _ in self.proxy.requests if method == "PUT"]


class StorageProxy:
	"""Hands every request on to the real S3 server, unchanged, so that its signature stays right.

	requests: (method, path, headers) of all that came. refuse: a function of (method, path) that says whether to answer
	503 instead. delay_seconds: how long each answer takes. most_at_once: the largest number of requests under way.
	"""

	def __init__(self, target):
		self.target = urlsplit(target).netloc
		self.lock = threading.Lock()
		self.reset()
		proxy = self

		class Handler(BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def handle_any(self):
				proxy.handle(self)

			do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

			def log_message(self, *args):
				"""Tests read `requests` instead."""

		self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		self.server.daemon_threads = True
		self.address = f"http://127.0.0.1:{self.server.server_port}"
		threading.Thread(target=self.server.serve_forever, daemon=True).start()

	def reset(self):
		self.requests = []
		self.refuse = lambda method, path: False
		self.delay_seconds = 0
		self.under_way = self.most_at_once = 0

	def stop(self):
		self.server.shutdown()
		self.server.server_close()

	def handle(self, request):
		body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
		with self.lock:
			self.requests.append((request.command, request.path.split("?")[0], dict(request.headers)))
			self.under_way += 1
			self.most_at_once = max(self.most_at_once, self.under_way)
		threading.Event().wait(self.delay_seconds)
		refused = self.refuse(request.command, request.path.split("?")[0])
		status, headers, content = (503, {}, b"") if refused else self.forward(request, body)
		with self.lock:
			self.under_way -= 1
		request.send_response(status)
		for name, value in headers.items():
			request.send_header(name, value)
		if "Content-Length" not in headers:
			request.send_header("Content-Length", str(len(content)))
		request.end_headers()
		request.wfile.write(content)

	def forward(self, request, body):
		connection = HTTPConnection(self.target, timeout=30)
		connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
		for name, value in request.headers.items():
			connection.putheader(name, value)
		connection.endheaders(body)
		response = connection.getresponse()
		content = response.read()
		headers = {name: response.headers[name] for name in FORWARDED if response.headers[name]}
		if request.command != "HEAD":
			headers["Content-Length"] = str(len(content))
		connection.close()
		return response.status, headers, content


class RecordingApi:
	"""Stands for Cloudflare's API: notes what it was asked and answers what `answers` has next, else success."""

	def __init__(self):
		self.calls, self.answers = [], []
		api = self

		class Handler(BaseHTTPRequestHandler):
			def do_POST(self):
				body = self.rfile.read(int(self.headers["Content-Length"]))
				api.calls.append((self.path, self.headers["Authorization"], json.loads(body)))
				status, headers, answer = api.answers.pop(0) if api.answers else (200, {}, api.success())
				self.send_response(status)
				for name, value in headers.items():
					self.send_header(name, value)
				self.end_headers()
				self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

			def log_message(self, *args):
				"""Tests read `calls` instead."""

		self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		self.address = f"http://127.0.0.1:{self.server.server_port}/client/v4"
		threading.Thread(target=self.server.serve_forever, daemon=True).start()

	@staticmethod
	def success():
		return {"success": True, "errors": [], "messages": [], "result": {"id": "purged"}}

	def stop(self):
		self.server.shutdown()
		self.server.server_close()
