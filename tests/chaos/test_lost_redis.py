"""Players play on while the Redis that holds all of Memora's keys is emptied, killed, and started again."""

import signal

import pytest
import redis

import frappe
from tests.chaos import checks, jobs, report, servers
from tests.chaos.swarm import Swarm

PLAYERS = 8
FLUSHES = 12
# A reply that was lost on its way may hide a login that counted, and an app of that moment is told so.
HARMLESS = {"200", "429 RateLimitExceeded", "401 SessionReplaced"}


def test_flushed_again_and_again_nobody_sees_anything(game):
	line = report.line("Redis flushed")
	with Swarm(game, PLAYERS) as swarm:
		for _number in range(FLUSHES):
			swarm.play_for(0.7)
			redis.Redis.from_url(frappe.conf.redis_queue).flushall()
			line.kills += 1
	checks.everything_is_true(swarm)
	swarm.fill(line)
	assert set(line.answers) <= HARMLESS


@pytest.mark.parametrize(("number", "how"), [(signal.SIGKILL, "killed"), (signal.SIGTERM, "restarted")])
def test_gone_and_back_every_read_is_answered_and_awards_are_refused_by_name(game, number, how):
	line = report.line(f"Redis {how}, an award held after its commit")
	with Swarm(game, PLAYERS) as swarm:
		for _round in range(2):
			swarm.play_for(2)
			with jobs.armed("award.committed", "sleep 1") as wait_until_taken:
				wait_until_taken()
				line.recoveries.append(servers.end("redis_queue", number))
			line.kills += 1
			swarm.play_for(2)
	checks.everything_is_true(swarm)
	swarm.fill(line)
	assert set(swarm.journal.answers("read")) <= HARMLESS
	assert set(swarm.journal.answers("login")) <= HARMLESS
	assert set(swarm.journal.answers("award")) <= HARMLESS | {"503 StoreUnavailable"}
