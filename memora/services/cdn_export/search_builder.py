"""A plan's search entries, in one file or, above the threshold, in one shard a subject. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.plan_content import (
	LESSON,
	SUBJECT,
	TOPIC,
	TRACK,
	UNIT,
	VisibleNode,
	walk,
)
from memora.services.cdn_export.search_folding import fold

if TYPE_CHECKING:
	from memora.services.cdn_export.file_builder import Stamp

SHARD_THRESHOLD = 100  # entries of the whole plan that still fit into one file
_TYPES = {SUBJECT: "subject", TRACK: "track", UNIT: "unit", TOPIC: "topic", LESSON: "lesson"}


def build_search_files(plan_id: str, subjects: Sequence[VisibleNode], stamp: "Stamp") -> dict[str, dict]:
	"""{path: data}: the shards, if there are any, then the index."""
	files = {}
	if is_sharded(subjects):
		files = {
			paths.search_shard_path(plan_id, subject.id): build_shard(plan_id, subject, stamp)
			for subject in subjects
		}
	files[paths.search_index_path(plan_id)] = build_index(plan_id, subjects, stamp)
	return files


def is_sharded(subjects: Iterable[VisibleNode]) -> bool:
	return sum(1 for _ in walk(subjects)) > SHARD_THRESHOLD


def build_index(plan_id: str, subjects: Sequence[VisibleNode], stamp: "Stamp") -> dict[str, Any]:
	sharded = is_sharded(subjects)
	index = {
		"plan_id": plan_id,
		**stamp._asdict(),
		"total_items": sum(1 for _ in walk(subjects)),
		"is_sharded": sharded,
	}
	if sharded:
		return {**index, "shards": [_shard_reference(plan_id, subject) for subject in subjects]}
	return {**index, "entries": list(_entries(subjects))}


def _shard_reference(plan_id: str, subject: VisibleNode) -> dict[str, Any]:
	return {
		"subject_id": subject.id,
		"shard_url": paths.search_shard_path(plan_id, subject.id),
		"item_count": sum(1 for _ in walk([subject])),
	}


def build_shard(plan_id: str, subject: VisibleNode, stamp: "Stamp") -> dict[str, Any]:
	return {
		"plan_id": plan_id,
		"subject_id": subject.id,
		"subject_title": subject.title,
		"generated_at": stamp.generated_at,
		"entries": list(_entries([subject])),
	}


def _entries(subjects: Iterable[VisibleNode]) -> Iterator[dict[str, Any]]:
	for node in walk(subjects):
		description = node.row.get("description") or ""
		yield {
			"type": _TYPES[node.doctype],
			"id": node.id,
			"title": node.title,
			"description": description,
			"search_text": fold(f"{node.title} {description}"),
			"access_level": node.access.level,
			**{f"{_TYPES[ancestor.doctype]}_id": ancestor.id for ancestor in node.ancestors()},
		}
