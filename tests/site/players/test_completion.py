"""Completing a lesson against the real database and Redis: what is paid, what is refused, what survives."""

import uuid
from datetime import datetime, timedelta

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import (
	IdempotencyConflict,
	LessonLocked,
	LessonNotFound,
	NoPlayerProfile,
	NotEnrolled,
	StoreUnavailable,
)
from memora.services import player_copies, recovery, wallet_engine
from memora.services.progress_engine import completion, progress_computer
from memora.services.progress_engine.award import PLAYER_POLICY, PROGRESS_POLICY
from memora.utils import clock, redis_keys, redis_store
from tests import factories
from tests.committed import Game, ledger_of

MORNING = datetime(2026, 3, 1, 9, 0, 0)


class CompletionTestCase(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=3)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()

	def complete(self, lesson, hearts=5, *, at=MORNING, policy=PROGRESS_POLICY, event=None, player=None):
		with clock.freeze(at):
			return completion.complete_lesson((player or self.player).user, lesson, hearts, policy, event)

	def wallet(self):
		return wallet_engine.get_wallet(self.player.user)

	def progress(self):
		return progress_computer.compute_progress(self.game.subject.name, self.player.user)

	def total_in_ledger(self):
		return sum(row.xp_awarded for row in ledger_of(self.player))


class TestWhatACompletionPays(CompletionTestCase):
	def test_a_first_completion_pays_base_hearts_and_both_bonuses_and_leaves_one_ledger_row(self):
		outcome = self.complete(self.game.lessons[0])
		self.assertEqual(outcome["xp_awarded"], 10 + 2 * 5 + 5 + 10)
		self.assertEqual(outcome["new_total_xp"], 35)
		self.assertTrue(outcome["is_first_completion"])
		self.assertTrue(outcome["is_new_record"])
		[row] = ledger_of(self.player)
		self.assertEqual((row.seq, row.xp_awarded, row.first_completion_of), (1, 35, self.game.lessons[0]))

	def test_a_replay_with_fewer_hearts_pays_base_and_hearts_alone(self):
		self.complete(self.game.lessons[0], 4)
		outcome = self.complete(self.game.lessons[0], 2, at=MORNING + timedelta(minutes=1))
		self.assertEqual(outcome["xp_awarded"], 10 + 2 * 2)
		self.assertFalse(outcome["is_first_completion"])
		self.assertFalse(outcome["is_new_record"])

	def test_a_replay_with_more_hearts_is_a_record(self):
		self.complete(self.game.lessons[0], 2)
		outcome = self.complete(self.game.lessons[0], 3, at=MORNING + timedelta(minutes=1))
		self.assertEqual(outcome["xp_awarded"], 10 + 2 * 3 + 10)

	def test_the_player_endpoints_policy_pays_ten_a_heart(self):
		outcome = self.complete(self.game.lessons[0], 3, policy=PLAYER_POLICY)
		self.assertEqual(outcome["xp_awarded"], 30)

	def test_without_hearts_nothing_is_paid_or_passed_and_the_attempt_is_in_the_ledger(self):
		outcome = self.complete(self.game.lessons[0], 0, policy=PLAYER_POLICY)
		self.assertEqual((outcome["xp_awarded"], outcome["streak"]["streak_action"]), (0, "no_update"))
		self.assertEqual([row.interaction_type for row in ledger_of(self.player)], ["lesson_failed"])
		self.assertEqual(self.progress()["passed_lessons"], 0)

	def test_the_next_lesson_unlocks_and_is_named(self):
		outcome = self.complete(self.game.lessons[0])
		self.assertEqual(outcome["unlocked_node_ids"], [self.game.lessons[1]])
		self.assertEqual(outcome["suggested_next_lesson_id"], self.game.lessons[1])
		self.assertEqual(outcome["completion_percentage"], 33.33)

	def test_days_in_a_row_make_a_streak_and_a_missed_day_starts_again(self):
		actions = []
		for lesson, day in zip([0, 1, 1, 2], [0, 1, 1, 4], strict=True):
			at = MORNING + timedelta(days=day, minutes=len(actions))
			actions.append(self.complete(self.game.lessons[lesson], at=at)["streak"]["streak_action"])
		self.assertEqual(actions, ["first_completion", "incremented", "maintained", "reset"])
		self.assertEqual(self.wallet()["last_success_date"], "2026-03-05")


class TestExactlyOnce(CompletionTestCase):
	def test_a_second_tap_within_ten_seconds_pays_nothing_and_answers_the_same(self):
		first = self.complete(self.game.lessons[0])
		second = self.complete(self.game.lessons[0], at=MORNING + timedelta(seconds=10))
		self.assertEqual(second, {**first, "duplicate": True})
		self.assertEqual(self.total_in_ledger(), 35)

	def test_an_app_that_calls_both_endpoints_is_paid_once(self):
		self.complete(self.game.lessons[0])
		second = self.complete(
			self.game.lessons[0], 2, policy=PLAYER_POLICY, at=MORNING + timedelta(seconds=1)
		)
		self.assertTrue(second["duplicate"])
		self.assertEqual(self.total_in_ledger(), 35)

	def test_a_play_after_eleven_seconds_is_a_new_one(self):
		self.complete(self.game.lessons[0])
		self.assertFalse(self.complete(self.game.lessons[0], at=MORNING + timedelta(seconds=11))["duplicate"])

	def test_a_clock_set_back_by_seconds_keeps_the_same_play_and_by_hours_swallows_no_new_one(self):
		lesson = self.game.lessons[0]
		self.complete(lesson, 3)
		self.assertTrue(self.complete(lesson, 5, at=MORNING - timedelta(seconds=10))["duplicate"])
		record = self.complete(lesson, 5, at=MORNING - timedelta(hours=5))
		self.assertEqual((record["duplicate"], record["is_new_record"]), (False, True))
		self.assertEqual(len(ledger_of(self.player)), 2)

	def test_the_same_event_id_never_pays_twice_however_late(self):
		event = str(uuid.uuid4())
		first = self.complete(self.game.lessons[0], event=event)
		late = self.complete(self.game.lessons[0], event=event, at=MORNING + timedelta(days=3))
		self.assertEqual(late, {**first, "duplicate": True})

	def test_the_same_event_id_with_another_body_is_a_conflict_and_changes_nothing(self):
		event = str(uuid.uuid4())
		self.complete(self.game.lessons[0], 5, event=event)
		with self.assertRaisesRegex(IdempotencyConflict, event):
			self.complete(self.game.lessons[0], 4, event=event, at=MORNING + timedelta(minutes=1))
		self.assertEqual(self.total_in_ledger(), 35)

	def test_an_event_id_that_was_a_duplicate_by_its_time_never_pays_later(self):
		first = self.complete(self.game.lessons[0], 5)
		event = str(uuid.uuid4())
		self.complete(self.game.lessons[0], 4, event=event, at=MORNING + timedelta(seconds=1))
		late = self.complete(self.game.lessons[0], 4, event=event, at=MORNING + timedelta(days=7))
		self.assertEqual(late, {**first, "duplicate": True})
		with self.assertRaises(IdempotencyConflict):
			self.complete(self.game.lessons[0], 3, event=event, at=MORNING + timedelta(days=8))
		self.assertEqual(self.total_in_ledger(), 35)

	def test_two_event_ids_within_ten_seconds_are_two_plays(self):
		self.complete(self.game.lessons[0], event=str(uuid.uuid4()))
		second = self.complete(
			self.game.lessons[0], event=str(uuid.uuid4()), at=MORNING + timedelta(seconds=2)
		)
		self.assertFalse(second["duplicate"])
		self.assertEqual(len(ledger_of(self.player)), 2)


class TestWhatIsRefused(CompletionTestCase):
	def refused(self, error, lesson, **kwargs):
		with self.assertRaises(error):
			self.complete(lesson, **kwargs)
		self.assertEqual(ledger_of(self.player), [])

	def test_a_locked_lesson_is_refused(self):
		self.refused(LessonLocked, self.game.lessons[2])

	def test_a_lesson_that_does_not_exist_is_refused(self):
		self.refused(LessonNotFound, "LESSON-NOWHERE")

	def test_a_lesson_of_a_subject_outside_the_plan_is_refused(self):
		other = Game(lessons=1)
		self.addCleanup(other.remove)
		self.refused(NotEnrolled, other.lessons[0])

	def test_a_lesson_that_the_plan_hides_is_refused_as_unknown(self):
		game = Game(lessons=2, overrides=lambda subject: [("Memora Lesson", subject.lesson_names[0], "Hide")])
		self.addCleanup(game.remove)
		player = game.add_player()
		with self.assertRaises(LessonNotFound):
			self.complete(game.lessons[0], player=player)
		self.assertTrue(self.complete(game.lessons[1], player=player)["is_first_completion"])

	def test_a_user_without_a_profile_is_refused(self):
		user = factories.make_user("Memora Student")
		with self.assertRaises(NoPlayerProfile):
			completion.complete_lesson(user.name, self.game.lessons[0], 5, PROGRESS_POLICY)


class TestCopiesAndTruth(CompletionTestCase):
	def keys(self):
		user, subject = self.player.user, self.game.subject.name
		return [
			redis_keys.get_wallet_key(user),
			redis_keys.get_progress_key(user, subject),
			redis_keys.get_best_hearts_key(user, subject),
		]

	def seen(self):
		progress = self.progress()
		hearts = player_copies.read_progress(self.player.user, self.game.subject.name).best_hearts
		return self.wallet(), progress, dict(hearts)

	def test_every_subset_of_a_players_keys_may_vanish_and_nothing_he_sees_changes(self):
		self.complete(self.game.lessons[0], 3)
		self.complete(self.game.lessons[1], 5, at=MORNING + timedelta(minutes=1))
		before = self.seen()
		keys = self.keys()
		for subset in range(1, 2 ** len(keys)):
			redis_store.delete(*[key for index, key in enumerate(keys) if subset >> index & 1])
			self.assertEqual(self.seen(), before, f"after losing {subset:03b}")

	def test_an_award_after_any_loss_of_keys_continues_from_the_truth(self):
		keys, expected = self.keys(), 0
		for subset in range(2 ** len(keys)):
			redis_store.delete(*[key for index, key in enumerate(keys) if subset >> index & 1])
			outcome = self.complete(self.game.lessons[0], 1, at=MORNING + timedelta(minutes=subset))
			expected += outcome["xp_awarded"]
			self.assertEqual(outcome["new_total_xp"], expected)
			self.assertEqual(self.wallet()["total_xp"], expected)
		self.assertEqual(self.total_in_ledger(), expected)

	def test_a_copy_that_missed_its_award_is_a_miss_once_its_mark_is_old(self):
		self.complete(self.game.lessons[0])
		key = redis_keys.get_wallet_key(self.player.user)
		seconds = int(redis_store.client().time()[0])
		redis_store.set_hash(key, {"total_xp": 7, "in_flight_seq": 2, "in_flight_since": seconds - 6})
		self.assertEqual(self.wallet()["total_xp"], 35)

	def test_an_award_that_is_applied_late_or_twice_changes_nothing(self):
		self.complete(self.game.lessons[0])
		wallet = recovery.read_wallet(self.player.user)
		played = player_copies.LessonAward(self.game.subject.name, self.game.lessons[0], 0, 5, 35)
		late = player_copies.Award(wallet, played)
		self.complete(self.game.lessons[1], at=MORNING + timedelta(minutes=1))
		before = self.seen()
		player_copies.apply_award(self.player.user, late)
		player_copies.apply_award(self.player.user, late)
		self.assertEqual(self.seen(), before)

	def test_an_award_that_skips_a_seq_drops_the_copy_instead_of_trusting_it(self):
		self.complete(self.game.lessons[0])
		wallet = recovery.read_wallet(self.player.user)._replace(seq=5, total_xp=9999)
		played = player_copies.LessonAward(self.game.subject.name, self.game.lessons[0], 0, 5, 35)
		player_copies.apply_award(self.player.user, player_copies.Award(wallet, played))
		self.assertEqual(self.wallet()["total_xp"], 35)

	def test_another_subjects_copy_stays_valid_while_one_is_loaded(self):
		other = Game(lessons=1)
		self.addCleanup(other.remove)
		self.complete(self.game.lessons[0])
		self.progress()
		epoch = redis_store.get_hash(self.keys()[0])["epoch"]
		player_copies.read_progress(self.player.user, other.subject.name)
		self.assertEqual(redis_store.get_hash(self.keys()[0])["epoch"], epoch)

	def test_without_redis_nothing_is_counted_and_reads_come_from_the_database(self):
		self.complete(self.game.lessons[0])
		frappe.local.conf["memora_redis_url"] = "redis://127.0.0.1:1"
		self.addCleanup(frappe.local.conf.pop, "memora_redis_url", None)
		with self.assertRaises(StoreUnavailable):
			self.complete(self.game.lessons[1], at=MORNING + timedelta(minutes=1))
		self.assertEqual(self.total_in_ledger(), 35)
		self.assertEqual(self.wallet()["total_xp"], 35)
		self.assertEqual(self.progress()["passed_lessons"], 1)
