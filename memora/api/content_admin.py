"""Content for those who write it: content managers and system managers.

What changes something is a POST. Players appear in no reply but as a count.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

from typing import Any

import frappe
from frappe import _
from memora.api.cdn_admin import publishers_only
from memora.api.guards import rate_limit
from memora.exceptions import InvalidInput
from memora.services import content_admin as content
from memora.services import content_admin_changes as changes
from memora.services import content_admin_plans
from memora.services.content_tree import CONTENT_DOCTYPES
from memora.utils import validators

MAX_SEARCH_LENGTH = 140
MAX_FOUND = 50
MAX_TITLE = 140
MAX_START = 100_000
# A picker asks at every pause in typing.
CALLS_OF_A_PICKER = 300


# --- The tree --------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def get_tree(subject: str | None = None, plan_id: str | None = None) -> dict:
	"""A subject with everything below it, and what players see of it: with a plan's overrides, or without.

	Returns {"doctype", "name", "title", "is_published", "is_overridden", "access": {"access_level", ...} | None,
	         "stage_count" (lessons only), "children": [the same]}
	"""
	plan_id = validators.parse_optional(validators.parse_id, plan_id, "plan_id")
	return content.load_tree(validators.parse_id(subject, "subject"), plan_id)


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def add_child(doctype: str | None = None, name: str | None = None, title: str | None = None) -> dict:
	"""Add an unpublished node as the last one below this one. Returns {"name": "TOPIC-012"}"""
	doctype, name = _node(doctype, name)
	return {"name": changes.add_child(doctype, name, validators.parse_text(title, "title", 1, MAX_TITLE))}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def move_node(
	doctype: str | None = None, name: str | None = None, parent: str | None = None, before: str | None = None
) -> dict:
	"""Put a node below a parent in front of one of its children, or as the last. Returns {"changed": {name: sort_order}}"""
	doctype, name = _node(doctype, name)
	before = validators.parse_optional(validators.parse_id, before, "before")
	return {"changed": changes.move_node(doctype, name, validators.parse_id(parent, "parent"), before)}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30)
@publishers_only
def set_published(
	doctype: str | None = None, name: str | None = None, is_published: bool | int | str | None = None
) -> dict:
	"""Publish or unpublish a node and all below it. Returns {"changed": 12}, the number of nodes"""
	doctype, name = _node(doctype, name)
	return {
		"changed": changes.set_published(doctype, name, validators.parse_bool(is_published, "is_published"))
	}


# --- Plans -----------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit(max_requests=CALLS_OF_A_PICKER)
@publishers_only
def search_targets(
	doctype: str | None = None,
	txt: str | None = None,
	searchfield: str | None = None,
	start: int | str | None = 0,
	page_len: int | str | None = 20,
	filters: dict | str | None = None,
	as_dict: bool = False,
	reference_doctype: str | None = None,
	ignore_user_permissions: bool = False,
) -> list:
	"""Query of a link field: content of the subjects in `filters`. Returns [[name, title, titles above it]]"""
	found = content_admin_plans.search_targets(
		_content_doctype(doctype),
		_subjects(filters),
		validators.parse_text(txt or "", "txt", 0, MAX_SEARCH_LENGTH),
		validators.parse_int(start or 0, "start", 0, MAX_START),
		min(validators.parse_int(page_len or MAX_FOUND, "page_len", 1, MAX_START), MAX_FOUND),
	)
	return [list(row) for row in found]


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def known_items() -> list:
	"""Codes of items that content or plans name already. Returns ["ITEM-1", ...]"""
	return content_admin_plans.known_items()


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def published_files(plan_id: str | None = None) -> dict:
	"""What a plan consists of as published. Returns {"count": 12, "files": [{"path", "kind", "url"}]}, cut at 500."""
	return content_admin_plans.published_files(validators.parse_id(plan_id, "plan_id"))


# --- Arguments -------------------------------------------------------------------------------------------------


def _content_doctype(value: Any) -> str:
	if value not in CONTENT_DOCTYPES:
		frappe.throw(
			_("{0} must be one of {1}.").format("doctype", ", ".join(CONTENT_DOCTYPES)), InvalidInput
		)
	return value


def _node(doctype: Any, name: Any) -> tuple[str, str]:
	return _content_doctype(doctype), validators.parse_id(name, "name")


def _subjects(filters: Any) -> list[str]:
	"""The names in filters' `subjects`; filters come as an object or as its JSON."""
	if isinstance(filters, str):
		try:
			filters = frappe.parse_json(filters)
		except ValueError:
			filters = None
	subjects = filters.get("subjects") if isinstance(filters, dict) else None
	if not isinstance(subjects, list):
		frappe.throw(_("{0} must be a list.").format("subjects"), InvalidInput)
	return [validators.parse_id(name, "subjects") for name in subjects]
