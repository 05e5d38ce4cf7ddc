from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.memora.doctype.child_row import ChildRow
from memora.utils import json_text, validators

MAX_WEIGHT = 1_000_000
MAX_TARGET_TIME_SECONDS = 86_400


class MemoraLessonStage(ChildRow):
	"""Frappe validates no rows by itself: the lesson calls `validate`."""

	def validate(self):
		self.validate_title()
		self.validate_config()
		self.validate_numbers()

	def validate_title(self):
		self.title = validators.parse_text(self.title or "", self._label(_("Title")), 1, 140)

	def validate_config(self):
		try:
			self.config = json_text.normalise_object(self.config)
		except ValueError as error:
			throw(_("{0} {1}.").format(self._label(_("Config")), error), InvalidInput)

	def validate_numbers(self):
		self.weight = validators.parse_int(self.weight or 0, self._label(_("Weight")), 0, MAX_WEIGHT)
		self.target_time = validators.parse_int(
			self.target_time or 0, self._label(_("Target Time")), 0, MAX_TARGET_TIME_SECONDS
		)

	def _label(self, field_label: str) -> str:
		return _("Stage {0}: {1}").format(self.idx, field_label)
