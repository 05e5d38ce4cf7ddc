"""Folding old rows of the ledger into one balance row a player. Off unless the site config says for how many days
rows are kept: `memora_ledger_retention_days`.

The balance stands at the highest seq that it contains, brings the XP of all of them, and carries what the readers of
the ledger need: XP by subject, best hearts by lesson, the streak. A later fold merges it with what came after it. Rows
that hold a key (a first completion, a client's event) stay without seq and XP, so that nothing old is paid again.

One transaction a player, under his mutex: a fold that dies leaves him as he was, and folding again finds nothing to do.
"""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import frappe
from frappe.utils import cint
from memora.services import comparison, interaction_log, rebuild, recovery, sync_queue
from memora.utils import clock, transactions

# An app may bring plays of the last seven days, and their day must be there to be compared with.
MIN_DAYS = 8
EVENTS_PER_DELETE = 1000
ONE_DAY = timedelta(days=1)

_WITH_OLD_ROWS = """
select distinct player from `tabMemora Interaction Log`
where player in %(users)s and seq > 0 and created_at < %(before)s and interaction_type <> 'balance_forward'
"""
# The rows before the first young one: seq counts in the order in which rows were written, but for repairs.
_THROUGH = """
select ifnull(
	(select min(seq) - 1 from `tabMemora Interaction Log`
		where player = %(user)s and seq > 0 and created_at >= %(before)s and interaction_type <> 'balance_forward'),
	(select max(seq) from `tabMemora Interaction Log` where player = %(user)s))
"""
_SUMS = """
select count(*), sum(xp_awarded), max(json_value(interaction_data, '$.at')),
	max(if(json_exists(interaction_data, '$.outcome.streak.new_streak'), seq, null)), max(interaction_type = 'balance_forward')
from `tabMemora Interaction Log` where player = %(user)s and seq > 0 and seq <= %(through)s
"""
_XP_BY_SUBJECT = """
select subject, sum(xp_awarded) from `tabMemora Interaction Log`
where player = %(user)s and seq > 0 and seq <= %(through)s and subject > '' group by subject
"""
# By name: a lesson that is deleted may be restored.
_BEST_HEARTS = """
select reference_id, max(ifnull(cast(json_value(interaction_data, '$.hearts') as int), 0))
from `tabMemora Interaction Log`
where player = %(user)s and seq > 0 and seq <= %(through)s and interaction_type in %(passes)s group by reference_id
"""
_BALANCES = """
select json_query(interaction_data, '$.balance') from `tabMemora Interaction Log`
where player = %(user)s and seq > 0 and seq <= %(through)s and interaction_type in %(with_balance)s
	and json_exists(interaction_data, '$.balance')
"""
_STREAK = """
select json_query(interaction_data, '$.outcome.streak') from `tabMemora Interaction Log`
where player = %(user)s and seq = %(seq)s
"""


class _Sums(NamedTuple):
	rows: int
	xp: int
	last_at: str | None
	streak_seq: int | None
	has_balance: int


def fold_old_rows() -> dict:
	"""Fold what is older than the site keeps. Scheduled daily. As `fold_before`; nothing where nothing is configured."""
	days = cint(frappe.conf.get("memora_ledger_retention_days"))
	if days <= 0:
		return {"players": 0, "events": 0}
	return fold_before(clock.utc_now() - timedelta(days=max(days, MIN_DAYS)))


def fold_before(moment: datetime) -> dict:
	"""Fold the rows of all players that were written before a naive UTC time, and delete older audit entries.

	Returns:
		{"players": whose rows were folded, "events": audit entries deleted}

	Raises:
		StoreUnavailable: Redis did not answer; whoever was folded before stays folded.
	"""
	before = clock.to_site_time(moment)
	players = 0
	for user_ids in rebuild.chunks_of_players():
		for user_id in frappe.db.sql_list(_WITH_OLD_ROWS, {"users": tuple(user_ids), "before": before}):
			players += fold_player(user_id, moment)
	return {"players": players, "events": _delete_events(before)}


def fold_player(user_id: str, moment: datetime) -> bool:
	"""Fold one player's rows that were written before a naive UTC time.

	False: there was nothing to fold, or something about him differs from his ledger and has to be reconciled first.
	"""
	return sync_queue.retry_locked(partial(_fold, before=clock.to_site_time(moment)), user_id)


def _fold(user_id: str, before: datetime) -> bool:
	with transactions.fresh_transaction():
		if not recovery.lock_wallets([user_id]):
			return False
		[[through]] = frappe.db.sql(_THROUGH, {"user": user_id, "before": before})
		folded = {"user": user_id, "through": through or 0}
		sums = _Sums(*frappe.db.sql(_SUMS, folded)[0])
		if sums.rows <= (sums.has_balance or 0):
			return False
		if comparison.compare_player(user_id)[1]:
			return (
				False  # a fold would make a row that was tampered with true, and the evidence would be gone
			)
		# No snapshot may need a row that is about to go.
		rebuild.write_figures([user_id])
		interaction_log.replace_by_balance(
			user_id, int(through), int(sums.xp), str(uuid.uuid4()), _balance(folded, sums)
		)
		frappe.db.commit()  # a player by himself: what dies later takes his fold not back
	return True


def _balance(folded: dict, sums: _Sums) -> dict:
	"""The data of the balance row."""
	outcome = {"new_total_xp": int(sums.xp)}
	if sums.streak_seq:
		[[streak]] = frappe.db.sql(_STREAK, {**folded, "seq": sums.streak_seq})
		outcome["streak"] = json.loads(streak)
	xp_by_subject = {subject: int(xp) for subject, xp in frappe.db.sql(_XP_BY_SUBJECT, folded)}
	best_hearts = dict(frappe.db.sql(_BEST_HEARTS, {**folded, "passes": interaction_log.PASSES}))
	for balance in _earlier_balances(folded):
		for subject, xp in balance["xp_by_subject"].items():
			xp_by_subject[subject] = xp_by_subject.get(subject, 0) + xp
		for lesson, hearts in balance["best_hearts"].items():
			best_hearts[lesson] = max(hearts, best_hearts.get(lesson, 0))
	return {
		"at": sums.last_at,
		"outcome": outcome,
		"balance": {"xp_by_subject": xp_by_subject, "best_hearts": best_hearts},
	}


def _earlier_balances(folded: dict) -> Iterator[dict]:
	values = {**folded, "with_balance": interaction_log.WITH_BALANCE}
	return map(json.loads, frappe.db.sql_list(_BALANCES, values))


def _delete_events(before: datetime) -> int:
	"""Day by day, so that no delete walks over the old rows that stay more than once or twice."""
	day = frappe.db.sql_list("select min(created_at) from `tabMemora Interaction Log`")[0]
	deleted = 0
	while day and day < before:
		end = min(day + ONE_DAY, before)
		rows = interaction_log.delete_events(day, end, EVENTS_PER_DELETE)
		frappe.db.commit()  # short locks
		deleted += rows
		if rows < EVENTS_PER_DELETE:
			day = end
	return deleted
