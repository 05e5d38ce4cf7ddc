"""Every test of this folder begins and ends with a healthy bench, and adds a line to the table that is printed last."""

import shutil

import pytest

import frappe
from memora.utils import failpoints
from tests.chaos import report, servers
from tests.committed import Game


@pytest.fixture(autouse=True)
def healthy_bench(site):
	servers.wait_until(servers.all_answer, "the bench does not answer")
	frappe.db.rollback()
	yield
	shutil.rmtree(failpoints.folder(), ignore_errors=True)
	servers.wait_until(servers.all_answer, "the bench did not recover")


@pytest.fixture
def game(healthy_bench):
	made = Game(units=2, lessons=6)
	yield made
	servers.wait_until(servers.all_answer, "the bench did not recover")
	servers.reconnect()
	made.remove()


def pytest_terminal_summary(terminalreporter):
	if report.lines:
		terminalreporter.section("chaos")
		for row in report.as_markdown():
			terminalreporter.write_line(row)
