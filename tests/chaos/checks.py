"""After every disturbance: what was acknowledged is in the ledger once, and everything else agrees with the ledger."""

import frappe
from memora.services import comparison, player_copies
from memora.services.cdn_export import sync_log
from memora.services.progress_engine import bits
from memora.utils import redis_store
from tests.chaos import jobs
from tests.chaos.swarm import GET_PROGRESS, GET_WALLET, Swarm, SwarmPlayer
from tests.committed import ledger_of
from tests.http.app import App, message_of


def everything_is_true(swarm: Swarm) -> None:
	"""Settle all plays, and compare ledger, replies, copies, rows and sessions of all players."""
	swarm.settle()
	for player in swarm.players:
		ledger_holds_every_play_once(player)
		replies_and_copies_are_the_ledgers(player)
		one_session_lives(player)
	jobs.sync()
	for player in swarm.players:
		rows_are_the_ledgers(player)
	nobody_waits_for_a_sync()
	users = [player.profile.user for player in swarm.players]
	frappe.db.rollback()
	assert comparison.find(comparison.read(users)) == []


def ledger_holds_every_play_once(player: SwarmPlayer) -> None:
	assert player.contradictions == []
	rows = ledger_of(player.profile)
	assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
	assert sorted((row.client_event_id, row.xp_awarded) for row in rows) == sorted(
		(play.event, play.xp) for play in player.plays
	)


def replies_and_copies_are_the_ledgers(player: SwarmPlayer) -> None:
	total, passed = figures(player)
	subject = player.game.subject.name
	assert message_of(player.app.get(GET_WALLET))["total_xp"] == total
	progress = message_of(player.app.get(GET_PROGRESS, subject_id=subject))
	assert progress["passed_lessons"] == len(passed) == len(set(passed))
	copies = player_copies.peek(player.profile.user, subject)
	assert copies.wallet.total_xp == total
	assert int.from_bytes(copies.progress.bitmap, "little").bit_count() == len(passed)
	assert all(bits.check_bit(copies.progress.bitmap, bit_of(lesson)) for lesson in passed)


def rows_are_the_ledgers(player: SwarmPlayer) -> None:
	total, passed = figures(player)
	wallet = frappe.db.get_value(
		"Memora Player Wallet",
		{"player": player.profile.name},
		["total_xp", "synced_through"],
		as_dict=True,
	)
	assert (wallet.total_xp, wallet.synced_through) == (total, len(player.plays))
	bitmap = frappe.db.get_value(
		"Memora Structure Progress",
		{"player": player.profile.user, "subject": player.game.subject.name},
		"progress_bitmap",
	)
	decoded = bits.decode_bitmap_from_mariadb(bitmap)
	assert [lesson for lesson in player.game.lessons if bits.check_bit(decoded, bit_of(lesson))] == sorted(
		passed, key=player.game.lessons.index
	)


def figures(player: SwarmPlayer) -> tuple[int, list[str]]:
	"""The total and the lessons passed, added up from the ledger's rows by nothing of the product."""
	rows = ledger_of(player.profile)
	return sum(row.xp_awarded for row in rows), [
		row.first_completion_of for row in rows if row.first_completion_of
	]


def bit_of(lesson: str) -> int:
	return frappe.db.get_value("Memora Lesson", lesson, "bit_index")


def one_session_lives(player: SwarmPlayer) -> None:
	statuses = []
	for sid in player.sids:
		app = App(player.app.device_id)
		app.http.cookies.update({"sid": sid})
		statuses.append(app.get(GET_WALLET).status_code)
	assert statuses == [401] * (len(player.sids) - 1) + [200]


def nobody_waits_for_a_sync() -> None:
	for key in ("pending_wallet_sync", "syncing_wallets", "dirty_progress", "syncing_progress"):
		assert redis_store.members(key) == frozenset(), key


def no_plan_is_lost(plan_ids: list[str]) -> None:
	"""Nothing waits or is being built; the last that the log says of each plan is published, or given up with a reason."""
	frappe.db.rollback()
	assert not set(plan_ids) & {*sync_log.pending_plan_ids(), *sync_log.processing_plan_ids()}
	for plan_id in plan_ids:
		last = frappe.get_last_doc(sync_log.DOCTYPE, {"plan_id": plan_id}, order_by="started_at desc")
		assert last.status in (sync_log.SUCCESS, sync_log.DEAD_LETTER)
		assert last.error_message or last.status == sync_log.SUCCESS
