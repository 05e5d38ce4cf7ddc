"""When a failed publish is tried again."""

import pytest

from memora.services.cdn_export import retry_policy


def test_the_delays_are_the_documented_ones_and_then_it_is_given_up():
	delays = [retry_policy.delay_before_retry(count) for count in range(6)]
	assert delays == [30, 60, 120, 300, 900, None]


def test_five_retries_are_the_most():
	assert retry_policy.MAX_RETRIES == 5
	assert retry_policy.delay_before_retry(1000) is None


def test_a_negative_count_is_refused_by_name():
	with pytest.raises(ValueError, match="retry_count must be zero or more, got -1"):
		retry_policy.delay_before_retry(-1)
