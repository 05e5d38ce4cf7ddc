from frappe import _
from memora.memora.doctype.child_row import ChildRow
from memora.services.device_auth import MAX_DEVICE_NAME_LENGTH, MIN_DEVICE_NAME_LENGTH
from memora.utils import clock, validators


class MemoraAuthorizedDevice(ChildRow):
	"""Frappe validates no rows by itself: the profile calls `validate`."""

	def validate(self):
		self.device_id = validators.parse_uuid4(self.device_id, _("Device ID"))
		self.device_name = validators.parse_text(
			self.device_name or "", _("Device Name"), MIN_DEVICE_NAME_LENGTH, MAX_DEVICE_NAME_LENGTH
		)
		self.added_on = self.added_on or clock.to_site_time(clock.utc_now())
