"""People to measure with, by raw SQL: students who log in, a population with a history, desk users and visitors.

A person is named by a kind and a number, and so is everything of his: user, profile, wallet, device.
"""

import json
from typing import NamedTuple

import frappe
from benchmarks import content
from frappe.utils.password import passlibctx
from memora.services.progress_engine import bits
from memora.utils import redis_store

PASSWORD = "correct horse battery staple"
# Students play over HTTP, the population is what batches work on, newcomers only log in.
# A veteran has years of awards behind him.
STUDENT, POPULATION, NEWCOMER, VETERAN = "student", "population", "newcomer", "veteran"
# No players: visitors are Website Users as students are, desk users pass the gate unasked.
VISITOR, DESK = "visitor", "desk"
# What the snapshots of the population lack: what players finish in the quarter of an hour between two syncs.
ROWS_AFTER_SNAPSHOT = 4
XP_PER_ROW, HEARTS_PER_ROW = 35, 5
PLAYED_LESSONS = 100  # of the subject in which the population played

_DOCUMENT = "owner, modified_by, creation, modified, docstatus, idx"
_VALUES = "'Administrator', 'Administrator', now(6), now(6), 0, 0"


class Population(NamedTuple):
	"""Players with a history: so many rows of the ledger each, of different lessons."""

	players: int
	rows_each: int

	@property
	def rows_in_snapshot(self) -> int:
		return self.rows_each - ROWS_AFTER_SNAPSHOT


def user(kind: str, number: int) -> str:
	return f"{kind}-{number:07d}@bench.example"


def device_id(number: int) -> str:
	return f"{number:08x}-0000-4000-8000-{number:012x}"


def ensure_users(kind: str, count: int, plan: str | None = None) -> None:
	"""Make the people numbered 0 to count - 1 where they are missing; with a plan they are players of it."""
	[[found]] = frappe.db.sql("select count(*) from `tabUser` where name like %s", f"{kind}-%@bench.example")
	if found >= count:
		return
	_insert_users(kind, count, "System User" if kind == DESK else "Website User")
	if plan:
		_insert_players(kind, count, plan)
	frappe.db.commit()  # other processes read it


def _names(kind: str) -> str:
	"""SQL of a user's name."""
	return f"concat('{kind}-', lpad(seq, 7, '0'), '@bench.example')"


def _insert_users(kind: str, count: int, user_type: str) -> None:
	numbers = f"seq_0_to_{count - 1}"
	frappe.db.sql(
		f"""insert ignore into `tabUser` ({_DOCUMENT}, name, email, first_name, enabled, user_type)
		select {_VALUES}, {_names(kind)}, {_names(kind)}, 'Bench', 1, %s from {numbers}""",
		user_type,
	)
	if kind == POPULATION:  # nobody of it logs in
		return
	frappe.db.sql(
		f"""insert ignore into `__Auth` (doctype, name, fieldname, password, encrypted)
		select 'User', {_names(kind)}, 'password', %s, 0 from {numbers}""",
		passlibctx.hash(PASSWORD),
	)


def _insert_players(kind: str, count: int, plan: str) -> None:
	numbers = f"seq_0_to_{count - 1}"
	frappe.db.sql(
		f"""insert ignore into `tabMemora Player Profile` ({_DOCUMENT}, name, user, current_plan)
		select {_VALUES}, concat('{kind}-', seq), {_names(kind)}, %s from {numbers}""",
		plan,
	)
	frappe.db.sql(
		f"""insert ignore into `tabMemora Player Wallet` ({_DOCUMENT}, name, player)
		select {_VALUES}, concat('{kind}-wallet-', seq), concat('{kind}-', seq) from {numbers}"""
	)
	frappe.db.sql(
		f"""insert ignore into `tabMemora Authorized Device`
		({_DOCUMENT}, name, parent, parentfield, parenttype, device_id, device_name)
		select {_VALUES}, concat('{kind}-device-', seq), concat('{kind}-', seq), 'authorized_devices',
			'Memora Player Profile',
			concat(lpad(lower(hex(seq)), 8, '0'), '-0000-4000-8000-', lpad(lower(hex(seq)), 12, '0')), 'Phone'
		from {numbers}"""
	)


def forget_what_was_played(kind: str) -> None:
	"""Put players back to their first day: no awards, empty rows, no copies."""
	names = f"{kind}-%"
	frappe.db.sql("delete from `tabMemora Interaction Log` where player like %s", names)
	frappe.db.sql("delete from `tabMemora Structure Progress` where player like %s", names)
	frappe.db.sql(
		"""update `tabMemora Player Wallet` set total_xp = 0, current_streak = 0, last_success_date = null,
		last_played_at = null, synced_through = 0 where player like %s""",
		names,
	)
	frappe.db.commit()  # before the copies go, or they could be loaded from what was
	for pattern in (f"wallet:{kind}-*", f"user_prog:{kind}-*", f"best_hearts:{kind}-*"):
		_delete_keys(pattern)


def pass_half(kind: str, lessons: int) -> None:
	"""Let players be in the middle of the subject of so many lessons, in which they have no row yet or the same."""
	bitmap, hearts = b"", {}
	for index in range(lessons // 2):
		bitmap = bits.set_bit(bitmap, index)
		hearts[content.lesson_id(lessons, index)] = 4
	frappe.db.sql(
		"""insert into `tabMemora Structure Progress` (owner, modified_by, creation, modified, name, player, subject,
			progress_bitmap, best_hearts, total_xp_earned, completion_percentage)
		select 'Administrator', 'Administrator', now(6), now(6), concat(user, '-', %(subject)s), user, %(subject)s,
			%(bitmap)s, %(hearts)s, 1000, 50 from `tabMemora Player Profile` where user like %(users)s
		on duplicate key update subject = values(subject)""",
		{
			"subject": content.subject_id(lessons),
			"bitmap": bits.encode_bitmap_for_mariadb(bitmap),
			"users": f"{kind}-%",
			"hearts": frappe.as_json(hearts, indent=None),
		},
	)


def reset_limits() -> None:
	_delete_keys("rate_limit:*")


def _delete_keys(pattern: str) -> None:
	keys = redis_store.keys_matching(pattern)
	for start in range(0, len(keys), 1000):
		redis_store.delete(*keys[start : start + 1000])


# --- The population ----------------------------------------------------------------------------------------------


def ensure_population(wanted: Population) -> None:
	"""Players with their ledger, wallets and progress rows. Takes minutes for a million rows, once."""
	content.ensure(PLAYED_LESSONS)
	rows = wanted.players * wanted.rows_each
	[[found]] = frappe.db.sql(
		"select count(*) from `tabMemora Interaction Log` where player like %s", f"{POPULATION}-%"
	)
	[[players]] = frappe.db.sql(
		"select count(*) from `tabMemora Player Profile` where user like %s", f"{POPULATION}-%"
	)
	if (found, players) == (rows, wanted.players):
		return
	_remove_population()
	ensure_users(POPULATION, wanted.players, content.plan_id(PLAYED_LESSONS))
	insert_ledger(POPULATION, wanted.players, wanted.rows_each)
	_insert_progress(wanted)
	frappe.db.sql(
		"analyze table `tabMemora Interaction Log`, `tabMemora Player Profile`, `tabMemora Player Wallet`"
	)


def _remove_population() -> None:
	names = f"{POPULATION}-%"
	for table, column in (
		("Memora Interaction Log", "player"),
		("Memora Structure Progress", "player"),
		("Memora Player Wallet", "player"),
		("Memora Authorized Device", "parent"),
		("Memora Player Profile", "user"),
		("User", "name"),
	):
		frappe.db.sql(f"delete from `tab{table}` where `{column}` like %s", names)
	frappe.db.commit()  # a transaction of millions of rows would hold their undo log


def insert_ledger(kind: str, players: int, rows_each: int, players_per_insert: int = 5000) -> None:
	"""Ledger rows with seq 1, 2, 3, ... for each player, of the size that a completion's rows have."""
	data = json.dumps(
		{
			"at": "2026-01-27T10:30:00",
			"hearts": HEARTS_PER_ROW,
			"outcome": {
				"xp_awarded": XP_PER_ROW,
				"new_total_xp": 0,
				"is_first_completion": True,
				"is_new_record": True,
				"streak": {
					"old_streak": 1,
					"new_streak": 1,
					"streak_action": "maintained",
					"last_success_date": "2026-01-27",
				},
				"unlocked_node_ids": [content.lesson_id(PLAYED_LESSONS, 99)],
				"suggested_next_lesson_id": content.lesson_id(PLAYED_LESSONS, 99),
				"completion_percentage": 12.5,
				"event_id": device_id(0),
			},
		},
		separators=(",", ":"),
	)
	head, tail = data.split('"new_total_xp":0')
	lesson = f"concat('{content.subject_id(PLAYED_LESSONS)}-LESSON-', mod(turn.seq - 1, {PLAYED_LESSONS}))"
	first = f"if(turn.seq <= {PLAYED_LESSONS}, {lesson}, null)"
	name = _names(kind).replace("seq", "player.seq")
	for start in range(0, players, players_per_insert):
		end = min(start + players_per_insert, players) - 1
		frappe.db.sql(
			f"""insert into `tabMemora Interaction Log`
			(name, owner, modified_by, creation, modified, docstatus, idx, player, interaction_type, reference_id, subject,
				created_at, xp_awarded, seq, event_id, first_completion_of, interaction_data)
			select nextval(`memora_interaction_log_id_seq`), {name}, {name}, '2026-01-27 10:30:00', '2026-01-27 10:30:00',
				0, 0, {name}, 'lesson_completion', {lesson}, %(subject)s,
				'2026-01-27 10:30:00' + interval turn.seq day, {XP_PER_ROW}, turn.seq, uuid(), {first},
				concat(%(head)s, '"new_total_xp":', turn.seq * {XP_PER_ROW}, %(tail)s)
			from seq_{start}_to_{end} player, seq_1_to_{rows_each} turn""",
			{"subject": content.subject_id(PLAYED_LESSONS), "head": head, "tail": tail},
		)
		frappe.db.commit()  # a transaction of millions of rows would hold their undo log


def _insert_progress(population: Population) -> None:
	frappe.db.sql(
		f"""insert ignore into `tabMemora Structure Progress` ({_DOCUMENT}, name, player, subject)
		select {_VALUES}, concat('{POPULATION}-progress-', seq), {_names(POPULATION)}, %s
		from seq_0_to_{population.players - 1}""",
		content.subject_id(PLAYED_LESSONS),
	)
	restore_snapshots(population)


def ensure_veteran(rows: int) -> str:
	"""Return the user of one player with so many awards behind him, all but the last few in his snapshots."""
	ensure_users(VETERAN, 1, content.plan_id(PLAYED_LESSONS))
	veteran = user(VETERAN, 0)
	[[found]] = frappe.db.sql("select count(*) from `tabMemora Interaction Log` where player = %s", veteran)
	if found < rows:
		forget_what_was_played(VETERAN)
		insert_ledger(VETERAN, 1, rows)
	frappe.db.sql(
		"update `tabMemora Player Wallet` set synced_through = %s where player = %s",
		(rows - ROWS_AFTER_SNAPSHOT, f"{VETERAN}-0"),
	)
	frappe.db.sql(
		f"""insert into `tabMemora Structure Progress` ({_DOCUMENT}, name, player, subject, synced_through)
		values ({_VALUES}, '{VETERAN}-progress', %(user)s, %(subject)s, %(seq)s)
		on duplicate key update synced_through = %(seq)s""",
		{"user": veteran, "subject": content.subject_id(PLAYED_LESSONS), "seq": rows - ROWS_AFTER_SNAPSHOT},
	)
	frappe.db.commit()  # his copies are loaded in transactions of their own
	return veteran


def restore_snapshots(population: Population) -> None:
	"""Let the population's rows be as they were before its last few lessons."""
	seen = population.rows_in_snapshot
	names = f"{POPULATION}-%"
	frappe.db.sql(
		"""update `tabMemora Player Wallet` set total_xp = %s, current_streak = 1, last_success_date = '2026-01-26',
		last_played_at = '2026-01-26 10:00:00', synced_through = %s where player like %s""",
		(seen * XP_PER_ROW, seen, names),
	)
	bitmap = b""
	for index in range(seen):
		bitmap = bits.set_bit(bitmap, index)
	hearts = {content.lesson_id(PLAYED_LESSONS, index): HEARTS_PER_ROW for index in range(seen)}
	frappe.db.sql(
		"""update `tabMemora Structure Progress` set progress_bitmap = %s, best_hearts = %s, total_xp_earned = %s,
		completion_percentage = %s, synced_through = %s where player like %s""",
		(
			bits.encode_bitmap_for_mariadb(bitmap),
			json.dumps(hearts, separators=(",", ":")),
			seen * XP_PER_ROW,
			100 * seen / PLAYED_LESSONS,
			seen,
			names,
		),
	)
	frappe.db.commit()  # each round begins where the last one began
