from frappe.model.document import Document


class MemoraDailyTotal(Document):
	"""Written by `services.privacy.daily_totals`, past this class."""
