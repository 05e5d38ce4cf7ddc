"""The workspace's number cards and charts, for content managers and system managers: counts, and never a player.

Desk's widgets ask by POST. A card leads to a list only whoever may read it.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import frappe
from frappe import _
from frappe.utils import formatdate
from memora.api.cdn_admin import publishers_only
from memora.api.guards import rate_limit
from memora.api.replies import Card, Chart
from memora.api.values import Facts
from memora.services import dashboard
from memora.services.cdn_export import sync_log
from memora.utils import validators

DAYS = 30
EXPORT_STATUS = "cdn-export-status"

# --- Number cards ----------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def players() -> Card:
	"""How many players there are."""
	return _card(dashboard.count_players(), "Memora Player Profile")


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def active_today() -> Card:
	"""How many players logged in, played or claimed XP today."""
	today = dashboard.today()
	since = {"last_played_at": [">=", str(dashboard.start_of(today.day))]}
	return _card(today.players, "Memora Player Wallet", since)


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def lessons_today() -> Card:
	"""How often a lesson was completed today."""
	today = dashboard.today()
	since = {
		"created_at": [">=", str(dashboard.start_of(today.day))],
		"interaction_type": "lesson_completion",
	}
	return _card(today.lessons, "Memora Interaction Log", since)


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def devices() -> Card:
	"""How many devices are authorized."""
	return _card(dashboard.count_devices(), "Memora Player Profile")


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def plans_pending() -> Card:
	"""How many plans wait to be published, or to be tried again."""
	return _publishing_card(len(sync_log.pending_plan_ids()))


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def oldest_pending_minutes() -> Card:
	"""For how many whole minutes the plan has waited that waits longest."""
	return _publishing_card(sync_log.oldest_pending_seconds() // 60)


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def dead_letters() -> Card:
	"""How many plans were given up."""
	return _publishing_card(len(sync_log.dead_letters()))


def _card(value: int, doctype: str, filters: dict[str, Any] | None = None) -> dict:
	card = {"value": value, "fieldtype": "Int"}
	if frappe.has_permission(doctype):
		card |= {"route": ["List", doctype], "route_options": filters or {}}
	return card


def _publishing_card(value: int) -> dict:
	return {"value": value, "fieldtype": "Int", "route": [EXPORT_STATUS]}


# --- Charts ----------------------------------------------------------------------------------------------------


@frappe.whitelist(methods=["GET", "POST"])
@rate_limit()
@publishers_only
def chart(chart_name: ChartName = None) -> Chart:
	"""The figures of one of the workspace's charts."""
	return CHARTS[validators.parse_choice(chart_name, "chart_name", CHARTS)]()


def _completions_a_day() -> dict:
	return _by_day(_("Lessons"), "lessons")


def _active_players_a_day() -> dict:
	return _by_day(_("Players"), "players")


def _xp_a_day() -> dict:
	return _by_day(_("XP"), "xp")


def _by_day(name: str, figure: str) -> dict:
	days = dashboard.last_days(DAYS)
	return _drawn(name, ((formatdate(day.day, "d MMM"), getattr(day, figure)) for day in days))


def _xp_distribution() -> dict:
	return _players((_range(step), step.players) for step in dashboard.players_by_xp())


def _streak_distribution() -> dict:
	return _players((_range(step), step.players) for step in dashboard.players_by_streak())


def _devices_of_players() -> dict:
	labels = (_("No device"), _("1 device"), _("2 devices"))
	return _players(zip(labels, dashboard.players_by_devices(), strict=True))


def _publishes_by_result() -> dict:
	results = dashboard.publishes_by_result(DAYS)
	return _drawn(_("Publishes"), ((_(status), number) for status, number in results.items()))


def _range(step: dashboard.Step) -> str:
	"""Short, or Desk cuts it off: "0", "3+" for 3 up to the next step, "10K+"."""
	if step.low == step.high:
		return str(step.low)
	return f"{step.low // 1000}K+" if step.low >= 1000 else f"{step.low}+"


def _players(bars: Iterable[tuple[str, int]]) -> dict:
	return _drawn(_("Players"), bars)


def _drawn(name: str, points: Iterable[tuple[str, int]]) -> dict:
	"""As Desk's charts want it. Without a single figure they say "No Data" instead of an empty ring or line."""
	labels, values = zip(*points, strict=True)
	if not any(values):
		return {}
	return {"labels": list(labels), "datasets": [{"name": name, "values": list(values)}]}


CHARTS = {
	"Memora Completions a Day": _completions_a_day,
	"Memora Active Players a Day": _active_players_a_day,
	"Memora XP a Day": _xp_a_day,
	"Memora XP Distribution": _xp_distribution,
	"Memora Streak Distribution": _streak_distribution,
	"Memora Players by Devices": _devices_of_players,
	"Memora Publishes by Result": _publishes_by_result,
}

ChartName = Annotated[str, Facts(enum=list(CHARTS), examples=[next(iter(CHARTS))])]
