"""What the bucket is known to hold, so that only what differs is uploaded.

A record is dropped before its object is replaced and written after: a crash in between leaves none, never a wrong one.
It belongs to one bucket; another bucket starts with none. All of it can be lost: then objects are compared or uploaded
once more.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from memora.services.cdn_export import state_store


class UploadRecords:
	"""The records of one bucket, which `target` names."""

	def __init__(self, target: str):
		self.target = target

	def known(self, paths: Iterable[str]) -> dict[str, str]:
		"""{path: sha256} of those paths that the bucket is known to hold."""
		return self._pick("files", paths)

	def proven_etags(self, paths: Iterable[str]) -> dict[str, str]:
		"""{path: ETag} of those whose ETag is no MD5 and under which they were read back."""
		return self._pick("etags", paths)

	def remember(self, hashes: Mapping[str, str]) -> None:
		"""Note {path: sha256} of what the bucket holds now."""
		for scope, paths in _by_scope(hashes).items():
			with self._edit(scope) as record:
				record["files"].update({path: hashes[path] for path in paths})

	def remember_etags(self, etags: Mapping[str, str]) -> None:
		for scope, paths in _by_scope(etags).items():
			with self._edit(scope) as record:
				record["etags"].update({path: etags[path] for path in paths})

	def forget(self, paths: Iterable[str]) -> None:
		"""Drop the records of objects that are about to be replaced, or are gone."""
		for scope, own in _by_scope(paths).items():
			with self._edit(scope) as record:
				for path in own:
					record["files"].pop(path, None)
					record["etags"].pop(path, None)

	def forget_scope(self, scope: str) -> None:
		state_store.forget(_name(scope))

	def _pick(self, kind: str, paths: Iterable[str]) -> dict[str, str]:
		found = {}
		for scope, own in _by_scope(paths).items():
			noted = self._read(scope).get(kind, {})
			found |= {path: noted[path] for path in own if path in noted}
		return found

	def _read(self, scope: str) -> dict[str, Any]:
		record = state_store.read(_name(scope))
		return record if record.get("target") == self.target else {}

	@contextlib.contextmanager
	def _edit(self, scope: str) -> Iterator[dict[str, Any]]:
		with state_store.edit(_name(scope)) as record:
			if record.get("target") != self.target:
				record.clear()
				record["target"] = self.target
			record.setdefault("files", {})
			record.setdefault("etags", {})
			yield record


def _name(scope: str) -> str:
	return f"uploads/{scope}"


def _by_scope(paths: Iterable[str]) -> dict[str, list[str]]:
	by_scope: dict[str, list[str]] = {}
	for path in paths:
		by_scope.setdefault(state_store.scope_of(path), []).append(path)
	return by_scope
