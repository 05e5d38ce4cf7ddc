"""The harness itself: a window hears what goes wrong in its page."""

import time

import pytest

from tests.desk.window import PATIENCE_SECONDS


@pytest.mark.parametrize(
	("mishap", "complaint"),
	[
		("console.error('out of order')", "console: out of order"),
		("queueMicrotask(() => { throw new Error('broken') })", "exception: Error: broken"),
		("fetch('/assets/missing.js')", "status 404: "),
		("fetch('http://127.0.0.1:1/').catch(() => 0)", "failed: http://127.0.0.1:1/"),
	],
)
def test_a_window_complains_of_what_goes_wrong_in_its_page(admin, mishap, complaint):
	admin.open("/app")
	admin.require_quiet()
	admin.page.evaluate(f"() => {{ {mishap} }}")
	wait_until_heard(admin, complaint)
	heard, admin.complaints = admin.complaints, []
	assert any(line.startswith(complaint) for line in heard), heard


def wait_until_heard(window, complaint):
	"""What a page does by itself later, as a timer, is told when the browser comes to it."""
	deadline = time.monotonic() + PATIENCE_SECONDS
	while time.monotonic() < deadline and not any(line.startswith(complaint) for line in window.complaints):
		window.page.wait_for_timeout(50)
