import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.progress_engine.xp_calculator import calculate_player_xp, calculate_xp

HEARTS = st.integers(0, 5)
BEST = st.dictionaries(st.sampled_from(["LESSON-1", "LESSON-2"]), HEARTS)


def test_a_first_completion_with_five_hearts_earns_both_bonuses():
	assert calculate_xp("LESSON-1", 5, True, {}, 10) == {
		"xp_earned": 35,
		"base_xp": 10,
		"heart_bonus": 10,
		"first_completion_bonus": 5,
		"record_break_bonus": 10,
		"is_new_record": True,
		"best_hearts_data": {"LESSON-1": 5},
	}


def test_a_replay_that_is_no_record_earns_base_and_hearts_alone():
	outcome = calculate_xp("LESSON-1", 3, False, {"LESSON-1": 3}, 10)
	assert (outcome["xp_earned"], outcome["is_new_record"]) == (16, False)
	assert (outcome["first_completion_bonus"], outcome["record_break_bonus"]) == (0, 0)


def test_a_replay_with_more_hearts_than_ever_earns_the_record_bonus():
	outcome = calculate_xp("LESSON-1", 4, False, {"LESSON-1": 3, "LESSON-2": 1}, 10)
	assert (outcome["xp_earned"], outcome["is_new_record"]) == (28, True)
	assert outcome["best_hearts_data"] == {"LESSON-1": 4, "LESSON-2": 1}


@given(HEARTS, st.booleans(), BEST, st.integers(0, 1000))
def test_the_earned_xp_is_the_sum_of_its_parts(hearts, is_first, best, base_xp):
	outcome = calculate_xp("LESSON-1", hearts, is_first, best, base_xp)
	parts = ("base_xp", "heart_bonus", "first_completion_bonus", "record_break_bonus")
	assert outcome["xp_earned"] == sum(outcome[part] for part in parts)
	assert outcome["heart_bonus"] == 2 * hearts


@given(HEARTS, BEST)
def test_best_hearts_never_fall_and_the_input_stays_as_it_was(hearts, best):
	before = dict(best)
	after = calculate_xp("LESSON-1", hearts, False, best, 10)["best_hearts_data"]
	assert best == before
	assert after == {**before, "LESSON-1": max(hearts, before.get("LESSON-1", hearts))}


@given(st.lists(HEARTS, min_size=1))
def test_over_any_sequence_of_plays_a_record_is_exactly_a_new_maximum(plays):
	best: dict[str, int] = {}
	for number, hearts in enumerate(plays):
		outcome = calculate_xp("LESSON-1", hearts, number == 0, best, 10)
		assert outcome["is_new_record"] == (number == 0 or hearts > max(plays[:number]))
		best = outcome["best_hearts_data"]


@pytest.mark.parametrize("hearts", [-1, 6])
def test_hearts_outside_zero_to_five_are_refused_by_name(hearts):
	with pytest.raises(ValueError, match=f"hearts must be from 0 to 5, got {hearts}"):
		calculate_xp("LESSON-1", hearts, True, {}, 10)


def test_a_negative_base_is_refused_by_name():
	with pytest.raises(ValueError, match="base_xp must be zero or more, got -1"):
		calculate_xp("LESSON-1", 1, True, {}, -1)


@pytest.mark.parametrize(("hearts", "xp"), [(0, 0), (1, 10), (2, 20), (3, 30)])
def test_at_the_player_endpoint_each_heart_is_worth_ten(hearts, xp):
	assert calculate_player_xp(hearts) == xp


@pytest.mark.parametrize("hearts", [-1, 4])
def test_the_player_endpoint_knows_no_more_than_three_hearts(hearts):
	with pytest.raises(ValueError, match=f"hearts must be from 0 to 3, got {hearts}"):
		calculate_player_xp(hearts)
