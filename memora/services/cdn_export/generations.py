"""Which build last wrote a file that plans share: a lesson, or a subject's structure.

Each write takes the next number, and a build remembers which was current before it read the content. So a build that
read earlier never replaces, nor brings back, what a later one has written or deleted.
"""

from collections.abc import Collection

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import state_store
from memora.services.cdn_export.errors import StaleContent

_STATE = "generations"
_SHARED = (paths.LESSON, paths.SUBJECT_STRUCTURE)


def current() -> int:
	return state_store.read(_STATE).get("current", 0)


def claim(changed: Collection[str], read_at: int) -> None:
	"""Take the next generation for the shared ones among these files.

	Raises:
		StaleContent: one of them was written after this build read the content.
	"""
	_advance([path for path in changed if paths.kind_of(path) in _SHARED], read_at)


def note_deleted(deleted: Collection[str]) -> None:
	_advance([path for path in deleted if paths.kind_of(path) in _SHARED], None)


def _advance(shared: list[str], read_at: int | None) -> None:
	if not shared:
		return
	with state_store.edit(_STATE) as generations:
		written_at = generations.setdefault("files", {})
		newer = [path for path in shared if read_at is not None and written_at.get(path, 0) > read_at]
		if newer:
			raise StaleContent(f"{newer[0]} was published by another build meanwhile")
		generations["current"] = generations.get("current", 0) + 1
		written_at.update(dict.fromkeys(shared, generations["current"]))
