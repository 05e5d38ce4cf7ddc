"""Who may call, how often, and what is written down about it. The only place that looks at headers and cookies.

- `authorize_request` (auth hook): every request of a player, whatever its route, needs the live session and an
  authorized device.
- `decide_login` (on_login hook): every way in is decided before a session exists.
- `rate_limit`, `require_authorized_device`: the endpoints' decorators.
- `finish_response` (after_request hook): headers, and the audit trail of what was refused.
"""

import functools
import re
from collections.abc import Callable
from typing import NoReturn

import frappe
from frappe import _
from frappe.core.doctype.user.user import User
from frappe.twofactor import get_cached_user_pass
from memora.exceptions import (
	DeviceIdRequired,
	DeviceNotAuthorized,
	MemoraError,
	NoPlayerProfile,
	RateLimitExceeded,
	SessionReplaced,
	StoreUnavailable,
)
from memora.services import device_auth, gate_copies, interaction_log, session_manager
from memora.utils import rate_limiter, validators
from memora.utils.redis_keys import get_rate_limit_key

DEVICE_HEADER = "X-Device-ID"
DEVICE_NAME_ARGUMENT = "device_name"
MEMORA_API = "memora.api."
MEMORA_LOGIN = "memora.api.player.login"
LOGINS = frozenset({"login", MEMORA_LOGIN})

# Methods that a player may call without the live session or a known device: they begin or end a session, or only ask.
UNGUARDED_METHODS = LOGINS | {
	"logout",
	"ping",
	"frappe.ping",
	"memora.api.player.logout",
	"memora.api.player.check_device_authorization",
}
_METHOD_PATH = re.compile(r"/api(?:/v[12])?/method/([^/]+)/?\Z")

LOGINS_A_MINUTE_BY_ACCOUNT_AND_ADDRESS = 5
LOGINS_A_MINUTE_BY_ACCOUNT = 20
LOGINS_A_MINUTE_BY_ADDRESS = 100
AUDITED_REFUSALS_A_MINUTE = 10


# --- The gate --------------------------------------------------------------------------------------------------


def authorize_request() -> None:
	"""auth_hooks: let a player's request pass only with his live session and one of his devices.

	Raises:
		SessionReplaced: the cookie's session is not, or no longer, the live one.
		DeviceIdRequired, DeviceNotAuthorized: the device header is missing or names a foreign device.
	"""
	method = called_method()
	# OPTIONS is answered by Frappe alone, which looks up no session for it.
	if method in LOGINS or frappe.request.method == "OPTIONS":
		return
	if frappe.session.user == "Guest":
		_refuse_ended_session(method)
	elif method not in UNGUARDED_METHODS and not _is_desk_user():
		_pass_gate()


def called_method() -> str:
	"""The whitelisted method that Frappe is going to run for this request; "" for any other route.

	A form's `cmd` goes before the path, as it does in Frappe: otherwise an unguarded path would carry any method in.
	"""
	if frappe.form_dict.get("cmd"):
		return str(frappe.form_dict.cmd)
	found = _METHOD_PATH.match(frappe.request.path)
	return found.group(1) if found else ""


def _refuse_ended_session(method: str) -> None:
	"""A session id that Frappe no longer knows makes the caller a guest; an app must learn that it was logged out."""
	session_id = frappe.form_dict.get("sid") or frappe.request.cookies.get("sid")  # where Frappe looks for it
	if method.startswith(MEMORA_API) and session_id not in (None, "", "Guest"):
		refuse(_("Your session has ended. Please log in again."), SessionReplaced)


def _is_desk_user() -> bool:
	user_type = frappe.session.data.get("user_type") if frappe.session.data else None
	if not user_type:  # API keys and bearer tokens come without session data
		user_type = frappe.get_cached_value("User", frappe.session.user, "user_type")
	return user_type == "System User"


def _pass_gate() -> None:
	device_id = _device_id_or_none()
	session_hash = gate_copies.hash_session_id(frappe.session.sid)
	gate = gate_copies.read(frappe.session.user, device_id)
	if gate.is_player and not (gate.session_hash == session_hash and gate.is_device_authorized):
		gate = gate_copies.confirm(frappe.session.user, device_id)
	if not gate.is_player:
		return
	if gate.session_hash != session_hash:
		_refuse_player("session_replaced", _("You have logged in on another device or were logged out."), SessionReplaced)
	if device_id is None:
		_refuse_player("device_id_missing", _("The header X-Device-ID must hold a UUID of version 4."), DeviceIdRequired)
	if not gate.is_device_authorized:
		_refuse_player("device_refused", _("This device is not authorized for your account."), DeviceNotAuthorized)
	frappe.local.memora_gate = gate


def device_id() -> str:
	"""The caller's device, canonical.

	Raises:
		DeviceIdRequired: the header is missing or holds no UUID v4.
	"""
	found = _device_id_or_none()
	if found is None:
		refuse(_("The header X-Device-ID must hold a UUID of version 4."), DeviceIdRequired)
	return found


def _device_id_or_none() -> str | None:
	return validators.canonical_uuid4(frappe.get_request_header(DEVICE_HEADER))


def _refuse_player(event_type: str, message: str, error: type[MemoraError]) -> NoReturn:
	log_security_event(
		event_type, frappe.session.user, _device_id_or_none(), frappe.request.path, "failure"
	)
	refuse(message, error)


# --- Logging in ------------------------------------------------------------------------------------------------


def decide_login(login_manager) -> None:
	"""on_login: decide about a player's way in before Frappe makes the session. Desk users pass.

	Raises:
		NoPlayerProfile: our own login, for somebody who is no player.
		DeviceIdRequired, DeviceNotAuthorized: as for any request.
	"""
	# A link or an identity provider may write the name in another case than Frappe's row has it; MariaDB takes them
	# for the same user, Redis does not. From here on, and for Frappe's session too, there is one form.
	login_manager.user = frappe.db.get_value("User", login_manager.user) or login_manager.user
	user_id = login_manager.user
	is_player = bool(frappe.db.exists("Memora Player Profile", {"user": user_id}))
	if not is_player and called_method() == MEMORA_LOGIN:
		refuse(_("This account has no player profile."), NoPlayerProfile)
	if not is_player or frappe.db.get_value("User", user_id, "user_type") == "System User":
		return
	device = device_id()
	name = frappe.form_dict.get(DEVICE_NAME_ARGUMENT)
	is_first = device_auth.authorize_first_device(user_id, device, name)
	if not is_first and not gate_copies.load(user_id, device).is_device_authorized:
		log_security_event("login", user_id, device, frappe.request.path, "device_refused")
		refuse(_("This device is not authorized for your account."), DeviceNotAuthorized)
	frappe.local.memora_login = {"user_id": user_id, "device_id": device, "is_first_device": is_first}


def begin_session(login_manager=None) -> None:
	"""on_session_creation, and after every other way in: make the new Frappe session the player's live one."""
	decided = getattr(frappe.local, "memora_login", {})
	user_id, session_id = frappe.session.user, frappe.session.sid
	if decided.get("user_id") == user_id and decided.get("session_id") != session_id:
		decided["session_id"] = session_manager.create_session(user_id, decided["device_id"], session_id)
		log_security_event("login", user_id, decided["device_id"], frappe.request.path, "success")


def is_first_device() -> bool:
	"""Whether the login of this request authorized the player's first device."""
	return getattr(frappe.local, "memora_login", {}).get("is_first_device", False)


def start_login(usr: str, pwd: str) -> None:
	"""Limit a login by user and password, and hand it to Frappe in the form it reads."""
	limit_logins(usr)
	# A code belongs to a login that was begun; Frappe would also stop counting wrong passwords at the sight of one.
	frappe.form_dict.pop("otp", None)
	frappe.form_dict.update(usr=usr, pwd=pwd)


def resume_login(tmp_id: str, otp: str) -> None:
	"""Limit the second step of a login, the code, against the account whose first step `tmp_id` stands for.

	Frappe kept user and password of the first step; what comes beside the code is not looked at.

	Raises:
		AuthenticationError: there is no such login, or it has expired.
	"""
	frappe.form_dict.update(tmp_id=tmp_id, otp=otp)
	usr, pwd = get_cached_user_pass()
	limit_logins(usr or tmp_id)
	if not (usr and pwd):
		refuse(_("The login has expired. Please log in again."), frappe.AuthenticationError)
	frappe.form_dict.update(usr=usr, pwd=pwd)


def limit_logins(account: str) -> None:
	"""Count a login against the account from this address, the account, and the address.

	A school shares one address, so the address alone is limited late; and nobody can lock a student out from elsewhere
	as long as the student's own address is quiet.
	"""
	# One account, however the caller writes it: other case, accents, user name or mobile number.
	user = User.find_by_credentials(account, "", validate_password=False)
	account, address = user["name"] if user else account, _caller_address()
	for identity, name, limit in (
		(f"{account}@{address}", "login", LOGINS_A_MINUTE_BY_ACCOUNT_AND_ADDRESS),
		(account, "login_by_account", LOGINS_A_MINUTE_BY_ACCOUNT),
		(address, "login_by_address", LOGINS_A_MINUTE_BY_ADDRESS),
	):
		check_limit(get_rate_limit_key(identity, name), limit, 60)


def _caller_address() -> str:
	"""The peer, or what the proxy on this machine said of it; never what a caller claims in front of that."""
	peer = frappe.request.remote_addr or "unknown"
	forwarded = frappe.get_request_header("X-Forwarded-For")
	if forwarded and peer in ("127.0.0.1", "::1"):
		return forwarded.split(",")[-1].strip()
	return peer


# --- Decorators ------------------------------------------------------------------------------------------------


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
				caller = _caller_address() if user_id == "Guest" else user_id
				check_limit(get_rate_limit_key(caller, name), max_requests, window_seconds)
			return endpoint(*args, **kwargs)

		return call

	return decorate


def check_limit(key: str, max_requests: int, window_seconds: int) -> None:
	"""Count one call against a key; the reply carries where it stands."""
	try:
		window = rate_limiter.count_call(key, max_requests, window_seconds)
	except StoreUnavailable:
		frappe.logger("memora").warning("calls are not limited: the store does not answer")
		return
	add_headers(window.headers())
	if window.is_exceeded:
		add_headers({"Retry-After": str(window.seconds_left)})
		log_security_event(
			"rate_limit_exceeded", frappe.session.user, _device_id_or_none(), frappe.request.path, "failure"
		)
		message = _("Too many calls. Please try again in {0} seconds.").format(window.seconds_left)
		refuse(message, RateLimitExceeded)


def tell_errors(endpoint: Callable) -> Callable:
	"""Give a refusal its name and its headers. Frappe 14 names only errors that were thrown with a message."""

	@functools.wraps(endpoint)
	def call(*args, **kwargs):
		try:
			return endpoint(*args, **kwargs)
		except StoreUnavailable as error:
			add_headers({"Retry-After": str(error.retry_after_seconds)})
			refuse(str(error), StoreUnavailable)
		except (MemoraError, frappe.AuthenticationError, frappe.SecurityException) as error:
			frappe.local.response["exc_type"] = type(error).__name__
			frappe.local.flags.disable_traceback = True
			raise

	return call


def refuse(message: str, error: type[Exception]) -> NoReturn:
	"""Raise an error for the caller. He is told why; the inside of the program is none of his business."""
	frappe.local.flags.disable_traceback = True
	frappe.throw(message, error)


def require_authorized_device(fn: Callable) -> Callable:
	"""Let a player in only after the gate has passed him, and nobody without a profile."""

	@functools.wraps(fn)
	def call(*args, **kwargs):
		if not getattr(frappe.local, "memora_gate", None):
			_require_player()
		return fn(*args, **kwargs)

	return call


def _require_player() -> None:
	"""For whoever the auth hook did not let through: a desk user with a profile, or nobody."""
	if not _is_desk_user():
		_pass_gate()
	if not gate_copies.read(frappe.session.user, None).is_player:
		refuse(_("This account has no player profile."), NoPlayerProfile)


# --- After the endpoint ----------------------------------------------------------------------------------------


def add_headers(headers: dict[str, str]) -> None:
	frappe.local.memora_headers = {**getattr(frappe.local, "memora_headers", {}), **headers}


def log_security_event(
	event_type: str, user_id: str, device_id: str | None, endpoint: str, result: str, **kwargs
) -> None:
	"""Note a security event for the audit trail: the log file at once, the Interaction Log after the request.

	Of a user's refusals the Interaction Log keeps the first ten in a minute.

	Args:
		event_type: for example "login", "rate_limit_exceeded".
		result: "success", or what failed.
		kwargs: more context. Never a password, a session id or a token.
	"""
	details = {"device_id": device_id, "endpoint": endpoint, "result": result, **kwargs}
	frappe.logger("memora.security").warning({"event": event_type, "user": user_id, **details})
	if result == "success" or _may_audit_refusal(user_id):
		frappe.local.memora_audit = [*getattr(frappe.local, "memora_audit", []), (event_type, user_id, details)]


def _may_audit_refusal(user_id: str) -> bool:
	"""Whether a refusal gets its row: so many a user and minute, or being refused would be a way to fill the table."""
	caller = _caller_address() if user_id == "Guest" else user_id
	try:
		window = rate_limiter.count_call(get_rate_limit_key(caller, "audit"), AUDITED_REFUSALS_A_MINUTE, 60)
	except StoreUnavailable:
		return True
	return not window.is_exceeded


def finish_response(response=None, request=None) -> None:
	"""after_request: our headers, no cookies on a refused login, and the audit trail.

	It runs after Frappe has committed or rolled back, so the trail is a transaction of its own.
	"""
	begin_session()
	if response is not None:
		response.headers.update(getattr(frappe.local, "memora_headers", {}))
		_withhold_cookies(response)
	events = getattr(frappe.local, "memora_audit", [])
	for event_type, user_id, details in events:
		interaction_log.append_event(user_id, event_type, details)
	if events:
		frappe.db.commit()  # the request's own transaction has ended already


def _withhold_cookies(response) -> None:
	if called_method() in LOGINS and (response.status_code >= 400 or frappe.session.user == "Guest"):
		frappe.local.cookie_manager.cookies.clear()
		frappe.local.cookie_manager.to_delete.clear()
