import frappe
from frappe.model.document import Document
from memora import permissions
from memora.services.privacy import personal_data


class MemoraPersonalData(Document):
	"""A DocType without a table, so that Frappe's Personal Data Download gets what is one player's and nothing else.

	Deleting is not done through it: `services.privacy.deletion_request` has erased the player before Frappe asks.
	"""

	def load_from_db(self):
		raise frappe.DoesNotExistError

	def db_insert(self, *args, **kwargs):
		raise NotImplementedError

	def db_update(self):
		raise NotImplementedError

	def delete(self):
		raise NotImplementedError

	@staticmethod
	def get_list(args: dict) -> list[dict]:
		return [personal_data.read(user) for user in _users(args) if personal_data.is_known(user)]

	@staticmethod
	def get_count(args: dict) -> int:
		return len(MemoraPersonalData.get_list(args))

	@staticmethod
	def get_stats(args: dict) -> dict:
		return {}


def _users(args: dict) -> list[str]:
	"""The users whom a list's filters name by equality, where the caller may have their data; nobody's at large."""
	filters = args.get("filters") or []
	if isinstance(filters, dict):
		filters = [[field, "=", value] for field, value in filters.items()]
	named = [each[-1] for each in filters if list(each[-3:-1]) == ["user", "="]]
	return [user for user in named if isinstance(user, str) and _may_have(user)]


def _may_have(user: str) -> bool:
	"""Frappe asks nobody's permission for a list without a table, and its web form takes anybody's request for anybody. A
	guest may ask: the link is mailed to the person, and no guest can open the file."""
	caller = frappe.session.user
	return caller == "Guest" or caller.lower() == user.strip().lower() or permissions.sees_players(caller)
