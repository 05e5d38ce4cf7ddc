"""Where tests meet the bench.

Unit tests need the packages of dev/requirements-test.txt. All others need a bench: ./dev/test brings it
up and says through environment variables where it is; without them they are left out, and the
summary says so.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
SITES_PATH = os.environ.get("MEMORA_SITES_PATH")
NEEDS_BENCH = [
	path.name for path in TESTS.iterdir() if path.is_dir() and path.name not in ("unit", "__pycache__")
]

# A shared, noisy machine says nothing about the code by being slow, and no run depends on the last.
settings.register_profile("memora", deadline=None, database=None)
settings.load_profile("memora")

HAS_BROWSER = "MEMORA_BROWSER" in os.environ

collect_ignore = NEEDS_BENCH if not SITES_PATH else [] if HAS_BROWSER else ["desk"]


def pytest_terminal_summary(terminalreporter, config):
	if not SITES_PATH:
		terminalreporter.write_line(f"{', '.join(sorted(NEEDS_BENCH))} tests need a bench: run ./dev/test")
	elif not HAS_BROWSER and any(Path(named).resolve() in (TESTS, TESTS.parent) for named in config.args):
		terminalreporter.write_line(
			"desk tests need Desk's bundles and a Chromium: run ./dev/test tests/desk"
		)


@pytest.fixture(scope="session", autouse=True)
def site(request):
	"""Connect to the test site for the whole run; FrappeTestCase rolls back after each class."""
	unit = TESTS / "unit"
	if not SITES_PATH or all(unit in item.path.parents for item in request.session.items):
		yield None
		return
	import frappe

	started_in = Path.cwd()
	os.chdir(SITES_PATH)  # Frappe looks for its logs beside the current folder
	frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=SITES_PATH)
	frappe.connect()
	frappe.flags.in_test = True
	from tests import committed, publish_jobs

	publish_jobs.hold_back()
	yield frappe.local.site
	committed.remove_idle_users()
	frappe.destroy()
	os.chdir(started_in)
