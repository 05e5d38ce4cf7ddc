"""What publishing remembers between builds, as small JSON files in the site's private folder, and its file locks.

hashes/{scope}    {path: {"md5", "sha256", "size"}} of the files that were written locally
uploads/{scope}   {"target": bucket, "files": {path: sha256}} of what the bucket is known to hold
orphans/local     {path: Unix time from which the file may be deleted locally}
orphans/cdn       the same on the CDN
generations       {"current": int, "files": {path: the generation that last wrote the shared lesson or structure}}
health            what `health_checker` remembers of its last checks

A scope is `plans/{plan}`, `lessons` or `root`. All of it can be lost: then files are compared, written or uploaded
once more. Nothing here is published.
"""

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import frappe
from memora.services.cdn_export import atomic_files
from memora.services.cdn_export.errors import PlanBuildBusy

STATE_FOLDER = "memora_content"
SITE_LOCK = "publish"  # held by whoever writes published files on disk
LOCK_WAIT_SECONDS = 120
_LOCK_POLL_SECONDS = 0.02


def state_folder() -> Path:
	return Path(frappe.get_site_path("private", STATE_FOLDER)).resolve()


def scope_of(path: str) -> str:
	"""Which registry a published path belongs to."""
	steps = path.split("/")
	if steps[0] == "plans":
		return "/".join(steps[:2])
	return steps[0] if len(steps) > 1 else "root"


def read(name: str) -> dict[str, Any]:
	"""The state of this name, {} when there is none or it was damaged."""
	content = atomic_files.read_file(state_folder(), f"{name}.json")
	try:
		data = json.loads(content) if content else {}
	except ValueError:
		return {}
	return data if isinstance(data, dict) else {}


@contextlib.contextmanager
def edit(name: str) -> Iterator[dict[str, Any]]:
	"""Change the state in place; it is saved when the block ends well. One editor at a time."""
	with lock(f"edit-{name.replace('/', '-')}"):
		data = read(name)
		before = _encode(data)
		yield data
		after = _encode(data)
		if after != before:
			atomic_files.write_files(state_folder(), {f"{name}.json": after})


def _encode(data: dict[str, Any]) -> bytes:
	return json.dumps(data, separators=(",", ":"), sort_keys=True).encode()


def forget(name: str) -> None:
	atomic_files.delete_file(state_folder(), f"{name}.json")


@contextlib.contextmanager
def lock(name: str, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
	"""One holder at a time among all processes that share the site's folder. A killed holder frees it.

	Raises:
		PlanBuildBusy: it was not free within the time.
	"""
	folder = state_folder() / "locks"
	folder.mkdir(parents=True, exist_ok=True)
	with open(folder / f"{name}.lock", "a") as file:
		_wait_for(file, name, time.monotonic() + wait_seconds)
		yield


def _wait_for(file: Any, name: str, deadline: float) -> None:
	while True:
		try:
			return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except BlockingIOError:
			if time.monotonic() >= deadline:
				raise PlanBuildBusy(f"publishing is busy: {name} stayed locked") from None
			time.sleep(_LOCK_POLL_SECONDS)
