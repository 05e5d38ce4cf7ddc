"""Players play on while MariaDB is killed or restarted: what it confirmed is there afterwards, once."""

import signal

import pytest

from tests.chaos import checks, jobs, report, servers
from tests.chaos.swarm import Swarm

PLAYERS = 8


@pytest.mark.long
@pytest.mark.parametrize(("number", "how"), [(signal.SIGKILL, "killed"), (signal.SIGTERM, "restarted")])
def test_gone_and_back_what_was_acknowledged_is_there_once(game, number, how):
	line = report.line(f"MariaDB {how}, an award held before its commit")
	with Swarm(game, PLAYERS) as swarm:
		swarm.play_for(3)
		with jobs.armed("award.inserted", "sleep 1") as wait_until_taken:
			wait_until_taken()
			line.recoveries.append(servers.end("mariadb", number))
		line.kills += 1
		swarm.play_for(3)
	servers.reconnect()
	checks.everything_is_true(swarm)
	swarm.fill(line)
	assert {answer for answer in line.answers if answer.startswith("4")} <= {
		"401 SessionReplaced",
		"429 RateLimitExceeded",
	}
