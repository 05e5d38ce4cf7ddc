"""Points at which a test makes a process of the site die, wait or fail, and the test's hand on the clock.

Nothing of it exists on a site that does not allow tests (`allow_tests` in the site config). There a test lays a token,
a file named after a point, into the site's `private/failpoints`. Whoever reaches the point first takes the token away
and does what it says, so that the process that takes over goes on:

    kill           SIGKILL of this process: nothing is cleaned up
    sleep 2        wait so many seconds
    no space       the disk is full: OSError

The file `clock` there holds seconds by which requests and jobs see the time moved.
"""

import errno
import os
import signal
import time
from pathlib import Path

import frappe
from memora.utils import clock

# What has just happened when the point is reached.
POINTS = {
	"award.locked": "the player's wallet row is locked",
	"award.marked": "the copies are read and marked in flight",
	"award.inserted": "the ledger row is inserted, not committed",
	"award.committed": "the award is true, the copies do not know",
	"award.applied": "the copies are brought forward, nobody was told",
	"session.written": "the new live session is written, not committed",
	"session.committed": "the new session is the live one, the replaced one has not ended in Frappe",
	"sync.taken": "who waits stands in the working set",
	"sync.struck": "a batch that was written is struck from the working set",
	"wallet_sync.written": "a chunk of wallets is written, not committed",
	"wallet_sync.committed": "a chunk of wallets is committed, nobody is struck",
	"progress_sync.written": "a batch of progress rows is written, not committed",
	"progress_sync.committed": "a batch of progress rows is committed, nobody is struck",
	"publish.leased": "a plan is taken from the queue",
	"publish.claimed": "the log says that the plan is being built",
	"publish.built": "all files are built and valid, none is written",
	"publish.noted": "what the plan no longer names is noted, its files are about to be written",
	"publish.written": "the plan is published on this site's disk",
	"publish.uploaded": "all files but the manifest are in the bucket",
	"publish.manifest_uploaded": "the manifest is in the bucket, orphans are not deleted",
	"publish.closed": "the log says how it ended, the plan's lock is still held",
}
CLOCK = "clock"


def reach(point: str) -> None:
	"""Do what a test has laid down for this point; nothing where tests are not allowed.

	Args:
		point: one of POINTS.
	"""
	if frappe.local.conf.get("allow_tests"):
		_take_token(folder() / point)


def set_clock() -> None:
	"""Before every request and job: see the time as the site's test wants it seen."""
	is_moved = frappe.local.conf.get("allow_tests") and (folder() / CLOCK).exists()
	clock.move(int((folder() / CLOCK).read_text()) if is_moved else 0)


def folder() -> Path:
	return Path(frappe.get_site_path("private", "failpoints"))


def _take_token(token: Path) -> None:
	try:
		action, _, argument = token.read_text().partition(" ")
		token.unlink()
	except FileNotFoundError:  # not armed, or another process was first
		return
	if action == "kill":
		os.kill(os.getpid(), signal.SIGKILL)
	elif action == "sleep":
		time.sleep(float(argument))
	else:
		raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
