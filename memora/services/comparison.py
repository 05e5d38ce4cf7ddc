"""Comparing what is told about players with what their ledgers say: rows, Redis copies, and the ledger with itself.

A chunk of players takes a fixed number of queries and one round trip to Redis. Nothing is changed and nobody is locked
here: read in one transaction, rows and ledger are of one moment, while a copy may be newer. So without the players'
mutexes a finding is a doubt (`reconciliation` confirms it).
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import frappe
from memora.services import ledger_audit, player_copies, recovery
from memora.services.ledger_audit import MISSING_ROWS, AwardRow
from memora.services.player_copies import Copies
from memora.services.progress_engine import bits
from memora.services.recovery import Progress, Wallet

WALLET, BITMAP, BEST_HEARTS, SUBJECT_XP = "wallet", "bitmap", "best_hearts", "subject_xp"
FIRST_COMPLETION, NEGATIVE_XP, INCOMPLETE = "first_completion", "negative_xp", "incomplete"
UNREADABLE = "unreadable"
COPY = "_copy"  # ends the kinds that are about a Redis copy

_SYNCED = """
select profile.user, ifnull(wallet.synced_through, 0) from `tabMemora Player Profile` profile
join `tabMemora Player Wallet` wallet on wallet.player = profile.name where profile.user in %(users)s
"""
_PAIRS = "select player, subject from `tabMemora Structure Progress` where player in %(users)s"
_PLACES = """
select subject, name, bit_index from `tabMemora Lesson` where subject in %(subjects)s and bit_index >= 0
order by subject
"""
_AWARDS = """
select player, seq, xp_awarded,
	ifnull(cast(json_value(interaction_data, '$.outcome.xp_awarded') as int),
		if(interaction_type = 'streak_update', 0, null)) as told_xp,
	cast(json_value(interaction_data, '$.outcome.new_total_xp') as int) as told_total,
	interaction_type = 'balance_forward' as begins_anew, interaction_type
from `tabMemora Interaction Log` where player in %(users)s and seq > 0
"""
# Who has a row that does not follow from the one before it. The audit tells what is wrong.
_IN_DOUBT = f"""
select distinct player from (
	select awards.*, ifnull(lag(seq) over by_seq, 0) as last_seq, sum(xp_awarded) over by_seq as total
	from ({_AWARDS}) awards window by_seq as (partition by player order by seq)
) chained
where (seq <> last_seq + 1 and not begins_anew) or told_xp <> xp_awarded or told_total <> total
	or (xp_awarded < 0 and interaction_type <> 'adjustment')
"""
# Lessons that were passed and could still be paid as a first completion, by the first row that passed them.
_WITHOUT_KEY = """
select player, max(subject), reference_id, min(seq) from `tabMemora Interaction Log`
where player in %(users)s and interaction_type in ('lesson_completion', 'progress_grant')
group by player, reference_id having max(first_completion_of is not null) = 0 and min(seq) is not null
"""
_WRONG_KEY = """
select player, subject, seq, first_completion_of from `tabMemora Interaction Log`
where player in %(users)s and first_completion_of is not null
	and (not first_completion_of <=> reference_id or interaction_type not in ('lesson_completion', 'progress_grant'))
"""
# Awards that lack what those of their kind tell, or are of no kind. What they brought cannot be known by them alone.
_INCOMPLETE = """
select player, subject, seq, interaction_type from (
	select player, subject, seq, interaction_type,
		json_exists(interaction_data, '$.outcome') as has_outcome,
		ifnull(json_value(interaction_data, '$.outcome.xp_awarded') regexp '^-?[0-9]+$'
			and json_value(interaction_data, '$.outcome.new_total_xp') regexp '^-?[0-9]+$', 0) as tells_xp,
		json_exists(interaction_data, '$.outcome.streak') as has_streak,
		ifnull(json_value(interaction_data, '$.outcome.streak.new_streak') regexp '^[0-9]+$', 0) as tells_streak,
		ifnull(json_value(interaction_data, '$.hearts') regexp '^[0-5]$', 0) as tells_hearts,
		json_exists(interaction_data, '$.balance') as has_balance
	from `tabMemora Interaction Log` where player in %(users)s and seq > 0
) award
where not case interaction_type
	when 'lesson_completion' then tells_xp and tells_streak and tells_hearts
	when 'lesson_failed' then tells_xp and tells_streak
	when 'streak_update' then tells_streak
	when 'progress_grant' then tells_xp and tells_hearts
	when 'xp_claim' then tells_xp
	when 'adjustment' then has_outcome and has_streak <= tells_streak
	when 'balance_forward' then has_balance
	else 0 end
"""
# What reading raises where a value is not what it should be.
UNREADABLE_ERRORS = (ValueError, TypeError, LookupError, AttributeError)


class Finding(NamedTuple):
	"""Something that differs from the ledger, or a flaw of the ledger itself.

	kind: of a row, or of a Redis copy where it ends in COPY: wallet, bitmap, best_hearts, subject_xp. Of the ledger:
	the kinds of `ledger_audit`, first_completion, negative_xp, incomplete. UNREADABLE: a progress row; without a subject
	the player cannot be compared at all, and found is the reason.
	found, expected: a bitmap's are the lessons that only it has, and those that only the ledger has. An expected None
	says that nothing decides.
	seq: of the ledger's row.
	"""

	player: str
	kind: str
	subject: str | None
	found: object
	expected: object
	repaired: bool = False
	seq: int | None = None


class Told(NamedTuple):
	"""What is told about a chunk of players. synced, snapshots: rows as they are; wallets, progress: with what came later.

	lessons: subject -> lesson -> bit index, of the lessons that are there now. A bit or hearts of any other is a leftover
	that nobody reads.
	"""

	synced: Mapping[str, int]
	wallets: Mapping[str, Wallet]
	true_wallets: Mapping[str, Wallet]
	snapshots: Mapping[tuple[str, str], tuple[int, int, Progress | None]]
	progress: Mapping[tuple[str, str], Progress]
	true_progress: Mapping[tuple[str, str], Progress]
	copies: Mapping[tuple[str, str], Copies]
	lessons: Mapping[str, Mapping[str, int]]


def read(user_ids: Collection[str]) -> Told:
	"""Read all that is compared.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	users = {"users": tuple(user_ids)}
	pairs = list(frappe.db.sql(_PAIRS, users))
	true_progress = recovery.read_all_progress_from_ledger(user_ids, pairs)
	without_rows = sorted(set(user_ids) - {user for user, _ in pairs})
	return Told(
		synced={user: int(seq) for user, seq in frappe.db.sql(_SYNCED, users)},
		wallets=recovery.read_wallets(user_ids),
		true_wallets=recovery.read_wallets(user_ids, from_ledger=True),
		snapshots=recovery.read_snapshots(pairs),
		progress=recovery.read_progress_many(pairs),
		true_progress=true_progress,
		copies=player_copies.read_settled([*pairs, *((user, "") for user in without_rows)]),
		lessons=_read_lessons({subject for _, subject in pairs}),
	)


def _read_lessons(subject_ids: Collection[str]) -> dict[str, dict[str, int]]:
	if not subject_ids:
		return {}
	rows = frappe.db.sql(_PLACES, {"subjects": tuple(subject_ids)})
	return {
		subject: {lesson: bit_index for _, lesson, bit_index in places}
		for subject, places in groupby(rows, itemgetter(0))
	}


def compare_player(user_id: str) -> tuple[Told | None, list[Finding]]:
	"""What is told about a player, None where it cannot be read, and everything that is wrong with it.

	Raises:
		StoreUnavailable: Redis did not answer.
	"""
	try:
		told = read([user_id])
		return told, find(told)
	except UNREADABLE_ERRORS as error:
		return None, [Finding(user_id, UNREADABLE, None, f"{type(error).__name__}: {error}", None)]


def find(told: Told) -> list[Finding]:
	"""Everything that is wrong with these players."""
	users = {"users": tuple(told.wallets)}
	if not told.wallets:
		return []
	return [
		*_compare_wallets(told),
		*(
			Finding(user, UNREADABLE, subject, None, None)
			for (user, subject), (_, _, snapshot) in told.snapshots.items()
			if snapshot is None
		),
		*_compare_progress(told, told.progress, ""),
		*_compare_copies(told),
		*_audit(users),
		*_missing_ends(told),
		*(
			Finding(player, INCOMPLETE, subject, kind, None, seq=int(seq))
			for player, subject, seq, kind in frappe.db.sql(_INCOMPLETE, users)
		),
		*(
			Finding(player, FIRST_COMPLETION, subject, None, lesson, seq=int(seq))
			for player, subject, lesson, seq in frappe.db.sql(_WITHOUT_KEY, users)
		),
		*(
			Finding(player, FIRST_COMPLETION, subject, lesson, None, seq=seq and int(seq))
			for player, subject, seq, lesson in frappe.db.sql(_WRONG_KEY, users)
		),
	]


def behind(told: Told) -> tuple[list[str], list[tuple[str, str]]]:
	"""Whose rows the ledger has left behind, as it may until the next sync: users, and (user, subject) pairs."""
	wallets = [user for user, wallet in told.wallets.items() if wallet.seq > told.synced[user]]
	pairs = [
		pair
		for pair, progress in told.true_progress.items()
		if pair not in told.snapshots or told.snapshots[pair][2] != told.progress[pair]._replace(seq=0)
	]
	return wallets, pairs


def _compare_wallets(told: Told) -> Iterator[Finding]:
	for user, wallet in told.wallets.items():
		found, expected = _figures(wallet), _figures(told.true_wallets[user])
		if found != expected:
			yield Finding(user, WALLET, None, found, expected)


def _figures(wallet: Wallet) -> dict:
	day = wallet.last_success_date
	return {
		"total_xp": wallet.total_xp,
		"current_streak": wallet.current_streak,
		"last_success_date": day.isoformat() if day else None,
	}


def _compare_progress(
	told: Told, progress: Mapping[tuple[str, str], Progress], suffix: str
) -> Iterator[Finding]:
	masks = {subject: bits.mask_of(lessons.values()) for subject, lessons in told.lessons.items()}
	for (user, subject), found in progress.items():
		true = told.true_progress[user, subject]
		lessons = told.lessons.get(subject, {})
		bitmaps = [int.from_bytes(each.bitmap, "little") & masks.get(subject, 0) for each in (found, true)]
		if bitmaps[0] != bitmaps[1]:
			only_found, only_true = bitmaps[0] & ~bitmaps[1], bitmaps[1] & ~bitmaps[0]
			yield Finding(user, BITMAP + suffix, subject, _on(only_found, lessons), _on(only_true, lessons))
		hearts = [{k: v for k, v in each.best_hearts.items() if k in lessons} for each in (found, true)]
		if hearts[0] != hearts[1]:
			yield Finding(user, BEST_HEARTS + suffix, subject, _only(*hearts), _only(*reversed(hearts)))
		if found.total_xp_earned != true.total_xp_earned:
			yield Finding(user, SUBJECT_XP + suffix, subject, found.total_xp_earned, true.total_xp_earned)


def lessons_on(bitmap: bytes, other: bytes, lessons: Mapping[str, int]) -> list[str]:
	"""The lessons whose bits are on in a bitmap and off in the other."""
	return _on(int.from_bytes(bitmap, "little") & ~int.from_bytes(other, "little"), lessons)


def _on(mask: int, lessons: Mapping[str, int]) -> list[str]:
	return [lesson for lesson, bit_index in lessons.items() if mask >> bit_index & 1]


def _only(some: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
	return {lesson: hearts for lesson, hearts in some.items() if others.get(lesson) != hearts}


def _compare_copies(told: Told) -> Iterator[Finding]:
	"""A copy that stands elsewhere than the ledger's last row says nothing about its figures: it is wrong as it is."""
	current = {}
	for (user, subject), copies in told.copies.items():
		wallet, true = copies.wallet, told.true_wallets.get(user)
		if wallet is None or true is None:
			continue
		if wallet.seq == true.seq and copies.progress:
			current[user, subject] = copies.progress
	seen = {user: copies.wallet for (user, _), copies in told.copies.items() if copies.wallet}
	for user, wallet in seen.items():
		if user not in told.true_wallets:
			continue
		true = told.true_wallets[user]
		found, expected = ({"seq": each.seq, **_figures(each)} for each in (wallet, true))
		if found != expected:
			yield Finding(user, WALLET + COPY, None, found, expected)
	yield from _compare_progress(told, current, COPY)


def _audit(users: dict) -> Iterator[Finding]:
	in_doubt = frappe.db.sql_list(_IN_DOUBT, users)
	if not in_doubt:
		return
	rows = frappe.db.sql(f"{_AWARDS} order by player, seq", {"users": tuple(in_doubt)})
	for player, awards in groupby(rows, itemgetter(0)):
		awards = list(awards)
		flaws = ledger_audit.audit([_award_row(*award[1:6]) for award in awards])
		for flaw in flaws:
			yield Finding(player, flaw.kind, None, flaw.found, flaw.expected, seq=flaw.seq)
		flawed = {flaw.seq for flaw in flaws}
		for _, seq, xp, *_, kind in awards:
			if xp < 0 and kind != "adjustment" and seq not in flawed:
				yield Finding(player, NEGATIVE_XP, None, xp, None, seq=int(seq))


def _award_row(seq: int, xp: int, told_xp: int | None, told_total: int | None, begins_anew: int) -> AwardRow:
	return AwardRow(int(seq), xp, told_xp, told_total, bool(begins_anew))


def _missing_ends(told: Told) -> Iterator[Finding]:
	"""Rows that say that they contain more of the ledger than there is: its end was deleted.

	A wallet's row alone proves nothing about it. Its copy or the subjects must say the same.
	"""
	for user, wallet in told.wallets.items():
		last_seq = told.true_wallets[user].seq
		if wallet.seq > last_seq:
			xp = wallet.total_xp - told.true_wallets[user].total_xp
			proven = xp if xp in (_xp_of_copy(told, user, wallet), _xp_of_subjects(told, user)) else None
			yield Finding(user, MISSING_ROWS, None, wallet.seq - last_seq, proven, seq=wallet.seq)
	for (user, subject), (seq, last_seq, _) in told.snapshots.items():
		if user in told.wallets and seq > max(last_seq, told.wallets[user].seq):
			yield Finding(user, MISSING_ROWS, subject, seq - last_seq, None, seq=seq)


def _xp_of_copy(told: Told, user_id: str, wallet: Wallet) -> int | None:
	"""The XP that the wallet's copy has and the ledger has not, if it stands where the row does."""
	for (user, _), copies in told.copies.items():
		if user == user_id and copies.wallet and copies.wallet.seq == wallet.seq:
			return copies.wallet.total_xp - told.true_wallets[user].total_xp
	return None


def _xp_of_subjects(told: Told, user_id: str) -> int:
	"""The XP that the subjects' rows have and the ledger has not."""
	return sum(
		progress.total_xp_earned - told.true_progress[pair].total_xp_earned
		for pair, progress in told.progress.items()
		if pair[0] == user_id
	)
