"""Content and players that other processes see too, and their removal.

Most site tests live inside a transaction that is rolled back. What goes over HTTP, or commits by itself as completing
a lesson does, cannot: such tests make a `Game`, which is committed, and is removed with all that grew on it.
"""

import contextlib
import os

import frappe
from frappe.utils.password import update_password
from memora.services import recovery
from memora.services.cdn_export import local_storage
from memora.utils import redis_store
from tests import factories

PASSWORD = "correct horse <battery> & staple"  # a guest's < and & must reach Frappe unchanged

# Saving a User clears all of Frappe's caches, so users outlive their test and serve the next one.
_idle_users: list[str] = []

CONTENT = {
	"track_names": "Memora Track",
	"unit_names": "Memora Unit",
	"topic_names": "Memora Topic",
	"lesson_names": "Memora Lesson",
}


class Game:
	"""A published subject in a published plan, and players of it."""

	def __init__(self, *, overrides=(), **subject):
		self.players, self.other_plans = [], []
		try:
			self._make(overrides, subject)
		except frappe.QueryDeadlockError:  # with a request or a job that the test before left at work
			frappe.db.rollback()
			self._make(overrides, subject)
		frappe.db.commit()

	def _make(self, overrides, subject):
		self.subject = factories.make_subject(title=factories.unique("Subject"), **subject)
		self.lessons = self.subject.lesson_names
		overrides = overrides(self.subject) if callable(overrides) else overrides
		self.plan = factories.make_plan(subjects=[self.subject.name], overrides=overrides)

	def add_player(self, *, devices=("phone",), **values):
		"""A student who can log in with PASSWORD; `player.device_ids` are his devices' ids."""
		values = {"current_plan": self.plan.name, **values}
		player = factories.make_player(devices=devices, user=take_user(), **values)
		frappe.db.commit()
		player.device_ids = [row.device_id for row in player.authorized_devices]
		self.players.append(player)
		return player

	def add_plan(self, **values):
		"""Another plan of the same subject."""
		plan = factories.make_plan(**{"subjects": [self.subject.name], **values})
		frappe.db.commit()
		self.other_plans.append(plan)
		return plan

	def remove(self):
		frappe.db.rollback()
		for player in self.players:
			forget_player(player)
		for plan in (self.plan, *self.other_plans):
			_delete_plan(plan.name)
		for attribute, doctype in CONTENT.items():
			for name in getattr(self.subject, attribute):
				_delete(doctype, "name", name)
		_delete("Memora Subject", "name", self.subject.name)
		structure = os.path.join(local_storage.get_local_base_path(), f"{self.subject.name}.json")
		if os.path.exists(structure):
			os.remove(structure)
		frappe.db.commit()


def enter(test, context):
	"""What `enterContext` of Python 3.11 does: the context ends with the test."""
	stack = contextlib.ExitStack()
	test.addCleanup(stack.close)
	return stack.enter_context(context)


def take_user() -> str:
	if _idle_users:
		return _idle_users.pop()
	user = factories.make_user("Memora Student").name
	update_password(user, PASSWORD)
	return user


def remove_idle_users() -> None:
	"""At the end of a run: what the tests shared goes too."""
	frappe.db.rollback()
	while _idle_users:
		forget_user(_idle_users.pop())
	frappe.db.commit()


def forget_user(user: str) -> None:
	_delete("Sessions", "user", user)
	_delete("Has Role", "parent", user)
	_delete("User", "name", user)


def forget_player(player) -> None:
	"""Remove a player with everything that names him: rows, sessions and Redis keys, nobody else's.

	His user goes back to the pool.
	"""
	_delete("Memora Interaction Log", "player", player.user)
	_delete("Memora Structure Progress", "player", player.user)
	_delete("Memora Player Wallet", "player", player.name)
	_delete("Memora Authorized Device", "parent", player.name)
	_delete("Memora Player Profile", "name", player.name)
	_delete("Sessions", "user", player.user)
	_idle_users.append(player.user)
	for key in redis_store.keys_matching(f"*{player.user}*"):
		redis_store.delete(key)
	redis_store.remove_members("pending_wallet_sync", player.user)


def _delete_plan(name: str) -> None:
	_delete("Memora Plan Subject", "parent", name)
	_delete("Memora Plan Override", "parent", name)
	_delete("Memora Academic Plan", "name", name)
	_delete("CDN Sync Log", "plan_id", name)


def _delete(doctype: str, column: str, value: str) -> None:
	frappe.db.sql(f"delete from `tab{doctype}` where `{column}` = %s", value)


def ledger_of(player) -> list:
	"""The player's awards in order, as the database has them now."""
	frappe.db.rollback()
	return frappe.get_all(
		"Memora Interaction Log",
		filters={"player": player.user, "seq": ["is", "set"]},
		fields=[
			"seq",
			"interaction_type",
			"reference_id",
			"xp_awarded",
			"first_completion_of",
			"client_event_id",
		],
		order_by="seq",
	)


def truth_of(user: str, subject: str) -> recovery.Progress:
	"""A player's progress as all rows of the ledger tell it, whatever the snapshot says."""
	frappe.db.rollback()
	return recovery.read_progress_many([(user, subject)], from_ledger=True)[user, subject]
