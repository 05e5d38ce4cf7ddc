"""What is wrong with publishing, remembered in CDN Health Finding while it lasts, so that it is told once.

A row is inserted when a check finds a problem, kept while checks find it again, and deleted when a check looked for it
and did not find it; when it returns, it is a new row. `tell_new` alerts the system managers of the rows that nobody was
told of, in the transaction that marks them: a check that dies before has told nothing, and the next one does. Rows are
locked one by one, in the order of their names, so that checks at the same time wait for each other and no more.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import frappe
from frappe import _
from memora.services.cdn_export import alerts
from memora.utils import clock

DOCTYPE = "CDN Health Finding"
MAX_DETAIL_LENGTH, MAX_NAME_LENGTH = 500, 140
HEALTH_TITLE, FAILED_PUBLISH_TITLE = "CDN Health Check", "CDN Plan Rebuild Error"
DEAD_LETTER = "dead_letter"


class Finding(NamedTuple):
	"""plan_id: "" where it concerns publishing as a whole. detail: for people."""

	problem: str
	plan_id: str
	detail: str


def settle(
	found: Iterable[Finding], problems: Collection[str], plan_ids: Collection[str] | None = None
) -> None:
	"""Remember what a check found and forget what it looked for in vain.

	Args:
		problems: every kind that the check looked for.
		plan_ids: the plans that it looked at; None for all.
	"""
	current = {name_of(finding.problem, finding.plan_id): finding for finding in found}
	if plan_ids is None:
		looked_for: dict[str, Any] = {"problem": ["in", list(problems)]}
	else:
		names = [name_of(problem, plan_id) for problem in problems for plan_id in plan_ids]
		looked_for = {"name": ["in", names]}
	remembered = set(frappe.get_all(DOCTYPE, filters=looked_for, pluck="name"))
	# In one order, or two checks at once could lock each other out.
	for name in sorted({*remembered, *current}):
		if name not in current:
			frappe.db.delete(DOCTYPE, {"name": name})
		elif name in remembered:
			_see_again(name, current[name])
		else:
			_insert(current[name])


def name_of(problem: str, plan_id: str) -> str:
	"""The name of the row, which the controller gives it too."""
	return f"{problem} {plan_id}".strip()[:MAX_NAME_LENGTH]


def tell_of_failed_publish(sync_log_name: str) -> None:
	"""Tell the system managers that a plan went to the dead letter, once for each sync log.

	Raises:
		frappe.DoesNotExistError: there is no such CDN Sync Log.
	"""
	note_failed_publish(sync_log_name)
	tell_new(FAILED_PUBLISH_TITLE)


def note_failed_publish(sync_log_name: str) -> None:
	"""As `tell_of_failed_publish`, for a caller who tells of several together afterwards: with `tell_new`."""
	log = frappe.db.get_value("CDN Sync Log", sync_log_name, ["plan_id", "error_message"], as_dict=True)
	if not log:
		frappe.throw(_("There is no sync log {0}.").format(sync_log_name), frappe.DoesNotExistError)
	name = name_of(DEAD_LETTER, log.plan_id)
	if frappe.db.get_value(DOCTYPE, name, "sync_log") == sync_log_name:
		return
	frappe.db.delete(DOCTYPE, {"name": name})  # an older one: it was retried, and given up once more
	_insert(Finding(DEAD_LETTER, log.plan_id, log.error_message or ""), sync_log_name)


def tell_new(title: str = HEALTH_TITLE) -> int:
	"""Alert the system managers of all findings that they do not know of, together; returns how many there were.

	Args:
		title: of the Error Log entry.
	"""
	unknown = frappe.get_all(
		DOCTYPE,
		filters={"is_alerted": 0},
		fields=["name", "problem", "plan_id", "detail"],
		order_by="name asc",
	)
	rows = [row for row in unknown if _take(row.name)]
	if rows:
		lines = [" ".join(filter(None, (f"[{row.problem}]", row.plan_id, row.detail))) for row in rows]
		alerts.tell_system_managers(title, _subject(lines), lines)
	return len(rows)


def _take(name: str) -> bool:
	"""Whether it falls to this transaction to tell of a finding: of two that want to, the row's lock lets one."""
	frappe.db.sql(f"update `tab{DOCTYPE}` set is_alerted = 1 where name = %s and is_alerted = 0", name)
	return frappe.db.sql("select row_count()")[0][0] == 1


def _subject(lines: Sequence[str]) -> str:
	if len(lines) == 1:
		return _("Publishing: {0}").format(lines[0])
	return _("Publishing: {0} problems").format(len(lines))


def current_findings() -> list[dict[str, Any]]:
	"""[{"problem", "plan_id", "detail", "since": UTC}] of what lasts, the oldest first."""
	rows = frappe.get_all(DOCTYPE, fields=["problem", "plan_id", "detail", "since"], order_by="since, name")
	return [
		{**row, "plan_id": row.plan_id or "", "since": clock.iso(clock.from_site_time(row.since))}
		for row in rows
	]


def _see_again(name: str, finding: Finding) -> None:
	detail = finding.detail[:MAX_DETAIL_LENGTH]
	frappe.db.set_value(DOCTYPE, name, {"detail": detail, "last_seen": _now()})


def _insert(finding: Finding, sync_log: str | None = None) -> None:
	"""Another check may have inserted it meanwhile; then there is nothing to do."""
	row = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			**finding._asdict(),
			"detail": finding.detail[:MAX_DETAIL_LENGTH],
			"since": _now(),
			"last_seen": _now(),
			"sync_log": sync_log,
		}
	)
	row.insert(ignore_permissions=True, ignore_if_duplicate=True)


def _now():
	return clock.to_site_time(clock.utc_now())
