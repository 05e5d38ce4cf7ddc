"""Progress bitmaps and best hearts of a player in a subject.

The pure bit functions live in `bits`, the Redis copies in `player_copies`; this is their public face.

What is passed and with how many hearts is told by the ledger, so whoever writes here adds to it: a row of its own type
with the player's next `seq` and no XP. It survives Redis and a rebuild, and a lesson that it passes is no first
completion later. Nothing here takes a bit or hearts away.
"""

import uuid
from collections.abc import Mapping

import frappe
from frappe import _, throw
from memora.exceptions import InvalidInput
from memora.services import interaction_log, player_copies, recovery, wallet_awards
from memora.services.interaction_log import History
from memora.services.progress_engine.bits import (
	check_bit,
	decode_bitmap_from_mariadb,
	encode_bitmap_for_mariadb,
	set_bit,
)
from memora.services.progress_engine.xp_calculator import MAX_HEARTS
from memora.utils import redis_keys, validators

MAX_BIT_INDEX = 2**31 - 1  # where the column ends

__all__ = [
	"check_bit",
	"decode_bitmap_from_mariadb",
	"encode_bitmap_for_mariadb",
	"get_best_hearts",
	"get_best_hearts_key",
	"get_bitmap",
	"get_redis_key",
	"mark_dirty",
	"set_best_hearts",
	"set_bit",
	"update_best_hearts",
	"update_bitmap",
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


def update_bitmap(player_id: str, subject_id: str, bit_index: int) -> bytes:
	"""Count the lesson at this place as passed, without XP and without hearts. A passed one stays as it is.

	Returns:
		The bitmap after it.

	Raises:
		InvalidInput: no lesson of the subject has this bit_index.
		NoPlayerProfile: the user is no player.
		StoreUnavailable: Redis did not answer; nothing was changed.
	"""
	position = validators.parse_int(bit_index, "bit_index", 0, MAX_BIT_INDEX)
	lesson_id = frappe.db.get_value("Memora Lesson", {"subject": subject_id, "bit_index": position})
	if not lesson_id:
		throw(_("No lesson of {0} has the bit index {1}.").format(subject_id, position), InvalidInput)
	subject_id = _grant(player_id, subject_id, lesson_id, 0)
	return get_bitmap(player_id, subject_id)


def mark_dirty(player_id: str, subject_id: str) -> None:
	"""Have the player's row of the subject written by the next sync. What is written is the ledger's.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	player_copies.mark_dirty(player_id, subject_id)


def set_best_hearts(player_id: str, subject_id: str, best_hearts_data: Mapping[str, int]) -> None:
	"""Raise the best hearts of several lessons, as `update_best_hearts` does for one. Lessons left out stay as they are.

	Each lesson is written by itself, so one that is refused leaves those before it raised.
	"""
	for lesson_id, hearts in best_hearts_data.items():
		_grant(player_id, subject_id, lesson_id, hearts)


def update_best_hearts(player_id: str, subject_id: str, lesson_id: str, hearts: int) -> dict[str, int]:
	"""Raise the best hearts of a lesson, which counts as passed from then on. Lower hearts change nothing.

	Args:
		hearts: 0 to 5; 0 for a lesson that was passed with nobody knows how many.

	Returns:
		All best hearts of the subject after it: lesson id -> hearts.

	Raises:
		InvalidInput: the lesson is not in the subject, or hearts are out of range.
		NoPlayerProfile: the user is no player.
		StoreUnavailable: Redis did not answer; nothing was changed.
	"""
	subject_id = _grant(player_id, subject_id, lesson_id, hearts)
	return get_best_hearts(player_id, subject_id)


def _grant(player_id: str, subject_id: str, lesson_id: str, hearts: int) -> str:
	"""Write into the ledger that a lesson is passed with so many hearts, where it does not say so yet.

	Returns the subject by its own name: MariaDB finds it by any case.

	The copies are dropped under the player's mutex and before the commit, so nobody loads them without the new row. A
	crash after any step leaves them dropped, and the next one who loads them queues the pair again.
	"""
	hearts = validators.parse_int(hearts, "hearts", 0, MAX_HEARTS)
	with wallet_awards.players_mutex(player_id, lesson_id=lesson_id) as history:
		lesson = frappe.db.get_value(
			"Memora Lesson",
			{"name": lesson_id, "subject": subject_id},
			["name", "subject", "bit_index"],
			as_dict=True,
		)
		if lesson is None:
			throw(_("Lesson {0} is not in subject {1}.").format(lesson_id, subject_id), InvalidInput)
		progress = recovery.read_progress(player_id, lesson.subject)
		is_passed = check_bit(progress.bitmap, lesson.bit_index)
		if is_passed and hearts <= progress.best_hearts.get(lesson.name, 0):
			return lesson.subject
		player_copies.drop(player_id)
		_append(player_id, lesson.subject, lesson.name, hearts, history)
		frappe.db.commit()  # true before anybody is told, and before the next award of the player is decided
	mark_dirty(player_id, lesson.subject)
	return lesson.subject


def _append(player_id: str, subject_id: str, lesson_id: str, hearts: int, history: History) -> None:
	total_xp = recovery.read_wallet(player_id).total_xp
	interaction_log.append_award(
		player_id,
		interaction_log.PROGRESS_GRANT,
		seq=history.last_seq + 1,
		xp_awarded=0,
		event_id=str(uuid.uuid4()),
		data={"hearts": hearts, "outcome": {"xp_awarded": 0, "new_total_xp": total_xp}},
		reference_id=lesson_id,
		subject=subject_id,
		first_completion_of=None if history.was_completed else lesson_id,
	)
