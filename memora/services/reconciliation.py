"""Putting right what differs from the ledger, and the ledger where it can be proven what it said.

A first look takes a chunk of players and locks nobody. Whoever looks wrong is looked at again under his mutex, so that
an award which is being made is never a finding.

Repairs: a row of the ledger is put back where its witnesses decide (`ledger_audit`); rows that are gone get adjustments
with what the rows around them prove; then wallet and progress are written anew from the ledger, and the copies dropped.
Where nothing decides about the ledger, no row is written and the findings say so.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import frappe
from memora.services import comparison, ledger_repair, player_copies, rebuild, recovery
from memora.services.comparison import Finding, Told
from memora.utils import transactions

PLAYERS_PER_CHUNK = 100


class Reconciled(NamedTuple):
	"""One chunk. last_user: another run may go on after it. behind: see `comparison.behind`."""

	last_user: str
	players: int
	findings: list[dict]
	wallets_behind: list[str]
	progress_behind: list[tuple[str, str]]


def reconcile_player(user_id: str, repair: bool = False) -> list[dict]:
	"""Compare one player under his mutex.

	Returns:
		The findings: {"player", "kind", "subject", "found", "expected", "repaired", "seq"}, see `comparison.Finding`.
		Nothing for a user who is no player.

	Raises:
		StoreUnavailable: Redis did not answer; nothing was compared or repaired.
	"""
	with transactions.fresh_transaction():
		if not (players := recovery.lock_wallets([user_id])):
			return []
		[user_id] = players
		told, findings = comparison.compare_player(user_id)
		if repair and findings:
			findings = _repair(user_id, told, findings)
			frappe.db.commit()  # a player by himself: what dies later takes his repair not back
	return [finding._asdict() for finding in findings]


def reconcile_all(repair: bool = False, after: str = "") -> Iterator[Reconciled]:
	"""Compare every player after the user `after`, in order of their names, as the result is iterated."""
	for user_ids in rebuild.chunks_of_players(after, PLAYERS_PER_CHUNK):
		transactions.begin_fresh()
		in_doubt, behind = _first_look(user_ids)
		findings = [found for user_id in in_doubt for found in reconcile_player(user_id, repair)]
		yield Reconciled(user_ids[-1], len(user_ids), findings, *behind)


def _first_look(user_ids: Sequence[str]) -> tuple[list[str], tuple[list[str], list[tuple[str, str]]]]:
	"""Who looks wrong, and what is behind. Where somebody cannot be read, everybody is looked at by himself."""
	try:
		told = comparison.read(user_ids)
		return sorted({finding.player for finding in comparison.find(told)}), comparison.behind(told)
	except comparison.UNREADABLE_ERRORS:
		return list(user_ids), ([], [])


def _repair(user_id: str, told: Told | None, findings: Sequence[Finding]) -> list[Finding]:
	"""Repair what is decided, in the caller's transaction, and look again."""
	if told and ledger_repair.is_decided(told, findings):
		ledger_repair.put_back(user_id, findings)
		ledger_repair.close_gaps(user_id, told, findings)
		rebuild.write_figures([user_id], from_ledger=True)
	else:
		player_copies.drop(user_id)
	left = {_identity(finding) for finding in comparison.compare_player(user_id)[1]}
	return [finding._replace(repaired=_identity(finding) not in left) for finding in findings]


def _identity(finding: Finding) -> tuple:
	return finding.kind, finding.subject, finding.seq
