"""Counting calls in a fixed window, in one atomic script. No counter is ever left without an end."""

from typing import NamedTuple

from memora.utils import clock, redis_store

# KEYS[1] the counter; ARGV[1] the window in milliseconds. Returns calls so far and milliseconds left.
# The lifetime is checked on every call, not only on the first: a counter that lost it would never let go.
_COUNT = """
local calls = redis.call("INCR", KEYS[1])
local left = redis.call("PTTL", KEYS[1])
if left < 0 then
	redis.call("PEXPIRE", KEYS[1], ARGV[1])
	left = tonumber(ARGV[1])
end
return {calls, left}
"""


class Window(NamedTuple):
	"""Where a caller stands in the current window."""

	limit: int
	calls: int
	seconds_left: int

	@property
	def is_exceeded(self) -> bool:
		return self.calls > self.limit

	def headers(self) -> dict[str, str]:
		"""X-RateLimit-*; Reset is the Unix time at which the window ends."""
		return {
			"X-RateLimit-Limit": str(self.limit),
			"X-RateLimit-Remaining": str(max(0, self.limit - self.calls)),
			"X-RateLimit-Reset": str(clock.unix_seconds() + self.seconds_left),
		}


def count_call(key: str, limit: int, window_seconds: int) -> Window:
	"""Count one call against the key and say where it stands.

	Raises:
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	calls, left_milliseconds = redis_store.run_script(_COUNT, [key], [window_seconds * 1000])
	return Window(limit, calls, -(-left_milliseconds // 1000))
