"""Published files on this site's disk, and the registry of their hashes.

The files lie in the site's public folder, where the web server reads them; the registry lies in the private one. A
write is atomic, see `atomic_files`.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import frappe
from memora.services.cdn_export import atomic_files, claims, stamping, state_store
from memora.services.cdn_export.content_paths import LOCAL_FOLDER


def get_local_base_path() -> str:
	"""The absolute folder of published files: `sites/{site}/public/memora_content`."""
	return str(_base())


def _base() -> Path:
	return Path(frappe.get_site_path("public", LOCAL_FOLDER)).resolve()


def write_content_file(path: str, data: Any) -> tuple[bool, str | None]:
	"""Write one file atomically and register its hashes.

	Args:
		data: what to write as JSON, or the finished bytes.

	Returns:
		(success, error_message); on failure the old file stays.
	"""
	try:
		write_files({path: data if isinstance(data, bytes) else stamping.encode(path, data)})
	except (OSError, ValueError) as error:
		return False, str(error)
	return True, None


def write_files(files: Mapping[str, bytes], first: Mapping[str, bytes] | None = None) -> None:
	"""Replace several files at once, the last one last, and register their hashes.

	Args:
		first: what is replaced before them, such as a manifest that gets its last bytes among the files.

	Raises:
		OSError, ValueError: nothing was written.
	"""
	first = first or {}
	if not files and not first:
		return
	_make_base()
	atomic_files.write_in_order(_base(), [*first.items(), *files.items()])
	_register({path: hashes_of(content) for path, content in {**first, **files}.items()})


def _make_base() -> None:
	_base().mkdir(mode=atomic_files.FOLDER_MODE, parents=True, exist_ok=True)
	_base().chmod(atomic_files.FOLDER_MODE)


def hashes_of(content: bytes) -> dict[str, Any]:
	md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
	return {"md5": md5, **stamping.describe(content)}


def _register(hashes: Mapping[str, dict | None]) -> None:
	"""Note the hashes of files; None stands for a deleted one."""
	by_scope: dict[str, dict] = defaultdict(dict)
	for path, found in hashes.items():
		by_scope[state_store.scope_of(path)][path] = found
	for scope, changes in by_scope.items():
		with state_store.edit(f"hashes/{scope}") as registry:
			registry.update(changes)
			for path in [path for path, found in registry.items() if found is None]:
				del registry[path]


def registered_hashes(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
	"""{path: {"md5", "sha256", "size"}} of those paths that were written here; one read a registry."""
	paths = list(paths)
	registries = {
		scope: state_store.read(f"hashes/{scope}") for scope in set(map(state_store.scope_of, paths))
	}
	found = {path: registries[state_store.scope_of(path)].get(path) for path in paths}
	return {path: hashes for path, hashes in found.items() if hashes}


def read_bytes(path: str) -> bytes | None:
	return atomic_files.read_file(_base(), path)


def read_all_bytes(paths: Collection[str]) -> dict[str, bytes | None]:
	"""{path: bytes, or None when there is none}"""
	return atomic_files.read_files(_base(), paths)


def read_content_file(path: str) -> Any:
	"""The parsed file, None when there is none.

	Raises:
		ValueError: the path leaves the content folder, or the file holds no JSON.
	"""
	content = read_bytes(path)
	return None if content is None else json.loads(content)


def get_file_hash(path: str) -> str | None:
	"""MD5 of the file as it is on disk, in hexadecimal; None when there is none."""
	content = read_bytes(path)
	return None if content is None else hashes_of(content)["md5"]


def absolute_path(path: str) -> str:
	return str(atomic_files.locate(_base(), path))


def list_files(folder: str) -> list[str]:
	return list(atomic_files.list_files(_base(), folder))


def named_by(manifest_path: str) -> set[str]:
	"""The paths that belong to a published plan; none when there is no manifest, or it was damaged."""
	return claims.named(read_bytes(manifest_path))


def list_manifests() -> list[str]:
	"""The manifests of all plans that are published here."""
	return sorted(path.relative_to(_base()).as_posix() for path in _base().glob("plans/*/manifest.json"))


def delete_content_file(path: str) -> bool:
	"""Delete one file and its registered hashes; whether there was one."""
	return bool(delete_files([path]))


def delete_files(paths: Iterable[str]) -> list[str]:
	"""Delete files in the given order and return those that were there."""
	paths = list(paths)
	deleted = [path for path in paths if atomic_files.delete_file(_base(), path)]
	_register(dict.fromkeys(paths))
	return deleted


def sweep_leftovers(folder: str) -> int:
	"""Delete what interrupted writes left in a folder long ago."""
	return atomic_files.sweep_leftovers(_base(), folder)
