"""The lesson tree of a subject, read from its structure file `{subject}.json`.

The file is a copy of the database that publishing writes; a missing one is written again here. A worker keeps the
last 32 trees that it read, by path (which names the site) and file version, so a republished subject is read anew
by every worker on its next request. It keeps the last 64 views of plans on them, by file and plan version, so a saved
plan has a new view on the next request, too. Trees are shared by all requests of a worker: nobody may change one.
"""

import functools
import json
import os

import frappe
from frappe import _
from memora.exceptions import SubjectNotFound
from memora.services.cdn_export import local_storage, structure_export
from memora.services.enrollment import NO_OVERRIDES, PlanOverrides
from memora.services.progress_engine.outline import SubjectStructure, outline_of
from memora.services.progress_engine.unlock_calculator import apply_overrides

CACHED_SUBJECTS = 32
CACHED_VIEWS = 64
REQUIRED_FIELDS = ("id", "title", "is_linear", "tracks")


def get_subject_json_path(subject_id: str) -> str:
	"""The path of the subject's structure file, which is there when this returns.

	Raises:
		FileNotFoundError: no subject of that name is published.
	"""
	path = os.path.join(local_storage.get_local_base_path(), f"{subject_id}.json")
	if os.path.basename(path) != f"{subject_id}.json":
		raise FileNotFoundError(f"{subject_id} is not the name of a subject")
	if not os.path.exists(path):
		structure_export.write_subject_structure(subject_id)
	return path


def load_subject_structure(subject_id: str) -> SubjectStructure:
	"""The subject's tree as it was last published. Callers must not change it.

	Raises:
		SubjectNotFound, a FileNotFoundError: no subject of that name is published.
		ValueError: the file holds no valid tree.
	"""
	return load_playable_structure(subject_id, NO_OVERRIDES)


def load_playable_structure(subject_id: str, overrides: PlanOverrides) -> SubjectStructure:
	"""The subject's tree as a plan shows it: without hidden nodes and with the plan's own linear modes.

	Raises as `load_subject_structure`.
	"""
	try:
		path = get_subject_json_path(subject_id)
		version = _file_version(path)
		return _view(path, version, overrides) if overrides else _read(path, version)
	except FileNotFoundError:
		frappe.throw(_("There is no published subject {0}.").format(subject_id), SubjectNotFound)


def _file_version(path: str) -> tuple[int, int, int]:
	"""Differs after every replacement of the file."""
	stat = os.stat(path)
	return stat.st_ino, stat.st_mtime_ns, stat.st_size


def clear_cache() -> None:
	"""Forget the trees that this worker has read."""
	_read.cache_clear()
	_view.cache_clear()


@functools.lru_cache(maxsize=CACHED_SUBJECTS)
def _read(path: str, version: tuple[int, int, int]) -> SubjectStructure:
	with open(path, encoding="utf-8") as file:
		tree = json.load(file)
	validate_structure(tree)
	return SubjectStructure(tree)


@functools.lru_cache(maxsize=CACHED_VIEWS)
def _view(path: str, version: tuple[int, int, int], overrides: PlanOverrides) -> SubjectStructure:
	structure = _read(path, version)
	shown = apply_overrides(structure, overrides)
	return structure if shown is structure else SubjectStructure(shown)


def validate_structure(structure: dict) -> bool:
	"""True for a tree with id, title, is_linear and a list of tracks.

	Raises:
		ValueError: names the fields that are missing.
	"""
	if not isinstance(structure, dict):
		raise ValueError(f"A subject's structure is an object, got {type(structure).__name__}")
	missing = [field for field in REQUIRED_FIELDS if field not in structure]
	if missing:
		raise ValueError(f"The subject's structure lacks {', '.join(missing)}")
	if not isinstance(structure["tracks"], list):
		raise ValueError("tracks of a subject's structure must be a list")
	return True


def get_lesson_bit_index(structure: dict, lesson_id: str) -> int:
	"""The lesson's position in progress bitmaps; one dict lookup in a loaded structure.

	Raises:
		ValueError: the lesson is not in the structure.
	"""
	lesson = outline_of(structure).lesson(lesson_id)
	if lesson is None:
		raise ValueError(f"Lesson {lesson_id} is not in subject {structure.get('id')}")
	return lesson["bit_index"]


def count_total_lessons(structure: dict) -> int:
	return len(outline_of(structure).position_by_lesson)


def get_lesson_ids(structure: dict) -> list[str]:
	"""All lesson ids in tree order."""
	return list(outline_of(structure).position_by_lesson)
