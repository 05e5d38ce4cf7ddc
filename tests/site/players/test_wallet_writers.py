"""Everything beside a lesson that changes a wallet: granted and claimed XP, days of a streak, being active."""

import uuid
from datetime import date, datetime, timedelta

import frappe
from memora.exceptions import (
	ClaimLimitReached,
	ClaimsDisabled,
	IdempotencyConflict,
	InvalidInput,
	NoPlayerProfile,
	StoreUnavailable,
)
from memora.services import player_copies, session_manager, wallet_engine, xp_claims
from memora.services.progress_engine import completion, progress_computer
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_keys, redis_store
from tests.committed import ledger_of
from tests.site.players.wallets import MORNING, WalletTestCase, elsewhere

NOWHERE = "redis://127.0.0.1:1"


class TestAddingXP(WalletTestCase):
	def test_xp_is_one_ledger_row_and_the_new_total_is_returned(self):
		self.assertEqual(self.add_xp(50), 50)
		self.assertEqual(self.add_xp(7), 57)
		self.assertEqual(
			[(row.seq, row.interaction_type, row.xp_awarded) for row in ledger_of(self.player)],
			[(1, "xp_claim", 50), (2, "xp_claim", 7)],
		)
		self.assertEqual(self.wallet()["total_xp"], 57)
		self.assertEqual(self.wallet()["last_played_at"], "2026-03-01T09:00:00")

	def test_the_streak_stays(self):
		self.complete()
		before = self.wallet()
		self.add_xp(50, at=MORNING + timedelta(days=1))
		after = self.wallet()
		for key in ("current_streak", "last_success_date"):
			self.assertEqual(after[key], before[key])

	def test_zero_returns_the_total_and_writes_nothing(self):
		self.add_xp(50)
		self.assertEqual(self.add_xp(0), 50)
		self.assertEqual(len(ledger_of(self.player)), 1)

	def test_a_negative_amount_and_what_is_no_number_are_refused(self):
		for amount in (-1, "many", 1.5, True, None):
			with self.assertRaisesRegex(InvalidInput, "xp_amount"):
				self.add_xp(amount)
		self.assertEqual(ledger_of(self.player), [])

	def test_a_user_who_is_no_player_is_refused(self):
		for amount in (0, 5):
			with self.assertRaises(NoPlayerProfile):
				self.add_xp(amount, user="Administrator")

	def test_progress_in_a_subject_is_left_alone_and_its_copy_stays(self):
		self.complete()
		subject = self.game.subject.name
		before = progress_computer.compute_progress(subject, self.user)
		keys = (
			redis_keys.get_progress_key(self.user, subject),
			redis_keys.get_best_hearts_key(self.user, subject),
		)
		copies = [redis_store.client().dump(redis_store.physical(key)) for key in keys]
		self.add_xp(50)
		self.assertEqual([redis_store.client().dump(redis_store.physical(key)) for key in keys], copies)
		self.assertEqual(progress_computer.compute_progress(subject, self.user), before)
		self.assertEqual(self.complete(1)["new_total_xp"], 35 + 50 + 35)

	def test_without_redis_nothing_is_counted(self):
		self.add_xp(50)
		frappe.local.conf["memora_redis_url"] = NOWHERE
		try:
			with self.assertRaises(StoreUnavailable):
				self.add_xp(7)
		finally:
			del frappe.local.conf["memora_redis_url"]
		self.assertEqual(self.truth().total_xp, 50)
		self.assertEqual(self.wallet()["total_xp"], 50)

	def test_twenty_at_once_and_a_lost_copy_in_between_end_on_the_ledgers_sum(self):
		totals = []

		def add(amount):
			totals.append(wallet_engine.add_xp(self.user, amount))
			if amount % 5 == 0:
				player_copies.drop(self.user)

		threads = [elsewhere(lambda amount=amount: add(amount)) for amount in range(1, 21)]
		for thread in threads:
			thread.join()
		rows = ledger_of(self.player)
		self.assertEqual([row.seq for row in rows], list(range(1, 21)))
		self.assertEqual(sorted(row.xp_awarded for row in rows), list(range(1, 21)))
		self.assertEqual(max(totals), 210)
		self.assertEqual((self.wallet()["total_xp"], self.truth().total_xp), (210, 210))


class TestClaims(WalletTestCase):
	def claim(self, amount, event=None, *, at=MORNING):
		with clock.freeze(at):
			return xp_claims.claim_xp(self.user, amount, event)

	def configure(self, **settings):
		frappe.local.conf.update(settings)
		for key in settings:
			self.addCleanup(frappe.local.conf.pop, key, None)

	def test_a_claim_is_paid_and_told(self):
		self.add_xp(100)
		paid = self.claim(50)
		self.assertEqual((paid["xp_awarded"], paid["new_total_xp"], paid["duplicate"]), (50, 150, False))
		self.assertTrue(frappe.db.exists("Memora Interaction Log", {"event_id": paid["event_id"]}))

	def test_the_cap_may_be_reached_and_not_passed_and_the_next_utc_day_has_its_own(self):
		self.configure(memora_client_xp_daily_cap=100)
		late = datetime(2026, 3, 1, 23, 59, 59)
		self.claim(60, at=late)
		with self.assertRaisesRegex(ClaimLimitReached, "Only 40 more XP"):
			self.claim(41, at=late)
		self.assertEqual(self.claim(40, at=late)["new_total_xp"], 100)
		with self.assertRaisesRegex(ClaimLimitReached, "Only 0 more XP"):
			self.claim(1, at=late)
		self.assertEqual(self.claim(100, at=late + timedelta(seconds=1))["new_total_xp"], 200)
		self.assertEqual([row.xp_awarded for row in ledger_of(self.player)], [60, 40, 100])

	def test_the_cap_is_5000_where_the_site_says_nothing_and_is_counted_without_redis_keys(self):
		for _ in range(5):
			self.claim(1000)
			redis_store.delete(*redis_store.keys_matching(f"*{self.user}*"))
		with self.assertRaises(ClaimLimitReached):
			self.claim(1)

	def test_lessons_do_not_use_up_the_cap(self):
		self.configure(memora_client_xp_daily_cap=10)
		self.complete()
		self.assertEqual(self.claim(10)["new_total_xp"], 45)

	def test_a_site_can_refuse_claims_and_still_grant_xp_itself(self):
		self.configure(memora_allow_client_xp=0)
		with self.assertRaisesRegex(ClaimsDisabled, "does not take XP claims"):
			self.claim(10)
		self.assertEqual(ledger_of(self.player), [])
		self.assertEqual(self.add_xp(10), 10)

	def test_the_same_event_is_paid_once_however_late_and_whatever_the_cap(self):
		event = str(uuid.uuid4())
		first = self.claim(50, event)
		self.configure(memora_client_xp_daily_cap=50)
		again = self.claim(50, event, at=MORNING + timedelta(days=3))
		self.assertEqual(again, {**first, "duplicate": True})
		self.assertEqual(self.wallet()["total_xp"], 50)

	def test_an_event_that_stands_for_something_else_is_a_conflict_both_ways(self):
		claimed, played = str(uuid.uuid4()), str(uuid.uuid4())
		self.claim(50, claimed)
		with clock.freeze(MORNING):
			completion.complete_lesson(self.user, self.game.lessons[0], 5, PROGRESS_POLICY, played)
		for amount, event in ((51, claimed), (35, played)):
			with self.assertRaisesRegex(IdempotencyConflict, event):
				self.claim(amount, event)
		with self.assertRaisesRegex(IdempotencyConflict, claimed):
			completion.complete_lesson(self.user, self.game.lessons[0], 5, PROGRESS_POLICY, claimed)
		self.assertEqual(self.wallet()["total_xp"], 85)

	def test_two_at_once_cannot_pass_the_cap_together(self):
		with clock.freeze(clock.utc_now()):
			already = 5000 - 60
			wallet_engine.add_xp(self.user, already)
		outcomes = []

		def claim():
			try:
				outcomes.append(xp_claims.claim_xp(self.user, 50)["new_total_xp"])
			except ClaimLimitReached:
				outcomes.append(None)

		for thread in [elsewhere(claim), elsewhere(claim)]:
			thread.join()
		self.assertCountEqual(outcomes, [already + 50, None])


class TestUpdatingTheStreak(WalletTestCase):
	def update(self, hearts=3, *, day=1):
		with clock.freeze(datetime(2026, 3, day, 12)):
			return wallet_engine.update_streak(self.user, hearts)

	def test_days_in_a_row_count_and_the_answer_has_the_documented_keys(self):
		self.assertEqual(
			self.update(day=1),
			{
				"old_streak": 0,
				"new_streak": 1,
				"streak_action": "first_completion",
				"last_success_date": "2026-03-01",
			},
		)
		actions = [self.update(day=day)["streak_action"] for day in (1, 2, 2, 5)]
		self.assertEqual(actions, ["maintained", "incremented", "maintained", "reset"])
		self.assertEqual(
			(self.wallet()["current_streak"], self.wallet()["last_success_date"]), (1, "2026-03-05")
		)

	def test_a_day_that_counts_is_a_ledger_row_without_xp_and_a_second_call_writes_none(self):
		self.update()
		self.update()
		self.assertEqual(
			[(row.seq, row.interaction_type, row.xp_awarded) for row in ledger_of(self.player)],
			[(1, "streak_update", 0)],
		)

	def test_it_survives_every_key_of_redis(self):
		self.complete()
		self.update(day=2)
		before = self.wallet()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.wallet(), before)
		self.assertEqual(before["current_streak"], 2)

	def test_a_lesson_of_the_same_day_does_not_count_the_day_again(self):
		self.update(day=1)
		outcome = self.complete(at=datetime(2026, 3, 1, 15))
		self.assertEqual(outcome["streak"]["streak_action"], "maintained")
		self.assertEqual(self.complete(1, at=datetime(2026, 3, 2, 15))["streak"]["new_streak"], 2)

	def test_no_hearts_and_a_clock_set_back_change_nothing(self):
		self.assertEqual(
			self.update(0),
			{"old_streak": 0, "new_streak": 0, "streak_action": "no_update", "last_success_date": None},
		)
		self.update(day=5)
		self.assertEqual(self.update(day=3)["streak_action"], "maintained")
		self.assertEqual(self.truth().last_success_date, date(2026, 3, 5))
		self.assertEqual(len(ledger_of(self.player)), 1)

	def test_a_user_who_is_no_player_is_refused(self):
		with self.assertRaises(NoPlayerProfile):
			wallet_engine.update_streak("Administrator", 3)


class TestLastPlayed(WalletTestCase):
	def touch(self, *, minute=0):
		with clock.freeze(MORNING + timedelta(minutes=minute)):
			return wallet_engine.update_last_played_at(self.user)

	def test_the_copy_says_it_at_once_and_the_row_is_queued_every_fifteen_minutes(self):
		self.assertEqual(
			self.touch(),
			{"timestamp": "2026-03-01T09:00:00", "sync_required": True, "throttle_status": "sync_queued"},
		)
		self.assertIn(self.user, self.pending())
		self.forget_waiting_users()
		self.assertEqual(
			self.touch(minute=14),
			{"timestamp": "2026-03-01T09:14:00", "sync_required": False, "throttle_status": "throttled"},
		)
		self.assertEqual(self.wallet()["last_played_at"], "2026-03-01T09:14:00")
		self.assertEqual(self.pending(), frozenset())
		throttle = redis_keys.get_last_played_at_synced_key(self.user)
		self.assertTrue(14 * 60 < redis_store.ttl(throttle) <= 15 * 60)
		redis_store.delete(throttle)
		self.assertEqual(self.touch(minute=16)["throttle_status"], "sync_queued")

	def test_a_copy_that_is_gone_is_loaded_first_and_never_left_in_parts(self):
		self.add_xp(50)
		player_copies.drop(self.user)
		self.touch(minute=5)
		self.assertEqual(self.wallet()["total_xp"], 50)
		self.assertEqual(self.wallet()["last_played_at"], "2026-03-01T09:05:00")

	def test_it_never_goes_back(self):
		self.touch(minute=10)
		self.touch(minute=5)
		self.assertEqual(self.wallet()["last_played_at"], "2026-03-01T09:10:00")
		self.add_xp(5, at=MORNING)
		self.assertEqual(self.wallet()["last_played_at"], "2026-03-01T09:10:00")

	def test_reading_the_wallet_is_not_playing(self):
		self.assertIsNone(self.wallet()["last_played_at"])
		self.assertIsNone(self.wallet()["last_played_at"])

	def test_a_login_counts_and_survives_every_key_of_redis(self):
		with clock.freeze(MORNING):
			session_manager.create_session(self.user, self.player.device_ids[0], "a-session")
		before = self.wallet()
		self.assertEqual(before["last_played_at"], "2026-03-01T09:00:00")
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.wallet(), before)

	def test_somebody_who_is_no_player_leaves_nothing_behind(self):
		self.assertFalse(wallet_engine.update_last_played_at("Administrator")["sync_required"])
		self.assertFalse(redis_store.exists(redis_keys.get_wallet_key("Administrator")))
		self.assertEqual(self.pending(), frozenset())
