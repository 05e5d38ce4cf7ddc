"""Frappe's Personal Data Deletion Request, with Memora's steps around its own.

The seam is the background job that a System Manager starts by "Delete Data", or Frappe itself after the hours that
Website Settings name: nothing is erased because somebody could save a request.
"""

import frappe
from frappe.website.doctype.personal_data_deletion_request.personal_data_deletion_request import (
	PersonalDataDeletionRequest,
)
from memora.services.privacy import copies, erasure, log_files, traces

JOB_TIMEOUT_SECONDS = 3000
# With time left for the work. Who waited in vain is found by his tombstone, or asked for again in Desk.
SECONDS_TO_WAIT = 1500


class ErasureRequest(PersonalDataDeletionRequest):
	def anonymize_data(self):
		"""As Frappe's, but after the commit: the job must find the mail that says farewell, and the user disabled."""
		return frappe.enqueue_doc(
			self.doctype,
			self.name,
			"erase",
			queue="long",
			timeout=JOB_TIMEOUT_SECONDS,
			now=frappe.flags.in_test,
			enqueue_after_commit=True,
		)

	def erase(self):
		"""All steps but the last, which waits until late jobs and mails are through. Commits; safe to run again.

		Whoever finds another erasure at work waits, and may find this one done.
		"""
		with erasure.alone(SECONDS_TO_WAIT) as is_alone:
			if is_alone and frappe.db.exists("User", self.email):
				self._erase(self.email)

	def _erase(self, user_id: str):
		erasure.erase_player(user_id)
		self._anonymize_data()
		erasure.delete_contacts_of(self.name)
		self._clear_what_frappe_keeps()
		traces.forget([user_id, self.name], self.name)
		frappe.db.commit()  # Frappe's steps, the rename and the search are one
		copies.forget(user_id, [user_id])
		log_files.forget([user_id])

	def _clear_what_frappe_keeps(self):
		"""What identifies him and is not among the fields that Frappe redacts."""
		frappe.db.set_value("User", self.name, {"last_ip": None, "gender": None})
		for doctype in ("User Social Login", "User Email"):
			frappe.db.delete(doctype, {"parenttype": "User", "parent": self.name})
