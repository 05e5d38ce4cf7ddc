"""Is publishing well? The hourly check looks at the queue and at what publishing needs, the daily scan at every plan.

What they find is remembered and told once (`findings`). They change nothing; only `repair=True` queues plans.
"""

import time
from collections.abc import Callable
from typing import Any

import frappe
from memora.services.cdn_export import findings, plan_scan, state_store, vital_signs
from memora.services.cdn_export.plan_scan import NO_PLAN, Scan
from memora.utils import clock, transactions

SCAN_BUDGET_SECONDS = 240  # Frappe gives a daily job 300
SCAN_ERROR_TITLE = "CDN Health Check Error"
_MEMORY = "health"  # {"checked_at", "scanned_at": UTC, "position": the plan with which the next scan begins}


def hourly_health_check() -> dict[str, Any]:
	"""Look at queue, failures, storage, disk and jobs. Scheduled hourly.

	Returns:
		{"checked_at": UTC, "findings": [{"problem", "plan_id", "detail", "since": UTC}], "told": how many are new}
	"""
	findings.settle(vital_signs.look(), vital_signs.PROBLEMS)
	told = findings.tell_new()
	checked_at = clock.iso(clock.utc_now())
	_remember(checked_at=checked_at)
	return {"checked_at": checked_at, "findings": findings.current_findings(), "told": told}


def daily_full_scan(repair: bool = False, budget_seconds: float = SCAN_BUDGET_SECONDS) -> dict[str, Any]:
	"""Compare every plan's content, local files and files on the CDN. Scheduled daily.

	A plan that waits to be published, or is being, is left out: it is about to change. Each plan is committed by itself,
	so a scan that is killed keeps what it found. One that runs out of time says so, and the next goes on from there.

	Args:
		repair: have every plan with a finding published anew.

	Returns:
		{"plans": int, "scanned": int, "skipped": int, "is_complete": bool, "repaired": [plan],
		 "findings": [{"problem", "plan_id", "detail", "since": UTC}], "seconds": float}
	"""
	started = time.monotonic()
	plans = plan_scan.plans_to_scan()
	position = state_store.read(_MEMORY).get("position")
	waiting = [plan for plan in plans if plan >= (position or "")]
	run = _Run(repair)
	while waiting and time.monotonic() - started < budget_seconds:
		run.scan_plan(waiting.pop(0))
		_remember(position=waiting[0] if waiting else None)
		frappe.db.commit()  # a scan that dies later keeps what it found until here
	if not waiting:
		run.scan_shared()
		_forget_gone_plans(plans)
	findings.tell_new()
	_remember(scanned_at=clock.iso(clock.utc_now()))
	return {
		"plans": len(plans),
		"scanned": run.scanned,
		"skipped": run.skipped,
		"repaired": run.repaired,
		"is_complete": not waiting,
		"findings": findings.current_findings(),
		"seconds": round(time.monotonic() - started, 2),
	}


class _Run:
	"""One scan on its way. A storage that did not answer once is not asked again: each try costs its timeouts."""

	def __init__(self, repair: bool):
		self.repair, self.with_cdn = repair, True
		self.scanned = self.skipped = 0
		self.repaired: list[str] = []

	def scan_plan(self, plan_id: str) -> None:
		transactions.begin_fresh()
		if plan_scan.is_about_to_change(plan_id):
			self.skipped += 1
			return
		try:
			self._settle(plan_id, lambda: self._look(plan_id))
			self.scanned += 1
		except Exception:
			# The job's outer loop: a plan that cannot be scanned must not hide the others.
			frappe.db.rollback()
			frappe.log_error(title=SCAN_ERROR_TITLE, message=f"{plan_id}\n\n{frappe.get_traceback()}")
			self.skipped += 1

	def scan_shared(self) -> None:
		self._settle(NO_PLAN, lambda: plan_scan.scan_shared(self.with_cdn))

	def _look(self, plan_id: str) -> Scan:
		scan = plan_scan.scan(plan_id, self.with_cdn)
		self.with_cdn = set(plan_scan.CDN_PROBLEMS) <= set(scan.problems)
		return scan

	def _settle(self, plan_id: str, look: Callable[[], Scan]) -> None:
		"""Remember what is wrong. Looked at twice: a publish during the first look is no finding."""
		scan = look()
		if scan.findings:
			transactions.begin_fresh()
			scan = Scan([], ()) if plan_scan.is_about_to_change(plan_id) else look()
		findings.settle(scan.findings, scan.problems, [plan_id])
		if self.repair and scan.findings:
			plan_scan.repair(plan_id, self.with_cdn)
			self.repaired.append(plan_id)


def _forget_gone_plans(plans: list[str]) -> None:
	"""Findings of plans that are neither published nor have files any more."""
	problems = (*plan_scan.LOCAL_PROBLEMS, *plan_scan.CDN_PROBLEMS)
	found = {finding["plan_id"] for finding in findings.current_findings()}
	findings.settle((), problems, found - {*plans, NO_PLAN})


def send_sync_failure_alert(sync_log_name: str) -> None:
	"""Tell the system managers that a publish was given up. Part of the caller's transaction; once for each sync log.

	Raises:
		frappe.DoesNotExistError: there is no such CDN Sync Log.
	"""
	findings.tell_of_failed_publish(sync_log_name)


def get_findings() -> dict[str, Any]:
	"""What is known to be wrong, for Desk.

	Returns:
		{"findings": [{"problem", "plan_id", "detail", "since": UTC}], "checked_at": UTC | None, "scanned_at": UTC | None}
		Whether the jobs run is looked up at once: without them no check would say so.
	"""
	known = findings.current_findings()
	told = {finding["problem"] for finding in known}
	now = clock.iso(clock.utc_now())
	signs = [finding for finding in vital_signs.job_findings() if finding.problem not in told]
	memory = state_store.read(_MEMORY)
	return {
		"findings": [*known, *({**finding._asdict(), "since": now} for finding in signs)],
		"checked_at": memory.get("checked_at"),
		"scanned_at": memory.get("scanned_at"),
	}


def _remember(**values: Any) -> None:
	with state_store.edit(_MEMORY) as memory:
		memory.update(values)
