"""Publishing for those who may: content managers and system managers."""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

import frappe
from memora.api.guards import rate_limit
from memora.services.cdn_export import batch_processor, cdn_uploader
from memora.utils import validators

PUBLISHER_ROLES = ["System Manager", "Memora Content Manager"]


@frappe.whitelist(methods=["POST"])
@rate_limit()
def test_connection() -> dict:
	"""Write and delete a small object in the configured bucket.

	Returns {"status": "success", "bucket": "memora-content"}, or "failed" with an "error".
	"""
	frappe.only_for(PUBLISHER_ROLES)
	return cdn_uploader.test_connection()


@frappe.whitelist(methods=["POST"])
@rate_limit()
def publish_plan(plan_id: str | None = None) -> dict:
	"""Start publishing a plan in the background; CDN Sync Log tells how it went.

	Returns {"status": "queued", "plan_id": "PLAN-001"}
	"""
	frappe.only_for(PUBLISHER_ROLES)
	plan_id = validators.parse_id(plan_id, "plan_id")
	batch_processor.enqueue_publish(plan_id, frappe.session.user)
	return {"status": "queued", "plan_id": plan_id}
