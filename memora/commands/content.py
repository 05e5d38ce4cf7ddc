"""`bench --site SITE memora import-subject` and `export-subject`: a whole subject from a spreadsheet, and back."""

import sys
from pathlib import Path
from typing import Any

import click

from frappe.commands import pass_context
from memora.commands.site import connected

READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import-subject")
@click.argument("file", type=READABLE)
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@pass_context
def import_subject(context, file: Path, dry_run: bool):
	"""Import the subject in an .xlsx or .csv FILE: all of it or nothing.

	Ends with 1 when something stands in the way, after telling each row that does.
	"""
	from memora.services.content_sheet import importer

	with connected(context):
		report = importer.import_sheet(file.name, file.read_bytes(), dry_run).to_dict()
	_tell(report)
	sys.exit(1 if report["problems"] else 0)


def _tell(report: dict[str, Any]) -> None:
	for level, counts in report["counts"].items():
		click.echo(f"{level}: " + ", ".join(f"{count} {action}" for action, count in counts.items()))
	for problem in report["problems"]:
		place = f"row {problem['row']}: " if problem["row"] else ""
		click.secho(place + problem["message"], fg="red", err=True)
	if report["problems"]:
		click.secho(f"{report['problem_count']} problems; nothing was changed.", fg="red", err=True)
	elif report["is_check"]:
		click.echo("Nothing was changed.")
	else:
		click.echo(f"Imported as {report['subject']}.")


@click.command("export-subject")
@click.argument("subject")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@pass_context
def export_subject(context, subject: str, file: Path):
	"""Write a SUBJECT into an .xlsx or .csv FILE. Importing it unchanged changes nothing."""
	from memora.services.content_sheet import exporter, workbooks

	file_type = file.suffix.lower().lstrip(".")
	if file_type not in (workbooks.XLSX, workbooks.CSV):
		raise click.UsageError("FILE must end in .xlsx or .csv.")
	with connected(context):
		file.write_bytes(exporter.export_subject(subject, file_type))
