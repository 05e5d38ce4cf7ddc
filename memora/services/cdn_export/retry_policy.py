"""When a failed publish is tried again. Pure."""

RETRY_DELAYS_SECONDS = (30, 60, 120, 300, 900)
MAX_RETRIES = len(RETRY_DELAYS_SECONDS)


def delay_before_retry(retry_count: int) -> int | None:
	"""Seconds to wait after a failure; None when it was the last try and the plan goes to the dead letter.

	Args:
		retry_count: how many retries there were before this failure; 0 when the first try failed.
	"""
	if retry_count < 0:
		raise ValueError(f"retry_count must be zero or more, got {retry_count}")
	return RETRY_DELAYS_SECONDS[retry_count] if retry_count < MAX_RETRIES else None
