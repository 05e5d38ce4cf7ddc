"""Rows of a document's table. Base class of the controllers of child DocTypes."""

from frappe import _, throw
from frappe.model.document import Document
from memora.exceptions import InvalidInput


class ChildRow(Document):
	"""A row is saved with its document, for which Frappe calls none of the row's methods.

	REST can save or delete a row alone, past every rule of its document (two devices, each subject once) and past the
	notice of a change: these two methods are what Frappe calls then.
	"""

	def before_save(self):
		self._refuse()

	def on_trash(self):
		self._refuse()

	def _refuse(self):
		throw(_("{0} is changed through its {1}.").format(_(self.doctype), _(self.parenttype)), InvalidInput)
