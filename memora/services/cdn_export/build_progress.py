"""How far a running build is, for whoever looks on. In Redis alone: it may vanish, and nothing depends on it."""

import contextlib
import json
from typing import Any

from memora.exceptions import StoreUnavailable
from memora.utils import redis_store
from memora.utils.redis_keys import get_build_progress_key

READING, BUILDING, WRITING, UPLOADING, WITHDRAWING = (
	"reading",
	"building",
	"writing",
	"uploading",
	"withdrawing",
)
PROGRESS_TTL_SECONDS = 300


def show(plan_id: str, step: str, done: int = 0, total: int = 0) -> None:
	"""Tell which step the plan's build is at, and how many of its files that step has done."""
	told = json.dumps({"step": step, "done": done, "total": total})
	with contextlib.suppress(StoreUnavailable):
		redis_store.set(get_build_progress_key(plan_id), told, PROGRESS_TTL_SECONDS)


def forget(plan_id: str) -> None:
	with contextlib.suppress(StoreUnavailable):
		redis_store.delete(get_build_progress_key(plan_id))


def read(plan_id: str) -> dict[str, Any] | None:
	"""{"step": str, "done": int, "total": int}, or None where nothing is told. total: 0 where nothing is counted."""
	try:
		told = redis_store.get(get_build_progress_key(plan_id))
	except StoreUnavailable:
		return None
	return json.loads(told) if told else None
