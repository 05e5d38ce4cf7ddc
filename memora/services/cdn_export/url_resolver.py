"""The full address of a published file: on the CDN, or on this site while publishing is local."""

from urllib.parse import quote

import frappe
from memora.services.cdn_export import config, content_paths
from memora.services.cdn_export.config import CdnSettings


def get_content_url(path: str) -> str:
	"""The full address of a path relative to the content root.

	Raises:
		ValueError: the path leaves the content root.
	"""
	settings = config.load_addresses()
	quoted = quote(content_paths.safe_path(path))
	if settings.uploads:
		return f"{base_url(settings)}/{quoted}"
	return frappe.utils.get_url(f"/{content_paths.LOCAL_FOLDER}/{quoted}")


def base_url(settings: CdnSettings) -> str:
	"""Where the bucket is read from: the CDN's address, else the bucket's own. Without a trailing slash."""
	if settings.cdn_base_url:
		return settings.cdn_base_url
	if settings.endpoint_url:
		return f"{settings.endpoint_url}/{settings.bucket_name}"
	return f"https://{settings.bucket_name}.s3.amazonaws.com"
