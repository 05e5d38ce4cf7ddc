"""`{subject}.json`: the tree that the progress engine reads.

It lies in the content folder and is never uploaded. It holds published nodes without any plan's overrides, and no
stage content.
"""

from collections.abc import Mapping
from typing import Any

from memora.services.cdn_export import (
	content_paths,
	content_repository,
	file_builder,
	generations,
	local_storage,
	schema_validator,
	stamping,
	state_store,
)
from memora.services.cdn_export.errors import InvalidContent, StaleContent
from memora.services.cdn_export.plan_content import PlanContent, visible_subjects


def build_subject_structure(subject_id: str) -> dict[str, Any]:
	"""The subject's published tree; `tracks` is empty while it has no published lesson.

	Raises:
		FileNotFoundError: there is no such subject, or it is not published.
	"""
	content = content_repository.load_subject(subject_id)
	structure = structure_of(content.subjects[0]) if content else None
	if structure is None:
		raise FileNotFoundError(f"there is no published subject {subject_id}")
	return structure


def write_subject_structure(subject_id: str) -> dict[str, Any]:
	"""Build the structure, write it to its documented place and return it.

	What a publish wrote there meanwhile stays.

	Raises:
		FileNotFoundError: there is no such subject, or it is not published.
		InvalidContent: it does not fit its schema; an older file stays.
	"""
	read_at = generations.current()
	structure = build_subject_structure(subject_id)
	path = content_paths.structure_path(subject_id)
	valid, errors = schema_validator.validate_json_schema(structure, "subject_structure.schema.json")
	if not valid:
		raise InvalidContent(f"{path}: {errors[0]}")
	try:
		_write(path, stamping.encode(path, structure), read_at)
	except StaleContent:
		if local_storage.read_bytes(path) is None:  # it was deleted because of a change
			return write_subject_structure(subject_id)
	return structure


def _write(path: str, content: bytes, read_at: int) -> None:
	with state_store.lock(state_store.SITE_LOCK):
		if local_storage.read_bytes(path) != content:
			generations.claim([path], read_at)
			local_storage.write_files({path: content})


def forget_subject_structure(subject_id: str) -> None:
	"""Delete the file of a subject that no published plan keeps up to date. Who needs it next has it written anew."""
	generations.note_deleted(local_storage.delete_files([content_paths.structure_path(subject_id)]))


def structure_of(subject: Mapping[str, Any]) -> dict[str, Any] | None:
	"""The structure of a subject's row with its children; None when it is not published."""
	if not subject["is_published"]:
		return None
	visible = visible_subjects(PlanContent(None, [subject]))
	if visible:
		return file_builder.build_structure(visible[0])
	return {
		"id": subject["name"],
		"title": subject["title"],
		"is_linear": bool(subject["is_linear"]),
		"tracks": [],
	}
