"""Who may call what, and who may do what with which DocType. An endpoint or a DocType that has no line here fails a test."""

from tests.security.world import CONTENT_MANAGER, GUEST, STUDENT, SYSTEM_MANAGER

EVERYBODY = (GUEST, STUDENT, CONTENT_MANAGER, SYSTEM_MANAGER)
LOGGED_IN = (STUDENT, CONTENT_MANAGER, SYSTEM_MANAGER)
PLAYERS = (STUDENT,)
PUBLISHERS = (CONTENT_MANAGER, SYSTEM_MANAGER)
ADMINISTRATORS = (SYSTEM_MANAGER,)

ENDPOINTS = {
	"memora.api.cdn_admin.check_health": PUBLISHERS,
	"memora.api.cdn_admin.clear_dead_letter": PUBLISHERS,
	"memora.api.cdn_admin.dead_letters": PUBLISHERS,
	"memora.api.cdn_admin.get_queue_status": PUBLISHERS,
	"memora.api.cdn_admin.health_findings": PUBLISHERS,
	"memora.api.cdn_admin.history": PUBLISHERS,
	"memora.api.cdn_admin.overview": PUBLISHERS,
	"memora.api.cdn_admin.preview": PUBLISHERS,
	"memora.api.cdn_admin.rebuild_all": PUBLISHERS,
	"memora.api.cdn_admin.rebuild_plan": PUBLISHERS,
	"memora.api.cdn_admin.recent_failures": PUBLISHERS,
	"memora.api.cdn_admin.retry_dead_letter": PUBLISHERS,
	"memora.api.cdn_admin.scan_plans": PUBLISHERS,
	"memora.api.cdn_admin.test_connection": PUBLISHERS,
	"memora.api.content_admin.add_child": PUBLISHERS,
	"memora.api.content_admin.check_stage_config": PUBLISHERS,
	"memora.api.content_admin.get_place": PUBLISHERS,
	"memora.api.content_admin.get_tree": PUBLISHERS,
	"memora.api.content_admin.known_items": PUBLISHERS,
	"memora.api.content_admin.move_node": PUBLISHERS,
	"memora.api.content_admin.published_files": PUBLISHERS,
	"memora.api.content_admin.search_targets": PUBLISHERS,
	"memora.api.content_admin.set_published": PUBLISHERS,
	"memora.api.content_admin.stage_templates": PUBLISHERS,
	"memora.api.content_admin.what_breaks": PUBLISHERS,
	"memora.api.content_sheet.download_template": PUBLISHERS,
	"memora.api.content_sheet.export_subject": PUBLISHERS,
	"memora.api.content_sheet.import_status": PUBLISHERS,
	"memora.api.content_sheet.start_import": PUBLISHERS,
	"memora.api.dashboard.active_today": PUBLISHERS,
	"memora.api.dashboard.chart": PUBLISHERS,
	"memora.api.dashboard.dead_letters": PUBLISHERS,
	"memora.api.dashboard.devices": PUBLISHERS,
	"memora.api.dashboard.lessons_today": PUBLISHERS,
	"memora.api.dashboard.oldest_pending_minutes": PUBLISHERS,
	"memora.api.dashboard.plans_pending": PUBLISHERS,
	"memora.api.dashboard.players": PUBLISHERS,
	"memora.api.player.add_xp": PLAYERS,
	"memora.api.player.check_device_authorization": LOGGED_IN,
	"memora.api.player.complete_lesson": PLAYERS,
	"memora.api.player.get_wallet": PLAYERS,
	"memora.api.player.login": EVERYBODY,
	"memora.api.player.logout": LOGGED_IN,
	"memora.api.player.register_device": ADMINISTRATORS,
	"memora.api.player.remove_device": ADMINISTRATORS,
	"memora.api.player.trigger_wallet_sync": ADMINISTRATORS,
	"memora.api.player.validate_session": PLAYERS,
	"memora.api.player_admin.add_device": ADMINISTRATORS,
	"memora.api.player_admin.adjust_xp": ADMINISTRATORS,
	"memora.api.player_admin.compare": ADMINISTRATORS,
	"memora.api.player_admin.end_session": ADMINISTRATORS,
	"memora.api.player_admin.enrol_in_plan": ADMINISTRATORS,
	"memora.api.player_admin.overview": ADMINISTRATORS,
	"memora.api.player_admin.remove_device": ADMINISTRATORS,
	"memora.api.player_admin.repair": ADMINISTRATORS,
	"memora.api.progress.complete_lesson": PLAYERS,
	"memora.api.progress.get_progress": PLAYERS,
}

READ = frozenset({"read"})
NOTHING: frozenset[str] = frozenset()
CLEAN_UP = READ | {"delete"}
EVERYTHING = CLEAN_UP | {"write", "create"}
SETTINGS = EVERYTHING - {"delete"}

# {DocType: (content managers may, system managers may)}; students and guests may nothing. A child row is its parent's.
DOCTYPES = {
	"CDN Health Finding": (READ, READ),
	"CDN Settings": (NOTHING, SETTINGS),
	"CDN Sync Log": (READ, CLEAN_UP),
	"Memora Academic Plan": (EVERYTHING, EVERYTHING),
	"Memora Authorized Device": (NOTHING, NOTHING),
	"Memora Daily Total": (READ, READ),
	"Memora Grade": (EVERYTHING, EVERYTHING),
	"Memora Interaction Log": (NOTHING, READ),
	"Memora Lesson": (EVERYTHING, EVERYTHING),
	"Memora Lesson Stage": (NOTHING, NOTHING),
	"Memora Personal Data": (NOTHING, READ),
	"Memora Plan Override": (NOTHING, NOTHING),
	"Memora Plan Subject": (NOTHING, NOTHING),
	"Memora Player Profile": (NOTHING, EVERYTHING),
	"Memora Player Wallet": (NOTHING, EVERYTHING),
	"Memora Season": (EVERYTHING, EVERYTHING),
	"Memora Stream": (EVERYTHING, EVERYTHING),
	"Memora Structure Progress": (NOTHING, EVERYTHING),
	"Memora Subject": (EVERYTHING, EVERYTHING),
	"Memora Tombstone": (NOTHING, READ),
	"Memora Topic": (EVERYTHING, EVERYTHING),
	"Memora Track": (EVERYTHING, EVERYTHING),
	"Memora Unit": (EVERYTHING, EVERYTHING),
}
