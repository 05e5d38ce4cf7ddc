"""The workspace Memora: figures for those who may see counts, ways on for those who may go them, players as reports."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

import frappe
from memora.utils import clock
from tests.desk import pages
from tests.factories import insert

CARDS = (
	"Players",
	"Active Today",
	"Lessons Completed Today",
	"Devices Registered",
	"Plans Pending",
	"Oldest Pending (Minutes)",
	"Dead Letters",
)
CHARTS = (
	"Completions a Day",
	"Active Players a Day",
	"XP a Day",
	"XP Distribution",
	"Streak Distribution (Days)",
	"Players by Devices",
	"Publishes by Result",
)
REPORTS = ("Memora Players by XP", "Memora Players by Streak", "Memora Inactive Players")
SHORTCUTS = {
	"Content": "/app/memora-subject",
	"Plans": "/app/memora-academic-plan",
	"Players": "/app/memora-player-profile",
	"Publishing": "/app/cdn-export-status",
	"Logs": "/app/cdn-sync-log",
	"Settings": "/app/cdn-settings",
}
INDICATORS = {
	"Memora Player Profile": "Logged Out",
	"Memora Player Wallet": "Streak Stands",
	"Memora Structure Progress": "Not Started",
	"Memora Interaction Log": "Audit",
}
SCRIPT = "Amal <img src='x' onerror='window.wasHere = 1'>"
ARABIC = "ليلى حداد"


@pytest.fixture
def player(game):
	"""A player who has just completed a lesson and is far ahead of all others; only a report shows what he is called."""
	player = game.add_player(display_name=ARABIC)
	now = clock.utc_now()
	wallet = {
		"total_xp": 1_999_999_999,
		"current_streak": 9999,
		"last_success_date": now.date(),
		"last_played_at": clock.to_site_time(now),
	}
	frappe.db.set_value("Memora Player Wallet", {"player": player.name}, wallet)
	for at in (now, now + timedelta(minutes=10)):  # the day may end meanwhile
		insert(
			"Memora Interaction Log",
			player=player.user,
			interaction_type="lesson_completion",
			created_at=clock.to_site_time(at),
			xp_awarded=20,
		)
	frappe.db.commit()
	return player


def open_workspace(window):
	window.open("/app/memora")
	workspace = window.page.locator("#page-Workspaces .layout-main-section:visible")
	expect(workspace.locator(".number-widget-box .number")).to_have_count(len(CARDS))
	expect(workspace.locator(".chart-loading-state:visible").filter(has_text="Loading")).to_have_count(0)
	return workspace


def card(workspace, label):
	title = workspace.page.locator(".widget-title").filter(
		has_text=re.compile(f"^\\s*{re.escape(label)}\\s*$")
	)
	return workspace.locator(".number-widget-box").filter(has=title)


def shortcut(workspace, label):
	title = workspace.page.locator(".widget-title").filter(has_text=re.compile(f"^\\s*{label}\\s*$"))
	return workspace.locator(".shortcut-widget-box").filter(has=title)


def expect_all_figures(workspace):
	for label in CARDS:
		expect(card(workspace, label).locator(".number")).to_have_text(re.compile(r"^\s*\d"))
	expect(card(workspace, "Lessons Completed Today").locator(".number")).not_to_have_text(
		re.compile(r"^\s*0\s*$")
	)
	for label in CHARTS:
		chart = workspace.locator(".dashboard-widget-box").filter(has_text=label)
		drawn_or_without_data = chart.locator("svg.frappe-chart, .chart-loading-state")
		expect(drawn_or_without_data.filter(visible=True).first).to_be_visible()


@pytest.mark.parametrize("who", ["admin", "arabic_admin"])
def test_the_workspace_shows_every_card_and_chart(who, request, player):
	window = request.getfixturevalue(who)
	workspace = open_workspace(window)
	expect(window.page.locator(".desk-sidebar .selected")).to_contain_text("Memora")
	expect_all_figures(workspace)


def test_every_shortcut_leads_an_administrator_where_it_says(admin):
	workspace = open_workspace(admin)
	for label, path in SHORTCUTS.items():
		shortcut(workspace, label).click()
		admin.page.wait_for_url(re.compile(re.escape(path)))
		admin.settle()
		expect(admin.page.locator(".page-head:visible").first).to_be_visible()
		admin.go("memora")


def test_a_content_manager_sees_the_figures_but_no_player_and_no_way_to_one(content_manager, player):
	workspace = open_workspace(content_manager)
	expect_all_figures(workspace)
	expect(shortcut(workspace, "Plans")).to_be_visible()
	for hidden in ("Players", "Settings"):
		expect(shortcut(workspace, hidden)).to_have_count(0)
	for hidden in ("Player Profiles", "Player Wallets", "Players by XP", "Interaction Log"):
		expect(workspace.locator(".link-item").filter(has_text=hidden)).to_have_count(0)
	expect(workspace).not_to_contain_text(player.user)
	expect(workspace).not_to_contain_text(ARABIC)


@pytest.mark.parametrize("report", REPORTS[:2])
def test_a_report_shows_the_first_player_and_leads_to_his_profile(admin, player, report):
	admin.open(f"/app/query-report/{report}")
	row = admin.page.locator(".dt-row:visible").filter(has_text=player.user)
	expect(row).to_contain_text(ARABIC)
	expect(row).to_contain_text(re.compile("1[.,]?999[.,]?999[.,]?999"))
	row.get_by_text(player.user).click()
	admin.page.wait_for_url(re.compile(player.name))
	admin.settle()


def test_a_report_of_inactive_players_leaves_out_who_has_just_played(admin, player):
	admin.open(f"/app/query-report/{REPORTS[2]}")
	expect(admin.page.locator(".page-head:visible .title-text")).to_contain_text("Inactive Players")
	expect(admin.page.locator(".dt-row:visible").filter(has_text=player.user)).to_have_count(0)


def test_a_script_in_a_players_name_is_shown_as_text_in_the_report(admin, player):
	# Past the document's own sanitiser: what reached the table by any other way is shown safely too.
	frappe.db.set_value("Memora Player Profile", player.name, "display_name", SCRIPT)
	frappe.db.commit()
	admin.open(f"/app/query-report/{REPORTS[0]}")
	row = admin.page.locator(".dt-row:visible").filter(has_text=player.user)
	expect(row).to_contain_text("<img src='x'")
	assert admin.page.evaluate("window.wasHere") is None


def test_a_list_of_players_says_how_each_row_stands(admin, player):
	for doctype, indicator in INDICATORS.items():
		rows = pages.open_list(admin, doctype)
		expect(rows.locator(".indicator-pill").filter(has_text=indicator).first).to_be_visible()
