"""Files that no manifest names any more, until they are deleted.

Each is noted with the time from which it may go: at once when the plan hides it or it is unpublished, else after a
grace in which readers of the older manifest still find it. A file that a manifest names again when its time has come
is spared. Locally and on the CDN they are noted apart, since the CDN may lag behind: what a manifest there still names
waits until that plan has followed, unless it is to go at once.
"""

from collections.abc import Callable, Collection, Iterable

from memora.services.cdn_export import claims, content_repository, generations, local_storage, state_store
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export.plan_content import LESSON, SUBJECT, TOPIC, NodeKey
from memora.utils import clock

GRACE_SECONDS = 600
AT_ONCE = 0
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
	if withheld is None:
		return dict.fromkeys(candidates, AT_ONCE)
	nodes = {
		path: (_DOCTYPES.get(paths.kind_of(path), SUBJECT), paths.node_id_of(path)) for path in candidates
	}
	gone = set(withheld) | _unpublished(set(nodes.values()) - set(withheld))
	if any(doctype == LESSON and (doctype, name) in gone for doctype, name in nodes.values()):
		# The plan's other files may still tell of that lesson.
		gone |= {node for node in nodes.values() if node[0] != LESSON}
	later = clock.unix_seconds() + GRACE_SECONDS
	return {
		path: AT_ONCE if node in gone or paths.kind_of(path) == paths.SEARCH_SHARD else later
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
	due = set(_due(LOCAL))
	deleted = local_storage.delete_files(sorted(due - _still_named(due)))
	generations.note_deleted(deleted)
	_forget(LOCAL, due)
	return deleted


def delete_due_on_cdn(
	named_there: Callable[[Collection[str]], set[str]],
	delete: Callable[[list[str]], tuple[list[str], list[str]]],
) -> list[str]:
	"""Delete what is due on the CDN; returns the paths. What failed or has to wait stays noted.

	Args:
		named_there: which of these paths a manifest on the CDN names.
		delete: takes back what manifests promise of the paths, deletes them, and returns (deleted, failed).
	"""
	due = _doomed_on_cdn()
	doomed = set(due)
	patient = {path for path in doomed if due[path] != AT_ONCE}
	waiting = named_there(patient) if patient else set()
	deleted, failed = delete(sorted(doomed - waiting)) if doomed - waiting else ([], [])
	_forget(CDN, doomed - waiting - set(failed))
	return deleted


def _doomed_on_cdn() -> dict[str, int]:
	"""What is due, without what is named again, which is forgotten.

	Under the lock under which builds write manifests and note: one that stops naming a file meanwhile notes it anew, and
	that must not be forgotten.
	"""
	with state_store.lock(state_store.SITE_LOCK):
		due = _due(CDN)
		spared = _still_named(due)
		_forget(CDN, spared)
	return {path: due_at for path, due_at in due.items() if path not in spared}


def any_due(on_cdn: bool) -> bool:
	"""Whether there is anything to delete here or, where it is in use, on the CDN."""
	return bool(_due(LOCAL) or (on_cdn and _due(CDN)))


def noted_locally() -> set[str]:
	"""What waits on disk for its time to go."""
	return set(state_store.read(LOCAL))


def noted_on_cdn() -> set[str]:
	return set(state_store.read(CDN))


def _due(name: str) -> dict[str, int]:
	now = clock.unix_seconds()
	return {path: due_at for path, due_at in state_store.read(name).items() if due_at <= now}


def _forget(name: str, settled: Collection[str]) -> None:
	if settled:
		with state_store.edit(name) as noted:
			for path in settled:
				noted.pop(path, None)


def _still_named(candidates: Collection[str]) -> set[str]:
	"""Which of these a manifest on disk names, or is. A shared lesson may be any plan's."""
	manifests = claims.manifests_that_may_name(candidates, local_storage.list_manifests())
	named = {path for manifest in manifests for path in local_storage.named_by(manifest)}
	return set(candidates) & (named | manifests)
