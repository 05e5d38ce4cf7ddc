import re

from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.memora.doctype.content_node import ContentNode

_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")


class MemoraSubject(ContentNode):
	def validate(self):
		super().validate()
		self.validate_color()
		self.keep_next_bit_index()

	def validate_color(self):
		if self.color_code and not _COLOR.match(self.color_code):
			throw(_("Color must look like #1f6feb."), InvalidInput)

	def keep_next_bit_index(self):
		"""The counter moves on its own: a form opened before a lesson was added must not turn it back."""
		before = self.get_doc_before_save()
		self.next_bit_index = before.next_bit_index if before else 0
