"""Content for those who write it: content managers and system managers.

What changes something is a POST. Players appear in no reply but as a count.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

import json
from typing import Annotated, Any, TypedDict

import frappe
from frappe import _
from memora.api.cdn_admin import publishers_only
from memora.api.guards import rate_limit
from memora.api.replies import (
	Breakage,
	ConfigChecked,
	ContentNode,
	NodeAdded,
	NodeMoved,
	NodesChanged,
	PlaceOfNode,
	PublishedFiles,
	StageTemplate,
)
from memora.api.values import ContentDoctype, Facts, Ignored, NodeId, PlanId, SubjectId, Switch, Title
from memora.exceptions import InvalidInput
from memora.services import content_admin as content
from memora.services import content_admin_changes as changes
from memora.services import content_admin_plans, content_deletion, content_places, stage_config
from memora.services.content_tree import CONTENT_DOCTYPES
from memora.services.stage_templates import STAGE_TEMPLATES
from memora.utils import validators

MAX_SEARCH_LENGTH = 140
MAX_FOUND = 50
MAX_TITLE = 140
MAX_START = 100_000
MAX_CONFIG_LENGTH = 200_000
# A picker asks at every pause in typing.
CALLS_OF_A_PICKER = 300

SearchText = Annotated[str, Facts(maxLength=MAX_SEARCH_LENGTH, examples=["frac"])]
StageType = Annotated[str, Facts(minLength=1, maxLength=MAX_TITLE, examples=["Quiz"])]
ConfigText = Annotated[str, Facts(maxLength=MAX_CONFIG_LENGTH, examples=['{"markdown": "# Fractions"}'])]
Start = Annotated[int, Facts(minimum=0, maximum=MAX_START, examples=[0])]
PageLength = Annotated[
	int,
	Facts(minimum=0, maximum=MAX_START, description=f"At most {MAX_FOUND} are found", examples=[20]),
]


class Subjects(TypedDict):
	"""Whose content is searched."""

	subjects: list[SubjectId]


# --- The tree --------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def get_tree(subject: SubjectId = None, plan_id: PlanId | None = None) -> ContentNode:
	"""A subject with everything below it, and what players see of it: with a plan's overrides, or without.

	Raises:
		DoesNotExistError: there is no such subject, or the plan does not hold it.
	"""
	plan_id = validators.parse_optional(validators.parse_id, plan_id, "plan_id")
	return content.load_tree(validators.parse_id(subject, "subject"), plan_id)


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def add_child(doctype: ContentDoctype = None, name: NodeId = None, title: Title = None) -> NodeAdded:
	"""Add an unpublished node as the last one below this one.

	Raises:
		DoesNotExistError: there is no such node.
	"""
	doctype, name = _node(doctype, name)
	return {"name": changes.add_child(doctype, name, validators.parse_text(title, "title", 1, MAX_TITLE))}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@publishers_only
def move_node(
	doctype: ContentDoctype = None, name: NodeId = None, parent: NodeId = None, before: NodeId | None = None
) -> NodeMoved:
	"""Put a node below a parent in front of one of its children, or as the last.

	Raises:
		DoesNotExistError: there is no such node or parent.
	"""
	doctype, name = _node(doctype, name)
	before = validators.parse_optional(validators.parse_id, before, "before")
	return {"changed": changes.move_node(doctype, name, validators.parse_id(parent, "parent"), before)}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30)
@publishers_only
def set_published(
	doctype: ContentDoctype = None, name: NodeId = None, is_published: Switch = None
) -> NodesChanged:
	"""Publish or unpublish a node and all below it, and tell how many nodes changed.

	Raises:
		DoesNotExistError: there is no such node.
	"""
	doctype, name = _node(doctype, name)
	return {
		"changed": changes.set_published(doctype, name, validators.parse_bool(is_published, "is_published"))
	}


# --- Forms -----------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def get_place(doctype: ContentDoctype = None, name: NodeId = None) -> PlaceOfNode:
	"""What is above and below a node, and which plans show it to their players.

	Raises:
		DoesNotExistError: there is no such node.
	"""
	return content_places.load_place(*_node(doctype, name))


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def what_breaks(doctype: ContentDoctype = None, name: NodeId = None) -> Breakage:
	"""What deleting a node would break. Nothing is deleted.

	Raises:
		DoesNotExistError: there is no such node.
	"""
	return content_deletion.what_breaks(*_node(doctype, name))


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def stage_templates() -> list[StageTemplate]:
	"""An example of each kind of stage, and what its keys are for."""
	return [
		{
			"stage_type": template.stage_type,
			"kind": template.kind,
			"config": json.dumps(template.config, indent=2),
			"keys": [{"key": key, "about": _(about)} for key, about in template.keys],
		}
		for template in STAGE_TEMPLATES
	]


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=CALLS_OF_A_PICKER)
@publishers_only
def check_stage_config(stage_type: StageType = None, config: ConfigText = None) -> ConfigChecked:
	"""Look at a config while it is being written. Nothing is saved; a POST, as a config may be long."""
	stage_type = validators.parse_text(stage_type, "stage_type", 1, MAX_TITLE)
	if not isinstance(config, str) or len(config) > MAX_CONFIG_LENGTH:
		frappe.throw(
			_("{0} must be text of at most {1} characters.").format("config", MAX_CONFIG_LENGTH), InvalidInput
		)
	try:
		stage_config.normalise(stage_type, config)
	except ValueError as error:
		return {"fault": f"{error}."}
	return {"fault": ""}


# --- Plans -----------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit(max_requests=CALLS_OF_A_PICKER)
@publishers_only
def search_targets(
	doctype: ContentDoctype = None,
	txt: SearchText | None = None,
	searchfield: Ignored | None = None,
	start: Start | None = 0,
	page_len: PageLength | None = 20,
	filters: Subjects = None,
	as_dict: Ignored | None = False,
	reference_doctype: Ignored | None = None,
	ignore_user_permissions: Ignored | None = False,
) -> list[list[str]]:
	"""Query of a link field: content of the subjects in `filters`, each as its name, its title and the titles above it."""
	found = content_admin_plans.search_targets(
		_content_doctype(doctype),
		_subjects(filters),
		validators.parse_text("" if txt is None else txt, "txt", 0, MAX_SEARCH_LENGTH),
		validators.parse_optional(_position, start, "start") or 0,
		min(validators.parse_optional(_position, page_len, "page_len") or MAX_FOUND, MAX_FOUND),
	)
	return [list(row) for row in found]


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def known_items() -> list[str]:
	"""Codes of items that content or plans name already."""
	return content_admin_plans.known_items()


@frappe.whitelist(methods=["GET"])
@rate_limit()
@publishers_only
def published_files(plan_id: PlanId = None) -> PublishedFiles:
	"""What a plan consists of as published.

	Raises:
		DoesNotExistError: there is no such plan.
	"""
	return content_admin_plans.published_files(validators.parse_id(plan_id, "plan_id"))


# --- Arguments -------------------------------------------------------------------------------------------------


def _content_doctype(value: Any) -> str:
	return validators.parse_choice(value, "doctype", CONTENT_DOCTYPES)


def _node(doctype: Any, name: Any) -> tuple[str, str]:
	return _content_doctype(doctype), validators.parse_id(name, "name")


def _position(value: Any, name: str) -> int:
	return validators.parse_int(value, name, 0, MAX_START)


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
