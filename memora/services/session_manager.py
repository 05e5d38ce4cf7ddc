"""The one live session of a player.

Truth is `active_session_hash` of Memora Player Profile: the SHA-256 of the Frappe session id that counts. Whoever
logs in last wins; the row's lock puts logins at once in an order. The session that was replaced is ended in Frappe
too. Redis holds a copy (`gate_copies`), so the check on every request needs no SQL.

If the process dies after the commit and before the replaced Frappe session is gone, that one is refused by its hash.
Only the session that was live before is ended, never "all others": another login that is about to become the live
one has a Frappe session already.
"""

import contextlib
from datetime import datetime

import frappe
from frappe.sessions import delete_session
from memora.exceptions import StoreUnavailable
from memora.services import audit_trail, gate_copies, wallet_engine
from memora.utils import clock, compat, failpoints, transactions


def create_session(user_id: str, device_id: str, session_id: str | None = None) -> str:
	"""Make a Frappe session the player's only live one, and return its id.

	Args:
		session_id: the Frappe session; without it the one of the current request.

	A user without a profile has no Memora session: nothing is written for him.
	"""
	session_id = session_id or frappe.session.sid
	transactions.begin_fresh()
	replaced_hash = _live_session_hash(user_id)
	if replaced_hash:
		audit_trail.record_change(audit_trail.SESSION_REPLACED, user_id, device_id=device_id)
	started = clock.utc_now()
	_write_session(user_id, gate_copies.hash_session_id(session_id), device_id, started)
	failpoints.reach("session.written")
	frappe.db.commit()  # two logins at once are ordered by this row's lock; hold it no longer than needed
	failpoints.reach("session.committed")
	_end_frappe_session(user_id, replaced_hash, "Logged In From Another Session")
	with contextlib.suppress(StoreUnavailable):  # without Redis the session's start in MariaDB says it
		wallet_engine.update_last_played_at(user_id, started)
	return session_id


def validate_session(user_id: str, session_id: str) -> bool:
	"""Whether the session is the player's live one: one round trip to Redis, or MariaDB without it."""
	return gate_copies.read(user_id, None).session_hash == gate_copies.hash_session_id(session_id)


def invalidate_session(user_id: str) -> None:
	"""End the player's live session, at once for Memora and after the caller's commit in Frappe too.

	Part of the caller's transaction: when that is rolled back, the session lives on.
	"""
	ended_hash = _live_session_hash(user_id)
	if ended_hash:
		audit_trail.record_change(audit_trail.SESSION_INVALIDATED, user_id)
	_write_session(user_id, None, None)
	compat.after_commit(lambda: _end_frappe_session(user_id, ended_hash, "Session Invalidated"))


def end_own_session(user_id: str, session_id: str) -> None:
	"""Log the caller out: the live session ends only if it is the caller's."""
	transactions.begin_fresh()
	if _live_session_hash(user_id) == gate_copies.hash_session_id(session_id):
		_write_session(user_id, None, None)
	frappe.db.commit()  # Frappe's own logout, which follows, commits as well


def _live_session_hash(user_id: str) -> str | None:
	"""The hash as it stands, with the row locked until the transaction ends."""
	rows = frappe.db.sql(
		"select active_session_hash from `tabMemora Player Profile` where user = %s for update", user_id
	)
	return rows[0][0] if rows else None


def _write_session(
	user_id: str, session_hash: str | None, device_id: str | None, started: datetime | None = None
) -> None:
	frappe.db.sql(
		"""update `tabMemora Player Profile`
		set active_session_hash = %s, active_session_device = %s, active_session_started = %s where user = %s""",
		(session_hash, device_id, clock.to_site_time(started), user_id),
	)
	gate_copies.drop(user_id)


def _end_frappe_session(user_id: str, session_hash: str | None, reason: str) -> None:
	for session_id in frappe.db.sql_list("select sid from `tabSessions` where user = %s", user_id):
		if gate_copies.hash_session_id(session_id) == session_hash:
			delete_session(session_id, user=user_id, reason=reason)
