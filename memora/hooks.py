app_name = "memora"
app_title = "Memora"
app_publisher = "Memora contributors"
app_description = "The backend of a gamified learning app: players, progress and published content"
app_email = "memora@example.com"
app_license = "mit"

# Install

before_install = "memora.install.before_install"
after_install = "memora.install.after_install"
after_migrate = ["memora.install.after_migrate"]

# Desk

app_include_css = ["memora.bundle.css"]

# Requests: every way in and every request of a player is decided in one place

on_login = "memora.api.login_guard.decide_login"
on_session_creation = "memora.api.login_guard.begin_session"
on_logout = "memora.api.login_guard.end_session"
auth_hooks = ["memora.api.guards.authorize_request"]
after_request = [
	"memora.api.caller.send_headers",
	"memora.api.login_guard.finish_login",
	"memora.api.audit.write_trail",
]

# Schedule

scheduler_events = {
	"cron": {"*/15 * * * *": ["memora.services.wallet_sync.sync_pending_wallets"]},
}

# Permissions

permission_query_conditions = {
	"Memora Player Profile": "memora.permissions.player_rows_condition",
	"Memora Player Wallet": "memora.permissions.player_rows_condition",
	"Memora Structure Progress": "memora.permissions.player_rows_condition",
	"Memora Interaction Log": "memora.permissions.log_rows_condition",
}

has_permission = {
	"Memora Player Profile": "memora.permissions.may_see_player_row",
	"Memora Player Wallet": "memora.permissions.may_see_player_row",
	"Memora Structure Progress": "memora.permissions.may_see_player_row",
	"Memora Interaction Log": "memora.permissions.may_see_log_row",
}
