"""What the rows of the ledger add up to in a subject, for many players and subjects in a fixed number of queries.

A lesson counts where it stands now: in its current subject, at its current bit index. XP counts in the subject that
the row names. A row that carries a *balance* (see `interaction_log.WITH_BALANCE`) stands for rows that are gone; a
`balance_forward` contains everything up to its seq, so it takes the place of any snapshot before it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import frappe
from memora.services import interaction_log
from memora.services.progress_engine import bits
from memora.utils.sql_tables import table_of

# One row for each lesson, subject that XP was counted in, and balance. The bounds on the log are those of all starts
# together: for a single player they make this a range of the index (player, seq).
_SUMS = """
select start.user, start.subject, log.subject, lesson.subject, lesson.name, lesson.bit_index, sum(log.xp_awarded),
	max(if(lesson.name is null, null, ifnull(cast(json_value(log.interaction_data, '$.hearts') as int), 0))),
	if(log.interaction_type in %(with_balance)s and json_exists(log.interaction_data, '$.balance'), log.seq, null)
		as balance_seq
from ({starts}) start
straight_join `tabMemora Interaction Log` log on log.player = start.user and log.seq > start.after_seq
left join `tabMemora Lesson` lesson
	on lesson.name = log.reference_id and lesson.bit_index >= 0 and log.interaction_type in %(passes)s
where log.player in %(users)s and log.seq > %(least)s
	and (start.subject is null or log.subject = start.subject or lesson.subject = start.subject
		or log.interaction_type in %(with_balance)s)
group by start.user, start.subject, log.subject, lesson.name, balance_seq
"""
_BALANCES = """
select player, seq, interaction_type, json_query(interaction_data, '$.balance')
from `tabMemora Interaction Log` where (player, seq) in %(rows)s and player in %(players)s
"""


class Start(NamedTuple):
	"""Where to begin to add up: after this row. subject_id None: every subject."""

	user_id: str
	subject_id: str | None
	after: int


class Passed(NamedTuple):
	"""A lesson that was passed, where it stands now. hearts: the best; 0 where nobody knows."""

	bit_index: int
	hearts: int


class LedgerSum:
	"""What a player's rows say about a subject. contains_snapshots: no snapshot before them may be added."""

	def __init__(self):
		self.xp = 0
		self.passed: dict[str, Passed] = {}
		self.contains_snapshots = False

	def add_lesson(self, lesson_id: str, bit_index: int, hearts: int) -> None:
		known = self.passed.get(lesson_id)
		self.passed[lesson_id] = Passed(bit_index, max(hearts, known.hearts if known else 0))

	def bitmap_over(self, bitmap: bytes) -> bytes:
		for lesson in self.passed.values():
			bitmap = bits.set_bit(bitmap, lesson.bit_index)
		return bitmap

	def best_hearts_over(self, best_hearts: dict[str, int]) -> dict[str, int]:
		told = {lesson_id: lesson.hearts for lesson_id, lesson in self.passed.items() if lesson.hearts}
		return {**best_hearts, **{name: max(told[name], best_hearts.get(name, 0)) for name in told}}


def sum_by_subject(starts: Sequence[Start]) -> dict[tuple[str, str], LedgerSum]:
	"""What came after each start, by (user, subject); what nothing came after is left out."""
	sums: dict[tuple[str, str], LedgerSum] = {}
	balances = []
	for user, wanted, xp_subject, lesson_subject, lesson, bit_index, xp, hearts, balance_seq in _rows(starts):
		if balance_seq:
			balances.append((user, wanted, int(balance_seq)))
		if xp_subject and wanted in (None, xp_subject):
			_sum_of(sums, user, xp_subject).xp += int(xp)
		if lesson and wanted in (None, lesson_subject):
			_sum_of(sums, user, lesson_subject).add_lesson(lesson, bit_index, hearts)
	if balances:
		_add_balances(sums, balances)
	return sums


def _sum_of(sums: dict, user_id: str, subject_id: str) -> LedgerSum:
	return sums.setdefault((user_id, subject_id), LedgerSum())


def _rows(starts: Sequence[Start]) -> Iterable[tuple]:
	if not starts:
		return ()
	table, named = table_of(
		"user subject after_seq", [(start.user_id, start.subject_id, start.after) for start in starts]
	)
	values = {
		**named,
		"users": sorted({start.user_id for start in starts}),
		"least": min(start.after for start in starts),
		"passes": interaction_log.PASSES,
		"with_balance": interaction_log.WITH_BALANCE,
	}
	return frappe.db.sql(_SUMS.format(starts=table), values)


def _add_balances(sums: dict, balances: list[tuple[str, str | None, int]]) -> None:
	"""balances: user, wanted subject or None, seq of the row that holds the balance."""
	row_by_seq = _read_balances({(user, seq) for user, _, seq in balances})
	places = _places({lesson for _, balance in row_by_seq.values() for lesson in balance["best_hearts"]})
	for user, wanted, seq in balances:
		kind, balance = row_by_seq[user, seq]
		subjects = {wanted} - {None}
		for subject, xp in balance["xp_by_subject"].items():
			if wanted in (None, subject):
				_sum_of(sums, user, subject).xp += xp
				subjects.add(subject)
		for lesson, hearts in balance["best_hearts"].items():
			subject, bit_index = places.get(lesson, (None, None))
			if subject and wanted in (None, subject):
				_sum_of(sums, user, subject).add_lesson(lesson, bit_index, hearts)
				subjects.add(subject)
		if kind == interaction_log.BALANCE_FORWARD:
			for subject in subjects:
				_sum_of(sums, user, subject).contains_snapshots = True


def _read_balances(rows: set[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, dict]]:
	"""(user, seq) -> interaction type and balance."""
	values = {"rows": sorted(rows), "players": sorted({user for user, _ in rows})}
	found = frappe.db.sql(_BALANCES, values)
	return {(user, int(seq)): (kind, json.loads(balance)) for user, seq, kind, balance in found}


def _places(lesson_ids: set[str]) -> dict[str, tuple[str, int]]:
	"""Lesson id -> its subject and bit index, for the lessons that exist."""
	if not lesson_ids:
		return {}
	rows = frappe.db.sql(
		"select name, subject, bit_index from `tabMemora Lesson` where name in %s and bit_index >= 0",
		(sorted(lesson_ids),),
	)
	return {name: (subject, bit_index) for name, subject, bit_index in rows}
