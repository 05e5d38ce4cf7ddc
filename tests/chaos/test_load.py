"""Two hundred players at once for two minutes, beside the scheduler's own jobs: no error, and every total is right."""

import contextlib
import json
import os
from pathlib import Path

import pytest

import frappe
from tests.chaos import checks, jobs, report
from tests.chaos.swarm import Swarm

PLAYERS = 200
SECONDS = 120
LONGEST_PAUSE_SECONDS = 10  # of a player between two calls


@pytest.mark.long
def test_two_hundred_players_for_two_minutes_meet_no_error(game):
	line = report.line(f"none: {PLAYERS} players for {SECONDS} s, the scheduler running")
	swarm = Swarm(game, PLAYERS, LONGEST_PAUSE_SECONDS)
	swarm.log_in(at_once=8)
	with scheduler_running(), swarm:
		for _third in range(3):
			swarm.play_for(SECONDS / 3)
			jobs.sync()
	checks.everything_is_true(swarm)
	swarm.fill(line)
	assert set(line.answers) == {"200"}, swarm.journal.counts


@contextlib.contextmanager
def scheduler_running():
	"""Test sites pause it, so that nothing happens behind a test's back."""
	path = Path(os.environ["MEMORA_SITES_PATH"], frappe.local.site, "site_config.json")
	before = path.read_text()
	jobs.lay(path, json.dumps({**json.loads(before), "pause_scheduler": 0}, indent=1))
	try:
		yield
	finally:
		jobs.lay(path, before)
