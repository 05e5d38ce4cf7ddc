"""The bytes of published files, and which of them are new.

A file whose content is unchanged keeps its version and time, and so its very bytes. Pure.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.file_builder import Stamp

_STAMP_FIELDS = ("version", "generated_at")


def encode(path: str, data: Any) -> bytes:
	"""Compact UTF-8 JSON, non-ASCII kept.

	Raises:
		ValueError: the data holds what JSON or UTF-8 cannot carry, such as NaN or half a surrogate pair.
	"""
	try:
		return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
	except ValueError as error:
		raise ValueError(f"{path} cannot be written as JSON: {error}") from error


def describe(content: bytes) -> dict[str, Any]:
	"""A file's line in the manifest."""
	return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def stamp_file(path: str, data: Mapping[str, Any], previous: bytes | None, now: Stamp) -> bytes:
	"""The file's bytes: `previous` when only the stamp would differ, else newly stamped.

	The new version is `now`'s, or one more than the last where that is not greater.
	"""
	old = _parse(previous)
	if old is not None:
		carried = encode(path, {**data, **_stamp_of(old, data)})
		if carried == previous:
			return previous
	fresh = {"version": max(now.version, _last_version(old) + 1), "generated_at": now.generated_at}
	return encode(path, {**data, **{field: fresh[field] for field in _STAMP_FIELDS if field in data}})


def stamp_plan(
	files: Mapping[str, Mapping[str, Any]], read_previous: Callable[[str], bytes | None], now: Stamp
) -> dict[str, bytes]:
	"""The bytes of a whole plan in the given order, the manifest last with every other file's hash and size."""
	encoded: dict[str, bytes] = {}
	for path, data in files.items():
		if paths.kind_of(path) == paths.MANIFEST:
			data = {**data, "files": {other: describe(content) for other, content in sorted(encoded.items())}}
		encoded[path] = stamp_file(path, data, read_previous(path), now)
	return encoded


def _parse(previous: bytes | None) -> dict[str, Any] | None:
	"""The published file's data, None when there is none or it was damaged."""
	try:
		old = json.loads(previous) if previous else None
	except ValueError:
		return None
	return old if isinstance(old, dict) else None


def _stamp_of(old: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
	return {field: old[field] for field in _STAMP_FIELDS if field in data and field in old}


def _last_version(old: Mapping[str, Any] | None) -> int:
	version = (old or {}).get("version")
	return version if isinstance(version, int) else 0
