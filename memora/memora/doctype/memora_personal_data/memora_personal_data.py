import frappe
from frappe.model.document import Document
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
	"""The users whom a list's filters name by equality; nobody without such a filter, and nobody's at large."""
	filters = args.get("filters") or []
	if isinstance(filters, dict):
		filters = [[field, "=", value] for field, value in filters.items()]
	return [each[-1] for each in filters if list(each[-3:-1]) == ["user", "="]]
