import uuid

from frappe import _, throw
from frappe.model.document import Document
from memora.exceptions import InvalidInput
from memora.utils import clock, json_text, table_indexes, validators

UNIQUE_TOGETHER = {
	"unique_player_seq": ("player", "seq"),
	"unique_player_first_completion_of": ("player", "first_completion_of"),
	"unique_player_client_event_id": ("player", "client_event_id"),
}
INDEXED_TOGETHER = {"player_reference_id_seq_index": ("player", "reference_id", "seq")}
# Frappe makes Int columns NOT NULL, and entries that award nothing have no place among the awards.
NULLABLE_COLUMNS = ("seq",)
# Their unique keys must not meet on the entries that have no value.
NULL_WHEN_EMPTY = ("player", "seq", "first_completion_of", "client_event_id", "event_id")


class MemoraInteractionLog(Document):
	"""The ledger: appended to, never edited and never deleted. `services.interaction_log` writes it, past this class."""

	def validate(self):
		self.refuse_edits()
		self.fill_in_identity()
		self.validate_interaction_type()
		self.validate_interaction_data()

	def on_trash(self):
		self._refuse()

	def before_rename(self, *args):
		self._refuse()

	def get_valid_dict(self, *args, **kwargs):
		"""Frappe stores an empty Int as 0 and an empty Data as ""; here nothing is NULL."""
		values = super().get_valid_dict(*args, **kwargs)
		for fieldname in NULL_WHEN_EMPTY:
			if fieldname in values and not values[fieldname]:
				values[fieldname] = None
		return values

	def refuse_edits(self):
		if not self.is_new():
			self._refuse()

	def fill_in_identity(self):
		self.event_id = self.event_id or str(uuid.uuid4())
		self.created_at = self.created_at or clock.to_site_time(clock.utc_now())

	def validate_interaction_type(self):
		self.interaction_type = validators.parse_text(
			self.interaction_type or "", _("Interaction Type"), 1, 140
		)

	def validate_interaction_data(self):
		try:
			self.interaction_data = json_text.normalise_object(self.interaction_data)
		except ValueError as error:
			throw(_("Interaction Data {0}.").format(error), InvalidInput)

	def _refuse(self):
		throw(_("The interaction log is append only: entries are neither edited nor deleted."), InvalidInput)


def on_doctype_update():
	table_indexes.ensure_declared("Memora Interaction Log")
