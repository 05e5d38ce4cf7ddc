"""What a player owns, told by MariaDB alone: the last snapshot plus the ledger rows after it.

Every Redis copy is loaded from here. `synced_through` of a snapshot is the `seq` of the last ledger row that it
contains, so no row is counted twice and none is missed, whatever was synced and whatever was lost.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import frappe
from memora.services import interaction_log, ledger_reader
from memora.services.ledger_reader import LedgerSum, Start
from memora.services.progress_engine import bits
from memora.services.progress_engine.xp_calculator import MAX_HEARTS
from memora.utils import clock
from memora.utils.sql_tables import table_of

# Snapshots, and what the ledger has after each. The award's own UTC time: created_at is site time, which an autumn
# night has twice. The streak is the one that the last row which tells one left behind. A login is playing, too.
_WALLETS = """
select profile.user, profile.active_session_started, wallet.total_xp, wallet.current_streak,
	wallet.last_success_date, wallet.last_played_at, ifnull(wallet.synced_through, 0) as synced_through,
	later.last_seq, later.xp, later.last_award_at, later.contains_snapshot,
	json_extract(streak_row.interaction_data, '$.outcome.streak') as streak
from `tabMemora Player Profile` profile
join `tabMemora Player Wallet` wallet on wallet.player = profile.name
left join (
	select log.player, max(log.seq) as last_seq, sum(log.xp_awarded) as xp,
		max(json_value(log.interaction_data, '$.at')) as last_award_at,
		max(if(json_exists(log.interaction_data, '$.outcome.streak.new_streak'), log.seq, null)) as streak_seq,
		max(log.interaction_type = 'balance_forward') as contains_snapshot
	from `tabMemora Player Profile` profile
	join `tabMemora Player Wallet` wallet on wallet.player = profile.name
	join `tabMemora Interaction Log` log on log.player = profile.user and log.seq > {after}
	where profile.user in %(users)s group by log.player {lock}
) later on later.player = profile.user
left join `tabMemora Interaction Log` streak_row
	on streak_row.player = later.player and streak_row.seq = later.streak_seq
where profile.user in %(users)s {lock}
"""

# From the users to their wallets, so that one order holds for all and only the rows that are meant are locked.
_LOCK_WALLETS = """
select profile.user from ({users}) wanted
straight_join `tabMemora Player Profile` profile on profile.user = wanted.user
straight_join `tabMemora Player Wallet` wallet on wallet.player = profile.name
for update
"""
_SNAPSHOTS = """
select pair.user, pair.subject, ifnull(progress.synced_through, 0),
	ifnull((select max(log.seq) from `tabMemora Interaction Log` log where log.player = pair.user), 0),
	progress.progress_bitmap, progress.best_hearts, progress.total_xp_earned
from ({pairs}) pair
left join `tabMemora Structure Progress` progress
	on progress.player = pair.user and progress.subject = pair.subject
"""


class Wallet(NamedTuple):
	"""seq: the last ledger row that the figures contain. Times are UTC."""

	seq: int
	total_xp: int
	current_streak: int
	last_success_date: date | None
	last_played_at: datetime | None


class Progress(NamedTuple):
	"""A player's progress in one subject. best_hearts: lesson id -> hearts. seq: as in `Wallet`."""

	bitmap: bytes
	best_hearts: Mapping[str, int]
	total_xp_earned: int
	seq: int = 0


_EMPTY = Progress(b"", {}, 0)


def lock_wallet(user_id: str) -> bool:
	"""Take the player's mutex, the lock of the wallet row, until the transaction ends.

	False: no player has exactly this name. MariaDB finds him by any case, while Redis would keep a copy for each.
	"""
	users = frappe.db.sql_list(
		"""select profile.user from `tabMemora Player Wallet` wallet
		join `tabMemora Player Profile` profile on profile.name = wallet.player
		where profile.user = %s for update""",
		user_id,
	)
	return users == [user_id]


def lock_wallets(user_ids: Collection[str]) -> list[str]:
	"""Take the mutexes of many players, in one order for all, until the transaction ends. Returns who is a player, by
	his own name."""
	users = sorted(user_ids)
	if not users:
		return []
	table, values = table_of("user", [(user_id,) for user_id in users])
	return frappe.db.sql_list(_LOCK_WALLETS.format(users=table), values)


def read_wallet(user_id: str, lock: bool = False) -> Wallet | None:
	"""The wallet as the ledger has it; None for a user who is no player.

	Args:
		lock: see what is committed now, even where the transaction has read before. Only under the player's mutex.
	"""
	return next(iter(read_wallets([user_id], lock).values()), None)


def read_wallets(user_ids: Sequence[str], lock: bool = False, from_ledger: bool = False) -> dict[str, Wallet]:
	"""The wallets of those users who are players, in one query.

	Args:
		from_ledger: take XP and streak from the whole ledger, whatever the snapshot says.
	"""
	query = _WALLETS.format(
		after="0" if from_ledger else "ifnull(wallet.synced_through, 0)",
		lock="lock in share mode" if lock else "",
	)
	rows = frappe.db.sql(query, {"users": list(user_ids)}, as_dict=True)
	if from_ledger:
		for row in rows:
			row.update(total_xp=0, current_streak=0, last_success_date=None, synced_through=0)
	return {row.user: _wallet(row) for row in rows}


def _wallet(row: dict) -> Wallet:
	"""The snapshot of a row of _WALLETS brought forward by the awards after it.

	A balance row contains all that came before it, and so a snapshot that is older.
	"""
	run = json.loads(row.streak) if row.streak else None
	day = row.last_success_date if run is None else run["last_success_date"]
	times = (
		clock.from_site_time(row.last_played_at),
		row.last_award_at and datetime.fromisoformat(row.last_award_at),
		clock.from_site_time(row.active_session_started),
	)
	return Wallet(
		seq=int(row.synced_through if row.last_seq is None else row.last_seq),
		total_xp=(0 if row.contains_snapshot else row.total_xp) + int(row.xp or 0),
		current_streak=row.current_streak if run is None else run["new_streak"],
		last_success_date=date.fromisoformat(day) if isinstance(day, str) else day,
		last_played_at=max((moment for moment in times if moment), default=None),
	)


def read_progress(user_id: str, subject_id: str) -> Progress:
	"""The progress in a subject as the ledger has it; empty for a subject that was never played."""
	return read_progress_many([(user_id, subject_id)])[user_id, subject_id]


def read_progress_many(
	pairs: Collection[tuple[str, str]], from_ledger: bool = False
) -> dict[tuple[str, str], Progress]:
	"""The progress of many (user, subject) pairs, in three queries at most.

	Args:
		from_ledger: take nothing from the snapshots, read the whole ledger.
	"""
	snapshots = read_snapshots(pairs)
	later = ledger_reader.sum_by_subject(
		[Start(*pair, 0 if from_ledger else seq) for pair, (seq, _, _) in snapshots.items()]
	)
	return {
		pair: _progress(_EMPTY if from_ledger else snapshot or _EMPTY, later.get(pair), last_seq)
		for pair, (_, last_seq, snapshot) in snapshots.items()
	}


def read_all_progress_from_ledger(
	user_ids: Collection[str], pairs: Collection[tuple[str, str]] = ()
) -> dict[tuple[str, str], Progress]:
	"""The progress of these users in every subject that their ledger speaks of, in three queries at most.

	Args:
		pairs: (user, subject) that the result holds as well, empty where the ledger is silent about them.
	"""
	sums = ledger_reader.sum_by_subject([Start(user_id, None, 0) for user_id in user_ids])
	last_seqs = interaction_log.last_seqs(user_ids)
	return {pair: _progress(_EMPTY, sums.get(pair), last_seqs.get(pair[0], 0)) for pair in {*sums, *pairs}}


def read_snapshots(
	pairs: Collection[tuple[str, str]],
) -> dict[tuple[str, str], tuple[int, int, Progress | None]]:
	"""For each pair its snapshot's seq, the ledger's last seq, and the snapshot: an empty one where there is no row.

	A row that cannot be read is a snapshot of nothing: (0, last seq, None).

	Raises:
		ValueError: a row still holds a list of an earlier system.
	"""
	if not pairs:
		return {}
	table, values = table_of("user subject", pairs)
	rows = frappe.db.sql(_SNAPSHOTS.format(pairs=table), values)
	snapshots = {}
	for user, subject, seq, last, *figures in rows:
		snapshot = read_figures(*figures)
		snapshots[user, subject] = (int(seq) if snapshot else 0, int(last), snapshot)
	return snapshots


def read_figures(bitmap: str | None, best_hearts: str | None, xp: int | None) -> Progress | None:
	"""The figures of a progress row; None where they cannot be read.

	Raises:
		ValueError: a list of an earlier system stands in the bitmap's place. It tells what no ledger does, so nobody may
			take it for nothing before its migration.
	"""
	if bits.is_list_of_lessons(bitmap):
		raise ValueError("a list of lessons waits for migrate_to_bitmap_structure")
	try:
		hearts = json.loads(best_hearts or "{}")
		progress = Progress(bits.decode_bitmap_from_mariadb(bitmap), hearts, xp or 0)
	except ValueError:
		return None
	return progress if _are_best_hearts(hearts) else None


def _are_best_hearts(value: object) -> bool:
	return isinstance(value, dict) and all(
		type(hearts) is int and 0 <= hearts <= MAX_HEARTS for hearts in value.values()
	)


def _progress(snapshot: Progress, later: LedgerSum | None, last_seq: int) -> Progress:
	"""A snapshot brought forward by the rows after it."""
	if later is None:
		return snapshot._replace(seq=last_seq)
	base = _EMPTY if later.contains_snapshots else snapshot
	return Progress(
		later.bitmap_over(base.bitmap),
		later.best_hearts_over(base.best_hearts),
		base.total_xp_earned + later.xp,
		last_seq,
	)
