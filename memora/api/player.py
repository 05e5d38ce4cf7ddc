"""Player API: logging in and out, devices, lessons of the short form, and the wallet.

Every endpoint takes the header X-Device-ID; the player is always the session's user, never an argument.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take (true into 1).
from __future__ import annotations

import frappe
from memora.api import caller, guards, login_guard
from memora.api.guards import log_security_event, only_for, rate_limit, require_authorized_device
from memora.api.replies import (
	DeviceAuthorization,
	DeviceRegistered,
	DeviceRemoved,
	LiveSession,
	LoggedIn,
	LoggedOut,
	PlayerCompletion,
	Wallet,
	WalletSync,
	XpClaimed,
)
from memora.api.values import (
	Account,
	ClaimedXp,
	ClientEventId,
	Code,
	DeviceName,
	Email,
	LessonId,
	LoginStep,
	Password,
	PlayerHearts,
	Switch,
	Uuid4,
)
from memora.services import (
	device_auth,
	enrollment,
	gate_copies,
	session_manager,
	wallet_engine,
	wallet_sync,
	xp_claims,
)
from memora.services.cdn_export import url_resolver
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PLAYER_POLICY
from memora.utils import validators
from memora.utils.validators import (
	validate_email,
	validate_hearts_earned,
	validate_uuid,
	validate_xp_amount,
)

__all__ = [
	"add_xp",
	"check_device_authorization",
	"complete_lesson",
	"get_wallet",
	"log_security_event",
	"login",
	"logout",
	"rate_limit",
	"register_device",
	"remove_device",
	"require_authorized_device",
	"trigger_wallet_sync",
	"validate_email",
	"validate_hearts_earned",
	"validate_session",
	"validate_uuid",
	"validate_xp_amount",
]


# xss_safe: without it Frappe rewrites a guest's password that holds < or &.
@frappe.whitelist(allow_guest=True, xss_safe=True, methods=["POST"])
@guards.tell_errors
def login(
	usr: Account | None = None,
	pwd: Password | None = None,
	device_name: DeviceName | None = None,
	otp: Code | None = None,
	tmp_id: LoginStep | None = None,
) -> LoggedIn | None:
	"""Log a student in on one of his devices; his first device is authorized on the way.

	Ends the session that was live before. With two-factor authentication the first answer is Frappe's `verification`
	and `tmp_id` and no session; the second call sends `otp` and `tmp_id`.

	Args:
		usr: with `pwd`, unless `tmp_id` and `otp` are sent.
		device_name: for the first device.

	Raises:
		InvalidInput: an argument is none.
		AuthenticationError: wrong user, password or code, a disabled user, or the first step has expired.
		SecurityException: locked out after too many wrong passwords, with Retry-After.
		RateLimitExceeded: too many logins of this account or from this address.
		NoPlayerProfile: the account is no student.
		DeviceIdRequired, DeviceNotAuthorized: as for any call of a student.
	"""
	if tmp_id:
		login_guard.resume_login(validators.parse_id(tmp_id, "tmp_id"), validators.parse_id(otp, "otp"))
	else:
		login_guard.start_login(validators.parse_id(usr, "usr"), validators.parse_password(pwd, "pwd"))
	if not login_guard.log_in():
		return None
	login_guard.begin_session()
	user_id = frappe.session.user
	plan_id = enrollment.current_plan(user_id)
	return {
		"message": "Logged in successfully",
		"session_id": frappe.session.sid,
		"is_first_device": login_guard.is_first_device(),
		"devices_authorized": gate_copies.read(user_id, None).device_count,
		"plan_id": plan_id,
		"manifest_url": url_resolver.get_content_url(f"plans/{plan_id}/manifest.json") if plan_id else None,
		**login_guard.csrf_token(),
	}


@frappe.whitelist(methods=["POST"])
@rate_limit()
def logout() -> LoggedOut:
	"""End the caller's own session."""
	frappe.local.login_manager.logout()
	return {"message": "Logged out successfully"}


@frappe.whitelist(methods=["GET"])
@rate_limit()
def check_device_authorization() -> DeviceAuthorization:
	"""Whether the calling device is authorized. The one player endpoint that answers an unknown device.

	Raises:
		DeviceIdRequired: the header is missing or holds no UUID v4.
	"""
	gate = gate_copies.read(frappe.session.user, caller.device_id())
	return {"authorized": gate.is_device_authorized, "device_count": gate.device_count}


@frappe.whitelist(methods=["GET"])
@rate_limit()
@require_authorized_device
def validate_session() -> LiveSession:
	"""Whether the caller's session is the live one; any other is refused before it gets here."""
	session_id = frappe.session.sid
	return {
		"valid": session_manager.validate_session(frappe.session.user, session_id),
		"session_id": session_id,
	}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30, window_seconds=3600)
@only_for("System Manager")
def register_device(
	student_email: Email = None, device_id: Uuid4 = None, device_name: DeviceName = None
) -> DeviceRegistered:
	"""Authorize one more device of a student, two at most.

	Raises:
		DeviceLimitReached: the student has two devices.
		NoPlayerProfile: there is no such student.
	"""
	profile = device_auth.profile_of(validators.parse_email(student_email, "student_email"))
	device_auth.add_authorized_device(profile, device_id, device_name)
	return {
		"message": "Device registered successfully",
		"devices_authorized": device_auth.count_devices(profile),
	}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30, window_seconds=3600)
@only_for("System Manager")
def remove_device(student_email: Email = None, device_id: Uuid4 = None) -> DeviceRemoved:
	"""Take a device from a student and end the session that it holds.

	Raises:
		NoPlayerProfile: there is no such student.
	"""
	profile = device_auth.profile_of(validators.parse_email(student_email, "student_email"))
	device_auth.remove_authorized_device(profile, device_id)
	return {
		"message": "Device removed successfully",
		"devices_authorized": device_auth.count_devices(profile),
	}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30, window_seconds=60)
@require_authorized_device
def complete_lesson(
	lesson_id: LessonId = None,
	hearts_earned: PlayerHearts = None,
	client_event_id: ClientEventId | None = None,
) -> PlayerCompletion:
	"""Record one finished lesson; XP = hearts x 10, the streak counts once a day (UTC).

	Raises:
		LessonNotFound: no such lesson for this player.
		NotEnrolled: its subject is not the player's.
		LessonLocked: an earlier lesson has to be passed first.
		IdempotencyConflict: the client_event_id stands for something else.
		StoreUnavailable: nothing was counted.
	"""
	outcome = completion.complete_lesson(
		frappe.session.user,
		validators.parse_id(lesson_id, "lesson_id"),
		validators.parse_int(hearts_earned, "hearts_earned", 0, PLAYER_POLICY.max_hearts),
		PLAYER_POLICY,
		validators.parse_optional(validators.parse_uuid4, client_event_id, "client_event_id"),
	)
	streak = outcome["streak"]
	return {
		"message": "Lesson completed successfully",
		"xp": {"awarded": outcome["xp_awarded"], "new_total": outcome["new_total_xp"]},
		"streak": {
			"old_streak": streak["old_streak"],
			"new_streak": streak["new_streak"],
			"action": streak["streak_action"],
			"last_success_date": streak["last_success_date"],
		},
		**completion.extras(outcome),
	}


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=60, window_seconds=60)
@require_authorized_device
def get_wallet() -> Wallet:
	"""The caller's wallet."""
	return wallet_engine.get_wallet(frappe.session.user)


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=10, window_seconds=60)
@require_authorized_device
def add_xp(xp_amount: ClaimedXp = None, client_event_id: ClientEventId | None = None) -> XpClaimed:
	"""Claim XP that the app awards by itself. The site limits claims by day, and can refuse them.

	Raises:
		ClaimsDisabled: the site takes no claims.
		ClaimLimitReached: the claim does not fit into today's.
		IdempotencyConflict: the client_event_id stands for something else.
		StoreUnavailable: nothing was counted.
	"""
	outcome = xp_claims.claim_xp(
		frappe.session.user,
		validators.parse_int(xp_amount, "xp_amount", validators.MIN_XP_CLAIM, validators.MAX_XP_CLAIM),
		validators.parse_optional(validators.parse_uuid4, client_event_id, "client_event_id"),
	)
	return {"message": "XP awarded successfully", **outcome}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@only_for("System Manager")
def trigger_wallet_sync(force: Switch = False) -> WalletSync:
	"""Write the wallets that changed, or with `force` those of all enabled players, now.

	Raises:
		InvalidInput: another sync is running.
		StoreUnavailable: nothing was written.
	"""
	force = validators.parse_bool(force, "force")
	return {
		"message": "Manual wallet sync completed",
		"force": force,
		**wallet_sync.trigger_wallet_sync(force),
	}
