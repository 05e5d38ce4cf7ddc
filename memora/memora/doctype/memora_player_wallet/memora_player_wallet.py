import functools

import frappe
from frappe import _, throw
from frappe.model.document import Document
from frappe.utils import cint, getdate
from memora.exceptions import InvalidInput, StoreUnavailable
from memora.services import recovery, wallet_awards, wallet_engine
from memora.services.recovery import Wallet
from memora.services.xp_adjustments import MAX_TOTAL_XP
from memora.utils import clock, compat, logs


class MemoraPlayerWallet(Document):
	"""A snapshot of what the ledger says. A correction in Desk or by REST becomes a row of the ledger itself."""

	def load_from_db(self):
		"""Show the ledger's figures: the row may lag behind it until the next sync.

		So a form never holds old figures as if they were true, and its `synced_through` says how new they are. Frappe
		loads with a lock what it compares a save with; the lock is the player's mutex, in the order that all others
		take it.
		"""
		is_locked = bool(self.flags.for_update)
		if is_locked:
			recovery.lock_wallet(_user_of_wallet(self.name))
		super().load_from_db()
		self.show(recovery.read_wallet(self._user(), lock=is_locked))
		return self

	def validate(self):
		self.refuse_outdated_form()
		self.restore_server_fields()
		self.validate_non_negative_xp()
		self.validate_non_negative_streak()
		self.validate_date_not_in_future()

	def before_save(self):
		self.record_adjustment()

	def after_insert(self):
		self.record_opening()
		self.populate_wallet_cache()

	def on_update(self):
		self.drop_outdated_copy()

	def on_trash(self):
		self.cleanup_wallet_cache()

	def show(self, wallet: Wallet | None):
		"""Take the figures over into this document; a wallet without a player keeps its own."""
		if wallet:
			self.update(
				{
					"total_xp": wallet.total_xp,
					"current_streak": wallet.current_streak,
					"last_success_date": wallet.last_success_date,
					"last_played_at": clock.to_site_time(wallet.last_played_at),
					"synced_through": wallet.seq,
				}
			)

	def refuse_outdated_form(self):
		before = self.get_doc_before_save()
		if before and cint(self.synced_through) < before.synced_through:
			throw(_("The player earned more since this form was opened. Please reload it."), InvalidInput)

	def restore_server_fields(self):
		before = self.get_doc_before_save()
		self.synced_through = before.synced_through if before else 0
		if before:
			self.last_played_at = before.last_played_at

	def validate_non_negative_xp(self):
		if cint(self.total_xp) < 0:
			throw(_("Total XP cannot be negative."), InvalidInput)
		if cint(self.total_xp) > MAX_TOTAL_XP:
			throw(_("Total XP can be at most {0}.").format(MAX_TOTAL_XP), InvalidInput)

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

	def record_adjustment(self):
		"""What differs from the ledger under the lock is the administrator's; the saved row contains it."""
		before = self.get_doc_before_save()
		if before:
			self.synced_through = wallet_awards.record_adjustment(
				self._user(), before.figures(), self.figures()
			)

	def record_opening(self):
		"""Figures that a wallet begins with, as an import gives them, become the ledger's: it alone must tell them."""
		figures = self.figures()
		if not (figures.total_xp or figures.current_streak or figures.last_success_date):
			return
		user = self._user()
		before = recovery.read_wallets([user], lock=True, from_ledger=True)[user]
		seq = wallet_awards.record_adjustment(user, before, figures)
		self.db_set("synced_through", seq, update_modified=False)

	def figures(self) -> Wallet:
		return Wallet(
			seq=cint(self.synced_through),
			total_xp=cint(self.total_xp),
			current_streak=cint(self.current_streak),
			last_success_date=getdate(self.last_success_date) if self.last_success_date else None,
			last_played_at=None,
		)

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


def _user_of_wallet(name: str) -> str | None:
	return frappe.db.get_value(
		"Memora Player Profile", frappe.db.get_value("Memora Player Wallet", name, "player"), "user"
	)


def _load_copy(user: str):
	try:
		wallet_engine.load_wallet_copy(user)
	except StoreUnavailable:
		# The wallet is saved; its first reader loads the copy.
		logs.get_logger().warning("the wallet copy of %s could not be loaded", user)
