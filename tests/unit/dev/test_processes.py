"""Processes: a pid is believed only with its start time, and ending one leaves no child behind."""

import dataclasses
import subprocess
import sys

import pytest
from devbench import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# A parent that ignores SIGTERM, with a child in a session of its own, as RQ's work horses are.
STUBBORN = [
	sys.executable,
	"-c",
	"import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
	"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True);"
	"print('ready', flush=True); time.sleep(60)",
]


@pytest.fixture
def sleeper():
	child = subprocess.Popen(SLEEP)
	yield child
	child.kill()
	child.wait()


def test_a_running_process_is_recognised(sleeper):
	assert processes.is_alive(processes.identify(sleeper.pid))


def test_a_process_that_ended_is_not_alive_even_before_its_parent_looked(sleeper):
	identity = processes.identify(sleeper.pid)
	sleeper.kill()
	assert processes.wait_until(lambda: not processes.is_alive(identity), 5)
	assert sleeper.returncode is None


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"boot_id": "another boot"}])
def test_a_stranger_with_the_same_number_is_not_ours(sleeper, change):
	identity = dataclasses.replace(processes.identify(sleeper.pid), **change)
	assert not processes.is_alive(identity)
	processes.end(identity, 1)
	assert sleeper.poll() is None


def test_leftovers_are_ended_and_named_and_their_files_removed(tmp_path, sleeper):
	processes.record(tmp_path, "web", sleeper.pid)
	assert (tmp_path / "web.pid").read_text() == f"{sleeper.pid}\n"
	assert processes.end_leftovers(tmp_path, {"web": 5}) == ["web"]
	assert sleeper.wait(5) is not None
	assert list(tmp_path.iterdir()) == []


def test_a_record_of_a_process_that_is_gone_is_only_removed(tmp_path, sleeper):
	processes.record(tmp_path, "web", sleeper.pid)
	sleeper.kill()
	sleeper.wait()
	assert processes.end_leftovers(tmp_path, {"web": 5}) == []
	assert list(tmp_path.iterdir()) == []


def test_a_stubborn_process_is_killed_with_children_that_left_its_group():
	parent = subprocess.Popen(STUBBORN, stdout=subprocess.PIPE)
	parent.stdout.readline()
	(child,) = processes.children_of(parent.pid)
	child_identity = processes.identify(child)
	processes.end(processes.identify(parent.pid), seconds=0.3)
	parent.stdout.close()
	assert parent.wait(5) == -9
	assert processes.wait_until(lambda: not processes.is_alive(child_identity), 5)
