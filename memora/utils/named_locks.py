"""The database's named locks: held by one connection, whatever it commits, and let go when its process dies."""

import contextlib
import hashlib
from collections.abc import Iterator

import frappe


@contextlib.contextmanager
def held(name: str, wait_seconds: int = 0) -> Iterator[bool]:
	"""Whether the lock is ours for the length of the block."""
	is_ours = bool(frappe.db.sql("select get_lock(%s, %s)", (physical(name), wait_seconds))[0][0])
	try:
		yield is_ours
	finally:
		if is_ours:
			frappe.db.sql("select release_lock(%s)", physical(name))


def is_held(name: str) -> bool:
	"""Whether a living process holds the lock."""
	return not frappe.db.sql("select is_free_lock(%s)", physical(name))[0][0]


def physical(name: str) -> str:
	"""Named locks are the server's, not the site's, and have at most 64 characters."""
	digest = hashlib.sha256(f"{frappe.local.conf.db_name}|{name}".encode()).hexdigest()
	return f"memora:{digest[:48]}"
