from frappe.model.document import Document


class MemoraPlanSubject(Document):
	pass
