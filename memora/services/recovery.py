"""What a player owns, told by MariaDB alone: the last snapshot plus the ledger rows after it.

Every Redis copy is loaded from here. `synced_through` of a snapshot is the `seq` of the last ledger row that it
contains, so no row is counted twice and none is missed, whatever was synced and whatever was lost.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import frappe
from memora.services import interaction_log
from memora.services.progress_engine import bits
from memora.utils import clock

# Snapshots, and what the ledger has after each. The award's own UTC time: created_at is site time, which an autumn
# night has twice. The streak is the one that the last row which tells one left behind. A login is playing, too.
_WALLETS = """
select profile.user, profile.active_session_started, wallet.total_xp, wallet.current_streak,
	wallet.last_success_date, wallet.last_played_at, ifnull(wallet.synced_through, 0) as synced_through,
	later.last_seq, later.xp, later.last_award_at,
	json_extract(streak_row.interaction_data, '$.outcome.streak') as streak
from `tabMemora Player Profile` profile
join `tabMemora Player Wallet` wallet on wallet.player = profile.name
left join (
	select log.player, max(log.seq) as last_seq, sum(log.xp_awarded) as xp,
		max(json_value(log.interaction_data, '$.at')) as last_award_at,
		max(if(json_exists(log.interaction_data, '$.outcome.streak'), log.seq, null)) as streak_seq
	from `tabMemora Player Profile` profile
	join `tabMemora Player Wallet` wallet on wallet.player = profile.name
	join `tabMemora Interaction Log` log on log.player = profile.user and log.seq > ifnull(wallet.synced_through, 0)
	where profile.user in %(users)s group by log.player {lock}
) later on later.player = profile.user
left join `tabMemora Interaction Log` streak_row
	on streak_row.player = later.player and streak_row.seq = later.streak_seq
where profile.user in %(users)s {lock}
"""


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


def read_wallet(user_id: str, lock: bool = False) -> Wallet | None:
	"""The wallet as the ledger has it; None for a user who is no player.

	Args:
		lock: see what is committed now, even where the transaction has read before. Only under the player's mutex.
	"""
	return next(iter(read_wallets([user_id], lock).values()), None)


def read_wallets(user_ids: Sequence[str], lock: bool = False) -> dict[str, Wallet]:
	"""The wallets of those users who are players, in one query."""
	query = _WALLETS.format(lock="lock in share mode" if lock else "")
	return {row.user: _wallet(row) for row in frappe.db.sql(query, {"users": list(user_ids)}, as_dict=True)}


def _wallet(row: dict) -> Wallet:
	"""The snapshot of a row of _WALLETS brought forward by the awards after it."""
	run = json.loads(row.streak) if row.streak else None
	day = row.last_success_date if run is None else run["last_success_date"]
	times = (
		clock.from_site_time(row.last_played_at),
		row.last_award_at and datetime.fromisoformat(row.last_award_at),
		clock.from_site_time(row.active_session_started),
	)
	return Wallet(
		seq=int(row.synced_through if row.last_seq is None else row.last_seq),
		total_xp=row.total_xp + int(row.xp or 0),
		current_streak=row.current_streak if run is None else run["new_streak"],
		last_success_date=date.fromisoformat(day) if isinstance(day, str) else day,
		last_played_at=max((moment for moment in times if moment), default=None),
	)


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
