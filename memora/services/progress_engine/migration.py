"""One-time migration of progress that an earlier system left as lists of passed lessons.

Known shapes, in a row of Memora Structure Progress: JSON in `progress_bitmap` itself, or in a column that is in the
table though not in the DocType (LEGACY_COLUMNS). The JSON is a list of lesson ids, or an object lesson id -> hearts.

What such a row says becomes part of the ledger, so that a rebuild keeps it and no lesson of it is ever paid as a first
completion: one adjustment a player that carries it as a balance, and one key row a lesson. Then the rows are written
from the ledger. A batch of players is one transaction, and afterwards its rows are legacy no more: a migration that
dies goes on where it was.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import frappe
from memora.services import content_tree, interaction_log, rebuild, recovery, sync_queue, wallet_awards
from memora.services.progress_engine import bits
from memora.services.progress_engine.xp_calculator import MAX_HEARTS
from memora.utils import logs, transactions

LEGACY_COLUMNS = ("passed_lessons", "completed_lessons")
PLAYERS_PER_BATCH = 100

_HAS_LIST = "left(ltrim(progress_bitmap), 1) in ('[', '{')"
_HAS_COLUMN = "ifnull({column}, '') not in ('', '[]', '{{}}', 'null')"
_PLAYERS = """
select distinct player from `tabMemora Structure Progress` where player > %s and ({is_legacy}) order by player limit %s
"""
_ROWS = """
select name, player, subject, synced_through, total_xp_earned, best_hearts, progress_bitmap{columns}
from `tabMemora Structure Progress` where player in %s and ({is_legacy}) order by player, subject for update
"""
# Lessons without a place of their own: none, another's in the same subject, or no subject.
_UNPLACED = """
select lesson.name, lesson.parent_topic from `tabMemora Lesson` lesson
where ifnull(lesson.subject, '') = '' or ifnull(lesson.bit_index, -1) < 0
	or exists(select 1 from `tabMemora Lesson` other
		where other.subject = lesson.subject and other.bit_index = lesson.bit_index and other.name < lesson.name)
order by lesson.parent_topic, lesson.sort_order, lesson.name
"""
_COUNTERS = """
update `tabMemora Subject` subject
join (select subject, max(bit_index) + 1 as next_free from `tabMemora Lesson` group by subject) taken
	on taken.subject = subject.name
set subject.next_bit_index = taken.next_free where subject.next_bit_index < taken.next_free
"""
_UNTOLD_WALLETS = """
select profile.user from `tabMemora Player Wallet` wallet
join `tabMemora Player Profile` profile on profile.name = wallet.player
where ifnull(wallet.synced_through, 0) = 0 and (wallet.total_xp > 0 or wallet.current_streak > 0)
"""


class _Legacy(NamedTuple):
	"""What the legacy rows of one player say. best_hearts: passed lesson -> hearts, 0 for unknown."""

	best_hearts: dict[str, int]
	xp_by_subject: dict[str, int]
	unmapped: list[dict]


def migrate_to_bitmap_structure() -> dict:
	"""Bring lists of passed lessons into bitmaps and the ledger. Safe to run again at any time.

	Returns:
		{"migrated": progress rows, "lessons_numbered": lessons that got a bit index, "wallets_recorded": wallets whose
		 figures the ledger did not tell, "unmapped": [{"player", "subject", "lessons": [what means no lesson]}]}

	Raises:
		StoreUnavailable: Redis did not answer; whole batches are done.
	"""
	report = {
		"migrated": 0,
		"lessons_numbered": _number_lessons(),
		"wallets_recorded": _record_wallets(),
		"unmapped": [],
	}
	columns = [column for column in LEGACY_COLUMNS if _has_column(column)]
	for players in _players(columns):
		rows, unmapped = sync_queue.retry_locked(lambda batch: _migrate(batch, columns), players)
		report["migrated"] += rows
		report["unmapped"] += unmapped
	for entry in report["unmapped"]:
		logs.get_logger().warning("progress of unknown lessons was not migrated: %s", json.dumps(entry))
	return report


def _has_column(column: str) -> bool:
	return bool(frappe.db.sql("show columns from `tabMemora Structure Progress` like %s", column))


def _is_legacy(columns: Sequence[str]) -> str:
	return " or ".join((_HAS_LIST, *(_HAS_COLUMN.format(column=column) for column in columns)))


def _players(columns: Sequence[str]) -> Iterator[list[str]]:
	after = ""
	query = _PLAYERS.format(is_legacy=_is_legacy(columns))
	while players := frappe.db.sql_list(query, (after, PLAYERS_PER_BATCH)):
		yield players
		after = players[-1]


def _migrate(players: Sequence[str], columns: Sequence[str]) -> tuple[int, list[dict]]:
	"""One batch. Returns how many rows it had, and what in them means no lesson."""
	with transactions.fresh_transaction():
		recovery.lock_wallets(players)
		query = _ROWS.format(
			columns="".join(f", {column}" for column in columns), is_legacy=_is_legacy(columns)
		)
		rows = frappe.db.sql(query, (tuple(players),))
		legacy = _read_legacy(rows)
		_write_into_ledger(legacy)
		_clear([row[0] for row in rows], columns)
		if legacy:
			rebuild.write_figures(sorted(legacy), from_ledger=True)
		frappe.db.commit()  # each batch by itself, so that a migration that dies keeps what is done
	return len(rows), [entry for told in legacy.values() for entry in told.unmapped]


def _read_legacy(rows: Sequence[tuple]) -> dict[str, _Legacy]:
	legacy: dict[str, _Legacy] = {}
	told_by_row = {row[0]: _told(*row[5:]) for row in rows}
	known = _known_lessons({lesson for told, _ in told_by_row.values() for lesson in told})
	for name, player, subject, synced_through, xp, best_hearts, bitmap, *_columns in rows:
		told, garbage = told_by_row[name]
		entry = legacy.setdefault(player, _Legacy({}, {}, []))
		told_and_passed = [*told.items(), *_passed(subject, bitmap, best_hearts)]
		for lesson, hearts in told_and_passed:
			if lesson in known or lesson not in told:
				entry.best_hearts[lesson] = max(hearts, entry.best_hearts.get(lesson, 0))
		unknown = [*sorted(set(told) - known), *garbage]
		if unknown:
			entry.unmapped.append({"player": player, "subject": subject, "lessons": unknown})
		if xp and not synced_through:  # a synced row's XP is the ledger's already
			entry.xp_by_subject[subject] = xp
	return legacy


def _told(best_hearts: str | None, *texts: str | None) -> tuple[dict[str, int], list[str]]:
	"""What the JSON of a row names: lesson -> hearts, and what cannot be read."""
	told: dict[str, int] = {}
	garbage = []
	for text in texts:
		if not bits.is_list_of_lessons(text):
			continue
		try:
			value = json.loads(text)
		except ValueError:
			garbage.append(text)
			continue
		items = value.items() if isinstance(value, dict) else [(item, 0) for item in value]
		for lesson, hearts in items:
			if not isinstance(lesson, str):
				garbage.append(json.dumps(lesson))
			elif hearts is not False:
				told[lesson] = max(_hearts(hearts), told.get(lesson, 0))
	known = _json_object(best_hearts)
	return {lesson: max(hearts, _hearts(known.get(lesson))) for lesson, hearts in told.items()}, garbage


def _hearts(value: object) -> int:
	return value if type(value) is int and 0 <= value <= MAX_HEARTS else 0


def _json_object(text: str | None) -> dict:
	try:
		value = json.loads(text or "{}")
	except ValueError:
		return {}
	return value if isinstance(value, dict) else {}


def _passed(subject: str, bitmap: str | None, best_hearts: str | None) -> list[tuple[str, int]]:
	"""What a real bitmap beside a legacy column says."""
	if not bitmap or bits.is_list_of_lessons(bitmap):
		return []
	positions = bits.indexes_on(bits.decode_bitmap_from_mariadb(bitmap))
	lessons = frappe.get_all(
		"Memora Lesson",
		filters={"subject": subject, "bit_index": ["in", sorted(positions)]},
		pluck="name",
	)
	hearts = _json_object(best_hearts)
	return [(lesson, _hearts(hearts.get(lesson))) for lesson in lessons]


def _known_lessons(lesson_ids: set[str]) -> set[str]:
	if not lesson_ids:
		return set()
	return set(
		frappe.db.sql_list("select name from `tabMemora Lesson` where name in %s", (tuple(lesson_ids),))
	)


def _write_into_ledger(legacy: dict[str, _Legacy]) -> None:
	"""One adjustment a player, and the keys of his lessons that have none."""
	lessons = sorted({lesson for told in legacy.values() for lesson in told.best_hearts})
	held = interaction_log.keys_held(sorted(legacy), lessons)
	last_seqs = interaction_log.last_seqs(sorted(legacy)) if legacy else {}
	keys = []
	for player, told in sorted(legacy.items()):
		balance = {"xp_by_subject": told.xp_by_subject, "best_hearts": told.best_hearts}
		interaction_log.append_award(
			player,
			interaction_log.ADJUSTMENT,
			seq=last_seqs.get(player, 0) + 1,
			xp_awarded=0,
			event_id=str(uuid.uuid4()),
			data={"outcome": {"xp_awarded": 0}, "balance": balance, "unmapped": told.unmapped},
		)
		keys += [
			(player, lesson, hearts)
			for lesson, hearts in told.best_hearts.items()
			if (player, lesson) not in held
		]
	interaction_log.append_keys(keys)


def _clear(names: Sequence[str], columns: Sequence[str]) -> None:
	"""These rows are legacy no more; what they said is in the ledger."""
	if names:
		cleared = "".join(f", {column} = null" for column in columns)
		frappe.db.sql(
			f"""update `tabMemora Structure Progress` set progress_bitmap = '', best_hearts = '{{}}'{cleared}
			where name in %s""",
			(tuple(names),),
		)


def _number_lessons() -> int:
	"""Give every lesson without a place of its own one, topic by topic."""
	frappe.db.sql(_COUNTERS)
	by_subject: dict[str, list[str]] = {}
	for lesson, topic in frappe.db.sql(_UNPLACED):
		by_subject.setdefault(content_tree.subject_of("Memora Topic", topic), []).append(lesson)
	for subject, lessons in by_subject.items():
		content_tree.place_anew(lessons, subject)
	frappe.db.commit()  # the lessons' places hold, whatever happens to the players
	return sum(map(len, by_subject.values()))


def _record_wallets() -> int:
	"""Have the ledger tell the figures that wallets were given past it."""
	recorded = 0
	for user_id in frappe.db.sql_list(_UNTOLD_WALLETS):
		with transactions.fresh_transaction():
			recovery.lock_wallets([user_id])
			told = recovery.read_wallet(user_id)
			true = recovery.read_wallets([user_id], from_ledger=True)[user_id]
			if wallet_awards.record_adjustment(user_id, true, told) > true.seq:
				rebuild.write_figures([user_id], from_ledger=True)
				recorded += 1
			frappe.db.commit()  # a player by himself
	return recorded
