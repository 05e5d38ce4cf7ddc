"""Who may call, and how often.

- `authorize_request` (auth hook): every request of a player, whatever its route, needs the live session and an
  authorized device.
- `rate_limit`, `only_for`, `require_authorized_device`: the endpoints' decorators. What they promise, and the errors
  that their docstrings name, is read by `memora.openapi`.

Logging in is decided in `login_guard`, before there is a session.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import frappe
from frappe import _
from memora.api import caller, frappe_routes
from memora.api.audit import log_security_event
from memora.api.values import File
from memora.exceptions import (
	DeviceIdRequired,
	DeviceNotAuthorized,
	MemoraError,
	NoPlayerProfile,
	RateLimitExceeded,
	SessionReplaced,
	StoreUnavailable,
)
from memora.services import gate_copies
from memora.utils import logs, rate_limiter
from memora.utils.rate_limiter import Window
from memora.utils.redis_keys import get_rate_limit_key

# Methods that a player may call without the live session or a known device: they begin or end a session, or only ask.
UNGUARDED_METHODS = caller.LOGINS | {
	"logout",
	"web_logout",
	"ping",
	"frappe.ping",
	"memora.api.player.logout",
	"memora.api.player.check_device_authorization",
}

API_DOCS = "memora/api-docs"  # a page that tells nothing of anybody


# --- The gate --------------------------------------------------------------------------------------------------


def authorize_request() -> None:
	"""auth_hooks: let a player's request pass only with his live session and one of his devices.

	Raises:
		SessionReplaced: the cookie's session is not, or no longer, the live one.
		DeviceIdRequired, DeviceNotAuthorized: the device header is missing or names a foreign device.
		PermissionError: one of Frappe's own routes was asked about a DocType of Memora.
	"""
	method = caller.called_method()
	# OPTIONS is answered by Frappe alone, which looks up no session for it.
	if method in caller.LOGINS or frappe.request.method == "OPTIONS" or _is_api_docs(method):
		return
	if frappe.session.user == "Guest":
		refuse_ended_session(method)
		frappe_routes.refuse_naming_doctypes(method)
	elif not is_desk_user():
		if method not in UNGUARDED_METHODS:
			_pass_gate()
		frappe_routes.refuse_naming_doctypes(method)


def _is_api_docs(method: str) -> bool:
	return not method and caller.path().strip("/") == API_DOCS


def refuse_ended_session(method: str) -> None:
	"""A session id that Frappe no longer knows makes the caller a guest; an app must learn that it was logged out.

	Raises:
		SessionReplaced: it was replaced, revoked, or has expired.
	"""
	if method.startswith(caller.MEMORA_API) and caller.sent_session_id() not in (None, "", "Guest"):
		caller.refuse(_("Your session has ended. Please log in again."), SessionReplaced)


def is_desk_user() -> bool:
	user_type = frappe.session.data.get("user_type") if frappe.session.data else None
	if not user_type:  # API keys and bearer tokens come without session data
		user_type = frappe.get_cached_value("User", frappe.session.user, "user_type")
	return user_type == "System User"


def _pass_gate() -> None:
	device_id = caller.device_id_or_none()
	session_hash = gate_copies.hash_session_id(frappe.session.sid)
	gate = gate_copies.read(frappe.session.user, device_id)
	if gate.is_player and not (gate.session_hash == session_hash and gate.is_device_authorized):
		gate = gate_copies.confirm(frappe.session.user, device_id)
	if not gate.is_player:
		return
	if gate.session_hash != session_hash:
		_refuse_player(
			"session_replaced", _("You have logged in on another device or were logged out."), SessionReplaced
		)
	if device_id is None:
		_refuse_player("device_id_missing", caller.device_id_message(), DeviceIdRequired)
	if not gate.is_device_authorized:
		_refuse_player(
			"device_refused", _("This device is not authorized for your account."), DeviceNotAuthorized
		)
	frappe.local.memora_gate = _identity()


def _identity() -> tuple[str, str]:
	"""Whom the gate let through. A gate that was passed by one says nothing of another user of the same thread."""
	return frappe.session.user, frappe.session.sid


def _refuse_player(event_type: str, message: str, error: type[MemoraError]) -> NoReturn:
	log_security_event(event_type, frappe.session.user, caller.device_id_or_none(), caller.path(), "failure")
	caller.refuse(message, error)


# --- Decorators ------------------------------------------------------------------------------------------------


def note(endpoint: Callable, guard: Callable, **facts: Any) -> Callable:
	"""Leave on an endpoint which decorator guards it, and with what; functools.wraps carries it outwards."""
	noted = getattr(endpoint, "memora_facts", {})
	endpoint.memora_facts = {**noted, **facts, "guards": (*noted.get("guards", ()), guard)}
	return endpoint


def rate_limit(max_requests: int = 100, window_seconds: int = 60) -> Callable:
	"""Limit an endpoint's calls by user, guests by their address. Only Administrator is exempt.

	Without Redis calls pass and the log says so.

	Raises:
		RateLimitExceeded: with Retry-After.
	"""

	def decorate(endpoint: Callable) -> Callable:
		name = f"{endpoint.__module__}.{endpoint.__qualname__}"

		@functools.wraps(endpoint)
		@tell_errors
		def call(*args, **kwargs):
			user_id = frappe.session.user
			if user_id != "Administrator":
				identity = caller.address() if user_id == "Guest" else user_id
				check_limit(get_rate_limit_key(identity, name), max_requests, window_seconds)
			return endpoint(*args, **kwargs)

		return note(call, rate_limit, limit=(max_requests, window_seconds))

	return decorate


def takes_file(name: str) -> Callable:
	"""Say that the endpoint reads a file from a part of the form that is sent."""
	return lambda endpoint: note(endpoint, takes_file, arguments={name: File})


def only_for(*roles: str) -> Callable:
	"""Refuse everybody who has none of these roles, before his arguments are looked at.

	Raises:
		PermissionError: he has none of them.
	"""

	def decorate(endpoint: Callable) -> Callable:
		@functools.wraps(endpoint)
		def call(*args, **kwargs):
			frappe.only_for(roles)
			return endpoint(*args, **kwargs)

		return note(call, only_for, roles=roles)

	return decorate


def check_limit(key: str, max_requests: int, window_seconds: int) -> None:
	"""Count one call against a key; the reply carries where it stands."""
	try:
		check_windows([rate_limiter.count_call(key, max_requests, window_seconds)], frappe.session.user)
	except StoreUnavailable:
		logs.get_logger().warning("calls are not limited: the store does not answer")


def check_windows(windows: Iterable[Window], user_id: str | None) -> None:
	"""Refuse the user's call if it exceeds a window; the reply carries the tightest one.

	Raises:
		RateLimitExceeded: with Retry-After.
	"""
	tightest = min(windows, key=lambda window: (window.limit - window.calls, -window.seconds_left))
	caller.add_headers(tightest.headers())
	if tightest.is_exceeded:
		caller.add_headers({"Retry-After": str(tightest.seconds_left)})
		log_security_event(
			"rate_limit_exceeded", user_id, caller.device_id_or_none(), caller.path(), "failure"
		)
		message = _("Too many calls. Please try again in {0} seconds.").format(tightest.seconds_left)
		caller.refuse(message, RateLimitExceeded)


# What Frappe itself refuses with inside an endpoint: a wrong password, a lockout, a missing role, an unknown document.
FRAPPE_REFUSALS = (
	frappe.AuthenticationError,
	frappe.SecurityException,
	frappe.PermissionError,
	frappe.DoesNotExistError,
)


def tell_errors(endpoint: Callable) -> Callable:
	"""Give a refusal its name and its headers. Frappe 14 names only errors that were thrown with a message."""

	@functools.wraps(endpoint)
	def call(*args, **kwargs):
		try:
			return endpoint(*args, **kwargs)
		except StoreUnavailable as error:
			caller.add_headers({"Retry-After": str(error.retry_after_seconds)})
			caller.refuse(str(error), StoreUnavailable)
		except (MemoraError, *FRAPPE_REFUSALS) as error:
			frappe.local.response["exc_type"] = type(error).__name__
			frappe.local.flags.disable_traceback = True
			raise

	return call


def require_authorized_device(fn: Callable) -> Callable:
	"""Let a player in only after the gate has passed him, and nobody without a profile.

	Raises:
		SessionReplaced, DeviceIdRequired, DeviceNotAuthorized: as the gate.
		NoPlayerProfile: the caller is no player.
	"""

	@functools.wraps(fn)
	def call(*args, **kwargs):
		if getattr(frappe.local, "memora_gate", None) != _identity():
			_require_player()
		return fn(*args, **kwargs)

	return note(call, require_authorized_device)


def _require_player() -> None:
	"""For whoever the auth hook did not let through: a desk user with a profile, or nobody."""
	if not is_desk_user():
		_pass_gate()
	if not gate_copies.read(frappe.session.user, None).is_player:
		caller.refuse(_("This account has no player profile."), NoPlayerProfile)
