"""What differs between Frappe versions 14 and 15, in one place."""

from collections.abc import Callable

import frappe


def site_time_zone() -> str:
	"""The site's IANA time zone name, as System Settings have it."""
	return frappe.utils.get_system_timezone()


def after_commit(action: Callable[[], None]) -> None:
	"""Run `action` once the current transaction is committed; never when it is rolled back.

	Version 15 keeps `frappe.db.after_commit`. Version 14 has nothing like it, so the callbacks wait on the
	connection and its `commit` and `rollback` are wrapped, once a connection.
	"""
	manager = getattr(frappe.db, "after_commit", None)
	if manager is not None:
		manager.add(action)
		return
	_waiting(frappe.db).append(action)


def _waiting(database) -> list[Callable[[], None]]:
	if not hasattr(database, "memora_after_commit"):
		database.memora_after_commit = []
		database.commit = _then_run(database, database.commit)
		database.rollback = _then_forget(database, database.rollback)
	return database.memora_after_commit


def _then_run(database, commit):
	def commit_and_run(*args, **kwargs):
		commit(*args, **kwargs)
		waiting, database.memora_after_commit[:] = list(database.memora_after_commit), []
		for action in waiting:
			action()

	return commit_and_run


def _then_forget(database, rollback):
	def rollback_and_forget(*args, save_point=None, **kwargs):
		rollback(*args, save_point=save_point, **kwargs)
		if not save_point:
			database.memora_after_commit.clear()

	return rollback_and_forget
