"""The audit trail of security events: who got in, who was refused, what changed about devices and sessions.

An event goes to the log file `memora.security` and to the Interaction Log. Only what needs a person goes to the Error
Log as well, as "Security Event", once for each user, kind and hour. No event holds a password, a session id or a token.
"""

import json

import frappe
from memora.exceptions import StoreUnavailable
from memora.services import interaction_log
from memora.utils import compat, logs, redis_store
from memora.utils.redis_keys import get_security_report_key

ACCOUNT_LOCKED = "account_locked"
DEVICE_ADDED = "device_added"
DEVICE_REMOVED = "device_removed"
DEVICE_REMOVED_IN_USE = "device_removed_in_use"
SESSION_REPLACED = "session_replaced"
SESSION_INVALIDATED = "session_invalidated"

NEEDS_A_PERSON = frozenset({ACCOUNT_LOCKED, DEVICE_REMOVED_IN_USE})
REPORT_TITLE = "Security Event"
SECONDS_BETWEEN_REPORTS = 3600


def record_change(event_type: str, user_id: str, **details) -> None:
	"""Note a change in the caller's transaction: it is on record exactly when it is committed."""
	details["by"] = frappe.session.user
	interaction_log.append_event(user_id, event_type, details)
	compat.after_commit(lambda: _publish(event_type, user_id, details))


def _publish(event_type: str, user_id: str, details: dict) -> None:
	write_to_file(event_type, user_id, details)
	if event_type in NEEDS_A_PERSON:
		report(event_type, user_id, details)
		frappe.db.commit()  # runs after the caller's commit, so nobody else would


def write_to_file(event_type: str, user_id: str | None, details: dict) -> None:
	logs.get_logger("memora.security").info({"event": event_type, "user": user_id, **details})


def report(event_type: str, user_id: str | None, details: dict) -> None:
	"""Put an event into the Error Log, unless this user's last one of the kind is less than an hour old."""
	try:
		key = get_security_report_key(user_id or "unknown", event_type)
		is_first = redis_store.set_if_absent(key, "1", SECONDS_BETWEEN_REPORTS)
	except StoreUnavailable:
		is_first = True  # better twice than never
	if is_first:
		event = {"event": event_type, "user": user_id, **details}
		frappe.log_error(title=REPORT_TITLE, message=json.dumps(event, indent=1, ensure_ascii=False))
