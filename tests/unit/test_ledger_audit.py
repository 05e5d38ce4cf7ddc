"""Whether a ledger agrees with itself: every single tampering is found, and undone where the witnesses decide."""

from hypothesis import assume, given
from hypothesis import strategies as st

from memora.services.ledger_audit import (
	CONTRADICTION,
	MISSING_ROWS,
	OUTCOME_TOTAL,
	OUTCOME_XP,
	XP_AWARDED,
	AwardRow,
	Flaw,
	audit,
)

KINDS = ("lesson", "streak", "adjustment")


@st.composite
def ledgers(draw, min_size=1):
	rows, total = [], 0
	for seq, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), min_size=min_size, max_size=8)), 1):
		xp = 0 if kind == "streak" else draw(st.integers(1, 50))
		total += xp
		told_xp = None if kind == "adjustment" else xp
		rows.append(AwardRow(seq, xp, told_xp, None if kind == "streak" else total))
	return rows


@given(ledgers())
def test_a_ledger_that_agrees_with_itself_has_no_flaws(rows):
	assert audit(rows) == []


@given(ledgers(), st.data())
def test_a_changed_value_is_named_with_what_it_was_or_reported_as_undecided(rows, data):
	index = data.draw(st.integers(0, len(rows) - 1))
	row = rows[index]
	field, kind = data.draw(
		st.sampled_from(
			[("xp", XP_AWARDED), ("told_xp", OUTCOME_XP), ("told_total", OUTCOME_TOTAL)],
		)
	)
	true = getattr(row, field)
	assume(true is not None)
	told = true + data.draw(st.integers(1, 99))
	flaws = audit([*rows[:index], row._replace(**{field: told}), *rows[index + 1 :]])
	assert flaws
	assert Flaw(kind, row.seq, told, true) in flaws or flaws[0].kind == CONTRADICTION


@given(ledgers(), st.data())
def test_the_value_of_a_lesson_with_all_its_witnesses_is_always_decided(rows, data):
	complete = [index for index, row in enumerate(rows) if None not in row]
	assume(complete)
	index = data.draw(st.sampled_from(complete))
	row = rows[index]
	tampered = row._replace(xp=row.xp + 7)
	assert audit([*rows[:index], tampered, *rows[index + 1 :]]) == [
		Flaw(XP_AWARDED, row.seq, row.xp + 7, row.xp)
	]


@given(ledgers(min_size=2), st.data())
def test_rows_that_are_gone_are_counted_and_their_xp_is_proven_by_the_next_total(rows, data):
	first = data.draw(st.integers(0, len(rows) - 2))
	last = data.draw(st.integers(first, len(rows) - 2))
	gone = rows[first : last + 1]
	assume(any(row.told_total is not None for row in rows[last + 1 :]))
	flaws = audit([*rows[:first], *rows[last + 1 :]])
	assert flaws == [Flaw(MISSING_ROWS, gone[-1].seq, len(gone), sum(row.xp for row in gone))]


def test_a_gap_before_rows_that_tell_no_total_is_not_guessed():
	rows = [AwardRow(1, 35, 35, 35), AwardRow(3, 0, 0, None)]
	assert audit(rows) == [Flaw(MISSING_ROWS, 2, 1, None)]


def test_two_witnesses_against_two_are_no_proof():
	rows = [AwardRow(1, 900, 900, 35), AwardRow(2, 10, 10, 45)]
	[flaw] = audit(rows)
	assert (flaw.kind, flaw.seq, flaw.expected) == (CONTRADICTION, 1, None)
	assert flaw.found == {"xp_awarded": 900, "outcome_xp": 900, "outcome_total": 35}


def test_a_balance_begins_anew_without_a_gap():
	rows = [AwardRow(7, 500, None, 500, begins_anew=True), AwardRow(8, 10, 10, 510)]
	assert audit(rows) == []
