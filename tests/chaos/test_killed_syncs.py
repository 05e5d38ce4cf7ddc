"""The worker's job dies at each step of a sync while players play; the next sync writes everybody."""

import pytest
from rq.job import JobStatus

from memora.utils import failpoints
from tests.chaos import checks, jobs, report, servers
from tests.chaos.swarm import Swarm
from tests.chaos.test_lost_redis import HARMLESS

PLAYERS = 8
DEATHS = [
	*[("wallets", point) for point in failpoints.POINTS if point.startswith(("wallet_sync.", "sync."))],
	*[("progress", point) for point in failpoints.POINTS if point.startswith(("progress_sync.", "sync."))],
]


@pytest.mark.long
def test_a_sync_killed_at_each_step_leaves_nobody_behind(game):
	line = report.line("sync job killed at each step, the worker itself at the end")
	with Swarm(game, PLAYERS) as swarm:
		for sync, point in DEATHS:
			kill_sync(sync, point)
		line.recoveries.append(servers.end("worker"))
	nobody_is_lost_who_never_comes_back(swarm)
	checks.everything_is_true(swarm)
	line.kills = len(DEATHS) + 1 + len(jobs.SYNCS)
	swarm.fill(line)
	assert set(line.answers) <= HARMLESS


def nobody_is_lost_who_never_comes_back(swarm):
	"""Whoever plays on is queued again by his next award, and so would hide it."""
	for player in swarm.players:
		player.play_lesson()
	swarm.settle()
	for sync in jobs.SYNCS:
		kill_sync(sync, "sync.taken")
	jobs.sync()
	for player in swarm.players:
		checks.rows_are_the_ledgers(player)


def kill_sync(sync, point):
	jobs.wait_for_work(sync)
	with jobs.armed(point):
		assert jobs.run(jobs.SYNCS[sync]) == JobStatus.FAILED
	jobs.forget_locks_of_the_dead()
