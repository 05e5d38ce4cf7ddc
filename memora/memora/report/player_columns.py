"""What the reports about players share: their columns, their filters, and what they say about their figures."""

from typing import Any

from frappe import _
from memora.utils import validators

DEFAULT_ROWS, MAX_ROWS = 100, 1000


def columns() -> list[dict]:
	return [
		{"fieldname": "user", "label": _("Player"), "fieldtype": "Data", "width": 240},
		{"fieldname": "display_name", "label": _("Display Name"), "fieldtype": "Data", "width": 180},
		_link("plan", _("Plan"), "Memora Academic Plan"),
		{"fieldname": "total_xp", "label": _("Total XP"), "fieldtype": "Int", "width": 110},
		{"fieldname": "current_streak", "label": _("Streak (Days)"), "fieldtype": "Int", "width": 120},
		{
			"fieldname": "last_success_date",
			"label": _("Last Streak Day (UTC)"),
			"fieldtype": "Date",
			"width": 170,
		},
		{"fieldname": "last_played_at", "label": _("Last Played At"), "fieldtype": "Datetime", "width": 180},
	]


def _link(fieldname: str, label: str, doctype: str) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": "Link", "options": doctype, "width": 120}


def read_limit(filters: dict[str, Any]) -> int:
	return validators.parse_int(filters.get("limit") or DEFAULT_ROWS, _("Rows"), 1, MAX_ROWS)


def read_plan(filters: dict[str, Any]) -> str | None:
	return validators.parse_optional(validators.parse_id, filters.get("plan"), _("Plan"))


def note() -> str:
	return _("XP, streaks and times follow the interaction log within 15 minutes.")
