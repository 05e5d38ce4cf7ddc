"""What a bucket holds: listing, reading back, and which objects are not what they should be."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from memora.services.cdn_export import stamping
from memora.services.cdn_export.storage_client import MAX_THREADS, StorageError, says_not_there


def list_etags(client, bucket: str, folder: str) -> dict[str, str]:
	"""{key: ETag without quotes} of everything below a folder, a thousand objects a call."""
	return {
		found["Key"]: found["ETag"].strip('"') for page in _pages(client, bucket, folder) for found in page
	}


def list_keys(client, bucket: str, folder: str) -> list[str]:
	return [found["Key"] for page in _pages(client, bucket, folder) for found in page]


def _pages(client, bucket: str, folder: str) -> Iterator[list[Mapping[str, Any]]]:
	pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/")
	return (page.get("Contents", []) for page in pages)


def list_folders(client, bucket: str, folder: str) -> list[str]:
	"""The folders right below one, a thousand a call."""
	pages = client.get_paginator("list_objects_v2").paginate(
		Bucket=bucket, Prefix=f"{folder}/", Delimiter="/"
	)
	return [found["Prefix"].rstrip("/") for page in pages for found in page.get("CommonPrefixes", ())]


def read_object(client, bucket: str, key: str) -> bytes | None:
	"""The object's bytes, None when there is none."""
	try:
		return client.get_object(Bucket=bucket, Key=key)["Body"].read()
	except StorageError as error:
		if says_not_there(error):
			return None
		raise


def read_objects(client, bucket: str, keys: Iterable[str]) -> dict[str, bytes | None]:
	"""{key: bytes, or None when there is none}, read side by side."""
	keys = list(keys)
	with ThreadPoolExecutor(MAX_THREADS) as pool:
		return dict(zip(keys, pool.map(lambda key: read_object(client, bucket, key), keys), strict=True))


def holds(client, bucket: str, key: str, sha256: str) -> bool:
	"""Whether the object's bytes, fetched now, have this hash."""
	content = read_object(client, bucket, key)
	return content is not None and stamping.describe(content)["sha256"] == sha256


def find_differing(
	client,
	bucket: str,
	etags: Mapping[str, str],
	expected: Mapping[str, Mapping[str, Any]],
	proven: Mapping[str, str],
) -> list[str]:
	"""Which of the listed objects do not have the expected bytes.

	An ETag that is no MD5 (multipart, encrypted) proves nothing the first time it is met: such an object is fetched and
	hashed.

	Args:
		etags: {key: ETag} as listed.
		expected: {key: {"md5", "sha256"}}; keys that are not listed are left out of the answer.
		proven: {key: ETag} of objects whose expected bytes were read back under that ETag.
	"""
	listed = {key: hashes for key, hashes in expected.items() if key in etags}
	doubtful = [
		key for key, hashes in listed.items() if etags[key] not in (hashes["md5"], proven.get(key, ""))
	]
	with ThreadPoolExecutor(MAX_THREADS) as pool:
		found = pool.map(lambda key: holds(client, bucket, key, listed[key]["sha256"]), doubtful)
		return [key for key, same in zip(doubtful, found, strict=True) if not same]
