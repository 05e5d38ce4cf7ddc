"""The page /memora/api-docs: the document for people, in one file without scripts and without anything from elsewhere.

Only where the site config says `memora_api_docs: 1`; anywhere else the address does not exist.
"""

import functools
import json
from pathlib import Path

from jinja2 import Environment

import frappe
from frappe.website.page_renderers.base_renderer import BaseRenderer
from memora.api.guards import API_DOCS
from memora.openapi import document

_TEMPLATE = Path(__file__).with_name("page.html")
_HEADERS = {
	"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
	"X-Content-Type-Options": "nosniff",
}


class APIDocs(BaseRenderer):
	"""A page_renderer: Frappe asks each whether an address is its own."""

	def can_render(self) -> bool:
		return self.path == API_DOCS and bool(frappe.conf.get("memora_api_docs"))

	def render(self):
		return self.build_response(_html(), headers=_HEADERS)


@functools.lru_cache(maxsize=1)
def _html() -> str:
	"""The same for every site and caller."""
	environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
	environment.filters["json"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
	template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
	return template.render(api=document.build(), name=_last_part, said=_said)


def _last_part(reference: dict) -> str:
	return reference["$ref"].rsplit("/", 1)[1]


def _said(schema: dict) -> str:
	"""A schema in one line: "integer, 0 to 5"."""
	if "$ref" in schema:
		return _last_part(schema)
	if "anyOf" in schema:
		return " or ".join(map(_said, schema["anyOf"]))
	if "enum" in schema:
		return "one of " + ", ".join(map(str, schema["enum"]))
	kind = f"list of {_said(schema['items'])}" if "items" in schema else schema.get("type", "anything")
	parts = [kind, schema.get("format", ""), *_limits(schema, "minimum", "maximum", "")]
	return ", ".join(
		part for part in [*parts, *_limits(schema, "minLength", "maxLength", " characters")] if part
	)


def _limits(schema: dict, low: str, high: str, unit: str) -> list[str]:
	if high not in schema:
		return [f"at least {schema[low]}{unit}"] if low in schema else []
	return [f"{schema.get(low, 0)} to {schema[high]}{unit}"]
