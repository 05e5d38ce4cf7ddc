"""A subject as a spreadsheet, for those who write content: the template, the export, and the import in the background.

A file is sent as a form's part `file` and is not kept: what an import needs of it is in Redis until it runs.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

from typing import Annotated

import frappe
from frappe import _
from memora.api.cdn_admin import publishers_only
from memora.api.guards import rate_limit, takes_file
from memora.api.replies import ImportRun, ImportStarted
from memora.api.values import Facts, SubjectId, Switch, Uuid4
from memora.exceptions import InvalidInput
from memora.services.content_sheet import exporter, runs, template, workbooks
from memora.utils import validators

FILE_TYPES = (workbooks.XLSX, workbooks.CSV)
MAX_FILE_NAME = 200
# The dialog asks once a second.
CALLS_WHILE_WAITING = 300

FileType = Annotated[str, Facts(enum=list(FILE_TYPES), default=workbooks.XLSX)]


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=30)
@publishers_only
def download_template() -> None:
	"""An .xlsx workbook: an empty sheet, examples in English and Arabic, and what each column is for."""
	_send("memora-subject-template.xlsx", template.make_template())


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=30)
@publishers_only
def export_subject(subject: SubjectId = None, file_type: FileType | None = None) -> None:
	"""A subject with all below it as .xlsx, or as .csv. Importing it unchanged changes nothing.

	Raises:
		DoesNotExistError: there is no such subject.
	"""
	subject = validators.parse_id(subject, "subject")
	if file_type is None or file_type == "":
		file_type = workbooks.XLSX
	file_type = validators.parse_choice(file_type, "file_type", FILE_TYPES)
	_send(f"{subject}.{file_type}", exporter.export_subject(subject, file_type))


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30)
@publishers_only
@takes_file("file")
def start_import(is_check: Switch = None) -> ImportStarted:
	"""Import the subject of a file in the background. See `import_status`.

	Args:
		is_check: only see what the import would do.

	Raises:
		StoreUnavailable: no job can be started.
	"""
	is_check = validators.parse_bool(is_check, "is_check")
	return {"run_id": runs.start(*_sent_file(), is_check)}


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=CALLS_WHILE_WAITING)
@publishers_only
def import_status(run_id: Uuid4 = None) -> ImportRun:
	"""How far an import of the caller is.

	Raises:
		DoesNotExistError: the caller has started no such import in the last hour.
		StoreUnavailable: nothing can be told at the moment.
	"""
	return runs.status(validators.parse_uuid4(run_id, "run_id"))


def _sent_file() -> tuple[str, bytes]:
	upload = frappe.request.files.get("file")
	if not upload:
		frappe.throw(_("Choose a file."), InvalidInput)
	content = upload.stream.read(workbooks.MAX_FILE_BYTES + 1)
	if len(content) > workbooks.MAX_FILE_BYTES:
		limit = workbooks.MAX_FILE_BYTES // 1_000_000
		frappe.throw(_("The file is larger than {0} MB.").format(limit), InvalidInput)
	return validators.parse_text(upload.filename, "file", 1, MAX_FILE_NAME), content


def _send(file_name: str, content: bytes) -> None:
	frappe.response.update({"type": "binary", "filename": file_name, "filecontent": content})
