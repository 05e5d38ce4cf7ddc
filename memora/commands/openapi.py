"""`bench --site SITE memora openapi`: the API's document, made from the code."""

import click

from frappe.commands import pass_context
from memora.commands.site import connected


@click.command("openapi")
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=True), default="-")
@pass_context
def openapi(context, file):
	"""Write the OpenAPI document of the API to FILE, or show it. docs/openapi.json is made with it."""
	from memora.openapi import document

	with connected(context):
		text = document.text()
	file.write(text)  # not before: a file is empty from the moment it is opened
