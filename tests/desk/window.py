"""A window of a real browser on the test site, and what it has to complain about."""

import os
import time

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE_SECONDS = 30  # the machine may be busy; what is awaited comes in a second or two
QUIET_SECONDS = 0.3
ABORTED = "net::ERR_ABORTED"  # a page was left before all of it had come


class Window:
	"""One page. `complaints` lists its console errors, exceptions, and requests that failed or were refused."""

	def __init__(self, context: BrowserContext):
		self.page: Page = context.new_page()
		self.complaints: list[str] = []
		self._pending = 0
		self._last_traffic = time.monotonic()
		self._listen()

	def _listen(self) -> None:
		page = self.page
		page.on("console", self._hear)
		page.on("pageerror", lambda error: self.complaints.append(f"exception: {error.stack or error}"))
		page.on("response", self._look_at)
		page.on("request", lambda request: self._count(1))
		page.on("requestfinished", lambda request: self._count(-1))
		page.on("requestfailed", self._failed)

	def _hear(self, message) -> None:
		if message.type == "error":
			self.complaints.append(f"console: {message.text} ({message.location.get('url')})")

	def _look_at(self, response) -> None:
		if response.status >= 400:
			self.complaints.append(f"status {response.status}: {response.url}")

	def _failed(self, request) -> None:
		self._count(-1)
		if request.failure != ABORTED:
			self.complaints.append(f"failed: {request.url} ({request.failure})")

	def _count(self, change: int) -> None:
		self._pending += change
		self._last_traffic = time.monotonic()

	def open(self, path: str) -> Page:
		"""Load an address of the site anew, wait until nothing moves, and return the page."""
		self._pending = 0
		self.page.goto(path)
		self.settle()
		return self.page

	def go(self, *route: str) -> Page:
		"""Follow a route inside Desk without loading it anew, as a click on a link does."""
		self.page.evaluate("route => frappe.set_route(route)", list(route))
		self.settle()
		return self.page

	def settle(self) -> None:
		"""Wait until the page has asked for nothing for a moment and has got all that it asked for."""
		self._last_traffic = time.monotonic()  # what this moment sets off is heard too
		deadline = self._last_traffic + PATIENCE_SECONDS
		while self._pending > 0 or time.monotonic() - self._last_traffic < QUIET_SECONDS:
			if time.monotonic() > deadline:
				pytest.fail(f"{self.page.url} still loads after {PATIENCE_SECONDS} s")
			self.page.wait_for_timeout(50)

	def require_quiet(self) -> None:
		assert self.complaints == [], f"{self.page.url} complains:\n" + "\n".join(self.complaints)


def new_context(browser: Browser, headers: dict[str, str] | None = None) -> BrowserContext:
	"""Cookies and cache of one person, on the test site."""
	context = browser.new_context(
		base_url=os.environ["MEMORA_WEB_URL"],
		viewport={"width": 1280, "height": 900},
		extra_http_headers={"X-Frappe-Site-Name": os.environ["MEMORA_TEST_SITE"], **(headers or {})},
	)
	context.set_default_timeout(PATIENCE_SECONDS * 1000)
	return context


def log_in(context: BrowserContext, method: str, usr: str, pwd: str) -> None:
	response = context.request.post(f"/api/method/{method}", form={"usr": usr, "pwd": pwd})
	assert response.ok, (response.status, response.text()[:500])
