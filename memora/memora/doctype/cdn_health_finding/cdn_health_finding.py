from frappe.model.document import Document
from memora.services.cdn_export import findings


class CDNHealthFinding(Document):
	"""A problem of publishing while it lasts. Its name says which, so the database keeps it from being noted twice."""

	def autoname(self):
		self.name = findings.name_of(self.problem, self.plan_id or "")
