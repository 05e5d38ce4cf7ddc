"""Mending a player's ledger where it is proven what it said. Under his mutex, in the caller's transaction.

A row that is gone left three traces: the totals of the rows around it, the player's rows, which may contain it, and its
place in the sequence. An adjustment in its place brings its XP back. The last one of them carries as a balance what the
progress rows remember and the ledger does not.
"""

import json
import uuid
from collections.abc import Mapping, Sequence

import frappe
from memora.services import comparison, interaction_log
from memora.services.comparison import FIRST_COMPLETION, INCOMPLETE, Finding, Told
from memora.services.ledger_audit import (
	CONTRADICTION,
	MISSING_ROWS,
	OUTCOME_TOTAL,
	OUTCOME_XP,
	XP_AWARDED,
)
from memora.services.recovery import Wallet
from memora.services.streak import StreakOutcome

# A row whose seq was changed looks like a gap, too; beyond this it is left to a person.
MAX_ROWS_TO_CLOSE = 1000

_OUTCOME_FIELD = {OUTCOME_XP: "xp_awarded", OUTCOME_TOTAL: "new_total_xp"}


def is_decided(told: Told, findings: Sequence[Finding]) -> bool:
	"""Whether everything that is wrong with the ledger itself can be proven."""
	gaps = _gaps(findings)
	rows = sum(gap.found for gap in gaps)
	return (
		not any(_is_undecided(finding) for finding in findings)
		and all(gap.expected is not None for gap in gaps)
		and rows <= MAX_ROWS_TO_CLOSE
		and (not gaps or len(_lost_lessons(told)) <= rows)
	)


def _is_undecided(finding: Finding) -> bool:
	"""A row that could be made to say anything: what is written from it might take away what the player earned."""
	is_wrong_key = finding.kind == FIRST_COMPLETION and finding.expected is None
	return is_wrong_key or finding.kind in (CONTRADICTION, INCOMPLETE)


def put_back(user_id: str, findings: Sequence[Finding]) -> None:
	"""Restore the values that the rows' witnesses prove."""
	for finding in findings:
		if finding.expected is None:
			continue
		if finding.kind == XP_AWARDED:
			interaction_log.restore_award(user_id, finding.seq, {"xp_awarded": finding.expected})
		elif finding.kind in _OUTCOME_FIELD:
			data = _data_of(user_id, finding.seq)
			data["outcome"][_OUTCOME_FIELD[finding.kind]] = finding.expected
			interaction_log.restore_award(user_id, finding.seq, {"interaction_data": data})
		elif finding.kind == FIRST_COMPLETION:
			interaction_log.restore_award(user_id, finding.seq, {"first_completion_of": finding.expected})


def close_gaps(user_id: str, told: Told, findings: Sequence[Finding]) -> None:
	"""Write an adjustment in the place of every row that is gone."""
	gaps = _gaps(findings)
	for gap in gaps:
		total = _total_until(user_id, gap.seq)
		for seq in range(gap.seq - gap.found + 1, gap.seq + 1):
			xp = gap.expected if seq == gap.seq else 0
			total += xp
			data = {"outcome": {"new_total_xp": total}}
			if seq == gaps[-1].seq:
				data["balance"] = _balance(told, sum(gap.expected for gap in gaps))
			if seq == told.wallets[user_id].seq:
				data["outcome"]["streak"] = _streak(told.wallets[user_id])
			_append(user_id, seq, xp, data)
	if gaps:
		_append_keys(user_id, _lost_lessons(told))


def _gaps(findings: Sequence[Finding]) -> list[Finding]:
	return sorted((each for each in findings if each.kind == MISSING_ROWS), key=lambda gap: gap.seq)


def _data_of(user_id: str, seq: int) -> dict:
	[[data]] = frappe.db.sql(
		"select interaction_data from `tabMemora Interaction Log` where player = %s and seq = %s",
		(user_id, seq),
	)
	return json.loads(data)


def _total_until(user_id: str, seq: int) -> int:
	[[total]] = frappe.db.sql(
		"""select ifnull(sum(xp_awarded), 0) from `tabMemora Interaction Log`
		where player = %s and seq <= %s""",
		(user_id, seq),
	)
	return int(total)


def _lost_lessons(told: Told) -> dict[str, int]:
	"""Lessons that a progress row says are passed and the ledger does not know -> their best hearts, 0 for unknown."""
	return {
		lesson: progress.best_hearts.get(lesson, 0)
		for (user, subject), progress in told.progress.items()
		for lesson in comparison.lessons_on(
			progress.bitmap, told.true_progress[user, subject].bitmap, told.lessons.get(subject, {})
		)
	}


def _balance(told: Told, xp: int) -> Mapping:
	"""What the progress rows remember; their XP as far as the rows that are gone can have brought it."""
	xp_by_subject = {
		subject: progress.total_xp_earned - told.true_progress[user, subject].total_xp_earned
		for (user, subject), progress in told.progress.items()
	}
	is_proven = min(xp_by_subject.values(), default=0) >= 0 and sum(xp_by_subject.values()) <= xp
	return {"xp_by_subject": xp_by_subject if is_proven else {}, "best_hearts": _lost_lessons(told)}


def _streak(wallet: Wallet) -> dict:
	"""The end of the ledger is gone; the wallet's row says how the streak stood there."""
	streak = StreakOutcome(
		wallet.current_streak, wallet.current_streak, "corrected", wallet.last_success_date
	)
	return streak.as_dict()


def _append(user_id: str, seq: int, xp: int, data: dict) -> None:
	interaction_log.append_award(
		user_id, interaction_log.ADJUSTMENT, seq=seq, xp_awarded=xp, event_id=str(uuid.uuid4()), data=data
	)


def _append_keys(user_id: str, best_hearts: Mapping[str, int]) -> None:
	"""The lessons that came back are no first completions later."""
	held = {lesson for _, lesson in interaction_log.keys_held([user_id], sorted(best_hearts))}
	interaction_log.append_keys(
		[(user_id, lesson, best_hearts[lesson]) for lesson in sorted(set(best_hearts) - held)]
	)
