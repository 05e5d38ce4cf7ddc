"""The only door to the object storage: a client for S3, R2 or any server that speaks S3.

Calls have timeouts and few retries, so a storage that is away is noticed within seconds and the retry is the queue's.
Texts of errors may quote what a server answered: callers pass them through `CdnSettings.redact` before they are stored.
"""

import functools
import threading
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.config
from botocore.exceptions import BotoCoreError, ClientError

from memora.services.cdn_export import config
from memora.services.cdn_export.config import CdnSettings
from memora.utils import addresses

MAX_THREADS = 24
CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 5, 20
MAX_ATTEMPTS = 3
_NOT_THERE = ("NoSuchKey", "404")

StorageError = (BotoCoreError, ClientError)

_making_a_client = threading.Lock()  # sessions are not safe to share among threads, clients are


def get_cdn_client(settings: Any):
	"""A boto3 S3 client, safe to share among threads.

	Args:
		settings: CDN Settings, or `CdnSettings`.

	Raises:
		ValueError: the endpoint is no address that the server may call, or the keys are missing.
	"""
	settings = config.as_settings(settings)
	if not (settings.access_key and settings.secret_key):
		# boto3 would look for the machine's own, in its environment and at its cloud's metadata service.
		raise ValueError("the access key or the secret key is missing")
	if settings.endpoint_url:
		addresses.check_address(settings.endpoint_url)
	with _making_a_client:
		return _session().client(
			"s3",
			endpoint_url=settings.endpoint_url or None,
			region_name=_region(settings),
			aws_access_key_id=settings.access_key,
			aws_secret_access_key=settings.secret_key,
			config=_client_config(settings),
		)


@functools.lru_cache(maxsize=1)
def _session() -> boto3.session.Session:
	"""Shared, since a new one reads the description of all of S3 again. It holds no connection and no key."""
	return boto3.session.Session()


def _region(settings: CdnSettings) -> str:
	host = urlsplit(settings.endpoint_url).hostname or ""
	if host.endswith(".r2.cloudflarestorage.com"):
		return "auto"
	labels = host.split(".")
	return (
		labels[-3]
		if host.endswith(".amazonaws.com") and len(labels) > 3 and labels[-3] != "s3"
		else "us-east-1"
	)


def _client_config(settings: CdnSettings) -> botocore.config.Config:
	options: dict[str, Any] = {
		"signature_version": "s3v4",
		"connect_timeout": CONNECT_TIMEOUT_SECONDS,
		"read_timeout": READ_TIMEOUT_SECONDS,
		"retries": {"max_attempts": MAX_ATTEMPTS, "mode": "standard"},
		"max_pool_connections": MAX_THREADS,
		"s3": {"addressing_style": "auto" if settings.storage_provider == "AWS S3" else "path"},
	}
	# Newer versions send checksum trailers that R2 refuses; older ones do not know the options.
	for option in ("request_checksum_calculation", "response_checksum_validation"):
		if option in botocore.config.Config.OPTION_DEFAULTS:
			options[option] = "when_required"
	return botocore.config.Config(**options)


def says_not_there(error: Exception) -> bool:
	"""Whether the storage answered that it has no such object."""
	return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _NOT_THERE
