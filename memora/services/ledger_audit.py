"""Whether a player's ledger agrees with itself, and what a row that was tampered with said. Pure.

Every award is told more than once: the column xp_awarded, the XP and the new total of the outcome that the player was
given, and the rows after it, whose totals build on it. Where they differ, what most of them say holds; where no side
has the majority nothing is decided.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

XP_AWARDED, OUTCOME_XP, OUTCOME_TOTAL = "xp_awarded", "outcome_xp", "outcome_total"
MISSING_ROWS, CONTRADICTION = "missing_rows", "contradiction"


class AwardRow(NamedTuple):
	"""What one row of the ledger says.

	told_xp, told_total: the outcome's, None where an outcome of that kind has none.
	begins_anew: the rows before it were folded into it.
	"""

	seq: int
	xp: int
	told_xp: int | None
	told_total: int | None
	begins_anew: bool = False


class Flaw(NamedTuple):
	"""What is wrong. expected: None where nothing proves it.

	kind: XP_AWARDED, OUTCOME_XP, OUTCOME_TOTAL: that value of the row. MISSING_ROWS: `seq` is the last of them, found
	their number, expected the XP that they brought. CONTRADICTION: the row's witnesses disagree; found is all of them.
	"""

	kind: str
	seq: int
	found: object
	expected: int | None


def audit(rows: Sequence[AwardRow]) -> list[Flaw]:
	"""What is wrong with a ledger, in its order.

	Args:
		rows: all awards of one player by seq.
	"""
	flaws: list[Flaw] = []
	total, last_seq = 0, 0
	for index, row in enumerate(rows):
		if row.seq != last_seq + 1 and not row.begins_anew:
			gap = _missing_rows(rows, index, last_seq, total)
			flaws.append(gap)
			total += gap.expected or 0
		found, total = _judge(rows, index, total)
		flaws += found
		last_seq = row.seq
	return flaws


def _missing_rows(rows: Sequence[AwardRow], index: int, last_seq: int, total: int) -> Flaw:
	before = _total_before(rows, index)
	seq = rows[index].seq - 1
	return Flaw(MISSING_ROWS, seq, seq - last_seq, None if before is None else before - total)


def _judge(rows: Sequence[AwardRow], index: int, before: int) -> tuple[list[Flaw], int]:
	"""The flaws of a row and the total after it, given the total before it."""
	row = rows[index]
	witnesses = {XP_AWARDED: before + row.xp}
	if row.told_xp is not None:
		witnesses[OUTCOME_XP] = before + row.told_xp
	if row.told_total is not None:
		witnesses[OUTCOME_TOTAL] = row.told_total
	votes = Counter(witnesses.values())
	if len(votes) == 1:
		return [], before + row.xp
	later = _vote_of_the_rows_after(rows, index)
	votes.update(later)
	(total, count), (_, second) = votes.most_common(2)
	if count == second:
		told = {"xp_awarded": row.xp, "outcome_xp": row.told_xp, "outcome_total": row.told_total}
		return [Flaw(CONTRADICTION, row.seq, told, None)], later[0] if later else before + row.xp
	return [_flaw(row, kind, before, total) for kind in witnesses if witnesses[kind] != total], total


def _flaw(row: AwardRow, kind: str, before: int, total: int) -> Flaw:
	if kind == OUTCOME_TOTAL:
		return Flaw(kind, row.seq, row.told_total, total)
	return Flaw(kind, row.seq, row.xp if kind == XP_AWARDED else row.told_xp, total - before)


def _vote_of_the_rows_after(rows: Sequence[AwardRow], index: int) -> list[int]:
	follows = index + 1 < len(rows) and rows[index + 1].seq == rows[index].seq + 1
	total = _total_before(rows, index + 1) if follows else None
	return [] if total is None else [total]


def _total_before(rows: Sequence[AwardRow], index: int) -> int | None:
	"""The total before a row, as it and the rows after it tell it; None where they do not, or not alike."""
	xp, last_seq = 0, rows[index].seq - 1
	for row in rows[index:]:
		if row.seq != last_seq + 1 or row.told_xp not in (None, row.xp):
			return None
		xp += row.xp
		last_seq = row.seq
		if row.told_total is not None:
			return row.told_total - xp
	return None
