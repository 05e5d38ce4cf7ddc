"""The sync of wallets against the real database and Redis: what is written, what is never written, what stays."""

import threading
from datetime import timedelta
from unittest.mock import patch

import frappe
from memora.exceptions import InvalidInput, StoreUnavailable
from memora.services import sync_queue, wallet_engine, wallet_sync
from memora.utils import clock, redis_keys, redis_store
from tests.committed import ledger_of
from tests.database import another_connection
from tests.site.players import dying_sync
from tests.site.players.wallets import MORNING, WalletTestCase, elsewhere

LOCK = redis_keys.get_wallet_sync_lock_key()
WORKING = redis_keys.get_syncing_wallets_key()
FAILURE = "Wallet Sync Critical Error"


class TestWhatIsWritten(WalletTestCase):
	def test_the_row_says_what_the_ledger_says_and_nobody_waits_any_more(self):
		self.complete()
		self.add_xp(50, at=MORNING + timedelta(hours=1))
		self.assertEqual(self.row().total_xp, 0)
		result = wallet_sync.sync_pending_wallets()
		self.assertEqual((result["synced"], result["errors"]), (1, 0))
		self.assertGreaterEqual(result["duration"], 0)
		row = self.row()
		self.assertEqual((row.total_xp, row.current_streak, row.synced_through), (85, 1, 2))
		self.assert_row_is_true()
		self.assertEqual((self.pending(), redis_store.members(WORKING)), (frozenset(), frozenset()))
		self.assertFalse(redis_store.exists(LOCK))

	def test_the_copies_stay_valid(self):
		self.complete()
		key = redis_keys.get_wallet_key(self.user)
		before = redis_store.get_hash(key)
		wallet_sync.sync_pending_wallets()
		self.assertEqual(redis_store.get_hash(key), before)
		self.assertEqual(self.complete(1)["new_total_xp"], 70)

	def test_what_is_read_after_a_sync_and_the_loss_of_all_keys_is_the_same(self):
		self.complete()
		before = self.wallet()
		wallet_sync.sync_pending_wallets()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.wallet(), before)

	def test_redis_alone_never_decides_what_is_written(self):
		self.complete()
		redis_store.set_hash(redis_keys.get_wallet_key(self.user), {"total_xp": 9999, "seq": 7})
		wallet_sync.sync_pending_wallets()
		self.assertEqual((self.row().total_xp, self.row().synced_through), (35, 1))

	def test_the_last_played_time_of_the_copy_is_written_where_it_is_newer(self):
		self.complete()
		with clock.freeze(MORNING + timedelta(minutes=3)):
			wallet_engine.update_last_played_at(self.user)
		wallet_sync.sync_pending_wallets()
		self.assertEqual(clock.from_site_time(self.row().last_played_at), MORNING + timedelta(minutes=3))
		self.assert_row_is_true()

	def test_a_wallet_that_is_gone_is_not_inserted_again(self):
		self.complete()
		frappe.delete_doc("Memora Player Wallet", self.document().name)
		frappe.db.commit()
		redis_store.add_members(redis_keys.get_pending_wallet_sync_key(), self.user, "nobody@example.com")
		self.assertEqual(wallet_sync.sync_pending_wallets()["synced"], 0)
		self.assertFalse(frappe.db.exists("Memora Player Wallet", {"player": self.player.name}))
		self.assertEqual(redis_store.members(WORKING), frozenset())

	def test_neither_a_total_nor_the_place_in_the_ledger_is_ever_lowered(self):
		self.complete()
		self.add_xp(50)
		wallet_sync.sync_pending_wallets()
		before = self.row()
		update = {**before, "name": self.document().name}
		for old in (
			{"synced_through": 1},
			{"total_xp": 84},
			{"synced_through": 3, "total_xp": 0},
			{"last_played_at": before.last_played_at - timedelta(days=1)},
			{"last_played_at": None},
		):
			wallet_sync._bulk_update_wallets([{**update, **old}])
			frappe.db.commit()
			self.assertEqual(self.row(), before, old)

	def test_many_wallets_with_and_without_dates_are_written_in_one_statement(self):
		others = [self.game.add_player() for _ in range(3)]
		self.complete()
		self.add_xp(5, user=others[1].user)
		with patch.object(
			wallet_sync, "_bulk_update_wallets", wraps=wallet_sync._bulk_update_wallets
		) as writing:
			wallet_sync.trigger_wallet_sync(force=True)
		self.assertEqual(writing.call_count, 1)
		for player in (self.player, *others):
			self.assert_row_is_true(player)

	def test_who_lost_his_place_in_the_queue_with_redis_is_queued_by_his_next_read(self):
		self.complete()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.pending(), frozenset())
		self.wallet()
		wallet_sync.sync_pending_wallets()
		self.assertEqual(self.row().total_xp, 35)


class TestForce(WalletTestCase):
	def test_force_writes_all_enabled_players_and_no_other(self):
		disabled = self.game.add_player()
		self.complete()
		self.add_xp(5, user=disabled.user)
		self.forget_waiting_users()
		frappe.db.set_value("User", disabled.user, "enabled", 0, update_modified=False)
		frappe.db.commit()
		self.addCleanup(self.enable, disabled.user)
		for not_forced in (False, 0, "0", "false"):
			self.assertEqual(wallet_sync.trigger_wallet_sync(not_forced)["synced"], 0)
		self.assertGreaterEqual(wallet_sync.trigger_wallet_sync("1")["synced"], 1)
		self.assertEqual((self.row().total_xp, self.row(disabled).total_xp), (35, 0))

	def enable(self, user):
		frappe.db.set_value("User", user, "enabled", 1, update_modified=False)
		frappe.db.commit()

	def test_what_is_neither_true_nor_false_is_refused(self):
		with self.assertRaisesRegex(InvalidInput, "force must be true or false"):
			wallet_sync.trigger_wallet_sync("perhaps")

	def test_lists_are_cut_into_chunks(self):
		self.assertEqual(wallet_sync.chunk_list([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]])
		self.assertEqual(wallet_sync.chunk_list([], 2), [])
		with self.assertRaisesRegex(ValueError, "one or more"):
			wallet_sync.chunk_list([1], 0)


class TestTheLock(WalletTestCase):
	def test_a_second_sync_does_nothing_and_says_so_to_a_person(self):
		self.complete()
		redis_store.set(LOCK, "another", 60)
		self.assertEqual(wallet_sync.sync_pending_wallets(), {"synced": 0, "duration": 0.0, "errors": 0})
		with self.assertRaisesRegex(InvalidInput, "Another wallet sync is running"):
			wallet_sync.trigger_wallet_sync()
		self.assertEqual(redis_store.get(LOCK), "another")
		self.assertEqual((self.row().total_xp, self.pending()), (0, {self.user}))

	def test_a_sync_that_lost_its_lock_strikes_nobody_and_leaves_the_lock_to_its_owner(self):
		others = [self.game.add_player() for _ in range(2)]
		for user in (self.user, *(player.user for player in others)):
			self.add_xp(5, user=user)
		taken = frozenset((self.user, *(player.user for player in others)))

		def lose_lock(*args):
			redis_store.set(LOCK, "another", 60)
			return read(*args)

		read = wallet_sync._read_updates
		with (
			patch.object(wallet_sync, "WALLETS_PER_CHUNK", 1),
			patch.object(wallet_sync, "_read_updates", lose_lock),
		):
			self.assertEqual(wallet_sync.sync_pending_wallets()["synced"], 1)
		self.assertEqual(redis_store.get(LOCK), "another")
		self.assertEqual(redis_store.members(WORKING), taken)
		redis_store.delete(LOCK)
		self.assertEqual(wallet_sync.sync_pending_wallets()["synced"], 3)

	def test_the_lock_is_renewed_with_every_chunk(self):
		self.complete()
		lifetimes = []

		def shorten(*args):
			redis_store.expire(LOCK, 5)
			done = strike(*args)
			lifetimes.append(redis_store.ttl(LOCK))
			return done

		strike = sync_queue.strike
		with patch.object(sync_queue, "strike", shorten):
			wallet_sync.sync_pending_wallets()
		self.assertGreater(lifetimes[0], 5)


class TestAChunkThatFails(WalletTestCase):
	def setUp(self):
		super().setUp()
		self.second = self.game.add_player()
		for user in (self.user, self.second.user):
			self.add_xp(5, user=user)
		self.addCleanup(self.forget_failures)
		self.forget_failures()

	def forget_failures(self):
		frappe.db.rollback()
		frappe.db.delete("Error Log", {"method": FAILURE})
		frappe.db.commit()

	def in_order_of_locking(self):
		return sorted((self.player, self.second), key=lambda player: player_wallet(player).name)

	def hold_row(self, player):
		connection = another_connection(self)
		connection.begin()
		connection.cursor().execute(
			"select name from `tabMemora Player Wallet` where player = %s for update", (player.name,)
		)
		return connection

	def test_it_stays_for_the_next_sync_is_logged_once_and_does_not_stop_the_others(self):
		connection = self.hold_row(self.player)
		with (
			patch.object(wallet_sync, "WALLETS_PER_CHUNK", 1),
			patch.object(wallet_sync, "ROW_LOCK_WAIT_SECONDS", 1),
		):
			result = wallet_sync.sync_pending_wallets()
		frappe.db.commit()
		self.assertEqual((result["synced"], result["errors"]), (1, 1))
		self.assertEqual(frappe.db.count("Error Log", {"method": FAILURE}), 1)
		self.assertEqual((self.row().total_xp, self.row(self.second).total_xp), (0, 5))
		self.assertEqual(redis_store.members(WORKING), {self.user})
		connection.close()
		self.assertEqual(wallet_sync.sync_pending_wallets()["synced"], 1)
		self.assert_row_is_true()

	def test_a_deadlock_is_tried_again(self):
		first, second = self.in_order_of_locking()
		connection = self.hold_row(second)
		# The lighter transaction of a deadlock is the one that is undone: the sync's, not this one.
		connection.cursor().execute(
			"insert into tabSeries (name, current) select concat('memora-deadlock-', seq), 0 from seq_1_to_200"
		)
		reaching = threading.Timer(
			0.5,
			lambda: connection.cursor().execute(
				"select name from `tabMemora Player Wallet` where player = %s for update", (first.name,)
			),
		)
		released = threading.Timer(1.2, connection.rollback)
		reads = []

		def count(*args):
			reads.append(args)
			return read(*args)

		read = wallet_sync._read_updates
		with patch.object(wallet_sync, "_read_updates", count):
			reaching.start()
			released.start()
			result = wallet_sync.sync_pending_wallets()
			reaching.join()
			released.join()
		self.assertEqual((result["synced"], result["errors"]), (2, 0))
		self.assertGreater(len(reads), 1, "there was no deadlock")
		self.assert_row_is_true()
		self.assert_row_is_true(self.second)

	def test_without_redis_nobody_is_lost(self):
		frappe.local.conf["memora_redis_url"] = "redis://127.0.0.1:1"
		try:
			with self.assertRaises(StoreUnavailable):
				wallet_sync.sync_pending_wallets()
		finally:
			del frappe.local.conf["memora_redis_url"]
		self.assertEqual(self.pending(), {self.user, self.second.user})


class TestAwardsDuringASync(WalletTestCase):
	def test_an_award_at_any_step_is_in_the_row_or_waits_for_the_next_sync(self):
		for step, moment in dying_sync.moments("wallets"):
			with self.subTest(step=step, moment=moment):
				self.add_xp(5)
				self.sync_with_an_award_at(step, moment)
				row, truth = self.row(), self.truth()
				in_row = sum(
					line.xp_awarded for line in ledger_of(self.player) if line.seq <= row.synced_through
				)
				self.assertEqual(row.total_xp, in_row)
				if row.synced_through < truth.seq:
					self.assertIn(self.user, self.pending() | redis_store.members(WORKING))
				self.assertEqual(self.wallet()["total_xp"], truth.total_xp)
				wallet_sync.sync_pending_wallets()
				self.assert_row_is_true()

	def sync_with_an_award_at(self, step, moment):
		awards = []

		def award():
			# After the rows are written and before the commit the award waits for the sync, so nobody waits for it.
			awards.append(elsewhere(lambda: wallet_engine.add_xp(self.user, 7)))
			awards[-1].join(timeout=1)

		with dying_sync.at_step("wallets", step, moment, award):
			wallet_sync.sync_pending_wallets()
		for thread in awards:
			thread.join()
		self.assertTrue(awards)

	def test_while_players_earn_all_the_time_no_row_is_ever_ahead_and_all_ends_true(self):
		stop = threading.Event()

		def earn():
			while not stop.is_set():
				wallet_engine.add_xp(self.user, 3)

		threads = [elsewhere(earn) for _ in range(3)]
		totals = []
		for _ in range(15):
			wallet_sync.sync_pending_wallets()
			totals.append(self.row().total_xp)
		stop.set()
		for thread in threads:
			thread.join()
		self.assertEqual(totals, sorted(totals))
		wallet_sync.sync_pending_wallets()
		self.assert_row_is_true()
		self.assertEqual(self.row().total_xp, sum(row.xp_awarded for row in ledger_of(self.player)))


class TestASyncThatIsKilled(WalletTestCase):
	def test_at_any_step_nothing_is_lost_or_counted_twice(self):
		self.complete()
		wallet_sync.sync_pending_wallets()
		for step, moment in dying_sync.moments("wallets"):
			with self.subTest(step=step, moment=moment):
				expected = self.add_xp(5)
				dying_sync.kill_at("wallets", step, moment)
				self.assertEqual((self.wallet()["total_xp"], self.truth().total_xp), (expected, expected))
				self.assertIn(self.row().total_xp, (expected, expected - 5))
				self.assertLessEqual(redis_store.ttl(LOCK), sync_queue.LOCK_TTL_SECONDS)
				redis_store.delete(LOCK)  # a minute passes
				wallet_sync.sync_pending_wallets()
				self.assert_row_is_true()
				self.assertEqual(redis_store.members(WORKING), frozenset())


class TestThousandsOfWallets(WalletTestCase):
	PLAYERS = 5000

	def test_five_thousand_wallets_with_three_awards_each_are_written_in_chunks(self):
		self.make_players()
		self.addCleanup(self.remove_players)
		result = wallet_sync.sync_pending_wallets()
		self.assertEqual((result["synced"], result["errors"]), (self.PLAYERS, 0))
		frappe.db.rollback()
		[[wrong]] = frappe.db.sql(
			"""select count(*) from `tabMemora Player Wallet` where player like 'sync-crowd-%%'
			and (total_xp, current_streak, synced_through, last_success_date) <> (60, 2, 3, '2026-03-02')"""
		)
		self.assertEqual(wrong, 0)
		self.assertEqual(redis_store.members(WORKING), frozenset())

	def make_players(self):
		make_crowd(self.PLAYERS)
		users = frappe.db.sql_list(
			"select user from `tabMemora Player Profile` where name like 'sync-crowd-%%'"
		)
		redis_store.add_members(redis_keys.get_pending_wallet_sync_key(), *users)

	def remove_players(self):
		frappe.db.rollback()
		for doctype, column in (
			("Memora Interaction Log", "player"),
			("Memora Player Wallet", "player"),
			("Memora Player Profile", "name"),
		):
			frappe.db.sql(f"delete from `tab{doctype}` where `{column}` like 'sync-crowd-%%'")
		frappe.db.commit()


def player_wallet(player):
	return frappe.get_doc("Memora Player Wallet", {"player": player.name})


def make_crowd(count: int) -> None:
	"""Players without a User, straight in the database: a lesson, a day of the streak and a claim, 60 XP together."""
	frappe.db.sql(
		f"""insert into `tabMemora Player Profile` (name, user)
		select concat('sync-crowd-', seq), concat('sync-crowd-', seq, '@example.com') from seq_1_to_{count}"""
	)
	frappe.db.sql(
		f"""insert into `tabMemora Player Wallet` (name, player)
		select concat('sync-crowd-', seq), concat('sync-crowd-', seq) from seq_1_to_{count}"""
	)
	for seq, kind, xp, data in (
		(1, "lesson_completion", 40, streak_data(1, "2026-03-01")),
		(2, "streak_update", 0, streak_data(2, "2026-03-02")),
		(3, "xp_claim", 20, '{"at": "2026-03-02T10:00:00"}'),
	):
		frappe.db.sql(
			f"""insert into `tabMemora Interaction Log`
			(name, player, interaction_type, created_at, xp_awarded, seq, interaction_data)
			select nextval(`memora_interaction_log_id_seq`), concat('sync-crowd-', seq, '@example.com'),
				%s, now(), %s, %s, %s from seq_1_to_{count}""",
			(kind, xp, seq, data),
		)
	frappe.db.commit()


def streak_data(days: int, last_day: str) -> str:
	run = (
		f'{{"old_streak": 0, "new_streak": {days}, "streak_action": "x", "last_success_date": "{last_day}"}}'
	)
	return f'{{"at": "{last_day}T09:00:00", "outcome": {{"streak": {run}}}}}'
