"""An award that is killed, refused or undone at any of its steps: the ledger and the copies agree, and nothing is paid twice."""

import uuid
from datetime import datetime, timedelta
from unittest.mock import patch

import pymysql

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import LessonLocked
from memora.services import interaction_log, player_copies, recovery, wallet_engine, xp_claims
from memora.services.progress_engine import award, completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_store
from tests.committed import Game, ledger_of
from tests.site.players.dying_award import FIRST_TRUE_MOMENT, MOMENTS, kill_at, let_the_mark_age, mark_of
from tests.site.players.wallets import elsewhere

MORNING = datetime(2026, 3, 1, 9, 0, 0)


class DyingAwardTestCase(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=3)
		self.addCleanup(self.game.remove)
		self.user = self.game.add_player().user

	def complete(self, minute=0, lesson=0, event=None):
		with clock.freeze(MORNING + timedelta(minutes=minute)):
			return completion.complete_lesson(
				self.user, self.game.lessons[lesson], 5, PROGRESS_POLICY, event or str(uuid.uuid4())
			)

	def claim(self, minute=0, event=None):
		with clock.freeze(MORNING + timedelta(minutes=minute)):
			return xp_claims.claim_xp(self.user, 10, event or str(uuid.uuid4()))

	def ledger(self):
		return ledger_of(self.game.players[0])

	def total_in_ledger(self):
		return sum(row.xp_awarded for row in self.ledger())

	def assert_copies_are_true(self):
		frappe.db.rollback()
		subject = self.game.subject.name
		self.assertEqual(wallet_engine.get_wallet(self.user)["total_xp"], self.total_in_ledger())
		seen, truth = (
			player_copies.read_progress(self.user, subject),
			recovery.read_progress(self.user, subject),
		)
		self.assertEqual(
			(seen.bitmap.rstrip(b"\0"), dict(seen.best_hearts), seen.total_xp_earned),
			(truth.bitmap.rstrip(b"\0"), dict(truth.best_hearts), truth.total_xp_earned),
		)


class TestAnAwardThatIsKilled(DyingAwardTestCase):
	def test_at_any_step_it_is_paid_whole_or_not_at_all_and_a_retry_pays_it_once(self):
		for make in (self.complete, self.claim):
			for number, (step, moment) in enumerate(MOMENTS):
				with self.subTest(award=make.__name__, step=step, moment=moment):
					self.die_and_retry(make, number, step, moment)

	def die_and_retry(self, make, number, step, moment):
		player_copies.read_progress(self.user, self.game.subject.name)
		rows_before, event = len(self.ledger()), str(uuid.uuid4())
		kill_at(step, moment, lambda: make(number, event=event))
		self.assertEqual(len(self.ledger()) - rows_before, number >= FIRST_TRUE_MOMENT)
		let_the_mark_age(self.user)
		self.assert_copies_are_true()
		outcome = make(number, event=event)
		self.assertEqual(outcome["duplicate"], number >= FIRST_TRUE_MOMENT)
		self.assertEqual(len(self.ledger()) - rows_before, 1)
		self.assert_copies_are_true()

	def test_the_next_award_continues_from_the_truth_without_waiting_for_the_mark_to_age(self):
		for number, (step, moment) in enumerate(MOMENTS):
			with self.subTest(step=step, moment=moment):
				self.complete(2 * number)
				kill_at(step, moment, lambda minute=2 * number + 1: self.complete(minute))
				before = self.total_in_ledger()
				self.assertEqual(self.claim(2 * number + 1)["new_total_xp"], before + 10)
				self.assert_copies_are_true()


class TestAMarkThatStandsForNothing(DyingAwardTestCase):
	def setUp(self):
		super().setUp()
		self.complete()

	def test_a_refused_lesson_leaves_no_mark_and_the_copies_stay_valid(self):
		with self.assertRaises(LessonLocked):
			self.complete(1, lesson=2)
		self.assertIsNone(mark_of(self.user))
		self.assertEqual(player_copies.peek(self.user).wallet.total_xp, 35)

	def test_a_day_that_counts_already_leaves_no_mark(self):
		with clock.freeze(MORNING):
			self.assertEqual(wallet_engine.update_streak(self.user, 3)["streak_action"], "maintained")
		self.assertIsNone(mark_of(self.user))

	def test_a_row_that_the_ledger_refuses_leaves_no_mark_and_pays_nothing(self):
		event = str(uuid.uuid4())
		decide = award.decide

		def while_another_takes_the_event(*args):
			elsewhere(lambda: self.note_event(event)).join()
			return decide(*args)

		with (
			patch.object(award, "decide", while_another_takes_the_event),
			self.assertRaises(pymysql.err.IntegrityError),
		):
			self.complete(1, lesson=1, event=event)
		self.assertIsNone(mark_of(self.user))
		self.assertEqual(self.total_in_ledger(), 35)
		self.assert_copies_are_true()

	def note_event(self, event):
		interaction_log.append_event(
			self.user, interaction_log.DUPLICATE, {"at": clock.iso(MORNING), "hearts": 5}, None, event
		)
		frappe.db.commit()  # as the other request does

	def test_a_commit_of_unknown_outcome_leaves_its_mark_and_the_ledger_decides(self):
		commit = frappe.db.commit

		def commit_and_lose_the_answer():
			commit()
			raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")

		with (
			patch.object(frappe.db, "commit", commit_and_lose_the_answer),
			self.assertRaisesRegex(pymysql.err.OperationalError, "Lost connection"),
		):
			self.complete(1, lesson=1)
		self.assertIsNotNone(mark_of(self.user))
		let_the_mark_age(self.user)
		self.assertEqual(wallet_engine.get_wallet(self.user)["total_xp"], 70)
		self.assert_copies_are_true()

	def test_the_mark_of_another_award_is_not_taken_back(self):
		mine = player_copies.read_for_award(self.user, None, 1).mark
		others = player_copies.read_for_award(self.user, None, 1).mark
		player_copies.take_back_mark(self.user, mine)
		self.assertEqual(mark_of(self.user), others)

	def test_copies_that_do_not_stand_at_the_last_seq_are_loaded_and_marked(self):
		subject = self.game.subject.name
		for loss in ([], ["wallet"], ["user_prog"], ["best_hearts"], ["wallet", "best_hearts"]):
			with self.subTest(loss=loss):
				self.forget(*loss)
				copies = player_copies.read_for_award(self.user, subject, 1)
				self.assertEqual((copies.wallet.seq, copies.wallet.total_xp), (1, 35))
				self.assertEqual(copies.progress.best_hearts, {self.game.lessons[0]: 5})
				self.assertEqual(copies.mark, mark_of(self.user))
				self.assertIsNotNone(copies.mark)

	def forget(self, *kinds):
		for kind in kinds:
			keys = redis_store.keys_matching(f"{kind}:{self.user}*")
			redis_store.delete(*keys)
