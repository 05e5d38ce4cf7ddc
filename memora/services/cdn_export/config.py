"""CDN Settings as one frozen value, with its secrets kept out of every representation."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import frappe

SETTINGS_DOCTYPE = "CDN Settings"
SECRET_FIELDS = ("access_key", "secret_key", "cloudflare_api_token")
_SIGNATURES = re.compile(r"(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"'>]+", re.IGNORECASE)


@dataclass(frozen=True)
class CdnSettings:
	"""What a publish needs to know. Empty text stands for a field that was left empty."""

	enabled: bool = False
	local_fallback_mode: bool = False
	storage_provider: str = ""
	endpoint_url: str = ""
	bucket_name: str = ""
	cdn_base_url: str = ""
	cloudflare_zone_id: str = ""
	signed_url_expiry_hours: int = 4
	access_key: str = field(default="", repr=False)
	secret_key: str = field(default="", repr=False)
	cloudflare_api_token: str = field(default="", repr=False)

	@property
	def uploads(self) -> bool:
		"""Whether a publish goes on to the CDN after the local files."""
		return self.enabled and not self.local_fallback_mode and bool(self.bucket_name)

	@property
	def target(self) -> str:
		"""Names the bucket, to tell what was uploaded to it from what was uploaded elsewhere."""
		return f"{self.endpoint_url}|{self.bucket_name}"

	def redact(self, text: str) -> str:
		"""The text without any of the secrets and without signatures."""
		for secret in (self.secret_key, self.cloudflare_api_token, self.access_key):
			if secret:
				text = text.replace(secret, "***")
		return _SIGNATURES.sub(r"\1***", text)


def load_settings() -> CdnSettings:
	"""The settings as the database has them."""
	return from_document(frappe.get_doc(SETTINGS_DOCTYPE))


def load_addresses() -> CdnSettings:
	"""The settings without their secrets, from Frappe's cache: for addresses in replies."""
	return _from_document(frappe.get_cached_doc(SETTINGS_DOCTYPE))


def as_settings(settings: Any) -> CdnSettings:
	"""Take the settings as value or as the CDN Settings document."""
	return settings if isinstance(settings, CdnSettings) else from_document(settings)


def from_document(doc: Any) -> CdnSettings:
	secrets = {fieldname: _secret(doc, fieldname) for fieldname in SECRET_FIELDS}
	return replace(_from_document(doc), **secrets)


def _from_document(doc: Any) -> CdnSettings:
	return CdnSettings(
		enabled=bool(doc.enabled),
		local_fallback_mode=bool(doc.local_fallback_mode),
		storage_provider=doc.storage_provider or "",
		endpoint_url=(doc.endpoint_url or "").rstrip("/"),
		bucket_name=doc.bucket_name or "",
		cdn_base_url=(doc.cdn_base_url or "").rstrip("/"),
		cloudflare_zone_id=doc.cloudflare_zone_id or "",
		signed_url_expiry_hours=doc.signed_url_expiry_hours or 4,
	)


def _secret(doc: Any, fieldname: str) -> str:
	return (doc.get_password(fieldname, raise_exception=False) or "") if doc.get(fieldname) else ""
