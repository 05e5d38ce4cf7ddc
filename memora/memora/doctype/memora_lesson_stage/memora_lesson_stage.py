from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.memora.doctype.child_row import ChildRow
from memora.services import stage_config
from memora.utils import validators

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
			self.config = stage_config.normalise(self.type, self.config)
		except ValueError as error:
			if not self._stands_as_before():
				throw(f"{self._label(str(error))}.", InvalidInput)

	def validate_numbers(self):
		self.weight = validators.parse_int(self.weight or 0, self._label(_("Weight")), 0, MAX_WEIGHT)
		self.target_time = validators.parse_int(
			self.target_time or 0, self._label(_("Target Time")), 0, MAX_TARGET_TIME_SECONDS
		)

	def _stands_as_before(self) -> bool:
		"""A config from before a rule was made keeps nobody from moving or renaming its lesson."""
		lesson = self.parent_doc.get_doc_before_save()
		rows = lesson.stages if lesson else []
		return (self.type, self.config) in [(row.type, row.config) for row in rows]

	def _label(self, text: str) -> str:
		return _("Stage {0}: {1}").format(self.idx, text)
