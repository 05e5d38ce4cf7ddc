"""What a player owns, told by MariaDB alone: the last snapshot plus the ledger rows after it.

Every Redis copy is loaded from here. `synced_through` of a snapshot is the `seq` of the last ledger row that it
contains, so no row is counted twice and none is missed, whatever was synced and whatever was lost.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

import frappe
from memora.services import interaction_log
from memora.services.progress_engine import bits
from memora.utils import clock


class Wallet(NamedTuple):
	"""seq: the last ledger row that the figures contain. Times are UTC."""

	seq: int
	total_xp: int
	current_streak: int
	last_success_date: date | None
	last_played_at: datetime | None


class Progress(NamedTuple):
	"""A player's progress in one subject. best_hearts: lesson id -> hearts."""

	bitmap: bytes
	best_hearts: Mapping[str, int]
	total_xp_earned: int


def lock_wallet(user_id: str) -> bool:
	"""Take the player's mutex, the lock of the wallet row, until the transaction ends. False: no such player."""
	return bool(
		frappe.db.sql(
			"""select wallet.name from `tabMemora Player Wallet` wallet
			join `tabMemora Player Profile` profile on profile.name = wallet.player
			where profile.user = %s for update""",
			user_id,
		)
	)


def read_wallet(user_id: str) -> Wallet | None:
	"""The wallet as the ledger has it; None for a user who is no player."""
	rows = frappe.db.sql(
		"""select wallet.total_xp, wallet.current_streak, wallet.last_success_date, wallet.last_played_at,
			ifnull(wallet.synced_through, 0)
		from `tabMemora Player Wallet` wallet
		join `tabMemora Player Profile` profile on profile.name = wallet.player
		where profile.user = %s""",
		user_id,
	)
	if not rows:
		return None
	total_xp, streak, last_success_date, last_played_at, synced_through = rows[0]
	snapshot = Wallet(
		int(synced_through), total_xp, streak, last_success_date, clock.from_site_time(last_played_at)
	)
	return _with_later_awards(user_id, snapshot)


def _with_later_awards(user_id: str, snapshot: Wallet) -> Wallet:
	last_seq, xp, last_award_at = frappe.db.sql(
		"""select max(seq), ifnull(sum(xp_awarded), 0), max(created_at) from `tabMemora Interaction Log`
		where player = %s and seq > %s""",
		(user_id, snapshot.seq),
	)[0]
	if last_seq is None:
		return snapshot
	streak, last_success_date = _streak_after(user_id, snapshot)
	times = [snapshot.last_played_at, clock.from_site_time(last_award_at)]
	return Wallet(
		seq=int(last_seq),
		total_xp=snapshot.total_xp + int(xp),
		current_streak=streak,
		last_success_date=last_success_date,
		last_played_at=max(moment for moment in times if moment),
	)


def _streak_after(user_id: str, snapshot: Wallet) -> tuple[int, date | None]:
	"""The streak that the last completion left; each award row keeps it."""
	rows = frappe.db.sql(
		"""select interaction_data from `tabMemora Interaction Log`
		where player = %s and seq > %s and interaction_type = %s order by seq desc limit 1""",
		(user_id, snapshot.seq, interaction_log.LESSON_COMPLETION),
	)
	if not rows:
		return snapshot.current_streak, snapshot.last_success_date
	streak = json.loads(rows[0][0])["outcome"]["streak"]
	return streak["new_streak"], date.fromisoformat(streak["last_success_date"])


def read_progress(user_id: str, subject_id: str) -> Progress:
	"""The progress in a subject as the ledger has it; empty for a subject that was never played."""
	rows = frappe.db.sql(
		"""select progress_bitmap, best_hearts, total_xp_earned, ifnull(synced_through, 0)
		from `tabMemora Structure Progress` where player = %s and subject = %s""",
		(user_id, subject_id),
	)
	bitmap, best_hearts, xp, synced_through = rows[0] if rows else (None, None, 0, 0)
	progress = Progress(bits.decode_bitmap_from_mariadb(bitmap), json.loads(best_hearts or "{}"), xp or 0)
	return _with_later_plays(user_id, subject_id, progress, int(synced_through))


def _with_later_plays(user_id: str, subject_id: str, snapshot: Progress, synced_through: int) -> Progress:
	plays = frappe.db.sql(
		"""select lesson.name, lesson.bit_index, max(cast(json_value(log.interaction_data, '$.hearts') as int))
		from `tabMemora Interaction Log` log
		join `tabMemora Lesson` lesson on lesson.name = log.reference_id and lesson.subject = %s
		where log.player = %s and log.seq > %s and log.interaction_type = %s
		group by lesson.name, lesson.bit_index""",
		(subject_id, user_id, synced_through, interaction_log.LESSON_COMPLETION),
	)
	[[xp]] = frappe.db.sql(
		"""select ifnull(sum(xp_awarded), 0) from `tabMemora Interaction Log`
		where player = %s and seq > %s and subject = %s""",
		(user_id, synced_through, subject_id),
	)
	bitmap, best_hearts = snapshot.bitmap, dict(snapshot.best_hearts)
	for lesson_id, bit_index, hearts in plays:
		bitmap = bits.set_bit(bitmap, bit_index)
		best_hearts[lesson_id] = max(hearts, best_hearts.get(lesson_id, 0))
	return Progress(bitmap, best_hearts, snapshot.total_xp_earned + int(xp))
