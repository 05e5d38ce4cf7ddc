"""A web worker dies at each step of an award and of a login, and from outside at any moment; others play on."""

import os
import signal
import time

from memora.utils import failpoints
from tests.chaos import checks, jobs, report, servers
from tests.chaos.swarm import Swarm
from tests.chaos.test_lost_redis import HARMLESS

PLAYERS = 8
POINTS = [point for point in failpoints.POINTS if point.startswith(("award.", "session."))]
WORKERS = 2


def test_a_worker_killed_at_each_step_loses_no_award_and_no_session(game):
	line = report.line("web worker killed at each step of award and login")
	with Swarm(game, PLAYERS) as swarm:
		for point in POINTS:
			with jobs.armed(point):
				swarm.play_for(0.2)
			line.kills += 1
			line.recoveries.append(seconds_until_all_workers_run())
	checks.everything_is_true(swarm)
	swarm.fill(line)
	assert set(line.answers) <= HARMLESS | {"no answer"}


def test_workers_and_the_whole_web_server_killed_at_any_moment_lose_nothing(game):
	line = report.line("web workers and web server killed at any moment")
	with Swarm(game, PLAYERS) as swarm:
		for _number in range(3):
			swarm.play_for(1)
			os.kill(servers.web_workers()[0], signal.SIGKILL)
			line.recoveries.append(seconds_until_all_workers_run())
		swarm.play_for(1)
		line.recoveries.append(servers.end("web"))
		line.kills += 4
		swarm.play_for(2)
	checks.everything_is_true(swarm)
	swarm.fill(line)
	assert set(line.answers) <= HARMLESS | {"no answer"}


def seconds_until_all_workers_run() -> float:
	began = time.monotonic()
	servers.wait_until(
		lambda: len(servers.web_workers()) >= WORKERS and servers.ANSWERS["web"](), "no new worker"
	)
	return time.monotonic() - began
