from frappe.model.document import Document
from memora.services.cdn_export import sync_log
from memora.utils import table_indexes

INDEXED_TOGETHER = {"status_next_retry_at_index": ("status", "next_retry_at")}


class CDNSyncLog(Document):
	@staticmethod
	def clear_old_logs(days: int = 90) -> None:
		"""Called by Frappe's Log Settings."""
		sync_log.delete_closed_before(days)


def on_doctype_update():
	table_indexes.ensure_declared("CDN Sync Log")
