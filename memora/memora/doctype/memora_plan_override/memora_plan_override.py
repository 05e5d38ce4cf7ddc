from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.memora.doctype.child_row import ChildRow
from memora.services.content_tree import CONTENT_DOCTYPES
from memora.utils import validators

ACCESS_LEVELS = ("public", "authenticated", "free_preview", "paid")
MAX_ITEM_LENGTH = 140


class MemoraPlanOverride(ChildRow):
	"""Frappe validates no rows by itself: the plan calls `validate`."""

	def validate(self):
		self.validate_target()
		self.validate_value()

	def validate_target(self):
		if self.target_doctype not in CONTENT_DOCTYPES:
			throw(_("Row {0}: only content can be overridden.").format(self.idx), InvalidInput)

	def validate_value(self):
		value = str(self.override_value or "").strip() if self.override_value != 0 else "0"
		if self.action == "Set Access Level":
			self.override_value = self._access_level(value)
		elif self.action == "Set Linear":
			self.override_value = self._linear(value)
		elif self.action == "Set Sold Separately":
			self.override_value = validators.parse_text(value, self._label(), 0, MAX_ITEM_LENGTH)
		else:
			# Hide and Set Free take no value; the form hides the field, and may still hold an older one.
			self.override_value = None

	def _access_level(self, value: str) -> str:
		if value.lower() not in ACCESS_LEVELS:
			throw(_("{0} must be one of {1}.").format(self._label(), ", ".join(ACCESS_LEVELS)), InvalidInput)
		return value.lower()

	def _linear(self, value: str) -> str:
		if not value:
			throw(_("{0} must be true or false.").format(self._label()), InvalidInput)
		validators.parse_bool(value, self._label())
		return value.lower()

	def _label(self) -> str:
		return _("Row {0}: the value of {1}").format(self.idx, self.action)
