from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.streak import is_streak_active, next_streak

DAY = date(2026, 1, 27)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


@pytest.mark.parametrize(
	("streak", "last", "hearts", "expected"),
	[
		(0, None, 1, (0, 1, "first_completion", DAY)),
		(3, YESTERDAY, 2, (3, 4, "incremented", DAY)),
		(3, DAY, 3, (3, 3, "maintained", DAY)),
		(3, DAY - timedelta(days=2), 5, (3, 1, "reset", DAY)),
		(3, TOMORROW, 5, (3, 3, "maintained", TOMORROW)),
		(3, YESTERDAY, 0, (3, 3, "no_update", YESTERDAY)),
		(0, None, 0, (0, 0, "no_update", None)),
	],
)
def test_each_case_of_the_rule(streak, last, hearts, expected):
	assert next_streak(streak, last, DAY, hearts) == expected


def test_a_negative_streak_counts_as_none():
	assert next_streak(-7, YESTERDAY, DAY, 1) == (0, 1, "incremented", DAY)
	assert next_streak(-7, YESTERDAY, DAY, 0) == (0, 0, "no_update", YESTERDAY)


@pytest.mark.parametrize(
	("last", "is_active"),
	[(None, False), (DAY - timedelta(days=2), False), (YESTERDAY, True), (DAY, True), (TOMORROW, True)],
)
def test_a_streak_stands_until_a_whole_day_was_missed(last, is_active):
	assert is_streak_active(last, DAY) is is_active


def run_of_days_ending_at(last: date, days: set[date]) -> int:
	"""Slow and obvious: count back from the last day while each day before was played."""
	length = 0
	while last - timedelta(days=length) in days:
		length += 1
	return length


# Each step moves the clock by some days (back as well) and plays with some hearts.
STEPS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 5)), max_size=60)


@given(STEPS)
def test_over_any_sequence_of_days_and_clocks_the_streak_is_the_run_of_counted_days(steps):
	today, streak, last, counted = DAY, 0, None, set()
	for days_forward, hearts in steps:
		today += timedelta(days=days_forward)
		if hearts and (not counted or today > max(counted)):
			counted.add(today)
		outcome = next_streak(streak, last, today, hearts)
		assert outcome.old_streak == streak
		_, streak, _, last = outcome
		assert last == max(counted, default=None)
		assert streak == (run_of_days_ending_at(last, counted) if counted else 0)


@given(STEPS)
def test_the_day_never_moves_backwards_and_no_day_counts_twice(steps):
	today, streak, last = DAY, 0, None
	for days_forward, hearts in steps:
		today += timedelta(days=days_forward)
		outcome = next_streak(streak, last, today, hearts)
		if last is not None:
			assert outcome.last_success_date >= last
		again = next_streak(outcome.new_streak, outcome.last_success_date, today, hearts)
		assert again.new_streak == outcome.new_streak
		streak, last = outcome.new_streak, outcome.last_success_date


@given(st.integers(0, 400), st.integers(-400, 400), st.integers(1, 5))
def test_what_happened_is_named_by_what_changed(streak, days_ago, hearts):
	outcome = next_streak(streak, DAY - timedelta(days=days_ago), DAY, hearts)
	expected = {0: "maintained", 1: "incremented"}.get(max(days_ago, 0), "reset")
	assert outcome.streak_action == expected
	assert outcome.new_streak == {"maintained": streak, "incremented": streak + 1, "reset": 1}[expected]
