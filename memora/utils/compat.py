"""What differs between Frappe versions 14 and 15, in one place."""

from collections import deque
from collections.abc import Callable

import frappe


def site_time_zone() -> str:
	"""The site's IANA time zone name, as System Settings have it."""
	return frappe.utils.get_system_timezone()


def before_commit(action: Callable[[], None]) -> None:
	"""Run `action` inside the current transaction, right before it is committed; never when it is rolled back."""
	_add("before_commit", action)


def after_commit(action: Callable[[], None]) -> None:
	"""Run `action` once the current transaction is committed; never when it is rolled back."""
	_add("after_commit", action)


def _add(moment: str, action: Callable[[], None]) -> None:
	"""Version 15 keeps `frappe.db.before_commit` and `frappe.db.after_commit`. Version 14 has nothing like them that a
	rollback empties, so the actions wait on the connection and its `commit` and `rollback` are wrapped, once each."""
	manager = getattr(frappe.db, moment, None)
	if manager is not None:
		manager.add(action)
	else:
		_waiting(frappe.db)[moment].append(action)


def _waiting(database) -> dict[str, deque[Callable[[], None]]]:
	if not hasattr(database, "memora_waiting"):
		database.memora_waiting = {"before_commit": deque(), "after_commit": deque()}
		database.commit = _between(database.memora_waiting, database.commit)
		database.rollback = _then_forget(database.memora_waiting, database.rollback)
	return database.memora_waiting


def _between(waiting, commit):
	def run_and_commit(*args, **kwargs):
		_run(waiting["before_commit"])
		commit(*args, **kwargs)
		_run(waiting["after_commit"])

	return run_and_commit


def _run(actions: deque[Callable[[], None]]) -> None:
	while actions:
		actions.popleft()()


def _then_forget(waiting, rollback):
	def rollback_and_forget(*args, save_point=None, **kwargs):
		rollback(*args, save_point=save_point, **kwargs)
		if not save_point:
			for actions in waiting.values():
				actions.clear()

	return rollback_and_forget
