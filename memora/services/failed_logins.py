"""Failed logins as Frappe's Activity Log has them: what limits guessing while Redis does not count."""

from datetime import timedelta

import frappe
from memora.utils import clock
from memora.utils.rate_limiter import Window

WINDOW_SECONDS = 60


def count_against(limit: int, *, account: str | None = None, address: str | None = None) -> Window:
	"""Where one more login would stand in the last minute, given the failures of an account, an address, or both.

	The address of a row is what Frappe took for the caller's; our own login sets it, Frappe's believes the caller.
	"""
	now = clock.to_site_time(clock.utc_now())
	conditions = {
		"operation": "Login",
		"status": "Failed",
		"modified": [">", now - timedelta(seconds=WINDOW_SECONDS)],
	}
	if account is not None:
		conditions["user"] = account
	if address is not None:
		conditions["ip_address"] = address
	[[failures, oldest]] = frappe.get_all(
		"Activity Log", filters=conditions, fields=["count(*)", "min(modified)"], as_list=True
	)
	seconds_left = WINDOW_SECONDS - int((now - oldest).total_seconds()) if oldest else WINDOW_SECONDS
	return Window(limit, failures + 1, max(1, seconds_left))
