"""Filling the Redis copies of a player's progress from MariaDB.

Reads load a missing copy by themselves; this loads it whatever Redis holds. Redis alone is written: a row's
`last_synced_at` is the syncer's.
"""

from memora.services import player_copies


def warm_on_cache_miss(player_id: str, subject_id: str) -> bytes:
	"""Load the subject's copies from MariaDB and return the bitmap; empty bytes for nothing passed.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	return player_copies.load_progress(player_id, subject_id).bitmap


def warm_best_hearts_on_cache_miss(player_id: str, subject_id: str) -> dict[str, int]:
	"""The same, for the best hearts: lesson id -> hearts; empty for nothing played.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	return dict(player_copies.load_progress(player_id, subject_id).best_hearts)
