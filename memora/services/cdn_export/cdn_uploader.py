"""The only door to the object storage and to Cloudflare: S3, R2 or any server that speaks S3.

Uploads run in a bounded number of threads; nothing in a thread touches Frappe. Calls have timeouts and few retries, so
a storage that is away is noticed within seconds and the retry is the queue's. Texts of errors may quote what a server
answered: callers pass them through `CdnSettings.redact` before they are stored.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import boto3
import botocore.config
import requests
from botocore.exceptions import BotoCoreError, ClientError

from memora.services.cdn_export import config, local_storage, stamping, url_resolver
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.config import CdnSettings
from memora.utils import addresses

CONTENT_TYPE = "application/json; charset=utf-8"
CACHE_CONTROL = "public, max-age=300"
MAX_THREADS = 24
CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 5, 20
MAX_ATTEMPTS = 3
MAX_FAILURES = 5  # of one batch; then the storage is taken for away and the rest is not tried
MAX_KEYS_PER_DELETE = 1000
SIGNED_URL_SECONDS, MAX_SIGNED_URL_SECONDS = 14_400, 7 * 24 * 3600
CLOUDFLARE_API = "https://api.cloudflare.com/client/v4"
MAX_URLS_PER_PURGE = 30
PURGE_ATTEMPTS, PURGE_PAUSE_SECONDS = 3, 1
CONNECTION_TEST_KEY = "memora-connection-test.json"

StorageError = (BotoCoreError, ClientError)


class Uploaded(NamedTuple):
	"""What became of one object. `etag` is the storage's, without quotes."""

	success: bool
	error: str | None
	etag: str | None


# --- Client ----------------------------------------------------------------------------------------------------


def get_cdn_client(settings: Any):
	"""A boto3 S3 client, safe to share among threads.

	Args:
		settings: CDN Settings, or `CdnSettings`.

	Raises:
		ValueError: the endpoint is no address that the server may call.
	"""
	settings = config.as_settings(settings)
	if settings.endpoint_url:
		addresses.check_address(settings.endpoint_url)
	return boto3.session.Session().client(
		"s3",
		endpoint_url=settings.endpoint_url or None,
		region_name=_region(settings),
		aws_access_key_id=settings.access_key,
		aws_secret_access_key=settings.secret_key,
		config=_client_config(settings),
	)


def _region(settings: CdnSettings) -> str:
	host = urlsplit(settings.endpoint_url).hostname or ""
	if host.endswith(".r2.cloudflarestorage.com"):
		return "auto"
	labels = host.split(".")
	return (
		labels[-3]
		if host.endswith(".amazonaws.com") and len(labels) > 3 and labels[-3] != "s3"
		else "us-east-1"
	)


def _client_config(settings: CdnSettings) -> botocore.config.Config:
	options: dict[str, Any] = {
		"signature_version": "s3v4",
		"connect_timeout": CONNECT_TIMEOUT_SECONDS,
		"read_timeout": READ_TIMEOUT_SECONDS,
		"retries": {"max_attempts": MAX_ATTEMPTS, "mode": "standard"},
		"max_pool_connections": MAX_THREADS,
		"s3": {"addressing_style": "auto" if settings.storage_provider == "AWS S3" else "path"},
	}
	# Newer versions send checksum trailers that R2 refuses; older ones do not know the options.
	for option in ("request_checksum_calculation", "response_checksum_validation"):
		if option in botocore.config.Config.OPTION_DEFAULTS:
			options[option] = "when_required"
	return botocore.config.Config(**options)


def test_connection() -> dict[str, str]:
	"""Write and delete a small object in the configured bucket.

	Returns:
		{"status": "success", "bucket": str}, or {"status": "failed", "bucket": str, "error": str} without secrets.
	"""
	settings = config.load_settings()
	try:
		client = get_cdn_client(settings)
		client.put_object(
			Bucket=settings.bucket_name, Key=CONNECTION_TEST_KEY, Body=b"{}", ContentType=CONTENT_TYPE
		)
		client.delete_object(Bucket=settings.bucket_name, Key=CONNECTION_TEST_KEY)
	except (*StorageError, ValueError) as error:
		return {"status": "failed", "bucket": settings.bucket_name, "error": settings.redact(str(error))}
	return {"status": "success", "bucket": settings.bucket_name}


# --- Upload ----------------------------------------------------------------------------------------------------


def upload_json(client, bucket: str, key: str, data: Any) -> Uploaded:
	"""Upload data as JSON, or finished bytes. Returns (success, error_message, etag)."""
	try:
		body = data if isinstance(data, bytes) else stamping.encode(key, data)
		answer = client.put_object(
			Bucket=bucket, Key=key, Body=body, ContentType=CONTENT_TYPE, CacheControl=CACHE_CONTROL
		)
	except (*StorageError, ValueError) as error:
		return Uploaded(False, str(error), None)
	return Uploaded(True, None, answer.get("ETag", "").strip('"'))


def upload_json_from_file(client, bucket: str, key: str, file_path: str) -> Uploaded:
	"""Upload a local file as it is. Returns (success, error_message, etag)."""
	try:
		content = Path(file_path).read_bytes()
	except OSError as error:
		return Uploaded(False, str(error), None)
	return upload_json(client, bucket, key, content)


def upload_plan_files(
	client, bucket: str, plan_name: str, files_data: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
	"""Upload {path: data} of a plan, the manifest last and only when all others are there.

	Returns:
		(uploaded_urls, errors)
	"""
	results = _manifest_last(
		plan_name,
		files_data,
		lambda part: upload_many(client, bucket, {key: files_data[key] for key in part}),
	)
	return _urls_of(results), _errors_of(results)


def upload_plan_files_from_local(
	client, bucket: str, plan_name: str, files_info: Mapping[str, str] | Iterable[str]
) -> tuple[list[str], dict[str, Uploaded], list[str]]:
	"""Upload files of a plan from local storage, the manifest last and only when all others are there.

	Args:
		files_info: {path: local file}, or just the paths, which local storage knows.

	Returns:
		(uploaded_urls, upload_results, errors), the results by path.
	"""
	if not isinstance(files_info, Mapping):
		files_info = {path: local_storage.absolute_path(path) for path in files_info}

	def upload(part: list[str]) -> dict[str, Uploaded]:
		return _in_threads(part, lambda key: upload_json_from_file(client, bucket, key, files_info[key]))

	results = _manifest_last(plan_name, files_info, upload)
	return _urls_of(results), results, _errors_of(results)


def _manifest_last(
	plan_name: str, keys: Iterable[str], upload: Callable[[list[str]], dict[str, Uploaded]]
) -> dict[str, Uploaded]:
	manifest = paths.manifest_path(plan_name)
	others = [key for key in keys if key != manifest]
	results = upload(others)
	complete = len(results) == len(others) and all(result.success for result in results.values())
	if complete and manifest in keys:
		results |= upload([manifest])
	return results


def upload_many(
	client, bucket: str, contents: Mapping[str, Any], on_progress: Callable[[], None] | None = None
) -> dict[str, Uploaded]:
	"""Upload {key: data or bytes} in parallel. After MAX_FAILURES failures the rest is left out of the result."""
	return _in_threads(contents, lambda key: upload_json(client, bucket, key, contents[key]), on_progress)


def _in_threads(
	keys: Iterable[str], work: Callable[[str], Uploaded], on_progress: Callable[[], None] | None = None
) -> dict[str, Uploaded]:
	"""Do the work for each key. `on_progress` is called in the caller's thread, now and then."""
	results: dict[str, Uploaded] = {}
	failures = 0
	waiting = iter(keys)
	with ThreadPoolExecutor(MAX_THREADS) as pool:
		running: dict[Future, str] = {}
		while True:
			if failures < MAX_FAILURES:
				_fill(pool, running, waiting, work)
			if not running:
				return results
			done, _ = wait(running, return_when=FIRST_COMPLETED)
			for future in done:
				results[running.pop(future)] = outcome = future.result()
				failures += not outcome.success
			if on_progress:
				on_progress()


def _fill(
	pool: ThreadPoolExecutor, running: dict[Future, str], waiting: Iterator[str], work: Callable
) -> None:
	while len(running) < 2 * MAX_THREADS:
		key = next(waiting, None)
		if key is None:
			return
		running[pool.submit(work, key)] = key


def _urls_of(results: Mapping[str, Uploaded]) -> list[str]:
	base = get_cdn_base_url(config.load_addresses())
	return [f"{base}/{quote(key)}" for key, result in results.items() if result.success]


def _errors_of(results: Mapping[str, Uploaded]) -> list[str]:
	return [f"{key}: {result.error}" for key, result in results.items() if not result.success]


# --- Read back -------------------------------------------------------------------------------------------------


def find_mismatches(
	client, bucket: str, expected: Mapping[str, Mapping[str, Any]], folders: Iterable[str]
) -> list[str]:
	"""Which of the expected objects the bucket does not hold with the same bytes.

	The folders are listed, a thousand objects a call. An ETag that is no MD5 (multipart, encrypted) proves nothing:
	such an object is fetched and hashed.

	Args:
		expected: {key: {"md5", "sha256", "size"}}
		folders: prefixes, ending in a slash, under which the expected keys lie.
	"""
	etags = {}
	for folder in folders:
		etags |= {found["Key"]: found["ETag"].strip('"') for found in _list(client, bucket, folder)}
	doubtful = {key: hashes for key, hashes in expected.items() if etags.get(key) != hashes["md5"]}
	return [
		key
		for key, hashes in doubtful.items()
		if key not in etags or not holds(client, bucket, key, hashes["sha256"])
	]


def holds(client, bucket: str, key: str, sha256: str) -> bool:
	"""Whether the object's bytes, fetched now, have this hash."""
	try:
		content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
	except ClientError as error:
		if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
			return False
		raise
	return stamping.describe(content)["sha256"] == sha256


def _list(client, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
	for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
		yield from page.get("Contents", ())


# --- Delete ----------------------------------------------------------------------------------------------------


def delete_json(client, bucket: str, key: str) -> tuple[bool, str | None]:
	"""Delete one object; it is no error when there is none. Returns (success, error_message)."""
	_, _, errors = delete_many(client, bucket, [key])
	return not errors, errors[0] if errors else None


def delete_folder(client, bucket: str, prefix: str) -> tuple[int, int, list[str]]:
	"""Delete every object below a folder. Returns (success_count, error_count, errors).

	Raises:
		ValueError: the prefix is empty, which would be the whole bucket.
	"""
	folder = paths.safe_path(prefix.rstrip("/")) + "/"
	try:
		keys = [found["Key"] for found in _list(client, bucket, folder)]
	except StorageError as error:
		return 0, 1, [str(error)]
	deleted, failed, errors = delete_many(client, bucket, keys)
	return len(deleted), len(failed), errors


def delete_many(client, bucket: str, keys: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
	"""Delete objects, a thousand a call. Returns (deleted keys, failed keys, errors)."""
	keys = list(keys)
	failed: dict[str, str] = {}
	for start in range(0, len(keys), MAX_KEYS_PER_DELETE):
		batch = keys[start : start + MAX_KEYS_PER_DELETE]
		request = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
		try:
			answer = client.delete_objects(Bucket=bucket, Delete=request)
		except StorageError as error:
			failed |= dict.fromkeys(batch, str(error))
			continue
		failed |= {
			found["Key"]: found.get("Message", found.get("Code", "")) for found in answer.get("Errors", ())
		}
	deleted = [key for key in keys if key not in failed]
	return deleted, list(failed), [f"{key}: {error}" for key, error in failed.items()]


def delete_plan_folder(settings: Any, plan_id: str) -> tuple[int, int, list[str]]:
	"""Delete everything of a plan from the bucket. Returns (success_count, error_count, errors)."""
	settings = config.as_settings(settings)
	return delete_folder(get_cdn_client(settings), settings.bucket_name, paths.plan_folder(plan_id))


# --- Addresses and cache ---------------------------------------------------------------------------------------


def get_cdn_base_url(settings: Any) -> str:
	"""Where published files are read from, without a trailing slash."""
	return url_resolver.base_url(config.as_settings(settings))


def generate_signed_url(client, bucket: str, key: str, expiry_seconds: int = SIGNED_URL_SECONDS) -> str:
	"""An address that opens a private object for a while.

	Raises:
		ValueError: the time is not between a second and seven days, which is what S3 signs.
	"""
	if not 1 <= expiry_seconds <= MAX_SIGNED_URL_SECONDS:
		raise ValueError(f"expiry_seconds must be from 1 to {MAX_SIGNED_URL_SECONDS}, got {expiry_seconds}")
	return client.generate_presigned_url(
		"get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=expiry_seconds
	)


def purge_cdn_cache(zone_id: str, api_token: str, file_urls: Iterable[str]) -> dict[str, Any]:
	"""Drop addresses from Cloudflare's cache, thirty a call.

	Returns:
		Cloudflare's answer, of several calls together: {"success": bool, "errors": [{"code", "message"}],
		"messages": [], "result": the last call's}. It never raises for what the API answers or fails to.
	"""
	urls = list(file_urls)
	answers = [
		_purge(zone_id, api_token, urls[start : start + MAX_URLS_PER_PURGE])
		for start in range(0, len(urls), MAX_URLS_PER_PURGE)
	]
	return {
		"success": all(answer.get("success") for answer in answers),
		"errors": [error for answer in answers for error in answer.get("errors") or ()],
		"messages": [message for answer in answers for message in answer.get("messages") or ()],
		"result": answers[-1].get("result") if answers else None,
	}


def _purge(zone_id: str, api_token: str, urls: list[str]) -> dict[str, Any]:
	answer: dict[str, Any] = {}
	for attempt in range(PURGE_ATTEMPTS):
		if attempt:
			time.sleep(PURGE_PAUSE_SECONDS * attempt)
		status, answer = _post_purge(zone_id, api_token, urls)
		if status < 500 and status != 429:
			break
	return answer


def _post_purge(zone_id: str, api_token: str, urls: list[str]) -> tuple[int, dict[str, Any]]:
	"""One call: the status (599 when there was no answer) and the answer in Cloudflare's shape."""
	try:
		response = requests.post(
			f"{CLOUDFLARE_API}/zones/{quote(zone_id, safe='')}/purge_cache",
			json={"files": urls},
			headers={"Authorization": f"Bearer {api_token}"},
			timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
			allow_redirects=False,
		)
	except requests.RequestException as error:
		return 599, _purge_failure(0, f"Cloudflare did not answer: {type(error).__name__}")
	with contextlib.suppress(ValueError):
		answer = response.json()
		if isinstance(answer, dict):
			return response.status_code, answer
	return response.status_code, _purge_failure(response.status_code, "Cloudflare answered no JSON")


def _purge_failure(code: int, message: str) -> dict[str, Any]:
	return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
