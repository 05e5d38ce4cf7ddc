"""Committed content in two plans that share lessons, published by several processes and watched by others."""

import json
import multiprocessing
import os
import signal
import time
from contextlib import contextmanager

import requests

import frappe
from memora.services.cdn_export import (
	batch_processor,
	claims,
	config,
	local_storage,
	stamping,
	storage_client,
)
from memora.services.cdn_export.errors import PlanBuildBusy
from tests import factories
from tests.committed import Game
from tests.site.cdn_export.publishing import StorageTestCase

FORK = multiprocessing.get_context("fork")
MANIFEST = "plans/{}/manifest.json"


class SharedContentTestCase(StorageTestCase):
	"""self.game.plan and self.other show the same subject; settings and content are committed, and removed."""

	def setUp(self):
		super().setUp()
		self.game = Game(units=2, lessons=2)
		self.addCleanup(self.game.remove)
		self.addCleanup(self.turn_cdn_off)
		self.other = factories.make_plan(subjects=[self.game.subject.name])
		self.addCleanup(self.remove_other)
		frappe.db.commit()
		self.plans = [self.game.plan.name, self.other.name]

	def turn_cdn_off(self):
		"""As a new site has it."""
		empty = dict.fromkeys(("endpoint_url", "bucket_name", "access_key", "secret_key", "cdn_base_url"), "")
		self.set_cdn(enabled=0, local_fallback_mode=1, storage_provider="AWS S3", **empty)
		frappe.db.sql("delete from `tabCDN Sync Log` where plan_id in %s", (self.plans,))
		frappe.db.commit()

	def remove_other(self):
		frappe.db.rollback()
		frappe.db.sql("delete from `tabMemora Plan Subject` where parent = %s", self.other.name)
		frappe.db.sql("delete from `tabMemora Academic Plan` where name = %s", self.other.name)
		frappe.db.commit()

	def edit(self, doctype, name, **values):
		frappe.db.set_value(doctype, name, values)
		frappe.db.commit()

	def publish_committed(self, plan_id):
		"""Publish as a job does; a build that has just been killed may hold its lock for a moment more."""
		deadline = time.monotonic() + 5
		while True:
			try:
				return batch_processor.publish_plan(plan_id)
			except PlanBuildBusy:
				self.assertLess(time.monotonic(), deadline)
				time.sleep(0.01)
			finally:
				frappe.db.commit()

	def broken_promises(self):
		"""What a manifest on disk or in the bucket promises that is not so, while nothing changes."""
		readers = (local_storage.read_bytes, S3Reader(self.s3).read)
		return [
			(reader.__qualname__, plan, path)
			for reader in readers
			for plan in self.plans
			for path, sha256 in claims.promised(reader(MANIFEST.format(plan))).items()
			if hash_of(reader(path)) != sha256
		]


def hash_of(content):
	return content and stamping.describe(content)["sha256"]


class S3Reader:
	"""Reads the bucket itself, past the proxy."""

	def __init__(self, s3):
		self.client = storage_client.get_cdn_client(
			config.CdnSettings(**{**s3, "storage_provider": "Other S3"})
		)
		self.bucket = s3["bucket_name"]

	def read(self, path):
		try:
			return self.client.get_object(Bucket=self.bucket, Key=path)["Body"].read()
		except storage_client.StorageError as error:
			if storage_client.says_not_there(error):
				return None
			raise


class HttpReader:
	"""Reads the site's files as an app does, from the bench's web server."""

	def __init__(self):
		self.http = requests.Session()
		self.http.headers["X-Frappe-Site-Name"] = os.environ["MEMORA_TEST_SITE"]

	def read(self, path):
		address = f"{os.environ['MEMORA_WEB_URL']}/memora_content/{path}"
		response = self.http.get(address, timeout=10)
		return response.content if response.status_code == 200 else None


def watch(make_reader, plans, stopped, report):
	"""Read manifests and files until told to stop; report (files read, promises that were broken).

	A promise is broken when the manifest is the very same before and after a file with other bytes was read.
	"""
	reader, files_read, broken = make_reader(), 0, []
	while not stopped.is_set():
		for plan in plans:
			manifest = reader.read(MANIFEST.format(plan))
			for path, sha256 in claims.promised(manifest).items():
				found = hash_of(reader.read(path))
				files_read += 1
				stopped.wait(0.002)  # leave some of the machine to the builds
				if found != sha256:
					again = reader.read(MANIFEST.format(plan))
					if again == manifest:
						broken.append((plan, path, found))
					manifest = again
					break
	report.put((files_read, broken))


@contextmanager
def watchers(plans, *make_readers):
	"""Watch from one process each; yields a list that holds each one's report afterwards."""
	stopped, report = FORK.Event(), FORK.Queue()
	processes = [FORK.Process(target=watch, args=(make, plans, stopped, report)) for make in make_readers]
	reports = []
	for process in processes:
		process.start()
	try:
		yield reports
	finally:
		stopped.set()
		reports.extend(report.get(timeout=30) for _ in processes)
		for process in processes:
			process.join()


def in_child(work):
	"""Run this in a process with its own connection to the site; returns its exit code, -9 when it was killed."""
	process = start_child(work)
	process.join()
	return process.exitcode


def start_child(work):
	process = FORK.Process(target=_run_as_worker, args=(work, frappe.local.site, frappe.local.sites_path))
	process.start()
	return process


def _run_as_worker(work, site, sites_path):
	frappe.local.db = None  # the parent's: closing it would close the parent's connection
	frappe.init(site=site, sites_path=sites_path, force=True)
	frappe.connect()
	work()
	frappe.db.commit()
	os._exit(0)


def kill_before_step(number, *functions):
	"""Have this process killed when the functions, (owner, name) pairs, are called for the nth time together."""
	calls = []
	for owner, name in functions:
		_count_calls(owner, name, calls, number)


def _count_calls(owner, name, calls, number):
	original = getattr(owner, name)

	def counted(*args, **kwargs):
		calls.append(name)
		if len(calls) == number:
			os.kill(os.getpid(), signal.SIGKILL)
		return original(*args, **kwargs)

	setattr(owner, name, counted)


def manifest_of(read, plan):
	return json.loads(read(MANIFEST.format(plan)))
