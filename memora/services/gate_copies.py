"""The Redis copies that decide on every request of a player: the live session and the authorized devices.

Truth is the player's profile: `active_session_hash` and `authorized_devices`. Two rules keep the copies honest:

1. A copy is written only here, in `load`, while the profile's row is locked.
2. Whoever changes the profile drops the copies after changing the row and before committing, so still under the lock.

A reader that finds a copy gone therefore waits for the writer, and then loads what the writer committed. When the
writer dies on the way, the copy is simply gone.
"""

import hashlib
from typing import NamedTuple

import frappe
from memora.exceptions import StoreUnavailable
from memora.utils import clock, logs, redis_store, transactions
from memora.utils.redis_keys import (
	get_active_session_key,
	get_player_devices_key,
	get_session_metadata_key,
)

# Member that marks the set as complete: a player without devices has a copy too, and a lost key is no empty list.
_LOADED = "loaded"
# Stands for "no live session" in the copy; it is no possible SHA-256.
_NO_SESSION = "none"

# KEYS: active session, devices. ARGV: the marker, device id.
_READ = """
return {redis.call("GET", KEYS[1]), redis.call("SISMEMBER", KEYS[2], ARGV[1]),
	redis.call("SISMEMBER", KEYS[2], ARGV[2]), redis.call("SCARD", KEYS[2])}
"""

# KEYS: active session, devices, metadata. ARGV: session hash, user id, device id, created at, then the device set.
_WRITE = """
redis.call("SET", KEYS[1], ARGV[1])
redis.call("DEL", KEYS[2], KEYS[3])
redis.call("SADD", KEYS[2], unpack(ARGV, 5))
redis.call("HSET", KEYS[3], "user_id", ARGV[2], "device_id", ARGV[3], "created_at", ARGV[4])
"""


class Gate(NamedTuple):
	"""What decides about a request. `session_hash` is None where no session is live."""

	is_player: bool
	session_hash: str | None
	is_device_authorized: bool
	device_count: int


_NO_PLAYER = Gate(False, None, False, 0)


class GateFacts(NamedTuple):
	"""Everything that the gate goes by. `session_started` is UTC ISO time."""

	session_hash: str | None
	session_device: str | None
	session_started: str | None
	device_ids: list[str]


def hash_session_id(session_id: str) -> str:
	"""SHA-256: what is stored must not be usable as a session."""
	return hashlib.sha256(session_id.encode()).hexdigest()


def read(user_id: str, device_id: str | None) -> Gate:
	"""The player's gate: one round trip while the copies are there, else loaded from MariaDB.

	Without Redis the answer comes from MariaDB and nothing is kept.
	"""
	try:
		return _read_copies(user_id, device_id) or load(user_id, device_id)
	except StoreUnavailable:
		return _gate(read_truth(user_id), device_id)


def confirm(user_id: str, device_id: str | None) -> Gate:
	"""The player's gate from MariaDB, for whom the copies would refuse.

	A change while Redis was away could not drop them: what they still allow ended in Frappe, what they refuse may be
	allowed by now.
	"""
	try:
		return load(user_id, device_id)
	except StoreUnavailable:
		return _gate(read_truth(user_id), device_id)


def load(user_id: str, device_id: str | None = None) -> Gate:
	"""Load the copies from MariaDB under the lock of the profile's row."""
	with transactions.fresh_transaction():
		truth = read_truth(user_id, lock=True)
		if truth:
			_write_copies(user_id, truth)
	return _gate(truth, device_id)


def peek(user_id: str) -> GateFacts | None:
	"""What the copies say, None where they are not complete. Loads nothing: for diagnosis.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	session_key, devices_key, metadata_key = _keys(user_id)
	session_hash, devices = redis_store.get(session_key), redis_store.members(devices_key)
	if session_hash is None or _LOADED not in devices:
		return None
	metadata = redis_store.get_hash(metadata_key)
	return GateFacts(
		session_hash=None if session_hash == _NO_SESSION else session_hash,
		session_device=metadata.get("device_id") or None,
		session_started=metadata.get("created_at") or None,
		device_ids=sorted(devices - {_LOADED}),
	)


def drop(user_id: str) -> None:
	"""Forget the copies. Called by whoever changes the profile, under its row lock and before the commit."""
	try:
		redis_store.delete(*_keys(user_id))
	except StoreUnavailable:
		# The change must not fail with Redis. A replaced session is ended in Frappe as well, so a copy that
		# survives the outage admits nobody.
		logs.get_logger().warning("gate copies of %s could not be dropped", user_id)


def _keys(user_id: str) -> tuple[str, str, str]:
	return get_active_session_key(user_id), get_player_devices_key(user_id), get_session_metadata_key(user_id)


def _read_copies(user_id: str, device_id: str | None) -> Gate | None:
	session, is_loaded, is_member, members = redis_store.run_script(
		_READ, _keys(user_id)[:2], [_LOADED, device_id or ""]
	)
	if session is None or not is_loaded:
		return None
	session_hash = session.decode()
	return Gate(
		is_player=True,
		session_hash=None if session_hash == _NO_SESSION else session_hash,
		is_device_authorized=bool(is_member) and device_id != _LOADED,
		device_count=members - 1,
	)


def read_truth(user_id: str, lock: bool = False) -> GateFacts | None:
	"""What MariaDB says; None for a user who is no player."""
	profiles = frappe.db.sql(
		f"""select name, active_session_hash, active_session_device, active_session_started
		from `tabMemora Player Profile` where user = %s {"for update" if lock else ""}""",
		user_id,
	)
	if not profiles:
		return None
	profile, session_hash, session_device, session_started = profiles[0]
	device_ids = frappe.db.sql_list(
		"""select device_id from `tabMemora Authorized Device`
		where parent = %s and parenttype = 'Memora Player Profile'""",
		profile,
	)
	started = clock.iso(clock.from_site_time(session_started))
	return GateFacts(session_hash or None, session_device, started, device_ids)


def _write_copies(user_id: str, truth: GateFacts) -> None:
	session = [
		truth.session_hash or _NO_SESSION,
		user_id,
		truth.session_device or "",
		truth.session_started or "",
	]
	redis_store.run_script(_WRITE, _keys(user_id), [*session, _LOADED, *truth.device_ids])


def _gate(truth: GateFacts | None, device_id: str | None) -> Gate:
	if truth is None:
		return _NO_PLAYER
	return Gate(True, truth.session_hash, device_id in truth.device_ids, len(truth.device_ids))
