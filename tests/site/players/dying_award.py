"""An award whose process is killed at one of its steps: a fork of the test's process, with a connection of its own."""

import contextlib
import os
import signal
from collections.abc import Callable
from unittest.mock import patch

import frappe
from memora.services import interaction_log, player_copies, recovery
from memora.utils import redis_keys, redis_store

# In the order in which an award comes to them; `commit` is the database's.
STEPS = ("lock_wallet", "read_history", "read_for_award", "append_award", "commit", "apply_award")
MOMENTS = [(step, moment) for step in STEPS for moment in ("before", "after")]
FIRST_TRUE_MOMENT = MOMENTS.index(("commit", "after"))


def kill_at(step: str, moment: str, award: Callable[[], object]) -> None:
	"""Make an award in a process of its own, which dies at a step."""
	child = os.fork()
	if child == 0:
		with contextlib.suppress(BaseException):  # whatever happens, a second pytest must not run on
			frappe.connect()
			with _dying_at(step, moment):
				award()
		os._exit(1)
	_, status = os.waitpid(child, 0)
	assert os.WIFSIGNALED(status), f"{moment} {step} was not met"
	assert os.WTERMSIG(status) == signal.SIGKILL


def _dying_at(step: str, moment: str):
	owner = {
		"lock_wallet": recovery,
		"read_history": interaction_log,
		"append_award": interaction_log,
		"commit": frappe.db,
	}.get(step, player_copies)
	original = getattr(owner, step)

	def wrapped(*args, **kwargs):
		if moment == "after":
			original(*args, **kwargs)
		os.kill(os.getpid(), signal.SIGKILL)

	return patch.object(owner, step, wrapped)


def mark_of(user: str) -> str | None:
	"""The mark of an award in flight that the wallet's copy carries."""
	return redis_store.get_hash(redis_keys.get_wallet_key(user)).get("in_flight_since")


def let_the_mark_age(user: str) -> None:
	"""Five seconds pass."""
	mark = mark_of(user)
	if mark:
		aged = float(mark) - player_copies.STALE_MARK_SECONDS - 1
		redis_store.set_hash(redis_keys.get_wallet_key(user), {"in_flight_since": str(aged)})
