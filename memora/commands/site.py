"""What every command does before and after its own work."""

import contextlib
from collections.abc import Iterator

import frappe
from frappe.commands import get_site


@contextlib.contextmanager
def connected(context) -> Iterator[None]:
	"""The site that bench was told, connected for the length of the block."""
	frappe.init(site=get_site(context))
	frappe.connect()
	try:
		yield
	finally:
		frappe.destroy()
