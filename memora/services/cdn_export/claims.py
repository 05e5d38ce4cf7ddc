"""What a manifest promises of its files, and how it takes a promise back. Pure.

`files` is a promise: at every moment each of its paths is there with exactly these bytes. So before a path gets other
bytes, or goes, each manifest that promises it is published once more without that promise: the path moves from `files`
to `replacing`, and the version rises by one. A file that is being replaced still belongs to its plan.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import stamping


def promised(manifest: bytes | None) -> dict[str, str]:
	"""{path: sha256}; nothing when there is no manifest, or one that nobody can read."""
	files = _parse(manifest).get("files")
	return {path: described["sha256"] for path, described in files.items()} if files else {}


def named(manifest: bytes | None) -> set[str]:
	"""Every path that belongs to the plan, promised or being replaced."""
	data = _parse(manifest)
	return {*data.get("files", ()), *data.get("replacing", ())}


def is_complete(manifest: bytes | None) -> bool:
	"""Whether a manifest is there that promises every file of its plan."""
	data = _parse(manifest)
	return bool(data) and not data.get("replacing")


def retract(manifests: Mapping[str, bytes], replaced: Mapping[str, str | None]) -> dict[str, bytes]:
	"""The manifests that are to be published before these files are replaced.

	Args:
		manifests: the published ones, by path.
		replaced: the SHA-256 that each path is about to get; None for one that goes.
	"""
	broken = {
		path: [name for name, sha256 in promised(manifest).items() if replaced.get(name, sha256) != sha256]
		for path, manifest in manifests.items()
	}
	return {path: _without(path, manifests[path], names) for path, names in broken.items() if names}


def _without(path: str, manifest: bytes, names: Collection[str]) -> bytes:
	data = _parse(manifest)
	files = {name: described for name, described in data["files"].items() if name not in set(names)}
	replacing = sorted({*data.get("replacing", ()), *names})
	return stamping.encode(
		path, {**data, "version": data["version"] + 1, "files": files, "replacing": replacing}
	)


def plan_of(manifest_path: str) -> str:
	return manifest_path.split("/")[1]


def manifests_that_may_name(candidates: Collection[str], all_manifests: Collection[str]) -> set[str]:
	"""Which of the manifests can name one of these paths: any for a shared lesson, else the plan's own."""
	if any(paths.kind_of(path) == paths.LESSON for path in candidates):
		return set(all_manifests)
	return {paths.manifest_path(plan_of(path)) for path in candidates if path.startswith("plans/")} & set(
		all_manifests
	)


def _parse(manifest: bytes | None) -> dict[str, Any]:
	try:
		data = json.loads(manifest) if manifest else {}
	except ValueError:
		return {}
	return data if isinstance(data, dict) and isinstance(data.get("files"), dict) else {}
