"""The people of login_table: made, committed, and removed with all that grew on them."""

import contextlib
import time
from collections.abc import Iterator

import pyotp

import frappe
from frappe.twofactor import get_otpsecret_for_, set_default
from frappe.utils.password import set_encrypted_password, update_password
from memora.services import gate_copies
from memora.utils import redis_store
from tests import committed, factories
from tests.committed import PASSWORD
from tests.http import login_table as table
from tests.http.app import App

SECONDS_TO_SEND_A_CODE = 10
TWO_FACTOR_ROLE = "Test Two Factor"
DEVICES = {
	table.NEWCOMER: (),
	table.TWO_DEVICES: ("phone", "tablet"),
	table.DESK_PLAYER: (),
}
DESK_USERS = (table.DESK_USER, table.DESK_PLAYER)
WITHOUT_PROFILE = (table.NO_PROFILE, table.DESK_USER, table.ADMINISTRATOR, table.NOBODY)


class Person:
	def __init__(self, user: str, password: str, profile=None):
		self.user = user
		self.password = password
		self.profile = profile
		self.device_ids = [row.device_id for row in profile.authorized_devices] if profile else []

	def app(self, device: str) -> App:
		"""An app whose header holds what login_table calls `device`."""
		app = App(self.device_ids[0] if device == table.OWN else None)
		app.device_id = {table.NONE: None, table.GARBAGE: "no-uuid"}.get(device, app.device_id)
		return app

	def code(self) -> str:
		totp = pyotp.TOTP(get_otpsecret_for_(self.user))
		seconds_left = totp.interval - time.time() % totp.interval
		if seconds_left < SECONDS_TO_SEND_A_CODE:  # Frappe takes a code of this window only
			time.sleep(seconds_left + 0.1)
		return totp.now()

	def add_api_key(self) -> tuple[str, str]:
		key, secret = frappe.generate_hash(length=15), frappe.generate_hash(length=15)
		frappe.db.set_value("User", self.user, "api_key", key)
		set_encrypted_password("User", self.user, secret, "api_secret")
		frappe.db.commit()
		return key, secret

	def count_sessions(self) -> int:
		frappe.db.rollback()
		return frappe.db.count("Sessions", {"user": self.user})


class Stranger:
	"""Who has no account is a device alone."""

	user = None

	def app(self, device: str) -> App:
		return Person("", "").app(device)


@contextlib.contextmanager
def somebody(who: str) -> Iterator[Person | Stranger]:
	if who == table.NOBODY:
		yield Stranger()
		return
	frappe.db.rollback()
	person = _make(who)
	frappe.db.commit()
	try:
		yield person
	finally:
		frappe.db.rollback()
		_forget(who, person)
		frappe.db.commit()


def _make(who: str) -> Person:
	if who == table.ADMINISTRATOR:
		return Person("Administrator", "admin")
	user = _make_desk_user() if who in DESK_USERS else committed.take_user()
	profile = None
	if who not in WITHOUT_PROFILE:
		profile = factories.make_player(devices=DEVICES.get(who, ("phone",)), user=user)
	if who == table.DISABLED:
		frappe.db.set_value("User", user, "enabled", 0)
		frappe.clear_document_cache("User", user)
	if who == table.TWO_FACTOR:
		factories.insert(
			"Has Role", parent=user, parenttype="User", parentfield="roles", role=TWO_FACTOR_ROLE
		)
		get_otpsecret_for_(user)
		set_default(f"{user}_otplogin", 1)  # has seen his QR code, so no letter is sent
	return Person(user, PASSWORD, profile)


def _make_desk_user() -> str:
	user = factories.make_user("System Manager").name
	update_password(user, PASSWORD)
	return user


def _forget(who: str, person: Person) -> None:
	user = person.user
	for counter in ("login_failed_count", "login_failed_time"):
		frappe.cache().hdel(counter, user)
	frappe.db.delete("Activity Log", {"user": user, "status": "Failed"})
	frappe.db.delete("User Social Login", {"parent": user})
	frappe.db.delete("Has Role", {"parent": user, "role": TWO_FACTOR_ROLE})
	frappe.db.delete("DefaultValue", {"parent": "__2fa", "defkey": ["like", f"{user}_%"]})
	if who == table.ADMINISTRATOR:
		return
	frappe.db.set_value("User", user, {"enabled": 1, "api_key": None})
	frappe.clear_document_cache("User", user)
	if person.profile:
		committed.forget_player(person.profile)
	else:
		frappe.db.delete("Sessions", {"user": user})
		frappe.db.delete("Memora Interaction Log", {"player": user})
		redis_store.delete(*redis_store.keys_matching(f"*{user}*"))
		committed._idle_users.append(user)
	if who in DESK_USERS:
		committed._idle_users.remove(user)
		committed.forget_user(user)
	gate_copies.drop(user)


@contextlib.contextmanager
def system_settings(**values) -> Iterator[None]:
	"""Change System Settings for every process, and change them back."""
	before = {name: frappe.db.get_single_value("System Settings", name) for name in values}
	_set_system_settings(values)
	try:
		yield
	finally:
		frappe.db.rollback()
		_set_system_settings(before)


def _set_system_settings(values: dict) -> None:
	for name, value in values.items():
		frappe.db.set_single_value("System Settings", name, value)
	frappe.db.commit()
	frappe.clear_cache()


@contextlib.contextmanager
def two_factor_login() -> Iterator[None]:
	"""Two-factor login by an app, for whoever has TWO_FACTOR_ROLE."""
	role = factories.insert("Role", role_name=TWO_FACTOR_ROLE, desk_access=0, two_factor_auth=1)
	try:
		with system_settings(enable_two_factor_auth=1, two_factor_method="OTP App"):
			yield
	finally:
		frappe.db.delete("Role", {"name": role.name})
		frappe.db.commit()
