"""The clock of web and jobs jumps by days, forward and back, while players play."""

import json

import pytest

import frappe
from tests.chaos import checks, jobs, report
from tests.chaos.swarm import Swarm
from tests.chaos.test_lost_redis import HARMLESS

PLAYERS = 6
DAY = 24 * 3600
STEPS = (2 * DAY, -DAY, 3 * DAY, 40)


@pytest.mark.long
def test_days_forward_and_back_pay_every_play_once_and_no_day_twice(game):
	line = report.line("clock stepped by +2, -1 and +3 days, and back")
	with Swarm(game, PLAYERS) as swarm:
		for seconds in STEPS:
			swarm.play_for(1.5)
			with jobs.clock_moved(seconds):
				swarm.play_for(2.5)
	checks.everything_is_true(swarm)
	swarm.fill(line)
	assert set(line.answers) <= HARMLESS
	days = [days_counted(player) for player in swarm.players]
	assert days == [sorted(each) for each in days]
	assert max(len(set(each)) for each in days) > 1, "the steps were not felt"


def days_counted(player) -> list[str]:
	"""The day that each award in turn left as the player's last one."""
	rows = frappe.get_all(
		"Memora Interaction Log",
		filters={"player": player.profile.user, "seq": ["is", "set"]},
		order_by="seq",
		pluck="interaction_data",
	)
	outcomes = [json.loads(row)["outcome"] for row in rows]
	return [outcome["streak"]["last_success_date"] for outcome in outcomes if "streak" in outcome]
