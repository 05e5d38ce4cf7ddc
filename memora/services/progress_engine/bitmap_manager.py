"""Progress bitmaps and best hearts of a player in a subject.

The pure bit functions live in `bits`, the Redis copies in `player_copies`; this is their public face.
"""

from memora.services import player_copies
from memora.services.progress_engine.bits import (
	check_bit,
	decode_bitmap_from_mariadb,
	encode_bitmap_for_mariadb,
	set_bit,
)
from memora.utils import redis_keys

__all__ = [
	"check_bit",
	"decode_bitmap_from_mariadb",
	"encode_bitmap_for_mariadb",
	"get_best_hearts",
	"get_best_hearts_key",
	"get_bitmap",
	"get_redis_key",
	"set_bit",
]


def get_redis_key(player_id: str, subject_id: str) -> str:
	"""`user_prog:{player_id}:{subject_id}`."""
	return redis_keys.get_progress_key(player_id, subject_id)


def get_best_hearts_key(player_id: str, subject_id: str) -> str:
	"""`best_hearts:{player_id}:{subject_id}`."""
	return redis_keys.get_best_hearts_key(player_id, subject_id)


def get_bitmap(player_id: str, subject_id: str) -> bytes:
	"""The progress bitmap, loaded from MariaDB where Redis has none; empty bytes for nothing passed."""
	return player_copies.read_progress(player_id, subject_id).bitmap


def get_best_hearts(player_id: str, subject_id: str) -> dict[str, int]:
	"""Lesson id -> best hearts; empty for nothing played."""
	return dict(player_copies.read_progress(player_id, subject_id).best_hearts)
