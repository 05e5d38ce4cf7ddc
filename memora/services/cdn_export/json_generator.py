"""The documented generators: each reads what it needs and hands it to the pure builders.

A document may be given as Document, as mapping with its `name`, or as the name itself. A plan's files as they are
published come from `get_content_paths_for_plan` and `batch_processor`; these functions stamp with the current time.
"""

from typing import Any

import frappe
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import content_repository, file_builder
from memora.services.cdn_export.file_builder import Stamp
from memora.services.cdn_export.plan_content import TOPIC, PlanContent, VisibleNode, visible_subjects
from memora.utils import clock


def current_stamp() -> Stamp:
	return Stamp(clock.unix_seconds(), clock.iso(clock.utc_now()))


def generate_manifest(plan_doc: Any) -> dict[str, Any]:
	"""The plan's manifest without the addresses of the atomic files."""
	content = _load_plan(_name_of(plan_doc))
	return file_builder.build_manifest(content.plan, visible_subjects(content), current_stamp(), atomic=False)


def generate_manifest_atomic(plan_doc: Any) -> dict[str, Any]:
	"""The plan's manifest with hierarchy_url and bitmap_url; `files` is filled when it is published."""
	content = _load_plan(_name_of(plan_doc))
	return file_builder.build_manifest(content.plan, visible_subjects(content), current_stamp())


def generate_subject_hierarchy(subject_doc: Any, plan_id: str | None = None) -> dict[str, Any] | None:
	"""Tracks, units and topics, without lessons; None when the subject is not visible.

	Without a plan no override applies, and topics carry no topic_url: that address belongs to a plan.
	"""
	subject = _visible_subject(_name_of(subject_doc), plan_id)
	return file_builder.build_hierarchy(plan_id, subject, current_stamp()) if subject else None


def generate_bitmap_json(subject_doc: Any, plan_id: str | None = None) -> dict[str, Any] | None:
	"""The bit of each visible lesson; None when the subject is not visible."""
	subject = _visible_subject(_name_of(subject_doc), plan_id)
	return file_builder.build_bitmap(subject, current_stamp()) if subject else None


def generate_topic_json(
	topic_doc: Any, plan_id: str | None = None, subject_id: str | None = None
) -> dict[str, Any] | None:
	"""A topic with its lessons; None when it is not visible."""
	topic_id = _name_of(topic_doc)
	subject = _visible_subject(subject_id or content_repository.subject_of_topic(topic_id), plan_id)
	topics = subject.descendants(TOPIC) if subject else ()
	topic = next((topic for topic in topics if topic.id == topic_id), None)
	return file_builder.build_topic(plan_id, topic, current_stamp()) if topic else None


def generate_lesson_json_shared(lesson_doc: Any) -> dict[str, Any]:
	"""A lesson's stages, the same for all plans.

	Raises:
		DoesNotExistError: there is no such lesson.
	"""
	lesson_id = _name_of(lesson_doc)
	lesson = content_repository.load_lesson(lesson_id)
	if lesson is None:
		raise frappe.DoesNotExistError(f"Memora Lesson {lesson_id} not found")
	return file_builder.build_lesson(lesson, current_stamp())


def get_content_paths_for_plan(plan_name: str) -> dict[str, dict[str, Any]]:
	"""{path: data} of all CDN files of a plan; the manifest is the one of `generate_manifest`."""
	content = _load_plan(plan_name)
	subjects, stamp = visible_subjects(content), current_stamp()
	files = file_builder.build_plan_files(content, subjects, stamp)
	manifest = file_builder.build_manifest(content.plan, subjects, stamp, atomic=False)
	return {**files, paths.manifest_path(plan_name): manifest}


def get_atomic_content_paths_for_plan(plan_name: str) -> dict[str, Any]:
	"""The plan's paths by kind.

	Returns:
		{"manifest": path, "hierarchies": [path], "bitmaps": [path], "topics": [path], "lessons": [path],
		 "search": [path]}
	"""
	content = _load_plan(plan_name)
	files = file_builder.build_plan_files(content, visible_subjects(content), current_stamp())

	def of_kind(*kinds: str) -> list[str]:
		return [path for path in files if paths.kind_of(path) in kinds]

	return {
		"manifest": paths.manifest_path(plan_name),
		"hierarchies": of_kind(paths.HIERARCHY),
		"bitmaps": of_kind(paths.BITMAP),
		"topics": of_kind(paths.TOPIC),
		"lessons": of_kind(paths.LESSON),
		"search": of_kind(paths.SEARCH_INDEX, paths.SEARCH_SHARD),
	}


def _load_plan(plan_id: str) -> PlanContent:
	content = content_repository.load_plan(plan_id)
	if content is None:
		raise frappe.DoesNotExistError(f"Memora Academic Plan {plan_id} not found")
	return content


def _visible_subject(subject_id: str | None, plan_id: str | None) -> VisibleNode | None:
	if not subject_id:
		return None
	content = _load_plan(plan_id) if plan_id else content_repository.load_subject(subject_id)
	subjects = visible_subjects(content) if content else []
	return next((subject for subject in subjects if subject.id == subject_id), None)


def _name_of(doc: Any) -> str:
	return doc if isinstance(doc, str) else doc.get("name")
