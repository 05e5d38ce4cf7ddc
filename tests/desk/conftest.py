"""Desk in a real browser: one Chromium for all, a window of one's own for each test.

A test that takes one of the windows `admin`, `content_manager`, `arabic_admin` or `student` fails when that window had
a console error or a request that failed, unless the test emptied `window.complaints` because it expected them.
Pictures of failed tests are in the bench's folder `screenshots`.
"""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

import frappe
from frappe.utils.password import update_password
from tests import committed, factories
from tests.committed import PASSWORD, Game
from tests.desk import window
from tests.desk.window import Window

SCREENSHOTS = Path(os.environ["MEMORA_BENCH"], "screenshots")
FRAPPE_LOGIN = "login"
failed = pytest.StashKey[bool]()

expect.set_options(timeout=window.PATIENCE_SECONDS * 1000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
	report = yield
	item.stash[failed] = item.stash.get(failed, False) or report.failed
	return report


@pytest.fixture(scope="package")
def browser():
	with sync_playwright() as playwright:
		# Chromium's own sandbox does not run for root or in a container; /dev/shm is small there.
		arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
		browser = playwright.chromium.launch(executable_path=os.environ["MEMORA_BROWSER"], args=arguments)
		yield browser
		browser.close()


def one_window(context, request):
	"""A page for one test, judged and closed after it."""
	opened = Window(context)
	yield opened
	try:
		opened.settle()
		opened.require_quiet()
	except BaseException:
		request.node.stash[failed] = True
		raise
	finally:
		if request.node.stash.get(failed, False):
			SCREENSHOTS.mkdir(exist_ok=True)
			opened.page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png")
		opened.page.close()


@pytest.fixture(scope="package")
def admin_context(browser):
	context = window.new_context(browser)
	window.log_in(context, FRAPPE_LOGIN, "Administrator", "admin")
	yield context
	context.close()


@pytest.fixture(scope="package")
def content_manager_context(browser):
	yield from _context_of_desk_user(browser, "Memora Content Manager")


@pytest.fixture(scope="package")
def arabic_admin_context(browser):
	yield from _context_of_desk_user(browser, "System Manager", language="ar")


def _context_of_desk_user(browser, role, **values):
	user = factories.make_user(role, **values).name
	update_password(user, PASSWORD)
	frappe.db.commit()
	context = window.new_context(browser)
	window.log_in(context, FRAPPE_LOGIN, user, PASSWORD)
	yield context
	context.close()
	frappe.db.rollback()
	committed.forget_user(user)
	frappe.db.commit()


@pytest.fixture
def admin(admin_context, request):
	yield from one_window(admin_context, request)


@pytest.fixture
def content_manager(content_manager_context, request):
	yield from one_window(content_manager_context, request)


@pytest.fixture
def arabic_admin(arabic_admin_context, request):
	yield from one_window(arabic_admin_context, request)


@pytest.fixture
def student(browser, game, request):
	"""A student on his own device, logged in as the app does it."""
	player = game.add_player()
	context = window.new_context(browser, {"X-Device-ID": player.device_ids[0]})
	window.log_in(context, "memora.api.player.login", player.user, PASSWORD)
	yield from one_window(context, request)
	context.close()


@pytest.fixture
def game():
	game = Game()
	yield game
	game.remove()
