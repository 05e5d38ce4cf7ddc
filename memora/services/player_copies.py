"""The Redis copies of what a player owns: the wallet and, for each subject, the bitmap and the best hearts.

All copies of one player stand or fall together. The wallet hash carries `seq`, the last ledger row that the copies
contain, and `epoch`, a random name of this loading; a subject's copy belongs to the wallet copy whose epoch it
carries, and is a miss under any other. So any key may vanish alone and the rest stays right or becomes a miss.

How a copy is kept true (see docs/architecture.md for the drawing):

1. It is loaded only under the player's mutex, the lock of the wallet row (`load`).
2. The read before an award marks it in flight with the award's seq (`read_for_award`, same lock).
3. After the commit, `apply_award` brings the copy forward if it stands at the seq before, else drops it. An award that
   comes to nothing before the commit takes its mark back (`take_back_mark`).

A mark older than STALE_MARK_SECONDS means that the process died between 2 and 3: the copy is a miss.
"""

import contextlib
import json
import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from memora.exceptions import StoreUnavailable
from memora.services import recovery
from memora.services.progress_engine import bits
from memora.services.recovery import Progress, Wallet
from memora.utils import clock, redis_store, transactions
from memora.utils.redis_keys import (
	get_best_hearts_key,
	get_dirty_progress_key,
	get_last_played_at_synced_key,
	get_pending_wallet_sync_key,
	get_progress_key,
	get_wallet_key,
)

STALE_MARK_SECONDS = 5
PROGRESS_TTL_SECONDS = 30 * 24 * 3600

# Fields of the best hearts hash that are no lesson: a lesson's name cannot begin with a colon.
_EPOCH, _XP = ":epoch", ":xp"

# KEYS: wallet; for a subject also bitmap, best hearts. ARGV: TTL; before an award also the ledger's last seq and the
# award's. A copy without a TTL is waiting to be synced and keeps none. Copies that stand at the last seq are marked in
# flight; the last part of the reply is the mark, the time at which it was set. Redis's own clock, so that the machines
# of a bench need not agree on the time.
_READ = """
for i = 2, #KEYS do
	if redis.call("TTL", KEYS[i]) > 0 then redis.call("EXPIRE", KEYS[i], ARGV[1]) end
end
local time = redis.call("TIME")
local wallet = redis.call("HGETALL", KEYS[1])
local bitmap = KEYS[2] and redis.call("GET", KEYS[2]) or false
local hearts = KEYS[3] and redis.call("HGETALL", KEYS[3]) or {}
local found = redis.call("HMGET", KEYS[1], "epoch", "seq")
local is_subject_there = not KEYS[2] or bitmap and redis.call("HGET", KEYS[3], ":epoch") == found[1]
local mark = false
if ARGV[2] and found[1] and found[2] == ARGV[2] and is_subject_there then
	mark = time[1] .. "." .. time[2]
	redis.call("HSET", KEYS[1], "in_flight_seq", ARGV[3], "in_flight_since", mark)
end
return {wallet, bitmap, hearts, time[1], mark}
"""

# KEYS: wallet. ARGV: the mark. Another call's mark stays.
_TAKE_BACK_MARK = """
if redis.call("HGET", KEYS[1], "in_flight_since") == ARGV[1] then
	redis.call("HDEL", KEYS[1], "in_flight_seq", "in_flight_since")
end
"""

# KEYS: wallet, pending wallets. ARGV: user, seq, new epoch, then field and value pairs. Keeps a copy that already
# stands at this seq, and with it the copies of other subjects. Returns the epoch in force. What took the copy away may
# have taken the user's place in the queue with it, so he is queued again.
_LOAD_WALLET = """
local kept = redis.call("HMGET", KEYS[1], "epoch", "seq", "in_flight_seq")
if kept[1] and kept[2] == ARGV[2] and not kept[3] then return kept[1] end
redis.call("SADD", KEYS[2], ARGV[1])
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "seq", ARGV[2], "epoch", ARGV[3], unpack(ARGV, 4))
return ARGV[3]
"""

# KEYS: bitmap, best hearts, dirty progress. ARGV: pair, bitmap, then field and value pairs. Queued again, as in
# _LOAD_WALLET; the sync gives the copies their lifetime.
_LOAD_PROGRESS = """
redis.call("SADD", KEYS[3], ARGV[1])
redis.call("DEL", KEYS[2])
redis.call("SET", KEYS[1], ARGV[2])
for i = 3, #ARGV, 2 do redis.call("HSET", KEYS[2], ARGV[i], ARGV[i + 1]) end
"""

# KEYS: dirty progress, then bitmap and best hearts of each pair. ARGV: TTL, then the pairs.
_SETTLE = """
for i = 2, #ARGV do
	if redis.call("SISMEMBER", KEYS[1], ARGV[i]) == 0 then
		redis.call("EXPIRE", KEYS[2 * i - 2], ARGV[1])
		redis.call("EXPIRE", KEYS[2 * i - 1], ARGV[1])
	end
end
"""

# KEYS: dirty progress, bitmap, best hearts. ARGV: pair.
_MARK_DIRTY = """
redis.call("SADD", KEYS[1], ARGV[1])
redis.call("PERSIST", KEYS[2])
redis.call("PERSIST", KEYS[3])
"""

# KEYS: wallet, pending wallets; after an award for a lesson also bitmap, best hearts, dirty progress.
# ARGV: seq, user, the four wallet fields with their values, last_played_at last (3 to 10); after an award for a lesson
# also the pair, the offset of the bit (-1: none), lesson, best hearts, XP (11 to 15).
# A copy that stands at this seq or later was loaded after the commit and contains the award.
_APPLY = """
local is_lesson = #KEYS > 2
redis.call("SADD", KEYS[2], ARGV[2])
if is_lesson then redis.call("SADD", KEYS[5], ARGV[11]) end
local copy = redis.call("HMGET", KEYS[1], "epoch", "seq", "last_played_at")
local seq, copy_seq = tonumber(ARGV[1]), tonumber(copy[2])
if not copy[1] or not copy_seq or copy_seq < seq - 1 then return redis.call("DEL", KEYS[1]) end
if copy_seq >= seq then return 0 end
if copy[3] > ARGV[10] then ARGV[10] = copy[3] end
redis.call("HSET", KEYS[1], "seq", ARGV[1], unpack(ARGV, 3, 10))
redis.call("HDEL", KEYS[1], "in_flight_seq", "in_flight_since")
if not is_lesson then return 0 end
if redis.call("HGET", KEYS[4], ":epoch") ~= copy[1] or redis.call("EXISTS", KEYS[3]) == 0 then
	return redis.call("DEL", KEYS[3], KEYS[4])
end
if ARGV[12] ~= "-1" then
	redis.call("SETBIT", KEYS[3], ARGV[12], 1)
	redis.call("HSET", KEYS[4], ARGV[13], ARGV[14])
end
redis.call("HINCRBY", KEYS[4], ":xp", ARGV[15])
redis.call("PERSIST", KEYS[3])
redis.call("PERSIST", KEYS[4])
return 0
"""

# KEYS: wallet, bitmap, best hearts of each pair. Gives nothing a longer life.
_READ_SETTLED = """
local copies = {}
for i = 1, #KEYS, 3 do
	copies[#copies + 1] =
		{redis.call("HGETALL", KEYS[i]), redis.call("GET", KEYS[i + 1]), redis.call("HGETALL", KEYS[i + 2])}
end
return copies
"""

# KEYS: wallet, throttle, pending wallets. ARGV: time, lifetime of the throttle, user. Returns whether the copy is
# there, and whether the user was queued.
_TOUCH = """
local copy = redis.call("HMGET", KEYS[1], "epoch", "last_played_at")
if not copy[1] then return {0, 0} end
if copy[2] < ARGV[1] then redis.call("HSET", KEYS[1], "last_played_at", ARGV[1]) end
if not redis.call("SET", KEYS[2], ARGV[1], "EX", ARGV[2], "NX") then return {1, 0} end
redis.call("SADD", KEYS[3], ARGV[3])
return {1, 1}
"""

# KEYS: wallets.
_LAST_PLAYED = """
local times = {}
for i, key in ipairs(KEYS) do times[i] = redis.call("HGET", key, "last_played_at") or "" end
return times
"""


class LessonAward(NamedTuple):
	"""What an award changed in a subject. bit_index is None where no lesson was passed."""

	subject_id: str
	lesson_id: str
	bit_index: int | None
	best_hearts: int
	xp_awarded: int


class Award(NamedTuple):
	"""What one committed ledger row changed: the wallet always, a subject where the award is a lesson's."""

	wallet: Wallet
	lesson: LessonAward | None = None


class Copies(NamedTuple):
	"""What the copies hold; None for a miss, or for what was not asked. mark: that this read has set."""

	wallet: Wallet | None
	progress: Progress | None
	mark: str | None = None


def read_wallet(user_id: str) -> Wallet | None:
	"""The wallet: one round trip while the copy is there. None for a user who is no player.

	Without Redis it is read from MariaDB and nothing is kept.
	"""
	try:
		return _read(user_id).wallet or load_wallet(user_id)
	except StoreUnavailable:
		return recovery.read_wallet(user_id)


def read_progress(user_id: str, subject_id: str) -> Progress:
	"""The progress in a subject: one round trip while the copies are there, MariaDB otherwise."""
	try:
		return _read(user_id, subject_id).progress or load_progress(user_id, subject_id)
	except StoreUnavailable:
		return recovery.read_progress(user_id, subject_id)


def peek(user_id: str, subject_id: str | None = None) -> Copies:
	"""What the copies say; nothing is loaded on a miss. For diagnosis.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	return _read(user_id, subject_id)


def read_settled(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Copies]:
	"""What the copies of these (user, subject) pairs say that no award in flight is about to change; one round trip.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	keys = [key for pair in pairs for key in _keys(*pair)]
	replies = redis_store.run_script(_READ_SETTLED, keys, [])
	return {pair: _settled(*reply) for pair, reply in zip(pairs, replies, strict=True)}


def _settled(wallet_items: list[bytes], bitmap: bytes | None, hearts_items: list[bytes]) -> Copies:
	wallet = _fields(wallet_items)
	if "epoch" not in wallet or "in_flight_seq" in wallet:
		return Copies(None, None)
	return Copies(_wallet(wallet), _progress(wallet, bitmap, hearts_items))


def read_for_award(user_id: str, subject_id: str | None, last_seq: int) -> Copies:
	"""The copies as they stand at the ledger's last seq, marked in flight with the next. Under the player's mutex.

	One round trip while the copies are there, which are loaded otherwise.

	Args:
		subject_id: None before an award that is no lesson's; the progress is None then.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	copies = _read(user_id, subject_id, last_seq)
	if copies.mark is not None:
		return copies
	wallet, epoch = _load_wallet_locked(user_id)
	progress = _load_progress_locked(user_id, subject_id, epoch) if subject_id else None
	# The wallet alone: its mark protects all copies, whichever of them may have vanished again by now.
	return Copies(wallet, progress, _read(user_id, None, last_seq).mark)


def take_back_mark(user_id: str, mark: str) -> None:
	"""No row was committed. Without Redis the mark ages, and the copy is a miss once."""
	with contextlib.suppress(StoreUnavailable):
		redis_store.run_script(_TAKE_BACK_MARK, [get_wallet_key(user_id)], [mark])


def load_wallet(user_id: str) -> Wallet | None:
	"""Load the wallet's copy from MariaDB under the player's mutex."""
	with transactions.fresh_transaction():
		return _load_wallet_locked(user_id)[0] if recovery.lock_wallet(user_id) else None


def drop(*user_ids: str) -> None:
	"""Forget the wallets' copies and, through their epochs, the copies of all subjects."""
	redis_store.delete(*map(get_wallet_key, user_ids))


def apply_award(user_id: str, award: Award) -> None:
	"""Bring the copies forward by one committed award, in one script. Safe to run twice and out of order."""
	keys = [get_wallet_key(user_id), get_pending_wallet_sync_key()]
	arguments = [award.wallet.seq, user_id, *_wallet_fields(award.wallet)]
	if award.lesson:
		keys += [*_keys(user_id, award.lesson.subject_id)[1:], get_dirty_progress_key()]
		arguments += _lesson_arguments(user_id, award.lesson)
	redis_store.run_script(_APPLY, keys, arguments)


def _lesson_arguments(user_id: str, lesson: LessonAward) -> list[str | int]:
	return [
		dirty_member(user_id, lesson.subject_id),
		-1 if lesson.bit_index is None else bits.redis_offset(lesson.bit_index),
		lesson.lesson_id,
		lesson.best_hearts,
		lesson.xp_awarded,
	]


def dirty_member(user_id: str, subject_id: str) -> str:
	"""A pair as it waits in the dirty set."""
	return json.dumps([user_id, subject_id])


def mark_dirty(user_id: str, subject_id: str) -> None:
	"""Have the subject's row synced; until then its copies have no TTL."""
	redis_store.run_script(
		_MARK_DIRTY,
		[get_dirty_progress_key(), *_keys(user_id, subject_id)[1:]],
		[dirty_member(user_id, subject_id)],
	)


def settle(pairs: Sequence[tuple[str, str]]) -> None:
	"""After a sync of these (user, subject) pairs: give the copies of those that are not dirty again their TTL."""
	keys = [key for pair in pairs for key in _keys(*pair)[1:]]
	members = [dirty_member(*pair) for pair in pairs]
	redis_store.run_script(_SETTLE, [get_dirty_progress_key(), *keys], [PROGRESS_TTL_SECONDS, *members])


def touch(user_id: str, moment: datetime, throttle_seconds: int) -> bool:
	"""Bring last_played_at forward, and queue the wallet's row at most once in so many seconds.

	Returns:
		Whether it was queued; never for a user who is no player.
	"""
	keys = [get_wallet_key(user_id), get_last_played_at_synced_key(user_id), get_pending_wallet_sync_key()]
	arguments = [clock.iso(moment), throttle_seconds, user_id]
	has_copy, is_queued = redis_store.run_script(_TOUCH, keys, arguments)
	if not has_copy and load_wallet(user_id):
		_, is_queued = redis_store.run_script(_TOUCH, keys, arguments)
	return bool(is_queued)


def read_last_played(user_ids: Sequence[str]) -> dict[str, datetime]:
	"""When each user played last, where the copies know; one round trip."""
	times = redis_store.run_script(_LAST_PLAYED, map(get_wallet_key, user_ids), [])
	return {
		user_id: datetime.fromisoformat(moment.decode())
		for user_id, moment in zip(user_ids, times, strict=True)
		if moment
	}


def _keys(user_id: str, subject_id: str) -> tuple[str, str, str]:
	return (
		get_wallet_key(user_id),
		get_progress_key(user_id, subject_id),
		get_best_hearts_key(user_id, subject_id),
	)


def _read(user_id: str, subject_id: str | None = None, mark_after_seq: int | None = None) -> Copies:
	"""One round trip.

	Args:
		subject_id: None for the wallet alone.
		mark_after_seq: mark copies that stand at this seq in flight with the next.
	"""
	keys = _keys(user_id, subject_id) if subject_id else [get_wallet_key(user_id)]
	marking = [] if mark_after_seq is None else [mark_after_seq, mark_after_seq + 1]
	wallet_items, bitmap, hearts_items, now, mark = redis_store.run_script(
		_READ, keys, [PROGRESS_TTL_SECONDS, *marking]
	)
	wallet = _fields(wallet_items)
	if "epoch" not in wallet or (mark is None and _has_stale_mark(wallet, int(now))):
		return Copies(None, None)
	progress = _progress(wallet, bitmap, hearts_items)
	return Copies(_wallet(wallet), progress, mark and mark.decode())


def _progress(wallet: dict[str, str], bitmap: bytes | None, hearts_items: list[bytes]) -> Progress | None:
	"""A subject's copy, None where it does not belong to this wallet's copy."""
	hearts = _fields(hearts_items)
	copy_epoch, xp = hearts.pop(_EPOCH, None), hearts.pop(_XP, "0")
	if bitmap is None or copy_epoch != wallet["epoch"]:
		return None
	best_hearts = {lesson_id: int(count) for lesson_id, count in hearts.items()}
	return Progress(bitmap, best_hearts, int(xp), int(wallet["seq"]))


def _has_stale_mark(wallet: dict[str, str], now: int) -> bool:
	return "in_flight_seq" in wallet and now - float(wallet["in_flight_since"]) > STALE_MARK_SECONDS


def load_progress(user_id: str, subject_id: str) -> Progress:
	"""Load a subject's copies from MariaDB under the player's mutex, whatever they hold."""
	with transactions.fresh_transaction():
		if not recovery.lock_wallet(user_id):
			return recovery.read_progress(user_id, subject_id)
		_, epoch = _load_wallet_locked(user_id)
		return _load_progress_locked(user_id, subject_id, epoch)


def _load_wallet_locked(user_id: str) -> tuple[Wallet, str]:
	wallet = recovery.read_wallet(user_id)
	epoch = redis_store.run_script(
		_LOAD_WALLET,
		[get_wallet_key(user_id), get_pending_wallet_sync_key()],
		[user_id, wallet.seq, secrets.token_hex(8), *_wallet_fields(wallet)],
	)
	return wallet, epoch.decode()


def _load_progress_locked(user_id: str, subject_id: str, epoch: str) -> Progress:
	progress = recovery.read_progress(user_id, subject_id)
	hearts = [item for pair in progress.best_hearts.items() for item in pair]
	redis_store.run_script(
		_LOAD_PROGRESS,
		[*_keys(user_id, subject_id)[1:], get_dirty_progress_key()],
		[
			dirty_member(user_id, subject_id),
			progress.bitmap,
			_EPOCH,
			epoch,
			_XP,
			progress.total_xp_earned,
			*hearts,
		],
	)
	return progress


def _fields(items: list[bytes]) -> dict[str, str]:
	texts = [item.decode() for item in items]
	return dict(zip(texts[::2], texts[1::2], strict=True))


def _wallet_fields(wallet: Wallet) -> list[str | int]:
	return [
		*("total_xp", wallet.total_xp),
		*("current_streak", wallet.current_streak),
		*("last_success_date", wallet.last_success_date.isoformat() if wallet.last_success_date else ""),
		*("last_played_at", clock.iso(wallet.last_played_at) or ""),
	]


def _wallet(fields: dict[str, str]) -> Wallet:
	day, moment = fields["last_success_date"], fields["last_played_at"]
	return Wallet(
		seq=int(fields["seq"]),
		total_xp=int(fields["total_xp"]),
		current_streak=int(fields["current_streak"]),
		last_success_date=date.fromisoformat(day) if day else None,
		last_played_at=datetime.fromisoformat(moment) if moment else None,
	)
