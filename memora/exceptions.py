"""Every error that Memora answers with. The class name is `exc_type` in Frappe's envelope, the class decides the status.

MemoraError
├── InvalidInput            417  frappe.ValidationError      an argument is missing, of the wrong type or out of range
│   ├── DeviceLimitReached  417                              a player has two devices already
│   └── ClaimLimitReached   417                              today's XP claims are used up
├── DeviceIdRequired        403  frappe.PermissionError      no usable X-Device-ID header
├── DeviceNotAuthorized     403  frappe.PermissionError      the device is not among the player's
├── NoPlayerProfile         403  frappe.PermissionError      the user is no player
├── NotEnrolled             403  frappe.PermissionError      the subject is not the player's
├── LessonLocked            403  frappe.PermissionError      an earlier lesson has to be passed first
├── ClaimsDisabled          403  frappe.PermissionError      the site does not take XP claims
├── SessionReplaced         401  frappe.AuthenticationError  the session was replaced, revoked, or has expired
├── LessonNotFound          404  frappe.DoesNotExistError    no such lesson for this player
├── SubjectNotFound         404  frappe.DoesNotExistError, FileNotFoundError    no such subject is published
├── IdempotencyConflict     409  frappe.ValidationError      a client_event_id came back with another body
├── RateLimitExceeded       429  frappe.RateLimitExceededError
└── StoreUnavailable        503  (none of Frappe's)          Redis did not answer; nothing was counted
"""

import frappe


class MemoraError(Exception):
	"""Base of all errors that Memora raises on purpose."""

	http_status_code = 417


class InvalidInput(MemoraError, frappe.ValidationError):
	http_status_code = 417


class DeviceLimitReached(InvalidInput):
	pass


class ClaimLimitReached(InvalidInput):
	pass


class DeviceIdRequired(MemoraError, frappe.PermissionError):
	http_status_code = 403


class DeviceNotAuthorized(MemoraError, frappe.PermissionError):
	http_status_code = 403


class NoPlayerProfile(MemoraError, frappe.PermissionError):
	http_status_code = 403


class NotEnrolled(MemoraError, frappe.PermissionError):
	http_status_code = 403


class LessonLocked(MemoraError, frappe.PermissionError):
	http_status_code = 403


class ClaimsDisabled(MemoraError, frappe.PermissionError):
	http_status_code = 403


class SessionReplaced(MemoraError, frappe.AuthenticationError):
	http_status_code = 401


class LessonNotFound(MemoraError, frappe.DoesNotExistError):
	http_status_code = 404


class SubjectNotFound(MemoraError, frappe.DoesNotExistError, FileNotFoundError):
	http_status_code = 404


class IdempotencyConflict(MemoraError, frappe.ValidationError):
	http_status_code = 409


class RateLimitExceeded(MemoraError, frappe.RateLimitExceededError):
	http_status_code = 429


class StoreUnavailable(MemoraError):
	"""Redis did not answer. Retry after `retry_after_seconds`; nothing was counted."""

	http_status_code = 503
	retry_after_seconds = 5
