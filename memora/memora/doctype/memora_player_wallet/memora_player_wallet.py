import functools

import frappe
from frappe import _, throw
from frappe.model.document import Document
from frappe.utils import cint, getdate
from memora.exceptions import InvalidInput, StoreUnavailable
from memora.services import wallet_engine
from memora.utils import clock, compat


class MemoraPlayerWallet(Document):
	def validate(self):
		self.restore_server_fields()
		self.validate_non_negative_xp()
		self.validate_non_negative_streak()
		self.validate_date_not_in_future()

	def after_insert(self):
		self.populate_wallet_cache()

	def on_update(self):
		self.drop_outdated_copy()

	def on_trash(self):
		self.cleanup_wallet_cache()

	def restore_server_fields(self):
		before = self.get_doc_before_save()
		self.synced_through = before.synced_through if before else 0

	def validate_non_negative_xp(self):
		if cint(self.total_xp) < 0:
			throw(_("Total XP cannot be negative."), InvalidInput)

	def validate_non_negative_streak(self):
		"""No rule of Memora makes a streak negative, so one is a sign of corruption: reset and reported."""
		if cint(self.current_streak) < 0:
			frappe.log_error(
				title="Security Event",
				message=f"Wallet {self.name} of {self.player}: streak {self.current_streak} reset to 0",
			)
			self.current_streak = 0

	def validate_date_not_in_future(self):
		if self.last_success_date and getdate(self.last_success_date) > clock.utc_today():
			throw(_("The last success date cannot be in the future."), InvalidInput)

	def drop_outdated_copy(self):
		"""Under the row's lock and before the commit: whoever loads the copy next waits and sees these figures."""
		if self.get_doc_before_save():
			wallet_engine.drop_wallet_copy(self._user())

	def populate_wallet_cache(self):
		compat.after_commit(functools.partial(_load_copy, self._user()))

	def cleanup_wallet_cache(self):
		frappe.db.get_value(self.doctype, self.name, "name", for_update=True)
		wallet_engine.drop_wallet_copy(self._user())

	def _user(self) -> str:
		return frappe.db.get_value("Memora Player Profile", self.player, "user")


def _load_copy(user: str):
	try:
		wallet_engine.load_wallet_copy(user)
	except StoreUnavailable:
		# The wallet is saved; its first reader loads the copy.
		frappe.logger("memora").warning("the wallet copy of %s could not be loaded", user)
