from frappe import _, throw
from frappe.utils import getdate
from memora.exceptions import InvalidInput
from memora.memora.doctype.content_node import ContentNode


class MemoraSeason(ContentNode):
	def validate(self):
		super().validate()
		self.validate_dates()

	def validate_dates(self):
		if self.start_date and self.end_date and getdate(self.end_date) < getdate(self.start_date):
			throw(_("The season must not end before it starts."), InvalidInput)
