from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.memora.doctype.content_node import ContentNode


class MemoraAcademicPlan(ContentNode):
	def validate(self):
		super().validate()
		self.validate_subjects_once()
		self.validate_overrides()

	def validate_subjects_once(self):
		seen = set()
		for row in self.subjects:
			if row.subject in seen:
				throw(_("Row {0}: {1} is in the plan already.").format(row.idx, row.subject), InvalidInput)
			seen.add(row.subject)

	def validate_overrides(self):
		seen = set()
		for row in self.overrides:
			row.validate()
			override = (row.target_doctype, row.target_name, row.action)
			if override in seen:
				throw(
					_("Row {0}: {1} has the override {2} already.").format(
						row.idx, row.target_name, row.action
					),
					InvalidInput,
				)
			seen.add(override)
