"""What a request says of its caller, and what every reply carries. In the API, the only module that reads headers and cookies."""

import re
from typing import NoReturn

import frappe
from frappe import _
from memora.exceptions import DeviceIdRequired
from memora.utils import validators

DEVICE_HEADER = "X-Device-ID"
MEMORA_API = "memora.api."
MEMORA_LOGIN = "memora.api.player.login"
FRAPPE_LOGIN = "login"
LOGINS = frozenset({FRAPPE_LOGIN, MEMORA_LOGIN})

_METHOD_PATH = re.compile(r"/api(?:/v[12])?/method/([^/]+)/?\Z")
_THIS_MACHINE = ("127.0.0.1", "::1")


def called_method() -> str:
	"""The whitelisted method that Frappe is going to run for this request; "" for any other route.

	A form's `cmd` goes before the path, as it does in Frappe: otherwise an unguarded path would carry any method in.
	"""
	if frappe.form_dict.get("cmd"):
		return str(frappe.form_dict.cmd)
	found = _METHOD_PATH.match(path())
	return found.group(1) if found else ""


def path() -> str:
	return frappe.request.path if frappe.request else ""


def sent_session_id() -> str | None:
	"""The session id that the caller sent, from where Frappe takes it."""
	return frappe.form_dict.get("sid") or frappe.request.cookies.get("sid")


def device_id() -> str:
	"""The caller's device, canonical.

	Raises:
		DeviceIdRequired: the header is missing or holds no UUID v4.
	"""
	found = device_id_or_none()
	if found is None:
		refuse(device_id_message(), DeviceIdRequired)
	return found


def device_id_message() -> str:
	return _("The header X-Device-ID must hold a UUID of version 4.")


def device_id_or_none() -> str | None:
	return validators.canonical_uuid4(frappe.get_request_header(DEVICE_HEADER))


def address() -> str:
	"""The peer, or what the proxy on this machine said of it; never what a caller claims in front of that."""
	if not frappe.request:
		return "console"
	peer = frappe.request.remote_addr or "unknown"
	forwarded = frappe.get_request_header("X-Forwarded-For")
	if forwarded and peer in _THIS_MACHINE:
		return forwarded.split(",")[-1].strip()
	return peer


def refuse(message: str, error: type[Exception]) -> NoReturn:
	"""Raise an error for the caller. He is told why; the inside of the program is none of his business."""
	frappe.local.flags.disable_traceback = True
	frappe.throw(message, error)


def add_headers(headers: dict[str, str]) -> None:
	"""Headers for the reply, whether the request succeeds or not."""
	frappe.local.memora_headers = {**getattr(frappe.local, "memora_headers", {}), **headers}


def send_headers(response=None, request=None) -> None:
	"""after_request: what `add_headers` collected."""
	if response is not None:
		response.headers.update(getattr(frappe.local, "memora_headers", {}))
