"""What publishing a plan now would change, for an editor who asks before he does it. Nothing is written.

The plan is built as for a publish, and its files are compared with those that are published on this site's disk. The
structures that stay on the server are not: no app reads them.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import frappe
from frappe import _
from memora.services.cdn_export import content_paths as paths
from memora.services.cdn_export import content_repository, local_storage, plan_publisher, stamping
from memora.services.cdn_export.errors import InvalidContent
from memora.services.cdn_export.json_generator import current_stamp
from memora.services.cdn_export.plan_content import (
	LESSON,
	SUBJECT,
	TOPIC,
	TRACK,
	UNIT,
	NodeKey,
	PlanContent,
)

PUBLISH, WITHDRAW, NOTHING, FAIL = "publish", "withdraw", "nothing", "fail"
NEVER_WRITTEN = 0  # the generation of files that meet nobody else's
_CHILDREN = {SUBJECT: ("tracks", TRACK), TRACK: ("units", UNIT), UNIT: ("topics", TOPIC)}


class Node(NamedTuple):
	"""A node as published files show it."""

	title: str
	access: Mapping[str, Any]


def preview_plan(plan_id: str) -> dict[str, Any]:
	"""What a publish of the plan would do.

	Returns:
		{"plan_id": str, "action": "publish" | "withdraw" | "nothing" | "fail", "errors": [str], only when it would fail,
		 "added": [path], "changed": [path], "removed": [path], "unchanged": int,
		 "access_changes": [{"doctype": str, "id": str, "title": str, "was": access | None, "becomes": access | None}],
		 "players": how many players have this plan}
		None stands for a node that the plan does not show. A removed file may stay readable for a grace of ten minutes.

	Raises:
		frappe.DoesNotExistError: there is no such plan, and none was published.
	"""
	content = content_repository.load_plan(plan_id)
	published = _published_files(plan_id)
	if content is None and not published:
		frappe.throw(_("There is no plan {0}.").format(plan_id), frappe.DoesNotExistError)
	is_shown = content is not None and bool(content.plan["is_published"])
	built, errors = _build(content) if is_shown else ({}, ())
	changes = _no_changes(len(published)) if errors else _compare(plan_id, built, published)
	return {
		"plan_id": plan_id,
		"action": _action(is_shown, errors, changes),
		"errors": list(errors),
		**changes,
		"players": frappe.db.count("Memora Player Profile", {"current_plan": plan_id}),
	}


def _action(is_shown: bool, errors: Sequence[str], changes: Mapping[str, Any]) -> str:
	if errors:
		return FAIL
	if not (changes["added"] or changes["changed"] or changes["removed"]):
		return NOTHING
	return PUBLISH if is_shown else WITHDRAW


def _no_changes(unchanged: int) -> dict[str, Any]:
	return {"added": [], "changed": [], "removed": [], "unchanged": unchanged, "access_changes": []}


def _published_files(plan_id: str) -> dict[str, bytes]:
	"""{path: bytes} of what the plan consists of on disk."""
	in_folder = {path for path in local_storage.list_files(paths.plan_folder(plan_id)) if paths.kind_of(path)}
	named = local_storage.named_by(paths.manifest_path(plan_id))
	found = local_storage.read_all_bytes(sorted(in_folder | named))
	return {path: content for path, content in found.items() if content is not None}


def _build(content: PlanContent) -> tuple[Mapping[str, Mapping[str, Any]], Sequence[str]]:
	"""The plan's files, or why they cannot be published."""
	try:
		return plan_publisher.build(content, generation=NEVER_WRITTEN).files, ()
	except InvalidContent as error:
		return {}, error.errors


def _compare(
	plan_id: str, built: Mapping[str, Mapping[str, Any]], published: Mapping[str, bytes]
) -> dict[str, Any]:
	on_disk = {**local_storage.read_all_bytes(list(built)), **published}
	fresh = stamping.stamp_plan(built, on_disk.get, current_stamp())
	changed = [path for path, content in fresh.items() if content != on_disk[path]]
	return {
		"added": sorted(path for path in changed if on_disk[path] is None),
		"changed": sorted(path for path in changed if on_disk[path] is not None),
		"removed": _removed(plan_id, set(published) - set(fresh)),
		"unchanged": len(fresh) - len(changed),
		"access_changes": _access_changes(
			shown_nodes({path: _parse(content) for path, content in published.items()}), shown_nodes(built)
		),
	}


def _removed(plan_id: str, gone: Collection[str]) -> list[str]:
	"""What would be deleted of the files that the plan no longer needs: a lesson stays while another plan names it."""
	own = paths.manifest_path(plan_id)
	elsewhere: set[str] = set()
	if any(paths.kind_of(path) == paths.LESSON for path in gone):
		others = (manifest for manifest in local_storage.list_manifests() if manifest != own)
		elsewhere = {path for manifest in others for path in local_storage.named_by(manifest)}
	return sorted(set(gone) - elsewhere)


def shown_nodes(files: Mapping[str, Mapping[str, Any]]) -> dict[NodeKey, Node]:
	"""The nodes that a plan's files show, from its hierarchies and topics."""
	nodes: dict[NodeKey, Node] = {}
	for path, data in files.items():
		kind = paths.kind_of(path)
		if kind == paths.HIERARCHY:
			nodes.update(_walk(SUBJECT, [data]))
		elif kind == paths.TOPIC:
			nodes.update(_walk(LESSON, data.get("lessons", ())))
	return nodes


def _walk(doctype: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[NodeKey, Node]]:
	key, child = _CHILDREN.get(doctype, ("", ""))
	for row in rows:
		if "id" in row:
			yield (doctype, row["id"]), Node(row.get("title", ""), row.get("access", {}))
			yield from _walk(child, row.get(key, ()))


def _access_changes(before: Mapping[NodeKey, Node], after: Mapping[NodeKey, Node]) -> list[dict[str, Any]]:
	changes = []
	for key in sorted({*before, *after}):
		was, becomes = before.get(key), after.get(key)
		if (was and was.access) != (becomes and becomes.access):
			changes.append(
				{
					"doctype": key[0],
					"id": key[1],
					"title": (becomes or was).title,
					"was": was.access if was else None,
					"becomes": becomes.access if becomes else None,
				}
			)
	return changes


def _parse(content: bytes | None) -> dict[str, Any]:
	"""A published file's data; {} for one that was damaged."""
	try:
		data = json.loads(content or b"{}")
	except ValueError:
		return {}
	return data if isinstance(data, dict) else {}
