"""Publishing: building at three sizes, publishing what did not change, and uploads by number of threads."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import frappe
from benchmarks import content, machine, timing
from benchmarks.report import Line, Section, Target, at_least, at_most
from memora.services.cdn_export import (
	cdn_uploader,
	content_repository,
	plan_publisher,
	schema_validator,
	storage_client,
)
from memora.services.cdn_export.build_lock import plan_build_lock
from memora.services.cdn_export.config import CdnSettings
from memora.utils import transactions

LIMITS = {100: at_most(0.15, of_value=True), 2500: at_most(1.5, of_value=True), 25_000: None}
THREADS = (1, 8, 16, storage_client.MAX_THREADS, 32)
DELAY_MS = 50
FILE = b'{"markdown": "' + b"x" * 2000 + b'"}'


def run(options) -> list[Section]:
	sizes = (100, 2500) if options.quick else tuple(LIMITS)
	rounds = 1 if options.quick else 5
	lines = [line for lessons in sizes for line in _build_lines(lessons, rounds)]
	lines += _publish_lines(sizes[0] if options.quick else sizes[1], rounds)
	files = 150 if options.quick else 2000
	uploads = [*_upload_lines("", bucket(), files), *_far_upload_lines(files)]
	return [Section("Export", lines), Section(f"Uploads of {files:,} files by threads", uploads)]


def bucket() -> CdnSettings:
	"""The bench's own S3."""
	given = frappe.conf.memora_dev_s3
	return CdnSettings(enabled=True, storage_provider="Custom", **given)


# --- Building ----------------------------------------------------------------------------------------------------


def _build_lines(lessons: int, rounds: int) -> list[Line]:
	content.ensure(lessons)
	plan = content.plan_id(lessons)
	reads, builds, checks, queries = [], [], [], 0
	for _ in range(rounds + 1):
		transactions.begin_fresh()
		with counted_queries() as count:
			found = []
			reads.append(timing.seconds(lambda found=found: found.append(content_repository.load_plan(plan))))
			built = []
			builds.append(
				timing.seconds(
					lambda found=found, built=built: built.append(plan_publisher.build(found[0], 0))
				)
			)
			queries = count()
		files = {**built[0].files, **{path: data for path, data in built[0].structures.items() if data}}
		checks.append(timing.seconds(lambda files=files: schema_validator.validate_all_json_files(files)))
	reads, builds, checks = reads[1:], builds[1:], checks[1:]  # the first one compiles the schemas
	whole = [read + build for read, build in zip(reads, builds, strict=True)]
	name = f"{lessons:,} lessons"
	return [
		Line(f"read, build and validate {name}", whole, "s", target=LIMITS[lessons]),
		Line(f"of it the reading of {name}", reads, "s"),
		Line(f"of it the validation of {name}", checks, "s", "build and validation", builds, at_most(1 / 3)),
		Line(f"queries of {name}", [queries], "", target=at_most(8, of_value=True)),
	]


@contextlib.contextmanager
def counted_queries() -> Iterator[Callable[[], int]]:
	real, count = frappe.db.sql, 0

	def sql(*args, **kwargs):
		nonlocal count
		count += 1
		return real(*args, **kwargs)

	frappe.db.sql = sql
	try:
		yield lambda: count
	finally:
		frappe.db.sql = real


# --- Publishing --------------------------------------------------------------------------------------------------


def _publish_lines(lessons: int, rounds: int) -> list[Line]:
	content.ensure(lessons)
	plan, name = content.plan_id(lessons), f"{lessons:,} lessons"
	changed = [_publish(plan, bucket(), change=True) for _ in range(rounds)]
	unchanged = [_publish(plan, bucket()) for _ in range(rounds)]
	uploads = sum(summary["uploaded"] for _, summary in unchanged)
	seconds = [seconds for seconds, _ in unchanged]
	return [
		Line(
			f"publish of {name}, all changed: local files, S3, read back",
			[seconds for seconds, _ in changed],
			"s",
			note=f"{changed[0][1]['uploaded']:,} uploads",
		),
		Line(
			f"publish of {name}, nothing changed, S3 too",
			seconds,
			"s",
			target=at_most(1, of_value=True),
			not_met=f"{uploads} uploads" if uploads else "",
			note=f"{uploads} uploads",
		),
	]


def _publish(plan: str, settings: CdnSettings, change: bool = False) -> tuple[float, dict]:
	if change:
		frappe.db.sql(
			"""update `tabMemora Lesson` set title = concat(left(title, 20), ' ', left(uuid(), 8))
			where subject = (select subject from `tabMemora Plan Subject` where parent = %s)""",
			plan,
		)
	transactions.begin_fresh()
	found = []
	with plan_build_lock(plan) as lock:
		seconds = timing.seconds(
			lambda: found.append(plan_publisher.publish_or_withdraw(plan, settings, lock))
		)
	frappe.db.commit()  # what the publisher noted of its uploads
	return seconds, found[0]


# --- Uploading ---------------------------------------------------------------------------------------------------


def _upload_lines(where: str, settings: CdnSettings, files: int) -> list[Line]:
	contents = {f"benchmark/{number}.json": FILE for number in range(files)}
	rates = {threads: _upload_rate(settings, contents, threads) for threads in THREADS}
	best = max(rates.values())
	return [
		Line(
			f"{threads} threads{where}{', as published' if threads == storage_client.MAX_THREADS else ''}",
			[rate],
			"files/s",
			"the best of these",
			[best],
			_limit(threads),
		)
		for threads, rate in rates.items()
	]


def _limit(threads: int) -> Target | None:
	return at_least(0.8) if threads == storage_client.MAX_THREADS else None


def _far_upload_lines(files: int) -> list[Line]:
	settings = bucket()
	with slow_proxy(settings.endpoint_url) as address:
		# One after the other would take minutes.
		return _upload_lines(f", {DELAY_MS} ms away", replace(settings, endpoint_url=address), files // 3)


def _upload_rate(settings: CdnSettings, contents: dict[str, bytes], threads: int) -> float:
	with thread_count(threads):
		client = cdn_uploader.get_cdn_client(settings)
		outcome = []
		seconds = timing.seconds(
			lambda: outcome.append(cdn_uploader.upload_many(client, settings.bucket_name, contents))
		)
	failed = [result.error for result in outcome[0].values() if not result.success]
	if failed or len(outcome[0]) < len(contents):
		raise RuntimeError(f"not everything was uploaded: {failed[:1]}")
	return len(contents) / seconds


@contextlib.contextmanager
def thread_count(threads: int) -> Iterator[None]:
	before = storage_client.MAX_THREADS
	storage_client.MAX_THREADS = cdn_uploader.MAX_THREADS = threads
	try:
		yield
	finally:
		storage_client.MAX_THREADS = cdn_uploader.MAX_THREADS = before


@contextlib.contextmanager
def slow_proxy(address: str) -> Iterator[str]:
	target = urlsplit(address)
	child = subprocess.Popen(
		[
			*(sys.executable, "-m", "benchmarks.slow_proxy"),
			*(target.hostname, str(target.port), str(DELAY_MS)),
		],
		cwd=machine.ROOT,
		stdout=subprocess.PIPE,
		text=True,
	)
	try:
		yield f"http://127.0.0.1:{int(child.stdout.readline())}"
	finally:
		child.terminate()
		child.wait()
