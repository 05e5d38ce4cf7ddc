"""The content of every published file, from the visible trees of a plan. Pure: data in, data out.

All paths are relative to the content root. Field order is fixed, so equal content gives equal bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import search_builder
from memora.services.cdn_export.plan_content import (
	LESSON,
	TOPIC,
	TRACK,
	UNIT,
	PlanContent,
	VisibleNode,
	position,
)
from memora.utils import json_text

CHILD_KEYS = {TRACK: "tracks", UNIT: "units", TOPIC: "topics", LESSON: "lessons"}


class Stamp(NamedTuple):
	"""Which build a file is from: Unix seconds, and the same moment as `YYYY-MM-DDTHH:MM:SS` in UTC."""

	version: int
	generated_at: str


def build_plan_files(
	content: PlanContent, subjects: Sequence[VisibleNode], stamp: Stamp
) -> dict[str, dict[str, Any]]:
	"""{path: data} of everything a plan publishes, in the order to publish it: lessons first, manifest last.

	The manifest's `files` is empty until the other files have their bytes, see `stamping`.

	Raises:
		ValueError: an id cannot name a file, two files share a path, or a stage's config is no JSON object.
	"""
	plan_id = content.plan["name"]
	topics = [topic for subject in subjects for topic in subject.descendants(TOPIC)]
	lessons = [lesson for topic in topics for lesson in topic.children]
	named = [
		(paths.LESSON, paths.lesson_path(lesson.id), build_lesson(lesson.row, stamp)) for lesson in lessons
	]
	named += [
		(paths.TOPIC, paths.topic_path(plan_id, topic.id), build_topic(plan_id, topic, stamp))
		for topic in topics
	]
	for subject in subjects:
		named.append((paths.BITMAP, paths.bitmap_path(plan_id, subject.id), build_bitmap(subject, stamp)))
		hierarchy = build_hierarchy(plan_id, subject, stamp)
		named.append((paths.HIERARCHY, paths.hierarchy_path(plan_id, subject.id), hierarchy))
	for path, search_file in search_builder.build_search_files(plan_id, subjects, stamp).items():
		named.append((paths.kind_of(path), path, search_file))
	named.append(
		(paths.MANIFEST, paths.manifest_path(plan_id), build_manifest(content.plan, subjects, stamp))
	)
	return _by_path(named)


def _by_path(named: Iterable[tuple[str, str, dict]]) -> dict[str, dict[str, Any]]:
	files: dict[str, dict[str, Any]] = {}
	for kind, path, data in named:
		if path in files or paths.kind_of(path) != kind:
			raise ValueError(
				f"{path} would be taken by two files: rename the {kind} with the id {data.get('id')!r}"
			)
		files[path] = data
	return files


def build_manifest(
	plan: Mapping[str, Any], subjects: Iterable[VisibleNode], stamp: Stamp, atomic: bool = True
) -> dict[str, Any]:
	"""The plan's entry point. Not atomic: without the addresses of hierarchy and bitmap, and without `files`."""
	manifest = {"plan_id": plan["name"], "title": plan["title"], **stamp._asdict()}
	manifest.update({key: plan[key] for key in ("season", "grade", "stream") if plan.get(key)})
	manifest["subjects"] = [_manifest_subject(plan["name"], subject, atomic) for subject in subjects]
	manifest["search_index_url"] = paths.search_index_path(plan["name"])
	return {**manifest, "files": {}} if atomic else manifest


def _manifest_subject(plan_id: str, subject: VisibleNode, atomic: bool) -> dict[str, Any]:
	entry = _node(subject, "image", "color_code")
	if atomic:
		entry["hierarchy_url"] = paths.hierarchy_path(plan_id, subject.id)
		entry["bitmap_url"] = paths.bitmap_path(plan_id, subject.id)
	return entry


def build_hierarchy(plan_id: str | None, subject: VisibleNode, stamp: Stamp) -> dict[str, Any]:
	"""A subject down to its topics, without lessons. Without a plan the topics carry no address."""
	return {
		**_node(subject, "image"),
		**stamp._asdict(),
		"stats": {
			f"total_{key}": sum(1 for _ in subject.descendants(doctype))
			for doctype, key in CHILD_KEYS.items()
		},
		"tracks": [_branch(plan_id, track) for track in subject.children],
	}


def _branch(plan_id: str | None, node: VisibleNode) -> dict[str, Any]:
	branch = _node(node, "image", "badge_image")
	if node.doctype == TOPIC:
		if plan_id:
			branch["topic_url"] = paths.topic_path(plan_id, node.id)
		branch["lesson_count"] = len(node.children)
		return branch
	branch[CHILD_KEYS[node.children[0].doctype]] = [_branch(plan_id, child) for child in node.children]
	return branch


def _node(node: VisibleNode, *optional: str) -> dict[str, Any]:
	described = {
		"id": node.id,
		"title": node.title,
		"is_linear": node.is_linear,
		"access": node.access.to_dict(),
	}
	return {**described, **_filled(node.row, "description", *optional)}


def _filled(row: Mapping[str, Any], *fields: str) -> dict[str, Any]:
	return {field: row[field] for field in fields if row.get(field)}


def build_bitmap(subject: VisibleNode, stamp: Stamp) -> dict[str, Any]:
	"""Which bit of a player's progress each lesson is."""
	mappings = {
		lesson.id: {"bit_index": lesson.row["bit_index"], "topic_id": lesson.parent.id}
		for lesson in subject.descendants(LESSON)
	}
	return {
		"subject_id": subject.id,
		**stamp._asdict(),
		"total_lessons": len(mappings),
		"mappings": mappings,
	}


def build_topic(plan_id: str | None, topic: VisibleNode, stamp: Stamp) -> dict[str, Any]:
	"""A topic with its lessons' addresses and its place in the tree."""
	unit, track, subject = topic.ancestors()
	return {
		"id": topic.id,
		"title": topic.title,
		"is_linear": topic.is_linear,
		**stamp._asdict(),
		"parent": {
			"unit_id": unit.id,
			"unit_title": unit.title,
			"track_id": track.id,
			"track_title": track.title,
			"subject_id": subject.id,
			"subject_title": subject.title,
		},
		"access": topic.access.to_dict(),
		"lessons": [_topic_lesson(lesson) for lesson in topic.children],
	}


def _topic_lesson(lesson: VisibleNode) -> dict[str, Any]:
	return {
		"id": lesson.id,
		"title": lesson.title,
		"bit_index": lesson.row["bit_index"],
		"lesson_url": paths.lesson_path(lesson.id),
		"access": lesson.access.to_dict(),
		"stage_count": len(lesson.row["stages"]),
		**_filled(lesson.row, "description"),
	}


def build_lesson(row: Mapping[str, Any], stamp: Stamp) -> dict[str, Any]:
	"""What all plans share of a lesson: no access, no parent."""
	return {
		"id": row["name"],
		"title": row["title"],
		**stamp._asdict(),
		**_filled(row, "description", "image"),
		"stages": [_stage(row, idx, stage) for idx, stage in enumerate(row["stages"], start=1)],
		"navigation": {"is_standalone": True},
	}


def _stage(lesson: Mapping[str, Any], idx: int, stage: Mapping[str, Any]) -> dict[str, Any]:
	return {
		"idx": idx,
		"title": stage["title"],
		"type": stage["type"],
		"config": _stage_config(lesson["name"], idx, stage["config"]),
		"weight": stage["weight"] or 0,
		"target_time": stage["target_time"] or 0,
		"is_skippable": bool(stage["is_skippable"]),
	}


def _stage_config(lesson_id: str, idx: int, config: Any) -> dict[str, Any]:
	try:
		return json_text.parse_object(config)
	except ValueError as error:
		raise ValueError(f"the config of stage {idx} of {lesson_id} {error}") from error


def build_structure(subject: VisibleNode) -> dict[str, Any]:
	"""What the progress engine reads of a subject: its published tree with bits and XP, without stage content."""
	return {
		"id": subject.id,
		"title": subject.title,
		"is_linear": subject.is_linear,
		"tracks": [_structure_branch(track) for track in subject.children],
	}


def _structure_branch(node: VisibleNode) -> dict[str, Any]:
	if node.doctype == LESSON:
		return {
			"id": node.id,
			"title": node.title,
			"bit_index": node.row["bit_index"],
			"base_xp": node.row["base_xp"] or 0,
			"sort_order": position(node.row)[0],
		}
	return {
		"id": node.id,
		"title": node.title,
		"is_linear": node.is_linear,
		"sort_order": position(node.row)[0],
		CHILD_KEYS[node.children[0].doctype]: [_structure_branch(child) for child in node.children],
	}
