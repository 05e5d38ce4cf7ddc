"""The logical name of every Redis key, with its type, its lifetime and its writer.

Physically each key carries the site's prefix (`redis_store.physical`), since the sites of a bench share a Redis.
Every key may vanish at any moment: it is a copy of something in MariaDB, a lock, or a counter.
"""


# --- Players ---------------------------------------------------------------------------------------------------


def get_player_devices_key(user_id: str) -> str:
	"""SET, no TTL: the authorized device ids and the member "loaded", which marks the set as complete.

	Written by gate_copies.
	"""
	return f"player:{user_id}:devices"


def get_active_session_key(user_id: str) -> str:
	"""STRING, no TTL: SHA-256 of the one live session's id, or "none". Written by gate_copies."""
	return f"active_session:{user_id}"


def get_session_metadata_key(user_id: str) -> str:
	"""HASH, no TTL: user_id, device_id, created_at of the live session. Written by gate_copies."""
	return f"session_metadata:{user_id}"


def get_wallet_key(user_id: str) -> str:
	"""HASH, no TTL: the wallet and the state of all of a player's copies. Written by player_copies.

	total_xp, current_streak, last_success_date, last_played_at: the wallet.
	seq: the last ledger row that the copies contain. epoch: names this loading of the copies; its presence marks
	the hash as complete. in_flight_seq, in_flight_since: a ledger row that is about to be committed, and since which
	Unix time, in microseconds, so that it names the mark.
	"""
	return f"wallet:{user_id}"


def get_pending_wallet_sync_key() -> str:
	"""SET, no TTL: users whose wallet row may be behind. Written by player_copies, emptied by wallet_sync."""
	return "pending_wallet_sync"


def get_syncing_wallets_key() -> str:
	"""SET, no TTL: users taken from the pending set whose wallet row is being written. Written by sync_queue."""
	return "syncing_wallets"


def get_wallet_sync_lock_key() -> str:
	"""STRING, TTL 1 minute, renewed after each chunk: the token of the sync that is running."""
	return "wallet_sync:lock"


def get_nightly_check_key() -> str:
	"""STRING, no TTL: the user at whom the last nightly check ran out of time. Written by nightly_check."""
	return "nightly_check:after"


def get_rate_limit_key(user_id: str, function_name: str) -> str:
	"""STRING with the window as TTL: calls counted in the current window. Written by guards."""
	return f"rate_limit:{user_id}:{function_name}"


def get_security_report_key(user_id: str, event_type: str) -> str:
	"""STRING, TTL 1 hour: present while such an event of the user is in the Error Log. Written by audit_trail."""
	return f"security_report:{user_id}:{event_type}"


def get_last_played_at_synced_key(user_id: str) -> str:
	"""STRING, TTL 15 minutes: present while the row's last_played_at was queued recently. Written by player_copies."""
	return f"last_played_at_synced:{user_id}"


# --- Progress --------------------------------------------------------------------------------------------------


def get_progress_key(player_id: str, subject_id: str) -> str:
	"""STRING of raw bytes, TTL 30 days: bit i stands for the lesson with bit_index i. Written by player_copies."""
	return f"user_prog:{player_id}:{subject_id}"


def get_best_hearts_key(player_id: str, subject_id: str) -> str:
	"""HASH, TTL 30 days: lesson id -> best hearts, and the epoch of the wallet that it belongs to.

	Written by player_copies.
	"""
	return f"best_hearts:{player_id}:{subject_id}"


def get_dirty_progress_key() -> str:
	"""SET, no TTL: JSON pairs [player, subject] whose progress row may be behind the ledger.

	Written by player_copies, emptied by snapshot_syncer.
	"""
	return "dirty_progress"


def get_syncing_progress_key() -> str:
	"""SET, no TTL: pairs taken from the dirty set whose row is being written. Written by sync_queue."""
	return "syncing_progress"


def get_progress_sync_lock_key() -> str:
	"""STRING, TTL 1 minute, renewed after each batch: the token of the sync that is running."""
	return "progress_sync:lock"


# --- Publishing ------------------------------------------------------------------------------------------------


def get_pending_plans_key() -> str:
	"""SET, no TTL: plans waiting to be built, as CDN Sync Log has them. Written by publish_queue."""
	return "cdn_export:pending_plans"


def get_processing_plans_key() -> str:
	"""ZSET, no TTL: plans that a worker took -> Unix time at which they are free again. Written by publish_queue."""
	return "cdn_export:processing_plans"


def get_publish_job_key() -> str:
	"""STRING, TTL 1 minute: present while a job that empties the queue is about to start. Written by publish_queue."""
	return "cdn_export:job"


def get_dead_letter_key() -> str:
	"""HASH, no TTL: plan id -> why it was given up, as CDN Sync Log has it. Written by publish_queue."""
	return "cdn_export:dead_letter"


def get_build_lock_key(plan_id: str) -> str:
	"""STRING, TTL 5 minutes, renewed while building: the token of the build that owns the plan. Written by build_lock."""
	return f"cdn_export:lock:{plan_id}"


def get_build_progress_key(plan_id: str) -> str:
	"""STRING, TTL 5 minutes: JSON that tells how far the plan's build is. Written by build_lock."""
	return f"cdn_export:progress:{plan_id}"


def get_content_upload_key(run_id: str) -> str:
	"""STRING, TTL 1 hour: base64 of the file that a background import is about to read. Written by content_sheet.runs."""
	return f"content_import:file:{run_id}"


def get_content_import_key(run_id: str) -> str:
	"""STRING, TTL 1 hour: JSON that tells how far a background import is. Written by content_sheet.runs."""
	return f"content_import:run:{run_id}"


def get_dashboard_days_key(first_day: str, last_day: str) -> str:
	"""STRING, TTL 1 hour: JSON of the ledger's figures for the UTC days from one to the other. Written by dashboard."""
	return f"dashboard:days:{first_day}:{last_day}"
