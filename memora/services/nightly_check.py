"""The nightly look at all players: compared with their ledgers, and queued where a sync has lost sight of them.

Nothing is repaired unless the site config says `memora_nightly_repair`: what was tampered with is evidence, and a person
should see it first. A run ends after MAX_SECONDS; the next one goes on where it ended. That place is remembered in
Redis; without it a run begins with the first player.
"""

import json
import time

import frappe
from frappe.utils import cint
from memora.services import player_copies, reconciliation
from memora.utils import redis_store
from memora.utils.redis_keys import (
	get_dirty_progress_key,
	get_nightly_check_key,
	get_pending_wallet_sync_key,
)

MAX_SECONDS = 600
FINDINGS_IN_REPORT = 100
REPORT_TITLE = "Reconcile Found Differences"


def check_all_players(max_seconds: float = MAX_SECONDS) -> dict:
	"""Compare as many players as the time allows, and report what was found in one Error Log entry.

	Returns:
		{"players": compared, "findings": how many, "repaired": of these, "queued": rows queued for a sync,
		 "complete": whether every player's turn came}

	Raises:
		StoreUnavailable: Redis did not answer; the chunks before are compared.
	"""
	deadline = time.monotonic() + max_seconds
	repair = bool(cint(frappe.conf.get("memora_nightly_repair")))
	after = redis_store.get(get_nightly_check_key()) or ""
	result = {"players": 0, "findings": 0, "repaired": 0, "queued": 0, "complete": True}
	findings = []
	try:
		for chunk in reconciliation.reconcile_all(repair, after):
			findings += chunk.findings
			result["players"] += chunk.players
			result["queued"] += _queue(chunk)
			redis_store.set(get_nightly_check_key(), chunk.last_user)
			if time.monotonic() >= deadline:
				result["complete"] = False
				break
	finally:
		_report(findings)
	if result["complete"]:
		redis_store.delete(get_nightly_check_key())
	result["findings"] = len(findings)
	result["repaired"] = sum(finding["repaired"] for finding in findings)
	return result


def _queue(chunk: reconciliation.Reconciled) -> int:
	"""What is behind and waits already is queued once all the same."""
	members = [player_copies.dirty_member(*pair) for pair in chunk.progress_behind]
	return redis_store.add_members(
		get_pending_wallet_sync_key(), *chunk.wallets_behind
	) + redis_store.add_members(get_dirty_progress_key(), *members)


def _report(findings: list[dict]) -> None:
	if not findings:
		return
	shown = [json.dumps(finding, ensure_ascii=False) for finding in findings[:FINDINGS_IN_REPORT]]
	more = len(findings) - len(shown)
	if more:
		shown.append(f"and {more} more: bench --site {frappe.local.site} memora reconcile")
	frappe.log_error(title=REPORT_TITLE, message="\n".join(shown))
	frappe.db.commit()  # a later chunk's transaction must not take the report back
