"""Work that is killed at one of its steps: `python -m tests.site.players.dying_sync WORK STEP before|after [ARGUMENT ...]`."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import frappe
from memora.services import (
	interaction_log,
	ledger_retention,
	player_copies,
	rebuild,
	recovery,
	sync_queue,
	wallet_sync,
)
from memora.services.progress_engine import bitmap_manager, migration, moved_lessons, snapshot_syncer
from memora.utils import redis_store

ROOT = Path(__file__).parents[3]
FOLD_BEFORE = datetime(2026, 3, 10)
QUEUE_STEPS = {
	"take": (sync_queue, "take"),
	"strike": (sync_queue, "strike"),
	"release": (redis_store, "delete_if_equals"),
}
SYNCS = {
	"wallets": wallet_sync.sync_pending_wallets,
	"progress": snapshot_syncer.sync_pending_bitmaps,
	"moved lessons": moved_lessons.carry_progress,
	"grant": bitmap_manager.update_bitmap,
	"rebuild": lambda: list(rebuild.rebuild_all(from_ledger=True)),
	"migration": migration.migrate_to_bitmap_structure,
	"fold": lambda: ledger_retention.fold_before(FOLD_BEFORE),
}
STEPS = {
	"wallets": {
		**QUEUE_STEPS,
		"read": (wallet_sync, "_read_updates"),
		"write": (wallet_sync, "_bulk_update_wallets"),
	},
	"progress": {
		**QUEUE_STEPS,
		"lock": (snapshot_syncer, "lock_rows"),
		"read": (recovery, "read_progress_many"),
		"write": (snapshot_syncer, "write_rows"),
		"settle": (player_copies, "settle"),
	},
	"moved lessons": {
		"lock": (recovery, "lock_wallets"),
		"drop": (player_copies, "drop"),
		"read": (recovery, "read_progress_many"),
		"write": (snapshot_syncer, "write_rows"),
		"unmark": (moved_lessons, "_unmark"),
	},
	"grant": {
		"drop": (player_copies, "drop"),
		"insert": (interaction_log, "append_award"),
		"queue": (player_copies, "mark_dirty"),
	},
	"rebuild": {
		"lock": (recovery, "lock_wallets"),
		"wallets": (wallet_sync, "rewrite_wallets"),
		"progress": (snapshot_syncer, "write_rows"),
		"drop": (player_copies, "drop"),
	},
	"migration": {
		"append": (interaction_log, "append_award"),
		"keys": (interaction_log, "append_keys"),
		"clear": (migration, "_clear"),
		"write": (rebuild, "write_figures"),
	},
	"fold": {
		"lock": (recovery, "lock_wallets"),
		"snapshots": (rebuild, "write_figures"),
		"replace": (interaction_log, "replace_by_balance"),
		"append": (interaction_log, "append_award"),
		"delete events": (interaction_log, "delete_events"),
	},
}


def moments(sync: str) -> list[tuple[str, str]]:
	return [(step, moment) for step in STEPS[sync] for moment in ("before", "after")]


@contextlib.contextmanager
def at_step(sync: str, step: str, moment: str, work: Callable[[], object]) -> Iterator[None]:
	"""Have work done whenever the sync comes to a step."""
	module, name = STEPS[sync][step]
	original = getattr(module, name)

	def wrapped(*args, **kwargs):
		if moment == "before":
			work()
		result = original(*args, **kwargs)
		if moment == "after":
			work()
		return result

	with patch.object(module, name, wrapped):
		yield


def kill_at(sync: str, step: str, moment: str, *arguments: str) -> None:
	"""Run a sync in a process of its own until it dies at a step."""
	ended = subprocess.run(
		[sys.executable, "-m", "tests.site.players.dying_sync", sync, step, moment, *arguments],
		env={**os.environ, "PYTHONPATH": str(ROOT)},
		cwd=os.environ["MEMORA_SITES_PATH"],
		capture_output=True,
		timeout=60,
	)
	assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]


def main(sync: str, step: str, moment: str, *arguments: str) -> None:
	frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=os.environ["MEMORA_SITES_PATH"])
	frappe.connect()
	with at_step(sync, step, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)):
		SYNCS[sync](*arguments)


if __name__ == "__main__":
	main(*sys.argv[1:])
