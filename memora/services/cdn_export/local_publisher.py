"""A built plan becomes the published one on this site's disk.

Comparing, writing and clearing away happen under one short lock of the whole site, since plans share lesson files: no
plan deletes a lesson that another is about to name, and no build that read earlier replaces what a later one has
written (`generations`). All new bytes are staged first; then, one rename after the other, the manifests lose the
promises that are about to break (`claims`), the files change, and the plan's manifest comes last.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from memora.services.cdn_export import (
	claims,
	config,
	generations,
	local_storage,
	orphans,
	schema_validator,
	stamping,
	state_store,
)
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.errors import InvalidContent
from memora.services.cdn_export.file_builder import Stamp
from memora.services.cdn_export.plan_content import NodeKey
from memora.utils import failpoints


@dataclass(frozen=True)
class BuiltPlan:
	"""A plan's files before they have their stamps and bytes.

	files: {path: data}, manifest last. structures: {path: data, or None for a subject that is not published}.
	withheld: what the plan holds and does not show. generation: the current one before the content was read.
	"""

	plan_id: str
	files: Mapping[str, Mapping[str, Any]]
	structures: Mapping[str, Mapping[str, Any] | None]
	withheld: Collection[NodeKey]
	generation: int
	stamp: Stamp


@dataclass(frozen=True)
class LocalResult:
	"""files: the bytes of everything the plan consists of, manifest last. written, deleted: paths.

	incomplete_plans: other plans, whose manifests lost a promise to this build. They are to be published again.
	"""

	files: Mapping[str, bytes]
	written: Collection[str]
	deleted: Collection[str]
	incomplete_plans: Collection[str] = field(default_factory=list)


def publish(plan: BuiltPlan, still_owned: Callable[[], None] | None = None) -> LocalResult:
	"""Write what differs from the published plan, manifest last, then delete what is due.

	Args:
		still_owned: raises when another build took the plan; asked once more just before anything is replaced.

	Raises:
		StaleContent: read the content again and build anew.
		InvalidContent, OSError: nothing was replaced.
	"""
	with state_store.lock(state_store.SITE_LOCK):
		for folder in (paths.plan_folder(plan.plan_id), paths.LESSONS_FOLDER):
			local_storage.sweep_leftovers(folder)
		previous = local_storage.read_all_bytes([*plan.structures, *plan.files])
		files = _encode(plan, previous)
		changed = _differing({**_encode_structures(plan), **files}, previous)
		retracted = _retract(changed)
		_stamp_again(plan, files, changed, retracted)
		if still_owned:
			still_owned()
		generations.claim(changed, plan.generation)
		_note_orphans(plan.plan_id, files, plan.withheld)
		failpoints.reach("publish.noted")
		local_storage.write_files(changed, first=retracted)
		_delete_structures(path for path, data in plan.structures.items() if data is None and previous[path])
		return LocalResult(
			files,
			[path for path in files if path in changed],
			orphans.delete_due_locally(),
			[claims.plan_of(path) for path in retracted if path not in files],
		)


def _encode(plan: BuiltPlan, previous: Mapping[str, bytes | None]) -> dict[str, bytes]:
	try:
		files = stamping.stamp_plan(plan.files, previous.__getitem__, plan.stamp)
	except ValueError as error:
		raise InvalidContent(str(error)) from error
	manifest = paths.manifest_path(plan.plan_id)
	valid, errors = schema_validator.validate_json_schema(json.loads(files[manifest]), "manifest.schema.json")
	if not valid:
		raise InvalidContent(f"{manifest}: {errors[0]}")
	return files


def _encode_structures(plan: BuiltPlan) -> dict[str, bytes]:
	return {path: stamping.encode(path, data) for path, data in plan.structures.items() if data is not None}


def _differing(files: Mapping[str, bytes], previous: Mapping[str, bytes | None]) -> dict[str, bytes]:
	return {path: content for path, content in files.items() if content != previous[path]}


def _retract(changed: Mapping[str, bytes]) -> dict[str, bytes]:
	"""The manifests of this and of other plans without what these files are about to break."""
	candidates = claims.manifests_that_may_name(changed, local_storage.list_manifests())
	manifests = local_storage.read_all_bytes(sorted(candidates))
	hashes = {path: stamping.describe(content)["sha256"] for path, content in changed.items()}
	return claims.retract({path: content for path, content in manifests.items() if content}, hashes)


def _stamp_again(
	plan: BuiltPlan, files: dict[str, bytes], changed: dict[str, bytes], retracted: Mapping[str, bytes]
) -> None:
	"""Give the plan's new manifest a greater version than the one that it follows, if that lost a promise."""
	path = paths.manifest_path(plan.plan_id)
	if path in retracted:
		files[path] = stamping.stamp_file(path, json.loads(files[path]), retracted[path], plan.stamp)
		changed[path] = files[path]


def _delete_structures(doomed: Iterable[str]) -> None:
	generations.note_deleted(local_storage.delete_files(doomed))


def _note_orphans(plan_id: str, files: Collection[str], withheld: Collection[NodeKey] | None) -> None:
	"""Note what the plan consists of until now and no longer names. Before the manifest: a crash forgets nothing."""
	named = local_storage.named_by(paths.manifest_path(plan_id))
	lessons = {path for path in named if paths.kind_of(path) == paths.LESSON}
	on_disk = {*local_storage.list_files(paths.plan_folder(plan_id)), *lessons}
	uploaded_lessons = state_store.read(f"uploads/{paths.LESSONS_FOLDER}").get("files", {})
	uploaded = {*state_store.read(f"uploads/{paths.plan_folder(plan_id)}").get("files", {})}
	uploaded |= lessons & set(uploaded_lessons)
	if config.load_addresses().uploads:
		uploaded |= on_disk  # whatever is remembered of the uploads: that may have been lost
	orphans.note(on_disk - set(files), uploaded - set(files), withheld)


def read_published(files: Collection[str]) -> dict[str, bytes]:
	"""The bytes of these files at one moment between two publishes, without those that are gone."""
	with state_store.lock(state_store.SITE_LOCK):
		found = local_storage.read_all_bytes(files)
	return {path: content for path, content in found.items() if content is not None}


def withdraw(plan_id: str) -> list[str]:
	"""Delete a plan's files and the lessons that no other plan names; the manifest goes first. Returns the paths."""
	manifest = paths.manifest_path(plan_id)
	with state_store.lock(state_store.SITE_LOCK):
		_note_orphans(plan_id, (), None)
		first = local_storage.delete_files([manifest])
		deleted = orphans.delete_due_locally()
		state_store.forget(f"hashes/{paths.plan_folder(plan_id)}")
	return [*first, *deleted]


def delete_due_orphans() -> list[str]:
	"""Delete what no manifest names and whose time has come; returns the paths."""
	with state_store.lock(state_store.SITE_LOCK):
		return orphans.delete_due_locally()
