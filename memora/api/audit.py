"""The audit trail of a request: events are collected while it runs and written when it is over.

A refused request is rolled back, so its events need a transaction of their own. Changes that succeed are noted by the
services that make them (`audit_trail.record_change`).
"""

from datetime import timedelta

import frappe
from memora.api import caller
from memora.exceptions import StoreUnavailable
from memora.services import audit_trail, interaction_log
from memora.utils import clock, rate_limiter
from memora.utils.redis_keys import get_rate_limit_key

AUDITED_REFUSALS_A_MINUTE = 10


def log_security_event(
	event_type: str, user_id: str | None, device_id: str | None, endpoint: str, result: str, **kwargs
) -> None:
	"""Note a security event for the audit trail: the log file at once, the Interaction Log after the request.

	Of each kind of refusal the Interaction Log keeps a user's first ten in a minute.

	Args:
		event_type: for example "login", "rate_limit_exceeded".
		user_id: None for an account that does not exist.
		result: "success", or what failed.
		kwargs: more context. Never a password, a session id or a token.
	"""
	details = {"device_id": device_id, "endpoint": endpoint, "result": result, **kwargs}
	audit_trail.write_to_file(event_type, user_id, details)
	if result == "success" or _may_keep_refusal(event_type, user_id):
		frappe.local.memora_audit = [
			*getattr(frappe.local, "memora_audit", []),
			(event_type, user_id, details),
		]


def _may_keep_refusal(event_type: str, user_id: str | None) -> bool:
	"""Whether a refusal gets its row: so many a minute, or being refused would be a way to fill the table."""
	identity = caller.address() if user_id in (None, "Guest") else user_id
	key = get_rate_limit_key(identity, f"audit_{event_type}")
	try:
		return not rate_limiter.count_call(key, AUDITED_REFUSALS_A_MINUTE, 60).is_exceeded
	except StoreUnavailable:
		minute_ago = clock.utc_now() - timedelta(seconds=60)
		kept = interaction_log.count_events_since(user_id, event_type, minute_ago)
		return kept < AUDITED_REFUSALS_A_MINUTE


def write_trail(response=None, request=None) -> None:
	"""after_request: write the events. Frappe logs whatever goes wrong here, and sends the reply nevertheless."""
	events = getattr(frappe.local, "memora_audit", [])
	if not events or frappe.flags.read_only:
		return
	frappe.db.rollback()  # Frappe leaves a failed GET's writes open; they must not be committed with the trail
	for event_type, user_id, details in events:
		interaction_log.append_event(user_id, event_type, details)
		if event_type in audit_trail.NEEDS_A_PERSON:
			audit_trail.report(event_type, user_id, details)
	frappe.db.commit()  # the request's own transaction has ended already
