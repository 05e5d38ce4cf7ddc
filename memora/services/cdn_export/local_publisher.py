"""A built plan becomes the published one on this site's disk.

Comparing, writing and clearing away happen under one short lock of the whole site, since plans share lesson files: no
plan deletes a lesson that another is about to name, and no build that read earlier replaces a lesson that a later
build has written. That is told from generations: each write of lessons takes the next number, and a build remembers
which was current before it read.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import local_storage, orphans, schema_validator, stamping, state_store
from memora.services.cdn_export.errors import InvalidContent, StaleContent
from memora.services.cdn_export.file_builder import Stamp
from memora.services.cdn_export.plan_content import NodeKey

_GENERATIONS = "generations"
_SITE_LOCK = "publish"


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
	"""files: the bytes of everything the plan consists of, manifest last. written, deleted: paths."""

	files: Mapping[str, bytes]
	written: Collection[str]
	deleted: Collection[str]


def current_generation() -> int:
	return state_store.read(_GENERATIONS).get("current", 0)


def publish(plan: BuiltPlan) -> LocalResult:
	"""Write what differs from the published plan, manifest last, then delete what is due.

	Raises:
		StaleContent: read the content again and build anew.
		InvalidContent, OSError: nothing was replaced.
	"""
	with state_store.lock(_SITE_LOCK):
		for folder in (paths.plan_folder(plan.plan_id), paths.LESSONS_FOLDER):
			local_storage.sweep_leftovers(folder)
		previous = local_storage.read_all_bytes([*plan.structures, *plan.files])
		files = _encode(plan, previous)
		changed = {path: content for path, content in files.items() if content != previous[path]}
		_claim_lessons(changed, plan.generation)
		_note_orphans(plan.plan_id, files, plan.withheld)
		local_storage.write_files({**_changed_structures(plan, previous), **changed})
		local_storage.delete_files(
			path for path, data in plan.structures.items() if data is None and previous[path]
		)
		return LocalResult(files, list(changed), orphans.delete_due_locally())


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


def _changed_structures(plan: BuiltPlan, previous: Mapping[str, bytes | None]) -> dict[str, bytes]:
	encoded = {
		path: stamping.encode(path, data) for path, data in plan.structures.items() if data is not None
	}
	return {path: content for path, content in encoded.items() if content != previous[path]}


def _claim_lessons(changed: Collection[str], read_at: int) -> None:
	lessons = [path for path in changed if paths.kind_of(path) == paths.LESSON]
	if not lessons:
		return
	with state_store.edit(_GENERATIONS) as generations:
		written_at = generations.setdefault("lessons", {})
		newer = [path for path in lessons if written_at.get(path, 0) > read_at]
		if newer:
			raise StaleContent(f"{newer[0]} was published by another build meanwhile")
		generations["current"] = generations.get("current", 0) + 1
		written_at.update(dict.fromkeys(lessons, generations["current"]))


def _note_orphans(plan_id: str, files: Collection[str], withheld: Collection[NodeKey] | None) -> None:
	"""Note what the plan consists of until now and no longer names. Before the manifest: a crash forgets nothing."""
	named = local_storage.named_by(paths.manifest_path(plan_id))
	lessons = {path for path in named if paths.kind_of(path) == paths.LESSON}
	on_disk = {*local_storage.list_files(paths.plan_folder(plan_id)), *lessons}
	uploaded_lessons = state_store.read(f"uploads/{paths.LESSONS_FOLDER}").get("files", {})
	uploaded = {*state_store.read(f"uploads/{paths.plan_folder(plan_id)}").get("files", {})}
	uploaded |= lessons & set(uploaded_lessons)
	orphans.note(on_disk - set(files), uploaded - set(files), withheld)


def withdraw(plan_id: str) -> list[str]:
	"""Delete a plan's files and the lessons that no other plan names; the manifest goes first. Returns the paths."""
	manifest = paths.manifest_path(plan_id)
	with state_store.lock(_SITE_LOCK):
		_note_orphans(plan_id, (), None)
		first = local_storage.delete_files([manifest])
		deleted = orphans.delete_due_locally()
		state_store.forget(f"hashes/{paths.plan_folder(plan_id)}")
	return [*first, *deleted]
