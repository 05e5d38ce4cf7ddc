"""Logging in and out: every way in is decided before a session exists, guessing is limited, and all of it is on record.

- `decide_login` (on_login hook), `begin_session` (on_session_creation hook), `end_session` (on_logout hook).
- `start_login`, `resume_login`, `log_in`: the steps of our own login.
- `finish_login` (after_request hook): no cookies on a refused login, and the record of a failed one.
"""

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import frappe
from frappe import _
from frappe.core.doctype.user.user import User
from frappe.twofactor import ExpiredLoginException, get_cached_user_pass
from frappe.utils.password import passlibctx
from memora.api import caller, guards
from memora.api.audit import log_security_event
from memora.exceptions import DeviceIdRequired, DeviceNotAuthorized, NoPlayerProfile, StoreUnavailable
from memora.services import audit_trail, device_auth, failed_logins, gate_copies, session_manager
from memora.utils import logs, rate_limiter
from memora.utils.rate_limiter import Window
from memora.utils.redis_keys import get_rate_limit_key

DEVICE_NAME_ARGUMENT = "device_name"
PASSWORD_RESET = "frappe.core.doctype.user.user.update_password"

LOGINS_A_MINUTE_BY_ACCOUNT_AND_ADDRESS = 5
LOGINS_A_MINUTE_BY_ACCOUNT = 20
LOGINS_A_MINUTE_BY_ADDRESS = 100

LOCKED_OUT_STATUS = 429  # Frappe gives a lockout none, which would be a 500


# --- Deciding ---------------------------------------------------------------------------------------------------


def decide_login(login_manager) -> None:
	"""on_login: decide about a player's way in before Frappe makes the session. Desk users pass.

	Raises:
		NoPlayerProfile: our own login, for somebody who is no player.
		DeviceIdRequired, DeviceNotAuthorized: as for any request.
		AuthenticationError: he is disabled, or too many wrong passwords came before this right one.
	"""
	# A link or an identity provider may write the name in another case than Frappe's row has it; MariaDB takes them
	# for the same user, Redis does not. From here on, and for Frappe's session too, there is one form.
	login_manager.user = frappe.db.get_value("User", login_manager.user) or login_manager.user
	user_id = login_manager.user
	is_player = bool(frappe.db.exists("Memora Player Profile", {"user": user_id}))
	if not is_player and caller.called_method() == caller.MEMORA_LOGIN:
		_refuse_login(user_id, Refusal(NoPlayerProfile, _("This account has no player profile.")))
	if is_player and frappe.db.get_value("User", user_id, "user_type") != "System User":
		_decide_players_login(login_manager)


def _decide_players_login(login_manager) -> None:
	user_id, method = login_manager.user, caller.called_method()
	if not frappe.db.get_value("User", user_id, "enabled"):  # Frappe asks this of a password, not of a link
		_refuse_login(user_id, Refusal(frappe.AuthenticationError, _("User disabled or missing")))
	if method == caller.FRAPPE_LOGIN:
		_refuse_guessing(login_manager)
	refusal = _admit_player(user_id)
	if refusal and method == PASSWORD_RESET:
		# The new password stands, for the app to log in with; a browser that is no device of his gets no session.
		_log_login("login_refused", user_id, refusal.error.__name__)
		login_manager.user = "Guest"
	elif refusal:
		_refuse_login(user_id, refusal)


class Refusal(NamedTuple):
	error: type[Exception]
	message: str


def _refuse_guessing(login_manager) -> None:
	"""Frappe's own login checks the password before anybody is asked, so after too many wrong ones the right one is
	refused as wrong: who guesses learns nothing."""
	if failed_logins.count_against(LOGINS_A_MINUTE_BY_ACCOUNT, account=login_manager.user).is_exceeded:
		login_manager.fail("Invalid login credentials", login_manager.user)


def _admit_player(user_id: str) -> Refusal | None:
	device_id = caller.device_id_or_none()
	if device_id is None:
		return Refusal(DeviceIdRequired, caller.device_id_message())
	is_first = device_auth.authorize_first_device(
		user_id, device_id, frappe.form_dict.get(DEVICE_NAME_ARGUMENT)
	)
	if not is_first and not gate_copies.confirm(user_id, device_id).is_device_authorized:
		return Refusal(DeviceNotAuthorized, _("This device is not authorized for your account."))
	frappe.local.memora_login = {"user_id": user_id, "device_id": device_id, "is_first_device": is_first}
	return None


def _refuse_login(user_id: str, refusal: Refusal) -> NoReturn:
	_log_login("login_refused", user_id, refusal.error.__name__)
	caller.refuse(refusal.message, refusal.error)


def begin_session(login_manager=None) -> None:
	"""on_session_creation, and after every other way in: make the new Frappe session the player's live one."""
	decided = getattr(frappe.local, "memora_login", None)
	session_id = frappe.session.sid
	if decided and decided["user_id"] == frappe.session.user and decided.get("session_id") != session_id:
		decided["session_id"] = session_id
		session_manager.create_session(decided["user_id"], decided["device_id"], session_id)
		_log_login("login", decided["user_id"], "success")


def is_first_device() -> bool:
	"""Whether the login of this request authorized the player's first device."""
	return (getattr(frappe.local, "memora_login", None) or {}).get("is_first_device", False)


def end_session(login_manager=None) -> None:
	"""on_logout: whoever logs out, by whatever route, ends his live session; nobody ends another's.

	Frappe also runs this when a user is disabled or deleted: then the session's user is the administrator.
	"""
	user_id = frappe.session.user
	if user_id == "Guest" or guards.is_desk_user():
		return
	session_manager.end_own_session(user_id, frappe.session.sid)
	_log_login("logout", user_id, "success")


# --- The steps of our own login ---------------------------------------------------------------------------------


def start_login(usr: str, pwd: str) -> None:
	"""Limit a login by user and password, and hand it to Frappe in the form it reads."""
	account = _account(usr)
	_limit_logins(account, usr)
	if account is None:
		passlibctx.dummy_verify()  # as long as a real one, or the time would tell which accounts exist
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
	_limit_logins(_account(usr) if usr else None, usr or tmp_id)
	if not (usr and pwd):
		_refuse_expired_login()
	frappe.form_dict.update(usr=usr, pwd=pwd)


def log_in() -> bool:
	"""Run Frappe's login; False when it wants something first: a code, or a new password.

	Raises:
		AuthenticationError: wrong user, password or code; disabled; or the first step has expired.
		SecurityException: locked out after too many failures, 429 with Retry-After.
		and whatever `decide_login` raises.
	"""
	# What Frappe counts and records is the address that the proxy saw, not the one that the caller claims.
	frappe.local.request_ip = caller.address()
	try:
		return frappe.local.login_manager.login() is not False
	except ExpiredLoginException:
		_refuse_expired_login()
	except frappe.SecurityException as error:
		error.http_status_code = LOCKED_OUT_STATUS
		lock_seconds = frappe.db.get_single_value("System Settings", "allow_login_after_fail")
		caller.add_headers({"Retry-After": str(lock_seconds)})
		raise


def _refuse_expired_login() -> NoReturn:
	caller.refuse(_("The login has expired. Please log in again."), frappe.AuthenticationError)


def csrf_token() -> dict:
	"""The session's CSRF token as a part of a reply; nothing where the session has none, as Frappe's do at first."""
	token = frappe.session.data.get("csrf_token")
	return {"csrf_token": token} if token else {}


# --- Guessing ---------------------------------------------------------------------------------------------------


def _account(usr: str) -> str | None:
	"""The account's one name, however the caller writes it: other case, accents, user name or mobile number."""
	user = User.find_by_credentials(usr, "", validate_password=False)
	return user["name"] if user else None


def _limit_logins(account: str | None, name: str) -> None:
	"""Count a login against the account from this address, the account, and the address.

	A school shares one address, so the address alone is limited late; and nobody can lock a student out from elsewhere
	as long as the student's own address is quiet. While Redis does not count, the failures in MariaDB do.

	Args:
		name: what the caller wrote, where that is no account.
	"""
	try:
		windows = list(_counted_windows(account or name, caller.address()))
	except StoreUnavailable:
		logs.get_logger().warning("logins are limited by Activity Log: the store does not answer")
		windows = _windows_of_failures(account or name, caller.address())
	guards.check_windows(windows, account)


def _counted_windows(account: str, address: str) -> Iterator[Window]:
	"""Up to the first that is exceeded: a refused login must not use up the wider windows of others."""
	for identity, name, limit in (
		(f"{account}@{address}", "login", LOGINS_A_MINUTE_BY_ACCOUNT_AND_ADDRESS),
		(account, "login_by_account", LOGINS_A_MINUTE_BY_ACCOUNT),
		(address, "login_by_address", LOGINS_A_MINUTE_BY_ADDRESS),
	):
		window = rate_limiter.count_call(get_rate_limit_key(identity, name), limit, 60)
		yield window
		if window.is_exceeded:
			return


def _windows_of_failures(account: str, address: str) -> list[Window]:
	return [
		failed_logins.count_against(LOGINS_A_MINUTE_BY_ACCOUNT_AND_ADDRESS, account=account, address=address),
		failed_logins.count_against(LOGINS_A_MINUTE_BY_ACCOUNT, account=account),
		failed_logins.count_against(LOGINS_A_MINUTE_BY_ADDRESS, address=address),
	]


# --- After the request ------------------------------------------------------------------------------------------


def finish_login(response=None, request=None) -> None:
	"""after_request: no cookies on a refused login, the live session after a login by link, and the failed on record."""
	if response is None:
		return
	is_refused = response.status_code >= 400
	if caller.called_method() in caller.LOGINS:
		if is_refused or frappe.session.user in (None, "Guest"):
			_withhold_cookies()
		_record_failure(response)
	if not is_refused:
		begin_session()


def _withhold_cookies() -> None:
	manager = getattr(frappe.local, "cookie_manager", None)  # a request that could not be read has none
	if manager:
		manager.cookies.clear()
		manager.to_delete.clear()


def _record_failure(response) -> None:
	"""Wrong passwords and codes, disabled and locked accounts: Frappe refuses them before anybody is asked.

	The name of an account that does not exist is left out: people type passwords there.
	"""
	is_locked = frappe.local.response.get("exc_type") == "SecurityException"
	if is_locked or response.status_code == 401:
		event_type = audit_trail.ACCOUNT_LOCKED if is_locked else "login_failed"
		error = "SecurityException" if is_locked else "AuthenticationError"
		_log_login(event_type, _attempted_account(), error)


def _attempted_account() -> str | None:
	usr, tmp_id = frappe.form_dict.get("usr"), frappe.form_dict.get("tmp_id")
	if isinstance(tmp_id, str) and tmp_id:
		usr = get_cached_user_pass()[0]
	return _account(usr) if isinstance(usr, str) else None


def _log_login(event_type: str, user_id: str | None, result: str) -> None:
	log_security_event(
		event_type, user_id, caller.device_id_or_none(), caller.path(), result, address=caller.address()
	)
