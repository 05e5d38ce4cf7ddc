"""What the form of a plan asks for: content to override, known items, and the plan's published files. Reads only."""

from collections.abc import Collection
from itertools import pairwise

import frappe
from frappe import _
from memora.services.cdn_export import content_paths, local_storage, url_resolver
from memora.services.cdn_export.plan_content import LEVELS, PARENT_FIELDS, SUBJECT, TRACK

MAX_FILES_LISTED = 500
MAX_ITEMS_LISTED = 200
_PLAN = "Memora Academic Plan"


def search_targets(
	doctype: str, subjects: Collection[str], text: str, start: int, length: int
) -> list[tuple[str, str, str]]:
	"""Content of one kind in these subjects whose name or title holds the text, by title.

	Returns:
		[(name, title, titles of what is above it from the subject down, "" for a subject)]
	"""
	if not subjects:
		return []
	chain = LEVELS[LEVELS.index(doctype) :: -1]
	joins = " ".join(
		f"join `tab{parent}` n{depth + 1} on n{depth + 1}.name = n{depth}.{PARENT_FIELDS[child]}"
		for depth, (child, parent) in enumerate(pairwise(chain))
	)
	above = ", ".join(f"n{depth}.title" for depth in range(len(chain) - 1, 0, -1))
	return frappe.db.sql(
		f"""select n0.name, n0.title, {f"concat_ws(' / ', {above})" if above else "''"}
		from `tab{doctype}` n0 {joins}
		where n{len(chain) - 1}.name in %(subjects)s and (n0.title like %(text)s or n0.name like %(text)s)
		order by n0.title, n0.name limit %(start)s, %(length)s""",
		{"subjects": tuple(subjects), "text": f"%{text}%", "start": start, "length": length},
	)


def known_items() -> list[str]:
	"""Codes of items that subjects, tracks or plans name already, sorted."""
	rows = frappe.db.sql(
		f"""select required_item from `tab{SUBJECT}` where required_item > ''
		union select required_item from `tab{TRACK}` where required_item > ''
		union select override_value from `tabMemora Plan Override`
			where action = 'Set Sold Separately' and override_value > ''
		order by 1 limit {MAX_ITEMS_LISTED}"""
	)
	return [item for (item,) in rows]


def published_files(plan_id: str) -> dict:
	"""The files that the plan consists of as published, the manifest first, then by kind.

	Returns:
		{"count": int, "files": [{"path": str, "kind": str, "url": str}]}, cut at 500 files.

	Raises:
		frappe.DoesNotExistError: there is no such plan.
	"""
	if not frappe.db.exists(_PLAN, plan_id):
		frappe.throw(_("There is no plan {0}.").format(plan_id), frappe.DoesNotExistError)
	manifest = content_paths.manifest_path(plan_id)
	named = local_storage.named_by(manifest)
	paths = sorted({manifest, *named}, key=_by_kind) if named else []
	return {
		"count": len(paths),
		"files": [
			{"path": path, "kind": content_paths.kind_of(path), "url": url_resolver.get_content_url(path)}
			for path in paths[:MAX_FILES_LISTED]
		],
	}


def _by_kind(path: str) -> tuple[int, str]:
	return content_paths.KINDS.index(content_paths.kind_of(path)), path
