"""Desk opens for those who may, without a console error, in either direction of writing."""

import pytest
from playwright.sync_api import expect

from tests.desk import doctypes, pages
from tests.desk.pages import CONTENT_MANAGER


@pytest.mark.parametrize("who", ["admin", "content_manager", "arabic_admin"])
def test_desk_opens_with_its_sidebar_and_without_a_complaint(who, request):
	window = request.getfixturevalue(who)
	window.open("/app")
	expect(window.page.locator(".desk-sidebar .sidebar-item-label").first).to_be_visible()


@pytest.mark.parametrize("doctype", doctypes.names())
def test_an_administrator_opens_the_list_and_a_new_form_of_every_doctype(admin, doctype):
	pages.open_list(admin, doctype)
	pages.open_new_form(admin, doctype)


@pytest.mark.parametrize("doctype", doctypes.names(single=True))
def test_an_administrator_opens_every_settings_form(admin, doctype):
	admin.open(f"/app/{pages.slug(doctype)}")
	pages.expect_form(admin, doctype)


@pytest.mark.parametrize("doctype", doctypes.names(role=CONTENT_MANAGER))
def test_a_content_manager_opens_every_list_that_he_may_read(content_manager, doctype):
	pages.open_list(content_manager, doctype)
	if doctype in doctypes.names(role=CONTENT_MANAGER, right="create"):
		pages.open_new_form(content_manager, doctype)


def test_desk_in_arabic_runs_from_right_to_left_with_the_mirrored_stylesheets(arabic_admin):
	pages.open_list(arabic_admin, "Memora Subject")
	pages.open_new_form(arabic_admin, "Memora Subject")
	page = arabic_admin.page
	expect(page.locator("html")).to_have_attribute("dir", "rtl")
	addresses = page.locator("link[rel=stylesheet]").evaluate_all("links => links.map(link => link.href)")
	bundles = [address for address in addresses if "/dist/" in address]
	assert bundles
	assert all("/css-rtl/" in address for address in bundles), bundles


def test_a_student_is_sent_away_from_desk_though_he_is_logged_in(student):
	student.open("/app/memora-subject")
	expect(student.page.locator("body")).to_contain_text("Not Permitted")
	assert student.complaints[0].startswith("status 403: ")
	assert student.page.evaluate("frappe.boot.user") is None
	student.complaints.clear()


def test_desk_gives_up_on_the_socket_server_that_a_development_bench_does_not_have(admin):
	asked = []
	admin.page.on("request", lambda request: asked.append(request) if "/socket.io/" in request.url else None)
	pages.open_list(admin, "Memora Subject")
	admin.page.wait_for_function("frappe.socketio.socket.disconnected && !frappe.socketio.socket.active")
	assert len(asked) <= 5, [request.url for request in asked]


def test_the_code_editor_comes_with_the_package_that_it_is_made_of(admin):
	page = admin.open("/app/client-script/new")
	expect(page.locator('[data-page-route="Client Script"] .ace_editor')).to_be_visible()
