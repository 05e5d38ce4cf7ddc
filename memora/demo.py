"""Demo content and people to try Memora with: `bench --site S execute memora.demo.load`, and `memora.demo.remove`.

What there is to load lies in demo_content/, as people write it; this module only walks it.

- One file a subject: tracks -> units -> topics -> lessons -> stages. A node's keys are fields of its DocType, with
  is_published 1 when not said; its place in the list is its sort_order. `key` names a node that a plan refers to.
  `language` (ISO 639-1) is added to the config of each stage of the subject.
- plans.json: season, grades, streams, and the plans with the keys of their subjects and of their overrides' targets.
- people.json: the students, each with the plan he follows and the device that ./dev/demo plays on; the admin; and the
  classmates, who have played before today (`demo_past`) and cannot log in.

What a stage's config holds, by its type, is told in docs/content-editors.md and checked by `services.stage_config`.

It is loaded in parts (`demo_parts`): a label, a subject, a plan, a person. `load` goes on where an earlier run ended;
what an admin has changed in a loaded part stays as it is.
"""

import json
from pathlib import Path

import frappe
from frappe.utils.synchronization import filelock
from memora import demo_people
from memora.demo_parts import Made, delete, insert, load_part, make_part, read_records, remove_part, say
from memora.services import dashboard
from memora.services.cdn_export import batch_processor, content_paths, local_storage

CONTENT_FOLDER = Path(__file__).parent / "demo_content"
SUBJECT_KEYS = ("mathematics", "arabic", "science")
STORAGE_PART = "storage"
SORT_ORDER_STEP = 10

LEVELS = (
	("tracks", "Memora Track", "parent_subject"),
	("units", "Memora Unit", "parent_track"),
	("topics", "Memora Topic", "parent_unit"),
	("lessons", "Memora Lesson", "parent_topic"),
)
# Keys of the files that are no fields of the node.
NO_FIELDS = {"key", "language", "stages", *(children for children, _, _ in LEVELS)}
STORAGE_DEFAULTS = {
	"enabled": 0,
	"storage_provider": "AWS S3",
	"endpoint_url": "",
	"bucket_name": "",
	"access_key": "",
	"secret_key": "",
	"cdn_base_url": "",
	"local_fallback_mode": 1,
}


def load() -> dict:
	"""Load what is not there yet, publish both plans, and commit. Safe to run twice.

	Returns:
		{"subjects": {key: name}, "plans": {key: name}, "lessons": int, "people": [email], "classmates": int,
		 "loaded_parts": int, "files_written": int}; the last two are 0 when there was nothing to do.
	"""
	with filelock("memora_demo"):
		parts_before = len(read_records())
		_load_storage()
		nodes = _load_subjects()
		plans = _load_plans(nodes)
		people = _read("people")
		emails = demo_people.load_people(people, plans)
		written = sum(_publish(plan) for plan in plans.values())
		classmates = demo_people.load_classmates(people["classmates"], plans)
		return {
			"subjects": {key: nodes[key].name for key in SUBJECT_KEYS},
			"plans": plans,
			"lessons": _count_lessons(),
			"people": emails,
			"classmates": classmates,
			"loaded_parts": len(read_records()) - parts_before,
			"files_written": written,
		}


def remove() -> dict:
	"""Remove what `load` made with all that its students did, and nothing else. Safe to run twice.

	A part that somebody else's documents link to stays whole, with its record.

	Returns:
		{"removed_parts": int, "kept": {part: why}}
	"""
	with filelock("memora_demo"):
		records = read_records()
		kept = {}
		for part in reversed(records):
			if reason := remove_part(part, lambda part=part: _delete_made(part, records[part])):
				kept[part] = reason
		dashboard.forget_past_days()
		return {"removed_parts": len(records) - len(kept), "kept": kept}


def _count_lessons() -> int:
	return sum(made.doctype == "Memora Lesson" for part in read_records().values() for made in part)


def _delete_made(part: str, made: list[Made]) -> None:
	if part == STORAGE_PART:
		_disconnect_storage()
		return
	if part.startswith(demo_people.PAST_PART):
		return  # goes with its player
	for document in reversed(made):
		if document.doctype in DELETE_WITH_MORE:
			DELETE_WITH_MORE[document.doctype](document.name)
		else:
			delete(document.doctype, document.name)


# --- Content ---------------------------------------------------------------------------------------------------


def _load_subjects() -> dict[str, Made]:
	"""The nodes that have a key, subjects among them."""
	nodes = {}
	for position, key in enumerate(SUBJECT_KEYS, 1):
		made = load_part(f"subject {key}", lambda key=key, at=position: _insert_subject(_read(key), at))
		nodes.update({entry.key: entry for entry in made if entry.key})
	return nodes


def _insert_subject(subject: dict, position: int) -> list[Made]:
	made = [_insert_node("Memora Subject", subject, position)]
	_insert_below(made, made[0], subject, subject["language"], LEVELS)
	return made


def _insert_below(made: list[Made], parent: Made, node: dict, language: str, levels: tuple) -> None:
	if not levels:
		return
	(children, doctype, parent_field), *deeper = levels
	for position, child in enumerate(node[children], 1):
		extra = {parent_field: parent.name, "stages": _stages(child, language)}
		made.append(_insert_node(doctype, child, position, extra))
		_insert_below(made, made[-1], child, language, deeper)


def _insert_node(doctype: str, node: dict, position: int, extra: dict | None = None) -> Made:
	fields = {field: value for field, value in node.items() if field not in NO_FIELDS}
	fields = {"is_published": 1, "sort_order": position * SORT_ORDER_STEP, **fields, **(extra or {})}
	return Made(doctype, insert(doctype, fields), node.get("key"))


def _stages(lesson: dict, language: str) -> list[dict]:
	return [
		{**stage, "config": json.dumps({"language": language, **stage["config"]}, ensure_ascii=False)}
		for stage in lesson.get("stages", ())
	]


def _load_plans(nodes: dict[str, Made]) -> dict[str, str]:
	content = _read("plans")
	_load_label("Memora Season", content["season"])
	for grade in content["grades"]:
		_load_label("Memora Grade", grade)
	for stream in content["streams"]:
		_load_label("Memora Stream", stream)
	return {plan["key"]: _load_plan(plan, nodes) for plan in content["plans"]}


def _load_label(doctype: str, label: dict) -> None:
	"""A season, grade or stream; one that is there under this title already is used and left alone."""
	if not frappe.db.exists(doctype, label["title"]):
		load_part(
			f"{doctype.split()[-1].lower()} {label['title']}",
			lambda: [Made(doctype, insert(doctype, label))],
		)


def _load_plan(plan: dict, nodes: dict[str, Made]) -> str:
	subjects = [
		{"subject": nodes[key].name, "sort_order": position * SORT_ORDER_STEP}
		for position, key in enumerate(plan["subjects"], 1)
	]
	overrides = [
		{
			"target_doctype": nodes[override["target"]].doctype,
			"target_name": nodes[override["target"]].name,
			"action": override["action"],
			"override_value": override.get("override_value"),
		}
		for override in plan["overrides"]
	]
	fields = {field: plan[field] for field in ("title", "season", "grade", "stream")}
	fields.update(is_published=1, subjects=subjects, overrides=overrides)
	made = load_part(
		f"plan {plan['key']}", lambda: [Made("Memora Academic Plan", insert("Memora Academic Plan", fields))]
	)
	return made[0].name


def _delete_plan(plan: str) -> None:
	delete("Memora Academic Plan", plan)
	batch_processor.publish_plan(plan, "demo")  # one that is gone is withdrawn


def _delete_subject(subject: str) -> None:
	delete("Memora Subject", subject)
	local_storage.delete_content_file(content_paths.structure_path(subject))


def _publish(plan: str) -> int:
	"""Publish a plan and return how many files had to be written."""
	try:
		summary = batch_processor.publish_plan(plan, "demo")
	finally:
		frappe.db.commit()  # the row of CDN Sync Log stays, of a failed publish too
	say(
		f"Published {plan}: {summary['files']} files, {summary['written']} written, {summary['uploaded']} uploaded"
	)
	return summary["written"]


# --- Storage ---------------------------------------------------------------------------------------------------


def _load_storage() -> None:
	"""Connect CDN Settings to the S3 server of the development bench, unless an admin has set up another."""
	server = frappe.conf.get("memora_dev_s3")
	settings = frappe.get_doc("CDN Settings")
	is_ours = STORAGE_PART in read_records()
	if not server or (settings.enabled and not is_ours):
		return
	if not is_ours or settings.endpoint_url != server["endpoint_url"]:
		make_part(STORAGE_PART, lambda: _insert_storage(settings, server))


def _insert_storage(settings, server: dict) -> list[Made]:
	_save_storage(settings, _storage_fields(server))
	return [Made(settings.doctype, settings.name)]


def _storage_fields(server: dict) -> dict:
	return {
		**{field: server[field] for field in ("endpoint_url", "bucket_name", "access_key", "secret_key")},
		"enabled": 1,
		"storage_provider": "Other S3",
		"cdn_base_url": f"{server['endpoint_url']}/{server['bucket_name']}",
		"local_fallback_mode": 0,
	}


def _disconnect_storage() -> None:
	"""Leave settings alone that an admin has pointed elsewhere meanwhile."""
	settings, server = frappe.get_doc("CDN Settings"), frappe.conf.get("memora_dev_s3") or {}
	if settings.endpoint_url == server.get("endpoint_url"):
		_save_storage(settings, STORAGE_DEFAULTS)


def _save_storage(settings, fields: dict) -> None:
	settings.update(fields)
	settings.save(ignore_permissions=True)


# --- Files and words -------------------------------------------------------------------------------------------


def _read(name: str) -> dict:
	return json.loads((CONTENT_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


# What goes with a document beyond its own rows.
DELETE_WITH_MORE = {
	"Memora Player Profile": demo_people.delete_player,
	"User": demo_people.delete_user,
	"Memora Academic Plan": _delete_plan,
	"Memora Subject": _delete_subject,
}
