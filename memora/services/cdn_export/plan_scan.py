"""One plan's three forms compared: the content in the database, the files on this site's disk, the objects on the CDN.

The disk is held against the manifest that lies there, the CDN against the disk. Only where the disk is sound is the
database held against it: a file that is missing would else be told twice. Reads only, but for `repair`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from frappe import _
from memora.services.cdn_export import (
	change_tracker,
	comparison,
	content_repository,
	local_storage,
	preview,
	sync_log,
)
from memora.services.cdn_export.errors import PublishError
from memora.services.cdn_export.findings import Finding

STALE, UNPUBLISHABLE, NOT_WITHDRAWN = "stale", "unpublishable", "not_withdrawn"
KINDS = ("missing", "mismatch", "orphan")
LOCAL_PROBLEMS = (STALE, UNPUBLISHABLE, NOT_WITHDRAWN, *(f"local_{kind}" for kind in KINDS))
CDN_PROBLEMS = tuple(f"cdn_{kind}" for kind in KINDS)
PATHS_TOLD = 3
NO_PLAN = ""
TRIGGER = "health check"


class Scan(NamedTuple):
	"""problems: the kinds that could be looked for. While the storage is away, nothing is known of the CDN."""

	findings: list[Finding]
	problems: tuple[str, ...]


def plans_to_scan() -> list[str]:
	"""Every published plan, and every plan of which a manifest lies on this site's disk."""
	on_disk = {manifest.split("/")[1] for manifest in local_storage.list_manifests()}
	return sorted({*content_repository.published_plan_ids(), *on_disk})


def is_about_to_change(plan_id: str) -> bool:
	return plan_id in sync_log.pending_plan_ids() or plan_id in sync_log.processing_plan_ids()


def scan(plan_id: str, with_cdn: bool = True) -> Scan:
	"""What is wrong with a plan."""
	local = list(_look_at_disk(plan_id))
	cdn = _differences_on_cdn(plan_id) if with_cdn else None
	if cdn is None:
		return Scan(local, LOCAL_PROBLEMS)
	return Scan([*local, *_tell_of("cdn", plan_id, cdn)], (*LOCAL_PROBLEMS, *CDN_PROBLEMS))


def _differences_on_cdn(plan_id: str) -> Mapping[str, list[str]] | None:
	"""None while the storage is away."""
	try:
		return comparison.compare_with_cdn(plan_id)
	except PublishError:
		return None


def _look_at_disk(plan_id: str) -> Iterator[Finding]:
	would = preview.preview_plan(plan_id)
	if would["action"] == preview.FAIL:
		yield Finding(UNPUBLISHABLE, plan_id, "; ".join(would["errors"][:PATHS_TOLD]))
	damage = list(_tell_of("local", plan_id, comparison.compare_locally(plan_id)))
	yield from damage
	changed = [*would["added"], *would["changed"], *would["removed"]]
	if changed and not damage:
		problem = NOT_WITHDRAWN if would["action"] == preview.WITHDRAW else STALE
		yield Finding(problem, plan_id, _tell(changed))


def scan_shared(with_cdn: bool = True) -> Scan:
	"""Lessons that lie about and belong to no plan."""
	unnamed = _unnamed_lessons() if with_cdn else {}
	found = [Finding(f"{place}_orphan", NO_PLAN, _tell(paths)) for place, paths in unnamed.items() if paths]
	return Scan(found, tuple(f"{place}_orphan" for place in unnamed))


def _unnamed_lessons() -> Mapping[str, list[str]]:
	"""By place; nothing while the storage is away."""
	try:
		return comparison.find_unnamed_lessons()
	except PublishError:
		return {}


def _tell_of(place: str, plan_id: str, differences: Mapping[str, list[str]]) -> Iterator[Finding]:
	for kind in KINDS:
		if differences[kind]:
			yield Finding(f"{place}_{kind}", plan_id, _tell(differences[kind]))


def _tell(paths: list[str]) -> str:
	shown = ", ".join(paths[:PATHS_TOLD])
	return shown if len(paths) <= PATHS_TOLD else _("{0} files: {1}, ...").format(len(paths), shown)


def repair(plan_id: str, with_cdn: bool = True) -> None:
	"""Queue the plan, and have its next publish take nothing of what differs for done. Safe to run twice."""
	if plan_id == NO_PLAN:
		unnamed = _unnamed_lessons()
		comparison.prepare_repair(
			orphans_on_disk=unnamed.get("local", ()), orphans_on_cdn=unnamed.get("cdn", ())
		)
		return
	local = comparison.compare_locally(plan_id)
	cdn = (_differences_on_cdn(plan_id) if with_cdn else None) or dict.fromkeys(KINDS, ())
	comparison.prepare_repair(
		upload=[*cdn["missing"], *cdn["mismatch"]],
		orphans_on_disk=local["orphan"],
		orphans_on_cdn=cdn["orphan"],
	)
	change_tracker.add_plan_to_queue(plan_id, TRIGGER)
