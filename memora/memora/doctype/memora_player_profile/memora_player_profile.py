import frappe
from frappe import _, throw
from frappe.model.document import Document
from memora.exceptions import DeviceLimitReached, InvalidInput
from memora.services import audit_trail, device_auth, enrollment, session_manager
from memora.services.device_auth import FIRST_DEVICE_NAME, MAX_DEVICES_PER_PLAYER

SERVER_FIELDS = ("active_session_hash", "active_session_device", "active_session_started")


class MemoraPlayerProfile(Document):
	def before_insert(self):
		self.auto_authorize_first_device()

	def validate(self):
		self.restore_server_fields()
		self.validate_device_limit()
		self.validate_unique_devices()

	def after_insert(self):
		self.create_player_wallet()

	def on_update(self):
		self.record_device_changes()
		self.end_session_of_removed_device()
		self.sync_device_cache()
		self.enrol_in_current_plan()

	def on_trash(self):
		session_manager.invalidate_session(self.user)
		self.delete_player_wallet()

	def auto_authorize_first_device(self):
		"""A profile created by a request that names its device starts with that one."""
		device_id = frappe.request and frappe.get_request_header("X-Device-ID")
		if device_id and not self.authorized_devices:
			self.append("authorized_devices", {"device_id": device_id, "device_name": FIRST_DEVICE_NAME})

	def restore_server_fields(self):
		"""The session is written by its service alone, past this form; what a form or a request holds is old.

		Read with a lock: a plain read would see the session as it was when this transaction began.
		"""
		kept = {}
		if not self.is_new():
			kept = frappe.db.get_value(self.doctype, self.name, SERVER_FIELDS, as_dict=True, for_update=True)
		for fieldname in SERVER_FIELDS:
			self.set(fieldname, kept.get(fieldname))

	def validate_device_limit(self):
		if len(self.authorized_devices) > MAX_DEVICES_PER_PLAYER:
			throw(
				_("A player can have at most {0} devices.").format(MAX_DEVICES_PER_PLAYER), DeviceLimitReached
			)

	def validate_unique_devices(self):
		"""Bring every device into its one form, and refuse the same one twice."""
		for device in self.authorized_devices:
			device.validate()
		device_ids = self._device_ids(self)
		for device_id in device_ids:
			if device_ids.count(device_id) > 1:
				throw(_("The device {0} is authorized already.").format(device_id), InvalidInput)

	def create_player_wallet(self):
		wallet = frappe.get_doc({"doctype": "Memora Player Wallet", "player": self.name})
		wallet.insert(ignore_permissions=True)

	def delete_player_wallet(self):
		for wallet in frappe.get_all("Memora Player Wallet", filters={"player": self.name}, pluck="name"):
			frappe.delete_doc("Memora Player Wallet", wallet, ignore_permissions=True)

	def record_device_changes(self):
		"""A device that is taken away while its session is live needs a person's eye."""
		before = self.get_doc_before_save()
		had, has = self._device_ids(before) if before else [], self._device_ids(self)
		for device_id in had:
			if device_id not in has:
				in_use = self.active_session_hash and device_id == self.active_session_device
				event = audit_trail.DEVICE_REMOVED_IN_USE if in_use else audit_trail.DEVICE_REMOVED
				audit_trail.record_change(event, self.user, device_id=device_id)
		for device_id in has:
			if device_id not in had:
				audit_trail.record_change(audit_trail.DEVICE_ADDED, self.user, device_id=device_id)

	def end_session_of_removed_device(self):
		before = self.get_doc_before_save()
		if before and set(self._device_ids(before)) - set(self._device_ids(self)):
			session_manager.invalidate_session(self.user)

	def sync_device_cache(self):
		device_auth.refresh_device_cache(self.user, self._device_ids(self))

	def enrol_in_current_plan(self):
		if self.current_plan and self.has_value_changed("current_plan"):
			enrollment.enrol_in_plan(self.user, self.current_plan)

	@staticmethod
	def _device_ids(profile) -> list[str]:
		return [device.device_id for device in profile.authorized_devices]
