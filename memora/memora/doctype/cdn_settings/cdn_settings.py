import re

from frappe import _, throw
from frappe.model.document import Document
from memora.exceptions import InvalidInput
from memora.utils import addresses, validators

MIN_EXPIRY_HOURS, MAX_EXPIRY_HOURS = 1, 24
MAX_BATCH_THRESHOLD = 10_000
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_ZONE_ID = re.compile(r"[0-9a-zA-Z]{1,64}\Z")


class CDNSettings(Document):
	def validate(self):
		self.validate_numbers()
		self.validate_addresses()
		self.validate_names()
		self.validate_complete_when_enabled()

	def validate_numbers(self):
		self.signed_url_expiry_hours = validators.parse_int(
			self.signed_url_expiry_hours, _("Signed URL Expiry (Hours)"), MIN_EXPIRY_HOURS, MAX_EXPIRY_HOURS
		)
		self.batch_threshold = validators.parse_int(
			self.batch_threshold, _("Batch Threshold"), 1, MAX_BATCH_THRESHOLD
		)

	def validate_addresses(self):
		for fieldname in ("endpoint_url", "cdn_base_url"):
			if self.get(fieldname):
				self.set(fieldname, self._checked_address(fieldname))

	def validate_names(self):
		"""Both become part of addresses that the server calls."""
		if self.bucket_name and not _BUCKET_NAME.match(self.bucket_name):
			throw(
				_("Bucket Name must have 3 to 63 lower-case letters, digits, dots and hyphens."), InvalidInput
			)
		if self.cloudflare_zone_id and not _ZONE_ID.match(self.cloudflare_zone_id):
			throw(_("Cloudflare Zone ID must have letters and digits only."), InvalidInput)

	def validate_complete_when_enabled(self):
		if not self.enabled:
			return
		required = ["bucket_name", "access_key", "secret_key", "cdn_base_url"]
		if self.storage_provider != "AWS S3":
			required.append("endpoint_url")
		missing = [_(self.meta.get_label(fieldname)) for fieldname in required if not self.get(fieldname)]
		if missing:
			throw(_("Fill in before enabling: {0}.").format(", ".join(missing)), InvalidInput)

	def _checked_address(self, fieldname: str) -> str:
		try:
			return addresses.check_address(self.get(fieldname))
		except ValueError as error:
			throw(_("{0} {1}.").format(_(self.meta.get_label(fieldname)), error), InvalidInput)
