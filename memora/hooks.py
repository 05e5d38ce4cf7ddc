app_name = "memora"
app_title = "Memora"
app_publisher = "Memora contributors"
app_description = "The backend of a gamified learning app: players, progress and published content"
app_email = "memora@example.com"
app_license = "mit"

# Install

before_install = "memora.install.before_install"
after_install = "memora.install.after_install"
after_migrate = ["memora.install.after_migrate", "memora.services.privacy.erasure.after_migrate"]

# Desk

app_logo_url = "/assets/memora/images/memora-logo.svg"
add_to_apps_screen = [
	{
		"name": app_name,
		"logo": app_logo_url,
		"title": app_title,
		"route": "/app/memora",
		"has_permission": "memora.permissions.works_with_memora",
	}
]
app_include_css = ["memora.bundle.css"]
app_include_js = ["memora_content.bundle.js"]

# Requests: every way in and every request of a player is decided in one place

on_login = "memora.api.login_guard.decide_login"
on_session_creation = "memora.api.login_guard.begin_session"
on_logout = "memora.api.login_guard.end_session"
auth_hooks = ["memora.api.guards.authorize_request"]
before_request = ["memora.utils.failpoints.set_clock"]
before_job = ["memora.utils.failpoints.set_clock"]
after_request = [
	"memora.api.caller.send_headers",
	"memora.api.login_guard.finish_login",
	"memora.api.audit.write_trail",
]

# The API for people, where the site switches it on

page_renderer = ["memora.openapi.page.APIDocs"]

# Documents: content notes which plans it touches, see change_tracker

doc_events = {
	"Memora Subject": {
		"on_update": "memora.services.cdn_export.change_tracker.on_subject_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_subject_delete",
		"after_delete": "memora.services.cdn_export.change_tracker.on_subject_delete",
		"on_restore": "memora.services.cdn_export.change_tracker.on_subject_restore",
	},
	"Memora Track": {
		"on_update": "memora.services.cdn_export.change_tracker.on_track_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_track_delete",
		"after_delete": "memora.services.cdn_export.change_tracker.on_track_delete",
		"on_restore": "memora.services.cdn_export.change_tracker.on_track_restore",
	},
	"Memora Unit": {
		"on_update": "memora.services.cdn_export.change_tracker.on_unit_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_unit_delete",
		"after_delete": "memora.services.cdn_export.change_tracker.on_unit_delete",
		"on_restore": "memora.services.cdn_export.change_tracker.on_unit_restore",
	},
	"Memora Topic": {
		"on_update": "memora.services.cdn_export.change_tracker.on_topic_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_topic_delete",
		"after_delete": "memora.services.cdn_export.change_tracker.on_topic_delete",
		"on_restore": "memora.services.cdn_export.change_tracker.on_topic_restore",
	},
	"Memora Lesson": {
		"on_update": "memora.services.cdn_export.change_tracker.on_lesson_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_lesson_delete",
		"after_delete": "memora.services.cdn_export.change_tracker.on_lesson_delete",
		"on_restore": "memora.services.cdn_export.change_tracker.on_lesson_restore",
	},
	"Memora Lesson Stage": {
		"on_update": "memora.services.cdn_export.change_tracker.on_lesson_stage_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_lesson_stage_delete",
		"after_delete": "memora.services.cdn_export.change_tracker.on_lesson_stage_delete",
		"on_restore": "memora.services.cdn_export.change_tracker.on_lesson_stage_restore",
	},
	"Memora Academic Plan": {
		"on_update": "memora.services.cdn_export.change_tracker.on_plan_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_plan_delete",
		"after_delete": "memora.services.cdn_export.change_tracker.on_plan_delete",
	},
	"Memora Plan Override": {
		"on_update": "memora.services.cdn_export.change_tracker.on_override_update",
		"on_trash": "memora.services.cdn_export.change_tracker.on_override_delete",
	},
	"CDN Settings": {"on_update": "memora.services.cdn_export.change_tracker.on_settings_update"},
}

# Schedule

scheduler_events = {
	"all": [
		"memora.services.progress_engine.snapshot_syncer.sync_pending_bitmaps",
		"memora.services.progress_engine.moved_lessons.carry_progress",
	],
	"cron": {
		"* * * * *": ["memora.services.cdn_export.batch_processor.poll_queue"],
		"*/15 * * * *": ["memora.services.wallet_sync.sync_pending_wallets"],
	},
	"hourly": [
		"memora.services.cdn_export.batch_processor.process_pending_plans",
		"memora.services.cdn_export.health_checker.hourly_health_check",
	],
	"hourly_long": ["memora.services.privacy.erasure.take_up"],
	"daily": ["memora.services.cdn_export.health_checker.daily_full_scan"],
	"daily_long": [
		"memora.services.nightly_check.check_all_players",
		"memora.services.ledger_retention.fold_old_rows",
	],
}

default_log_clearing_doctypes = {"CDN Sync Log": 90}

# Privacy: Frappe's Personal Data Download reads this, its Deletion Request erases what lies behind it

user_data_fields = [{"doctype": "Memora Personal Data", "filter_by": "user", "redact_fields": ["profile"]}]
override_doctype_class = {
	"Personal Data Deletion Request": "memora.services.privacy.deletion_request.ErasureRequest"
}

# What `memora.utils.diagnostics.inspect` can be asked about

memora_inspections = {
	"wallet": "memora.services.inspection.inspect_wallet",
	"progress": "memora.services.inspection.inspect_progress",
	"session": "memora.services.inspection.inspect_session",
	"devices": "memora.services.inspection.inspect_devices",
	"queue": "memora.services.cdn_export.queue_inspection.inspect_queue",
}

# Permissions

override_whitelisted_methods = {
	"frappe.desk.search.get_link_title": "memora.api.frappe_lookups.get_link_title",
	"frappe.desk.form.linked_with.get": "memora.api.frappe_lookups.get_links",
}
permission_query_conditions = {
	"Memora Player Profile": "memora.permissions.player_rows_condition",
	"Memora Player Wallet": "memora.permissions.player_rows_condition",
	"Memora Structure Progress": "memora.permissions.player_rows_condition",
	"Memora Interaction Log": "memora.permissions.player_rows_condition",
	"User": "memora.permissions.users_condition",
	"Contact": "memora.permissions.contacts_condition",
}

has_permission = {
	"Memora Player Profile": "memora.permissions.may_see_player_row",
	"Memora Player Wallet": "memora.permissions.may_see_player_row",
	"Memora Structure Progress": "memora.permissions.may_see_player_row",
	"Memora Interaction Log": "memora.permissions.may_see_player_row",
	"User": "memora.permissions.may_see_person",
	"Contact": "memora.permissions.may_see_person",
}
