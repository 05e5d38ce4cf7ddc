from frappe.model.document import Document
from memora.utils import table_indexes

INDEXED_TOGETHER = {"status_next_retry_at_index": ("status", "next_retry_at")}


class CDNSyncLog(Document):
	pass


def on_doctype_update():
	table_indexes.ensure_declared("CDN Sync Log")
