"""Batches over a population with a history: the wallet sync, the progress sync, the rebuild, and their memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import frappe
from benchmarks import content, naive, people, statements, timing
from benchmarks.people import Population
from benchmarks.report import Line, Section, at_most
from memora.services import player_copies, rebuild, sync_queue, wallet_sync
from memora.services.progress_engine import snapshot_syncer
from memora.services.sync_queue import SyncQueue, chunk_list
from memora.utils import redis_keys, redis_store

FULL, QUICK = Population(50_000, 20), Population(2000, 20)
BITMAPS, REBUILT = 10_000, 10_000
FULL_ROUNDS, QUICK_ROUNDS = 3, 1
SIMULATED = (10_000, 100_000, 1_000_000)
MEMBERS_A_CALL = 10_000
OURS = list(statements.WAYS)[-1]

# KEYS: wallets. ARGV: fields and values. The copies that a sync reads last_played_at from.
_FILL = """for _, key in ipairs(KEYS) do redis.call("HSET", key, unpack(ARGV)) end"""


def run(options) -> list[Section]:
	population = QUICK if options.quick else FULL
	rounds = QUICK_ROUNDS if options.quick else FULL_ROUNDS
	people.ensure_population(population)
	users = [people.user(people.POPULATION, number) for number in range(population.players)]
	lines = [
		_wallet_line(population, users, rounds),
		_bitmap_line(population, users[:BITMAPS], rounds),
		_rebuild_line(population, users[:REBUILT]),
		*_memory_lines(SIMULATED[:2] if options.quick else SIMULATED),
	]
	table = _statement_lines(population, users, rounds)
	return [Section("Batches", lines), Section(f"Ways to write {len(users):,} wallets", table)]


def _scaled(limit: float, count: int, of: int) -> float:
	"""The target for fewer than the target's own number."""
	return limit * count / of


def _restored(population: Population, rounds: int, prepare: Callable, work: Callable) -> list[float]:
	samples = []
	for _ in range(rounds):
		people.restore_snapshots(population)
		prepare()
		samples.append(timing.seconds(work))
	return samples


def _wallet_line(population: Population, users: Sequence[str], rounds: int) -> Line:
	def prepare():
		for part in chunk_list(users, 500):
			keys = [redis_keys.get_wallet_key(user) for user in part]
			redis_store.run_script(_FILL, keys, ["last_played_at", "2026-02-16T10:30:00"])
			redis_store.add_members(redis_keys.get_pending_wallet_sync_key(), *part)

	samples = _restored(population, rounds, prepare, wallet_sync.sync_pending_wallets)
	_require_synced("Memora Player Wallet", population)
	player_copies.drop(*users)
	limit = _scaled(3, len(users), FULL.players)
	return Line(f"sync of {len(users):,} wallets, whole", samples, "s", target=at_most(limit, of_value=True))


def _bitmap_line(population: Population, users: Sequence[str], rounds: int) -> Line:
	subject = content.subject_id(people.PLAYED_LESSONS)
	members = [player_copies.dirty_member(user, subject) for user in users]

	def prepare():
		for part in chunk_list(members, MEMBERS_A_CALL):
			redis_store.add_members(redis_keys.get_dirty_progress_key(), *part)

	samples = _restored(population, rounds, prepare, snapshot_syncer.sync_pending_bitmaps)
	limit = _scaled(2, len(users), BITMAPS)
	return Line(f"sync of {len(users):,} bitmaps, whole", samples, "s", target=at_most(limit, of_value=True))


def _rebuild_line(population: Population, users: Sequence[str]) -> Line:
	def work():
		for part in chunk_list(users, rebuild.PLAYERS_PER_CHUNK):
			rebuild.rebuild_players(part, from_ledger=True)

	samples = _restored(population, 1, lambda: None, work)
	limit = _scaled(20, len(users), REBUILT)
	return Line(
		f"rebuild of {len(users):,} players from {len(users) * population.rows_each:,} ledger rows",
		samples,
		"s",
		target=at_most(limit, of_value=True),
	)


def _require_synced(doctype: str, population: Population) -> None:
	[[behind]] = frappe.db.sql(
		f"select count(*) from `tab{doctype}` where player like %s and synced_through < %s",
		(f"{people.POPULATION}-%", population.rows_each),
	)
	if behind:
		raise RuntimeError(f"{behind} rows of {doctype} were not synced: nothing was measured")


def _memory_lines(sizes: Sequence[int]) -> list[Line]:
	"""The sync's own memory while so many players wait, with a batch's work left out: what grows with the queue."""
	queue = SyncQueue("bench_pending", "bench_working", "bench_lock", "Benchmark")
	lines, peaks = [], []
	for size in sizes:
		names = (people.user("simulated", number) for number in range(size))
		while part := list(itertools.islice(names, MEMBERS_A_CALL)):
			redis_store.add_members(queue.pending, *part)
		peaks.append(
			timing.peak_bytes(lambda: sync_queue.drain(queue, wallet_sync.WALLETS_PER_CHUNK, len)) / 1e6
		)
		lines.append(
			Line(
				f"memory of a sync while {size:,} wait",
				[peaks[-1]],
				"MB",
				f"{sizes[0]:,} wait",
				[peaks[0]],
				at_most(1.5),
			)
		)
	return lines


def _statement_lines(population: Population, users: Sequence[str], rounds: int) -> list[Line]:
	people.restore_snapshots(population)
	updates = [update for part in chunk_list(users, 500) for update in wallet_sync._read_updates(part)]
	frappe.db.rollback()
	samples = {
		way: _restored(population, rounds, lambda: None, lambda way=way: statements.write_all(way, updates))
		for way in statements.WAYS
	}
	few = updates[: max(100, len(updates) // 50)]
	naively = _restored(population, 1, lambda: None, lambda: naive.sync_wallets(few))
	lines = [Line(way, own, "s", "ours", samples[OURS]) for way, own in samples.items()]
	lines.append(
		Line(
			f"set_value for each wallet, counted up from {len(few):,}",
			[seconds * len(updates) / len(few) for seconds in naively],
			"s",
			"ours",
			samples[OURS],
		)
	)
	people.restore_snapshots(population)
	return lines
