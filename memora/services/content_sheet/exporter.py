"""A subject as a file that an import of it leaves everything as it is. Reads only."""

from memora.services.content_sheet import outline, subject_reader, template, workbooks
from memora.services.content_sheet.workbooks import CSV


def export_subject(name: str, file_type: str) -> bytes:
	"""
	Args:
		file_type: "xlsx" or "csv".

	Raises:
		frappe.DoesNotExistError: there is no such subject.
	"""
	rows = outline.write(subject_reader.read_subject(name))
	if file_type == CSV:
		return workbooks.write_csv(rows)
	sheets = {workbooks.SHEET_NAME: rows, template.HELP_SHEET: template.help_rows()}
	return workbooks.write_xlsx(sheets, template.CHOICES)
