"""Putting files into the object storage and taking them out, and the documented functions of the CDN.

Uploads run in a bounded number of threads; nothing in a thread touches Frappe. What opens connections is next door:
`storage_client` to the storage, `cloudflare` to Cloudflare's API; `object_reader` tells what a bucket holds.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from memora.services.cdn_export import config, local_storage, object_reader, stamping, url_resolver
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.cloudflare import purge_cdn_cache
from memora.services.cdn_export.storage_client import MAX_THREADS, StorageError, get_cdn_client

__all__ = [
	"delete_folder",
	"delete_json",
	"delete_plan_folder",
	"generate_signed_url",
	"get_cdn_base_url",
	"get_cdn_client",
	"purge_cdn_cache",
	"test_connection",
	"upload_json",
	"upload_json_from_file",
	"upload_plan_files",
	"upload_plan_files_from_local",
]

CONTENT_TYPE = "application/json; charset=utf-8"
CACHE_CONTROL = "public, max-age=300"
MAX_FAILURES = 5  # of one batch; then the storage is taken for away and the rest is not tried
MAX_KEYS_PER_DELETE = 1000
SIGNED_URL_SECONDS, MAX_SIGNED_URL_SECONDS = 14_400, 7 * 24 * 3600
CONNECTION_TEST_KEY = "memora-connection-test.json"


class Uploaded(NamedTuple):
	"""What became of one object. `etag` is the storage's, without quotes."""

	success: bool
	error: str | None
	etag: str | None


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
	client, bucket: str, contents: Mapping[str, Any], on_progress: Callable[[int, int], None] | None = None
) -> dict[str, Uploaded]:
	"""Upload {key: data or bytes} in parallel. After MAX_FAILURES failures the rest is left out of the result.

	Args:
		on_progress: told, in this thread and often, how many are done and of how many.
	"""
	return _in_threads(contents, lambda key: upload_json(client, bucket, key, contents[key]), on_progress)


def _in_threads(
	keys: Collection[str],
	work: Callable[[str], Uploaded],
	on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Uploaded]:
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
				on_progress(len(results), len(keys))


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
	folder = paths.safe_path(prefix.rstrip("/"))
	try:
		keys = object_reader.list_keys(client, bucket, folder)
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


# --- Addresses and connection ----------------------------------------------------------------------------------


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
