"""A sync that is killed at one of its steps: `python -m tests.site.players.dying_sync STEP before|after`."""

import os
import signal
import sys

import frappe
from memora.services import wallet_sync
from memora.utils import redis_store

STEPS = {
	"take": (wallet_sync, "_take_pending_users"),
	"read": (wallet_sync, "_read_updates"),
	"write": (wallet_sync, "_bulk_update_wallets"),
	"strike": (wallet_sync, "_strike"),
	"release": (redis_store, "delete_if_equals"),
}
MOMENTS = [(step, moment) for step in STEPS for moment in ("before", "after")]


def at_step(step: str, moment: str, work) -> None:
	"""Have work done whenever the sync comes to a step."""
	module, name = STEPS[step]
	original = getattr(module, name)

	def wrapped(*args, **kwargs):
		if moment == "before":
			work()
		result = original(*args, **kwargs)
		if moment == "after":
			work()
		return result

	setattr(module, name, wrapped)


def main(step: str, moment: str) -> None:
	frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=os.environ["MEMORA_SITES_PATH"])
	frappe.connect()
	at_step(step, moment, lambda: os.kill(os.getpid(), signal.SIGKILL))
	wallet_sync.sync_pending_wallets()


if __name__ == "__main__":
	main(*sys.argv[1:])
