"""Every name that the public documentation promises, as data. Nothing is left out and nothing of our own is added.

A line of FUNCTIONS is a documented signature; what it returns and does is for the tests that docs/contract.md names.
"""

FUNCTIONS = {
	"memora.api.player": """
		validate_uuid(uuid_str, param_name="uuid")
		validate_xp_amount(xp_amount)
		validate_hearts_earned(hearts)
		validate_email(email)
		log_security_event(event_type, user_id, device_id, endpoint, result, **kwargs)
		rate_limit(max_requests=100, window_seconds=60)
		require_authorized_device(fn)
		login(usr, pwd, device_name=None)
		check_device_authorization()
		register_device(student_email, device_id, device_name)
		remove_device(student_email, device_id)
		validate_session()
		logout()
		complete_lesson(lesson_id, hearts_earned)
		get_wallet()
		add_xp(xp_amount)
		trigger_wallet_sync(force=False)
	""",
	"memora.api.progress": """
		complete_lesson(lesson_id, hearts)
		get_progress(subject_id)
	""",
	"memora.api.cdn_admin": """
		get_queue_status()
	""",
	"memora.services.device_auth": """
		is_device_authorized(user_id, device_id)
		add_authorized_device(player_profile, device_id, device_name)
		remove_authorized_device(player_profile, device_id)
		rebuild_device_cache()
	""",
	"memora.services.session_manager": """
		create_session(user_id, device_id, session_id=None)
		validate_session(user_id, session_id)
		invalidate_session(user_id)
	""",
	"memora.services.wallet_engine": """
		update_streak(user_id, hearts_earned)
		add_xp(user_id, xp_amount)
		get_wallet(user_id)
		get_wallet_safe(user_id)
		update_last_played_at(user_id)
	""",
	"memora.services.wallet_sync": """
		sync_pending_wallets()
		_bulk_update_wallets(wallet_updates)
		chunk_list(lst, chunk_size)
		trigger_wallet_sync(force=False)
	""",
	"memora.services.cdn_export.batch_processor": """
		process_pending_plans(max_plans=10)
		_rebuild_plan(plan_id)
		_generate_atomic_files_for_plan(plan_id)
		trigger_plan_rebuild(doctype, docname)
		validate_json_schema(json_data, schema_name)
		validate_all_json_files(files_data)
		get_queue_status()
	""",
	"memora.services.cdn_export.json_generator": """
		generate_manifest(plan_doc)
		generate_manifest_atomic(plan_doc)
		generate_subject_hierarchy(subject_doc, plan_id=None)
		generate_bitmap_json(subject_doc)
		generate_topic_json(topic_doc, plan_id=None, subject_id=None)
		generate_lesson_json_shared(lesson_doc)
		get_content_paths_for_plan(plan_name)
		get_atomic_content_paths_for_plan(plan_name)
	""",
	"memora.services.cdn_export.change_tracker": """
		add_plan_to_queue(plan_id)
		check_and_trigger_immediate_processing()
		get_pending_plans(max_count=50)
		add_plan_to_fallback_queue(plan_id)
		acquire_lock(plan_id, ttl_seconds=300)
		release_lock(plan_id)
		move_to_dead_letter(plan_id, error_msg)
		on_subject_update
		on_subject_delete
		on_subject_restore
		on_track_update
		on_track_delete
		on_track_restore
		on_unit_update
		on_unit_delete
		on_unit_restore
		on_topic_update
		on_topic_delete
		on_topic_restore
		on_lesson_update
		on_lesson_delete
		on_lesson_restore
		on_lesson_stage_update
		on_lesson_stage_delete
		on_lesson_stage_restore
		on_plan_update
		on_plan_delete
		on_override_update
		on_override_delete
	""",
	"memora.services.cdn_export.cdn_uploader": """
		get_cdn_client(settings)
		test_connection()
		purge_cdn_cache(zone_id, api_token, file_urls)
		generate_signed_url(client, bucket, key, expiry_seconds=14400)
		upload_json(client, bucket, key, data)
		upload_json_from_file(client, bucket, key, file_path)
		delete_json(client, bucket, key)
		delete_folder(client, bucket, prefix)
		upload_plan_files(client, bucket, plan_name, files_data)
		upload_plan_files_from_local(client, bucket, plan_name, files_info)
		get_cdn_base_url(settings)
		delete_plan_folder(settings, plan_id)
	""",
	"memora.services.cdn_export.dependency_resolver": """
		get_affected_plan_ids(doctype, docname)
		get_direct_plans_for_content(doctype, docname)
	""",
	"memora.services.cdn_export.access_calculator": """
		apply_plan_overrides(plan_id)
		calculate_access_level(node, parent_access=None, plan_overrides=None)
		calculate_linear_mode(node, plan_overrides=None)
	""",
	"memora.services.cdn_export.local_storage": """
		write_content_file(path, data)
		read_content_file(path)
		get_file_hash(path)
		get_local_base_path()
		delete_content_file(path)
	""",
	"memora.services.cdn_export.search_indexer": """
		generate_search_index(plan_name)
		generate_subject_shard(plan_name, subject_id)
	""",
	"memora.services.cdn_export.health_checker": """
		hourly_health_check()
		daily_full_scan()
		send_sync_failure_alert(sync_log_name)
	""",
	"memora.services.cdn_export.url_resolver": """
		get_content_url(path)
	""",
	"memora.services.progress_engine.bitmap_manager": """
		get_redis_key(player_id, subject_id)
		set_bit(bitmap_bytes, bit_index)
		check_bit(bitmap_bytes, bit_index)
		get_bitmap(player_id, subject_id)
		update_bitmap(player_id, subject_id, bit_index)
		mark_dirty(player_id, subject_id)
		encode_bitmap_for_mariadb(bitmap_bytes)
		decode_bitmap_from_mariadb(encoded)
		get_best_hearts_key(player_id, subject_id)
		get_best_hearts(player_id, subject_id)
		set_best_hearts(player_id, subject_id, best_hearts_data)
		update_best_hearts(player_id, subject_id, lesson_id, hearts)
	""",
	"memora.services.progress_engine.structure_loader": """
		get_subject_json_path(subject_id)
		load_subject_structure(subject_id)
		clear_cache()
		validate_structure(structure)
		get_lesson_bit_index(structure, lesson_id)
		count_total_lessons(structure)
		get_lesson_ids(structure)
	""",
	"memora.services.progress_engine.unlock_calculator": """
		compute_node_states(structure, bitmap, player_id=None, subject_id=None)
		compute_container_status(node, children, structure)
		flatten_nodes(structure, node_type=None)
		find_node_by_id(structure, node_id)
	""",
	"memora.services.progress_engine.progress_computer": """
		compute_progress(subject_id)
		_load_and_validate_structure(subject_id)
		_ensure_structure_has_children(structure)
		_count_passed_lessons(structure)
		_calculate_completion_percentage(passed_lessons, total_lessons)
		_get_total_xp_earned(player_id, subject_id)
		find_next_lesson(structure)
	""",
	"memora.services.progress_engine.xp_calculator": """
		calculate_xp(lesson_id, hearts, is_first_completion, best_hearts_data, base_xp)
	""",
	"memora.services.progress_engine.cache_warmer": """
		warm_on_cache_miss(player_id, subject_id)
		warm_best_hearts_on_cache_miss(player_id, subject_id)
	""",
	"memora.services.progress_engine.snapshot_syncer": """
		sync_pending_bitmaps()
		sync_best_hearts_with_bitmap(player_id, subject_id, best_hearts_data)
	""",
	"memora.services.progress_engine.migration": """
		migrate_to_bitmap_structure()
	""",
	"memora.utils.redis_keys": """
		get_player_devices_key(user_id)
		get_active_session_key(user_id)
		get_wallet_key(user_id)
		get_rate_limit_key(user_id, function_name)
		get_pending_wallet_sync_key()
		get_last_played_at_synced_key(user_id)
	""",
	"memora.utils.diagnostics": """
		validate_schema(doctype)
		diagnose_query_failure(doctype)
		get_table_info(doctype)
		check_foreign_keys(doctype)
		validate_indexes(doctype)
	""",
}

# Dotted path -> HTTP method that the documentation gives; login alone is open to guests.
ENDPOINTS = {
	"memora.api.player.login": "POST",
	"memora.api.player.check_device_authorization": "GET",
	"memora.api.player.register_device": "POST",
	"memora.api.player.remove_device": "POST",
	"memora.api.player.validate_session": "GET",
	"memora.api.player.logout": "POST",
	"memora.api.player.complete_lesson": "POST",
	"memora.api.player.get_wallet": "GET",
	"memora.api.player.add_xp": "POST",
	"memora.api.player.trigger_wallet_sync": "POST",
	"memora.api.progress.complete_lesson": "POST",
	"memora.api.progress.get_progress": "GET",
	"memora.api.cdn_admin.get_queue_status": "GET",
}
GUEST_ENDPOINTS = {"memora.api.player.login"}

# Function of a key, with sample arguments -> the documented key.
REDIS_KEYS = {
	("memora.utils.redis_keys.get_player_devices_key", ("ann",)): "player:ann:devices",
	("memora.utils.redis_keys.get_active_session_key", ("ann",)): "active_session:ann",
	("memora.utils.redis_keys.get_wallet_key", ("ann",)): "wallet:ann",
	("memora.utils.redis_keys.get_pending_wallet_sync_key", ()): "pending_wallet_sync",
	("memora.utils.redis_keys.get_rate_limit_key", ("ann", "login")): "rate_limit:ann:login",
	("memora.utils.redis_keys.get_last_played_at_synced_key", ("ann",)): "last_played_at_synced:ann",
	("memora.services.progress_engine.bitmap_manager.get_redis_key", ("ann", "S1")): "user_prog:ann:S1",
	(
		"memora.services.progress_engine.bitmap_manager.get_best_hearts_key",
		("ann", "S1"),
	): "best_hearts:ann:S1",
	("memora.utils.redis_keys.get_pending_plans_key", ()): "cdn_export:pending_plans",
	("memora.utils.redis_keys.get_dead_letter_key", ()): "cdn_export:dead_letter",
}

# DocType -> field -> documented type. `parent` and `idx` of child tables are Frappe's own columns.
DOCTYPE_FIELDS = {
	"Memora Player Profile": {"user": "Link User", "authorized_devices": "Table Memora Authorized Device"},
	"Memora Player Wallet": {
		"player": "Link Memora Player Profile",
		"total_xp": "Int",
		"current_streak": "Int",
		"last_success_date": "Date",
		"last_played_at": "Datetime",
	},
	"Memora Authorized Device": {"device_id": "Data", "device_name": "Data", "added_on": "Datetime"},
	"Memora Structure Progress": {
		"player": "Link User",
		"subject": "Link Memora Subject",
		"progress_bitmap": "Long Text",
		"total_xp_earned": "Int",
		"completion_percentage": "Float",
		"last_synced_at": "Datetime",
		"best_hearts": "Long Text",
	},
	"Memora Academic Plan": {
		"title": "Data",
		"season": "Link Memora Season",
		"grade": "Link Memora Grade",
		"stream": "Link Memora Stream",
		"is_published": "Check",
	},
	"Memora Subject": {
		"title": "Data",
		"description": "Text",
		"image": "Attach",
		"color_code": "Data",
		"is_published": "Check",
		"is_linear": "Check",
	},
	"Memora Track": {
		"parent_subject": "Link Memora Subject",
		"title": "Data",
		"description": "Text",
		"is_published": "Check",
		"is_linear": "Check",
	},
	"Memora Unit": {
		"parent_track": "Link Memora Track",
		"title": "Data",
		"description": "Text",
		"is_published": "Check",
	},
	"Memora Topic": {
		"parent_unit": "Link Memora Unit",
		"title": "Data",
		"description": "Text",
		"is_published": "Check",
	},
	"Memora Lesson": {
		"parent_topic": "Link Memora Topic",
		"title": "Data",
		"description": "Text",
		"bit_index": "Int",
		"base_xp": "Int",
		"is_published": "Check",
	},
	"Memora Lesson Stage": {
		"title": "Data",
		"type": "Data",
		"config": "Long Text",
		"weight": "Int",
		"target_time": "Int",
		"is_skippable": "Check",
	},
	"Memora Plan Override": {"target_name": "Data", "action": "Select", "override_value": "Data"},
	"Memora Plan Subject": {"subject": "Link Memora Subject"},
	"CDN Settings": {
		"enabled": "Check",
		"endpoint_url": "Data",
		"access_key": "Password",
		"secret_key": "Password",
		"bucket_name": "Data",
		"cdn_base_url": "Data",
		"cloudflare_zone_id": "Data",
		"cloudflare_api_token": "Password",
		"signed_url_expiry_hours": "Int",
		"batch_threshold": "Int",
		"local_fallback_mode": "Check",
	},
	"CDN Sync Log": {
		"plan_id": "Data",
		"status": "Select",
		"started_at": "Datetime",
		"completed_at": "Datetime",
		"retry_count": "Int",
		"next_retry_at": "Datetime",
		"error_message": "Long Text",
		"is_fallback": "Check",
		"files_uploaded": "Int",
		"sync_verified": "Check",
	},
	"Memora Interaction Log": {
		"player": "Link User",
		"interaction_type": "Data",
		"reference_id": "Data",
		"interaction_data": "JSON",
		"created_at": "Datetime",
	},
}
CHILD_DOCTYPES = {
	"Memora Authorized Device",
	"Memora Lesson Stage",
	"Memora Plan Override",
	"Memora Plan Subject",
}

# Finer types over the same database column.
FINER_TYPES = {
	("Memora Subject", "image"): "Attach Image",
	("Memora Subject", "color_code"): "Color",
	("Memora Lesson Stage", "type"): "Select",
	("Memora Lesson Stage", "config"): "Code JSON",
	("Memora Plan Override", "target_name"): "Dynamic Link target_doctype",
}

SELECT_OPTIONS = {
	("Memora Plan Override", "action"): [
		"Hide",
		"Set Free",
		"Set Sold Separately",
		"Set Access Level",
		"Set Linear",
	],
	("CDN Sync Log", "status"): ["Queued", "Processing", "Success", "Failed", "Dead Letter"],
}
UNIQUE_FIELDS = {("Memora Player Profile", "user"), ("Memora Player Wallet", "player")}

DOCTYPE_METHODS = {
	"Memora Player Profile": (
		"validate_device_limit",
		"validate_unique_devices",
		"auto_authorize_first_device",
		"create_player_wallet",
		"sync_device_cache",
	),
	"Memora Player Wallet": (
		"validate_non_negative_xp",
		"validate_non_negative_streak",
		"validate_date_not_in_future",
		"populate_wallet_cache",
		"cleanup_wallet_cache",
	),
}

_CONTENT_EVENTS = ("on_update", "on_trash", "after_delete", "on_restore")
DOCUMENT_EVENTS = {
	"Memora Subject": _CONTENT_EVENTS,
	"Memora Track": _CONTENT_EVENTS,
	"Memora Unit": _CONTENT_EVENTS,
	"Memora Topic": _CONTENT_EVENTS,
	"Memora Lesson": _CONTENT_EVENTS,
	"Memora Lesson Stage": _CONTENT_EVENTS,
	"Memora Academic Plan": ("on_update", "on_trash", "after_delete"),
	"Memora Plan Override": ("on_update", "on_trash"),
}

# Scheduled function -> when it runs: a key of scheduler_events, or a cron line.
SCHEDULE = {
	"memora.services.cdn_export.batch_processor.process_pending_plans": "hourly",
	"memora.services.cdn_export.health_checker.hourly_health_check": "hourly",
	"memora.services.cdn_export.health_checker.daily_full_scan": "daily",
	"memora.services.wallet_sync.sync_pending_wallets": "*/15 * * * *",
	"memora.services.progress_engine.snapshot_syncer.sync_pending_bitmaps": "all",
}

# Headings that promise behaviour rather than a name.
TOPICS = (
	"Performance Targets: Player Core",
	"Performance Targets: CDN Export",
	"Performance Targets: Progress Engine",
	"Error Handling: CDN Export Retry Logic",
	"Error Handling: Wallet Sync Error Handling",
	"Security Features: Device Authorization",
	"Security Features: Session Management",
	"Security Features: Rate Limiting",
	"Security Features: Access Control",
	"Security Features: Audit Logging",
	"Monitoring: CDN Export Dashboard",
	"Monitoring: Player Dashboard",
	"Monitoring: Error Logs",
	"Development Notes: Running Locally",
	"Development Notes: Redis Key Patterns",
	"Development Notes: CDN File Structure",
	"Development Notes: Atomic File Writes",
	"Development Notes: Bitmap Operations",
	"Troubleshooting: CDN Export Issues",
	"Troubleshooting: Player Wallet Sync Issues",
	"Troubleshooting: Progress Tracking Issues",
	"Troubleshooting: Session/Device Issues",
)


def signatures() -> dict[str, str]:
	"""Dotted path -> documented signature, its name included: "login(usr, pwd, device_name=None)"."""
	return {
		f"{module}.{line.split('(')[0]}": line
		for module, lines in FUNCTIONS.items()
		for line in map(str.strip, lines.strip().splitlines())
	}


def promises() -> list[str]:
	"""Every promise once, under the name that docs/contract.md and `pending` use for it."""
	return [
		*signatures(),
		*(f"DocType {doctype}" for doctype in DOCTYPE_FIELDS),
		*(f"Events of {doctype}" for doctype in DOCUMENT_EVENTS),
		*(f"Schedule of {function}" for function in SCHEDULE),
		*TOPICS,
	]
