import base64
import binascii

from frappe import _, throw
from frappe.model.document import Document
from frappe.utils import cint
from memora.exceptions import InvalidInput
from memora.utils import json_text, table_indexes

UNIQUE_TOGETHER = {"unique_player_subject": ("player", "subject")}
SERVER_FIELDS = (
	"progress_bitmap",
	"best_hearts",
	"total_xp_earned",
	"completion_percentage",
	"last_synced_at",
	"synced_through",
)
MAX_HEARTS = 5


class MemoraStructureProgress(Document):
	def validate(self):
		self.restore_server_fields()
		self.validate_bitmap()
		self.validate_best_hearts()
		self.validate_percentage()

	def restore_server_fields(self):
		"""Progress is earned, not typed in: only services, which set `ignore_permissions`, write these, and not with
		figures from before the last sync."""
		before = self.get_doc_before_save()
		is_outdated = before and cint(self.synced_through) < cint(before.synced_through)
		if self.flags.ignore_permissions and not is_outdated:
			return
		for fieldname in SERVER_FIELDS:
			self.set(fieldname, before.get(fieldname) if before else None)

	def validate_bitmap(self):
		try:
			base64.b64decode(self.progress_bitmap or "", validate=True)
		except (binascii.Error, ValueError):
			throw(_("Progress Bitmap must be base64."), InvalidInput)

	def validate_best_hearts(self):
		try:
			best_hearts = json_text.parse_object(self.best_hearts)
		except ValueError as error:
			throw(_("Best Hearts {0}.").format(error), InvalidInput)
		for lesson, hearts in best_hearts.items():
			if type(hearts) is not int or not 0 <= hearts <= MAX_HEARTS:
				throw(_("The best hearts of {0} must be 0 to {1}.").format(lesson, MAX_HEARTS), InvalidInput)

	def validate_percentage(self):
		if not 0 <= float(self.completion_percentage or 0) <= 100:
			throw(_("Completion Percentage must be from 0 to 100."), InvalidInput)


def on_doctype_update():
	table_indexes.ensure_declared("Memora Structure Progress")
