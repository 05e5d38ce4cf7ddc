"""Every DocType's JSON holds the fields that the schema promises. One line a field: `name type flags`.

Flags: `!` mandatory, `u` unique, `i` indexed, `=value` default. `->` names the options of a link or table.
"""

import json
from pathlib import Path

import pytest

DOCTYPES = Path(__file__).resolve().parents[2] / "memora" / "memora" / "doctype"

CONTENT_NODE = """
	title Data !
	description Text
	is_published Check =0
	is_free_preview Check =0
	sort_order Int =0
	image Attach Image
"""

SCHEMA = {
	"Memora Season": """
		title Data ! u
		is_published Check =0
		start_date Date
		end_date Date
	""",
	"Memora Grade": """
		title Data ! u
		sort_order Int =0
	""",
	"Memora Stream": "title Data ! u",
	"Memora Subject": f"""{CONTENT_NODE}
		color_code Color
		is_linear Check =1
		is_public Check =0
		required_item Data
		next_bit_index Int =0
	""",
	"Memora Track": f"""{CONTENT_NODE}
		parent_subject Link ! i -> Memora Subject
		is_linear Check =1
		is_sold_separately Check =0
		parent_item_required Check =0
		required_item Data
	""",
	"Memora Unit": f"""{CONTENT_NODE}
		parent_track Link ! i -> Memora Track
		is_linear Check =1
		badge_image Attach Image
	""",
	"Memora Topic": f"""{CONTENT_NODE}
		parent_unit Link ! i -> Memora Unit
		is_linear Check =1
	""",
	"Memora Lesson": f"""{CONTENT_NODE}
		parent_topic Link ! i -> Memora Topic
		subject Link -> Memora Subject
		bit_index Int =-1
		moved_at Datetime i
		base_xp Int =10
		stages Table -> Memora Lesson Stage
	""",
	"Memora Lesson Stage": """
		title Data !
		type Select ! =Text -> Video|Text|Quiz|Question|Interactive
		config Code ={} -> JSON
		weight Int =0
		target_time Int =0
		is_skippable Check =0
	""",
	"Memora Academic Plan": """
		title Data ! u
		season Link -> Memora Season
		grade Link -> Memora Grade
		stream Link -> Memora Stream
		is_published Check =0
		subjects Table -> Memora Plan Subject
		overrides Table -> Memora Plan Override
	""",
	"Memora Plan Subject": """
		subject Link ! -> Memora Subject
		sort_order Int =0
	""",
	"Memora Plan Override": """
		target_doctype Link ! -> DocType
		target_name Dynamic Link ! -> target_doctype
		action Select ! -> Hide|Set Free|Set Sold Separately|Set Access Level|Set Linear
		override_value Data
	""",
	"Memora Player Profile": """
		user Link ! u -> User
		authorized_devices Table -> Memora Authorized Device
		display_name Data
		avatar Attach Image
		current_plan Link i -> Memora Academic Plan
		grade Link -> Memora Grade
		stream Link -> Memora Stream
		season Link -> Memora Season
		active_session_hash Data
		active_session_device Data
		active_session_started Datetime
	""",
	"Memora Authorized Device": """
		device_id Data ! i
		device_name Data !
		added_on Datetime
	""",
	"Memora Player Wallet": """
		player Link ! u -> Memora Player Profile
		total_xp Int i =0
		current_streak Int =0
		last_success_date Date i
		last_played_at Datetime i
		synced_through Int =0
	""",
	"Memora Structure Progress": """
		player Link ! -> User
		subject Link ! i -> Memora Subject
		progress_bitmap Long Text
		total_xp_earned Int =0
		completion_percentage Float =0
		last_synced_at Datetime
		best_hearts Long Text
		synced_through Int =0
		enrolled_directly Check =0
	""",
	"Memora Interaction Log": """
		player Link -> User
		interaction_type Data !
		reference_id Data
		interaction_data JSON
		created_at Datetime i
		seq Int
		first_completion_of Data
		client_event_id Data
		event_id Data u
		subject Data
		xp_awarded Int =0
	""",
	"CDN Settings": """
		enabled Check =0
		endpoint_url Data
		access_key Password
		secret_key Password
		bucket_name Data
		cdn_base_url Data
		cloudflare_zone_id Data
		cloudflare_api_token Password
		signed_url_expiry_hours Int =4
		batch_threshold Int =50
		local_fallback_mode Check =1
		storage_provider Select =AWS S3 -> AWS S3|Cloudflare R2|Other S3
	""",
	"CDN Sync Log": """
		plan_id Data ! i
		status Select ! =Queued -> Queued|Processing|Success|Failed|Dead Letter
		started_at Datetime
		completed_at Datetime
		retry_count Int =0
		next_retry_at Datetime
		error_message Long Text
		is_fallback Check =0
		files_uploaded Int =0
		sync_verified Check =0
		files_deleted Int =0
		files_unchanged Int =0
		bytes_uploaded Int =0
		triggered_by Data
	""",
	"CDN Health Finding": """
		problem Data !
		plan_id Data
		detail Small Text
		since Datetime
		last_seen Datetime
		sync_log Data
		is_alerted Check =0
	""",
	"Memora Daily Total": """
		day Date ! u
		lessons Int =0
		players Int =0
		xp Int =0
	""",
	"Memora Tombstone": """
		erased_at Datetime !
		key_check Data !
	""",
	"Memora Personal Data": """
		user Data
		profile JSON
		devices JSON
		wallet JSON
		progress JSON
		awards JSON
		audit_trail JSON
	""",
}

NAMING = {
	"Memora Season": "field:title",
	"Memora Grade": "field:title",
	"Memora Stream": "field:title",
	"Memora Subject": "SUBJ-.###",
	"Memora Track": "TRACK-.###",
	"Memora Unit": "UNIT-.###",
	"Memora Topic": "TOPIC-.###",
	"Memora Lesson": "LESSON-.###",
	"Memora Academic Plan": "PLAN-.###",
	"Memora Player Profile": "hash",
	"Memora Player Wallet": "hash",
	"Memora Structure Progress": "hash",
	"Memora Interaction Log": "autoincrement",
	"CDN Sync Log": "hash",
	"Memora Daily Total": "field:day",
	"Memora Tombstone": "prompt",
}

CHILDREN = {"Memora Lesson Stage", "Memora Plan Subject", "Memora Plan Override", "Memora Authorized Device"}
TRACKED = {
	*(name for name in NAMING if name.startswith("Memora") and NAMING[name] not in ("hash", "autoincrement")),
	"CDN Settings",
} - {"Memora Daily Total", "Memora Tombstone"}
LAYOUT = {"Section Break", "Column Break", "Tab Break"}

every_doctype = pytest.mark.parametrize("doctype", SCHEMA)


def folder(doctype: str) -> Path:
	return DOCTYPES / doctype.lower().replace(" ", "_")


def read(doctype: str) -> dict:
	return json.loads((folder(doctype) / f"{folder(doctype).name}.json").read_text())


def promised_fields(doctype: str) -> set[str]:
	return {" ".join(line.split()) for line in SCHEMA[doctype].splitlines() if line.strip()}


def described(field: dict) -> str:
	"""The field in the notation of SCHEMA."""
	words = [field["fieldname"], field["fieldtype"]]
	words += ["!"] if field.get("reqd") else []
	words += ["u"] if field.get("unique") else []
	words += ["i"] if field.get("search_index") else []
	words += [f"={field['default']}"] if "default" in field else []
	words += ["->", field["options"].replace("\n", "|")] if field.get("options") else []
	return " ".join(words)


def test_the_schema_has_these_doctypes_and_no_other():
	found = {json.loads(path.read_text())["name"] for path in DOCTYPES.glob("*/*.json")}
	assert found == set(SCHEMA)


@every_doctype
def test_a_doctype_has_the_promised_fields_and_no_other(doctype):
	found = {described(field) for field in read(doctype)["fields"] if field["fieldtype"] not in LAYOUT}
	assert found == promised_fields(doctype)


@every_doctype
def test_a_doctype_belongs_to_memora_in_innodb_and_its_ids_are_permanent(doctype):
	found = read(doctype)
	assert (found["module"], found["engine"], found["allow_rename"]) == ("Memora", "InnoDB", 0)


@every_doctype
def test_a_doctype_is_named_as_promised(doctype):
	found = read(doctype)
	assert found.get("autoname") == NAMING.get(doctype)
	assert bool(found.get("istable")) == (doctype in CHILDREN)
	assert bool(found.get("issingle")) == (doctype == "CDN Settings")


@pytest.mark.parametrize("doctype", sorted(TRACKED))
def test_changes_of_content_plans_and_settings_are_tracked(doctype):
	assert read(doctype)["track_changes"] == 1


@every_doctype
def test_the_field_order_names_every_field_once(doctype):
	found = read(doctype)
	assert found["field_order"] == [field["fieldname"] for field in found["fields"]]
	assert len(set(found["field_order"])) == len(found["field_order"])


@every_doctype
def test_what_the_form_names_exists(doctype):
	found = read(doctype)
	named = {found.get("title_field"), found.get("image_field"), *found.get("search_fields", "").split(",")}
	standard = {"name", "modified", "creation"}
	assert named - {None, ""} <= set(found["field_order"])
	assert found["sort_field"] in {*found["field_order"], *standard}


@every_doctype
def test_every_field_that_people_see_has_a_label(doctype):
	fields = [field for field in read(doctype)["fields"] if field["fieldtype"] not in LAYOUT]
	assert [field["fieldname"] for field in fields if not field.get("label")] == []


@every_doctype
def test_no_student_has_a_permission(doctype):
	assert {permission["role"] for permission in read(doctype)["permissions"]} <= {
		"System Manager",
		"Memora Content Manager",
	}


@pytest.mark.parametrize(
	"doctype",
	[
		"Memora Player Profile",
		"Memora Player Wallet",
		"Memora Structure Progress",
		"Memora Interaction Log",
		"CDN Settings",
	],
)
def test_players_and_settings_are_the_system_managers_alone(doctype):
	assert {permission["role"] for permission in read(doctype)["permissions"]} == {"System Manager"}


def test_nobody_has_the_permission_to_change_the_interaction_log():
	for permission in read("Memora Interaction Log")["permissions"]:
		assert not {"write", "create", "delete", "submit", "cancel", "amend", "import", "share"} & set(
			permission
		)


@pytest.mark.parametrize(
	("doctype", "fieldname"),
	[
		("Memora Subject", "next_bit_index"),
		("Memora Lesson", "bit_index"),
		("Memora Lesson", "moved_at"),
		("Memora Player Profile", "active_session_hash"),
		("Memora Player Wallet", "synced_through"),
		("Memora Structure Progress", "progress_bitmap"),
	],
)
def test_what_the_server_sets_is_read_only_and_not_copied_with_a_duplicate(doctype, fieldname):
	[field] = [field for field in read(doctype)["fields"] if field["fieldname"] == fieldname]
	assert (field["read_only"], field["no_copy"]) == (1, 1)


@every_doctype
def test_the_controller_is_named_as_frappe_looks_for_it(doctype):
	source = (folder(doctype) / f"{folder(doctype).name}.py").read_text()
	assert f"class {doctype.replace(' ', '')}(" in source
