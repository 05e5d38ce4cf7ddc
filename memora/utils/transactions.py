"""Where a unit of work begins.

InnoDB pins what plain SELECTs see at the first one of a transaction. A decision taken under a row lock must see
what the lock's last owner committed, so it begins in a transaction that has read nothing yet.
"""

import contextlib
from collections.abc import Iterator

import frappe


def begin_fresh() -> None:
	"""Start a new transaction. What the caller had written before is committed, not lost."""
	if frappe.db.transaction_writes:
		frappe.db.commit()
	frappe.db.begin()


@contextlib.contextmanager
def fresh_transaction() -> Iterator[None]:
	"""A new transaction for work under a lock. What is not committed inside is undone, and the locks let go."""
	begin_fresh()
	try:
		yield
	finally:
		frappe.db.rollback()
