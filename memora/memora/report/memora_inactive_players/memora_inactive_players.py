from datetime import timedelta

from frappe.utils import getdate
from memora.memora.report import player_columns
from memora.services import player_lists
from memora.utils import clock

DEFAULT_DAYS = 14


def execute(filters=None):
	filters = filters or {}
	since = getdate(filters["since"]) if filters.get("since") else clock.utc_today() - timedelta(DEFAULT_DAYS)
	limit, plan = player_columns.read_limit(filters), player_columns.read_plan(filters)
	return player_columns.columns(), player_lists.inactive_since(since, limit, plan), player_columns.note()
