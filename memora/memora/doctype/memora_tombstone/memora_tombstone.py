from frappe.model.document import Document


class MemoraTombstone(Document):
	"""Written by `services.privacy.tombstones`, past this class."""
