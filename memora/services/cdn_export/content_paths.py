"""Where each published file lives, relative to the content root, and which kind of file a path names."""

import re

MANIFEST, HIERARCHY, BITMAP, TOPIC, LESSON = "manifest", "hierarchy", "bitmap", "topic", "lesson"
SEARCH_INDEX, SEARCH_SHARD, SUBJECT_STRUCTURE = "search_index", "search_shard", "subject_structure"
KINDS = (MANIFEST, HIERARCHY, BITMAP, TOPIC, LESSON, SEARCH_INDEX, SEARCH_SHARD, SUBJECT_STRUCTURE)
LESSONS_FOLDER = "lessons"
LOCAL_FOLDER = (
	"memora_content"  # the content root below the site's public folder, and its address on the web server
)

_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]|^\.|^$")
_KIND_BY_PATTERN = (
	(MANIFEST, re.compile(r"plans/[^/]+/manifest\.json")),
	(SEARCH_INDEX, re.compile(r"plans/[^/]+/search_index\.json")),
	(SEARCH_SHARD, re.compile(r"plans/[^/]+/search/[^/]+\.json")),
	(HIERARCHY, re.compile(r"plans/[^/]+/[^/]+_h\.json")),
	(BITMAP, re.compile(r"plans/[^/]+/[^/]+_b\.json")),
	(TOPIC, re.compile(r"plans/[^/]+/[^/]+\.json")),
	(LESSON, re.compile(r"lessons/[^/]+\.json")),
	(SUBJECT_STRUCTURE, re.compile(r"[^/]+\.json")),
)


def segment(node_id: str) -> str:
	"""The id as one step of a path.

	Raises:
		ValueError: it would leave its folder or hide the file.
	"""
	if _UNSAFE.search(node_id):
		raise ValueError(f"{node_id!r} cannot name a published file")
	return node_id


def safe_path(path: str) -> str:
	"""The relative path unchanged, once every step of it is plain.

	Raises:
		ValueError: it is absolute, climbs, hides a file or holds a control character.
	"""
	for step in path.split("/"):
		segment(step)
	return path


def plan_folder(plan_id: str) -> str:
	return f"plans/{segment(plan_id)}"


def manifest_path(plan_id: str) -> str:
	return f"{plan_folder(plan_id)}/manifest.json"


def hierarchy_path(plan_id: str, subject_id: str) -> str:
	return f"{plan_folder(plan_id)}/{segment(subject_id)}_h.json"


def bitmap_path(plan_id: str, subject_id: str) -> str:
	return f"{plan_folder(plan_id)}/{segment(subject_id)}_b.json"


def topic_path(plan_id: str, topic_id: str) -> str:
	return f"{plan_folder(plan_id)}/{segment(topic_id)}.json"


def lesson_path(lesson_id: str) -> str:
	return f"{LESSONS_FOLDER}/{segment(lesson_id)}.json"


def search_index_path(plan_id: str) -> str:
	return f"{plan_folder(plan_id)}/search_index.json"


def search_shard_path(plan_id: str, subject_id: str) -> str:
	return f"{plan_folder(plan_id)}/search/{segment(subject_id)}.json"


def structure_path(subject_id: str) -> str:
	return f"{segment(subject_id)}.json"


def kind_of(path: str) -> str | None:
	"""Which of KINDS the path names, None when it is no published file."""
	return next((kind for kind, pattern in _KIND_BY_PATTERN if pattern.fullmatch(path)), None)


def is_uploaded(path: str) -> bool:
	"""Subject structures stay on the server; everything else goes to the CDN."""
	return kind_of(path) not in (None, SUBJECT_STRUCTURE)


def node_id_of(path: str) -> str:
	"""The id of the topic, lesson or subject that the file is about."""
	name = path.rsplit("/", 1)[-1].removesuffix(".json")
	return name[:-2] if kind_of(path) in (HIERARCHY, BITMAP) else name
