"""Device authorization: which devices a player may use.

The truth is the `authorized_devices` table of Memora Player Profile. Redis holds a copy (SET, see
`redis_keys.get_player_devices_key`). Writers change the profile; its controller drops the copy while the profile's
row is still locked, and the copy is loaded again under that lock (`gate_copies`), so it can never be older than
the table. Nothing here looks at the HTTP request.
"""

import frappe
from frappe import _
from memora.exceptions import InvalidInput, NoPlayerProfile
from memora.services import gate_copies
from memora.utils import clock, redis_store, transactions, validators
from memora.utils.redis_keys import get_player_devices_key

MAX_DEVICES_PER_PLAYER = 2
MIN_DEVICE_NAME_LENGTH, MAX_DEVICE_NAME_LENGTH = 3, 100
FIRST_DEVICE_NAME = "Device 1"


def is_device_authorized(user_id: str, device_id: str) -> bool:
	"""Whether the device is one of the player's: one round trip to Redis while the copy is loaded.

	Answered from MariaDB while Redis does not answer.
	"""
	return gate_copies.read(user_id, device_id).is_device_authorized


def add_authorized_device(player_profile: str, device_id: str, device_name: str) -> None:
	"""Authorize one more device of a player.

	Args:
		player_profile: name of the Memora Player Profile.

	Raises:
		DeviceLimitReached: the player has two devices already.
		InvalidInput: the id is no UUID v4, is authorized already, or the name has not 3 to 100 characters.
	"""
	_append_device(_locked_profile(player_profile), device_id, device_name)


def authorize_first_device(user_id: str, device_id: str, device_name: str | None) -> bool:
	"""Authorize a player's device if he has none yet. Of two devices that try at once one gets True."""
	profile = _locked_profile(profile_of(user_id))
	if profile.authorized_devices:
		return False
	_append_device(profile, device_id, FIRST_DEVICE_NAME if device_name in (None, "") else device_name)
	return True


def remove_authorized_device(player_profile: str, device_id: str) -> None:
	"""Take a device from a player and end the session that it may hold.

	Raises:
		InvalidInput: the player has no such device.
	"""
	device_id = validators.parse_uuid4(device_id, "device_id")
	profile = _locked_profile(player_profile)
	rows = [row for row in profile.authorized_devices if row.device_id == device_id]
	if not rows:
		frappe.throw(_("The player has no device {0}.").format(device_id), InvalidInput)
	profile.remove(rows[0])
	profile.save(ignore_permissions=True)


def profile_of(user_id: str) -> str:
	"""The name of the user's Memora Player Profile.

	Raises:
		NoPlayerProfile: he has none.
	"""
	profile = frappe.db.get_value("Memora Player Profile", {"user": user_id})
	if not profile:
		frappe.throw(_("{0} has no player profile.").format(user_id), NoPlayerProfile)
	return profile


def count_devices(player_profile: str) -> int:
	return frappe.db.count("Memora Authorized Device", {"parent": player_profile})


def _append_device(profile, device_id: str, device_name: str | None) -> None:
	row = {
		"device_id": validators.parse_uuid4(device_id, "device_id"),
		"device_name": device_name,
		"added_on": clock.to_site_time(clock.utc_now()),
	}
	profile.append("authorized_devices", row)
	profile.save(ignore_permissions=True)


def _locked_profile(player_profile: str):
	"""The profile as it stands under its row's lock: the device limit holds for two administrators at once."""
	transactions.begin_fresh()
	if not frappe.db.sql(
		"select 1 from `tabMemora Player Profile` where name = %s for update", player_profile
	):
		frappe.throw(_("There is no player profile {0}.").format(player_profile), InvalidInput)
	return frappe.get_doc("Memora Player Profile", player_profile)


def refresh_device_cache(user_id: str, device_ids: list[str] | None = None) -> None:
	"""Make the copy follow the table. Called by the profile's controller inside its transaction.

	The copy is dropped rather than rewritten: the next reader loads what the transaction really committed.
	"""
	gate_copies.drop(user_id)


def rebuild_device_cache() -> int:
	"""Load every player's copy anew from MariaDB and return how many there were. Safe to run at any time."""
	user_ids = frappe.get_all("Memora Player Profile", pluck="user")
	for user_id in user_ids:
		redis_store.delete(get_player_devices_key(user_id))
		gate_copies.load(user_id)
	return len(user_ids)
