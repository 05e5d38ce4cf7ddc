"""Files that no manifest names any more, until they are deleted.

Each is noted with the time from which it may go: at once when the plan hides it or it is unpublished, else after a
grace in which readers of the older manifest still find it. A file that a manifest names again when its time has come
is spared. Locally and on the CDN they are noted apart, since the CDN may lag behind.
"""

from collections.abc import Callable, Collection, Iterable

from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import content_repository, local_storage, state_store
from memora.services.cdn_export.plan_content import LESSON, SUBJECT, TOPIC, NodeKey
from memora.utils import clock

GRACE_SECONDS = 600
LOCAL, CDN = "orphans/local", "orphans/cdn"
_DOCTYPES = {paths.LESSON: LESSON, paths.TOPIC: TOPIC}


def note(local: Iterable[str], uploaded: Iterable[str], withheld: Collection[NodeKey] | None) -> None:
	"""Note files to delete locally and on the CDN.

	Args:
		withheld: (doctype, name) of the nodes that the plan holds and does not show; None when the plan shows
			nothing any more, so that every file goes at once.
	"""
	local, uploaded = set(local), set(uploaded)
	due = _due_times(local | uploaded, withheld)
	for name, candidates in ((LOCAL, local), (CDN, uploaded)):
		if candidates:
			with state_store.edit(name) as noted:
				noted.update({path: min(due[path], noted.get(path, due[path])) for path in candidates})


def _due_times(candidates: Collection[str], withheld: Collection[NodeKey] | None) -> dict[str, int]:
	now = clock.unix_seconds()
	if withheld is None:
		return dict.fromkeys(candidates, now)
	nodes = {
		path: (_DOCTYPES.get(paths.kind_of(path), SUBJECT), paths.node_id_of(path)) for path in candidates
	}
	gone = set(withheld) | _unpublished(set(nodes.values()) - set(withheld))
	if any(doctype == LESSON and (doctype, name) in gone for doctype, name in nodes.values()):
		# The plan's other files may still tell of that lesson.
		gone |= {node for node in nodes.values() if node[0] != LESSON}
	return {
		path: now if node in gone or paths.kind_of(path) == paths.SEARCH_SHARD else now + GRACE_SECONDS
		for path, node in nodes.items()
	}


def _unpublished(nodes: Collection[NodeKey]) -> set[NodeKey]:
	return {
		(doctype, name)
		for doctype in {doctype for doctype, _ in nodes}
		for name in content_repository.unpublished_among(doctype, [n for kind, n in nodes if kind == doctype])
	}


def delete_due_locally() -> list[str]:
	"""Delete what is due on disk; returns the paths."""
	return _delete_due(LOCAL, lambda paths: (local_storage.delete_files(paths), []))


def delete_due_on_cdn(delete: Callable[[list[str]], tuple[list[str], list[str]]]) -> list[str]:
	"""Delete what is due on the CDN through `delete`, which returns (deleted, failed). What failed stays noted."""
	return _delete_due(CDN, delete)


def _delete_due(name: str, delete: Callable[[list[str]], tuple[list[str], list[str]]]) -> list[str]:
	now = clock.unix_seconds()
	due = {path for path, due_at in state_store.read(name).items() if due_at <= now}
	if not due:
		return []
	deleted, failed = delete(sorted(due - _still_named(due)))
	with state_store.edit(name) as noted:
		for path in due - set(failed):
			noted.pop(path, None)
	return deleted


def _still_named(candidates: Collection[str]) -> set[str]:
	"""Which of these a published manifest names. A shared lesson may be any plan's."""
	if any(paths.kind_of(path) == paths.LESSON for path in candidates):
		manifests = set(local_storage.list_manifests())
	else:
		manifests = {f"{state_store.scope_of(path)}/manifest.json" for path in candidates}
	named = {path for manifest in manifests for path in local_storage.named_by(manifest)}
	published = {path for path in manifests & set(candidates) if local_storage.read_bytes(path)}
	return set(candidates) & (named | published)
