"""The public face of a player's bitmap and best hearts, over the real copies."""

from datetime import datetime, timedelta

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput, NoPlayerProfile, StoreUnavailable
from memora.services import rebuild, reconciliation, wallet_engine
from memora.services.progress_engine import bitmap_manager, bits, completion, snapshot_syncer
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_store
from tests.committed import Game, ledger_of
from tests.site.players import dying_sync
from tests.site.progress.syncing import SyncTestCase

MORNING = datetime(2026, 3, 1, 9, 0, 0)


class TestBitmapManager(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=2)
		self.addCleanup(self.game.remove)
		self.user, self.subject = self.game.add_player().user, self.game.subject.name

	def complete(self, number: int, hearts: int) -> None:
		with clock.freeze(MORNING + timedelta(minutes=number)):
			completion.complete_lesson(self.user, self.game.lessons[number], hearts, PROGRESS_POLICY)

	def bits(self) -> list[bool]:
		bitmap = bitmap_manager.get_bitmap(self.user, self.subject)
		return [bitmap_manager.check_bit(bitmap, bit_index) for bit_index in (0, 1)]

	def test_a_player_who_passed_nothing_has_an_empty_bitmap_and_no_best_hearts(self):
		self.assertEqual(bitmap_manager.get_bitmap(self.user, self.subject), b"")
		self.assertEqual(bitmap_manager.get_best_hearts(self.user, self.subject), {})

	def test_passed_lessons_and_their_hearts_read_back(self):
		self.complete(0, 3)
		self.assertEqual(self.bits(), [True, False])
		self.complete(1, 5)
		self.assertEqual(self.bits(), [True, True])
		best_hearts = bitmap_manager.get_best_hearts(self.user, self.subject)
		self.assertEqual(best_hearts, dict(zip(self.game.lessons, (3, 5), strict=True)))

	def test_both_are_read_from_the_database_when_their_keys_are_gone(self):
		self.complete(0, 3)
		redis_store.delete(
			bitmap_manager.get_redis_key(self.user, self.subject),
			bitmap_manager.get_best_hearts_key(self.user, self.subject),
		)
		self.assertEqual(self.bits(), [True, False])
		self.assertEqual(bitmap_manager.get_best_hearts(self.user, self.subject), {self.game.lessons[0]: 3})

	def test_a_subject_and_a_lesson_in_another_spelling_are_written_under_their_own_names(self):
		lesson = self.game.lessons[0].lower()
		bitmap_manager.update_bitmap(self.user, self.subject.lower(), 1)
		bitmap_manager.update_best_hearts(self.user, self.subject.lower(), lesson, 4)
		rebuild.rebuild_players([self.user], from_ledger=True)
		self.assertEqual(self.bits(), [True, True])
		self.assertEqual(bitmap_manager.get_best_hearts(self.user, self.subject), {self.game.lessons[0]: 4})
		rows = frappe.get_all(
			"Memora Interaction Log",
			filters={"player": self.user, "seq": [">", 0]},
			fields=["subject", "reference_id", "first_completion_of"],
			order_by="seq",
			as_list=True,
		)
		names = [(self.subject, name, name) for name in reversed(self.game.lessons)]
		self.assertEqual([tuple(row) for row in rows], names)
		self.assertEqual(reconciliation.reconcile_player(self.user), [])

	def test_a_player_in_another_spelling_is_no_player_and_nothing_is_written(self):
		with self.assertRaises(NoPlayerProfile):
			bitmap_manager.update_bitmap(self.user.upper(), self.subject, 0)
		self.assertEqual(redis_store.keys_matching(f"*{self.user.upper()}*"), [])
		self.assertEqual(self.bits(), [False, False])

	def test_the_bitmap_lies_in_redis_under_its_documented_key(self):
		self.complete(0, 3)
		key = bitmap_manager.get_redis_key(self.user, self.subject)
		self.assertEqual(key, f"user_prog:{self.user}:{self.subject}")
		stored = redis_store.client().get(redis_store.physical(key))
		self.assertEqual(stored, bitmap_manager.get_bitmap(self.user, self.subject))


class TestWriting(SyncTestCase):
	"""What is written here is a row of the ledger: nothing that happens to Redis takes it away."""

	def passed(self) -> set[int]:
		return bits.indexes_on(bitmap_manager.get_bitmap(self.user, self.subject))

	def lose_redis(self):
		redis_store.delete(*redis_store.keys_matching("*"))
		frappe.db.rollback()

	def ledger(self) -> list[tuple]:
		return [
			(row.interaction_type, row.reference_id, row.xp_awarded, row.first_completion_of)
			for row in ledger_of(self.player)
		]

	def test_a_bit_that_was_set_survives_the_loss_of_redis(self):
		returned = bitmap_manager.update_bitmap(self.user, self.subject, 3)
		self.assertEqual(bits.indexes_on(returned), {3})
		self.lose_redis()
		self.assertEqual(self.passed(), {3})
		lesson = self.game.lessons[3]
		self.assertEqual(self.ledger(), [("progress_grant", lesson, 0, lesson)])
		self.assertEqual(self.waiting(), {(self.user, self.subject)})

	def test_setting_a_bit_twice_writes_one_row(self):
		for _ in range(2):
			bitmap_manager.update_bitmap(self.user, self.subject, 3)
		self.assertEqual(len(self.ledger()), 1)

	def test_a_lesson_that_was_counted_as_passed_pays_no_first_completion(self):
		bitmap_manager.update_bitmap(self.user, self.subject, 0)
		outcome = self.complete(0)
		self.assertEqual((outcome["is_first_completion"], outcome["is_new_record"]), (False, True))
		self.assertEqual(outcome["xp_awarded"], 30)

	def test_a_lesson_that_was_paid_for_keeps_its_first_completion(self):
		self.complete(0, 3)
		bitmap_manager.update_best_hearts(self.user, self.subject, self.game.lessons[0], 4)
		lesson = self.game.lessons[0]
		self.assertEqual(
			self.ledger(), [("lesson_completion", lesson, 31, lesson), ("progress_grant", lesson, 0, None)]
		)
		self.assertEqual(self.copy().total_xp_earned, 31)

	def test_the_next_completion_finds_true_copies(self):
		self.complete(0)
		bitmap_manager.update_bitmap(self.user, self.subject, 1)
		self.complete(2)
		self.assertEqual(self.passed(), {0, 1, 2})
		self.assert_copy_is_true()
		self.assertEqual(wallet_engine.get_wallet(self.user)["total_xp"], 70)

	def test_the_wallet_is_as_it_was(self):
		self.complete(0)
		before = wallet_engine.get_wallet(self.user)
		bitmap_manager.update_bitmap(self.user, self.subject, 1)
		self.assertEqual(wallet_engine.get_wallet(self.user), before)
		self.lose_redis()
		self.assertEqual(wallet_engine.get_wallet(self.user), before)

	def test_a_bit_of_no_lesson_is_refused_and_nothing_is_written(self):
		for nobody in (6, 10**6, -1, "x", None):
			with self.assertRaisesRegex(InvalidInput, "bit index 6|bit index 1000000|bit_index must be"):
				bitmap_manager.update_bitmap(self.user, self.subject, nobody)
		self.assertEqual((self.ledger(), self.waiting()), ([], set()))

	def test_best_hearts_go_up_and_never_down(self):
		lesson = self.game.lessons[2]
		for hearts, best in ((2, 2), (4, 4), (3, 4), (0, 4)):
			returned = bitmap_manager.update_best_hearts(self.user, self.subject, lesson, hearts)
			self.assertEqual(returned, {lesson: best})
		self.lose_redis()
		self.assertEqual(bitmap_manager.get_best_hearts(self.user, self.subject), {lesson: 4})
		self.assertEqual((self.passed(), len(self.ledger())), ({2}, 2))

	def test_several_lessons_are_raised_at_once_and_those_left_out_stay(self):
		first, second, third = self.game.lessons[:3]
		self.complete(0, 5)
		bitmap_manager.set_best_hearts(self.user, self.subject, {second: 3, third: 1})
		self.lose_redis()
		self.assertEqual(
			bitmap_manager.get_best_hearts(self.user, self.subject), {first: 5, second: 3, third: 1}
		)

	def test_hearts_out_of_range_and_lessons_of_another_subject_are_refused(self):
		for hearts in (-1, 6, 2.5, True, None):
			with self.assertRaisesRegex(InvalidInput, "hearts must be"):
				bitmap_manager.update_best_hearts(self.user, self.subject, self.game.lessons[0], hearts)
		with self.assertRaisesRegex(InvalidInput, "LESSON-NONE is not in subject"):
			bitmap_manager.update_best_hearts(self.user, self.subject, "LESSON-NONE", 3)
		self.assertEqual(self.ledger(), [])

	def test_who_is_no_player_is_refused(self):
		with self.assertRaisesRegex(NoPlayerProfile, "no player profile"):
			bitmap_manager.update_bitmap("Administrator", self.subject, 0)

	def test_without_redis_nothing_is_counted(self):
		frappe.local.conf["memora_redis_url"] = "redis://127.0.0.1:1"
		try:
			with self.assertRaises(StoreUnavailable):
				bitmap_manager.update_bitmap(self.user, self.subject, 0)
		finally:
			del frappe.local.conf["memora_redis_url"]
		self.assertEqual(self.ledger(), [])

	def test_killed_before_the_commit_it_leaves_nothing_and_after_it_everything(self):
		expected = set()
		for bit_index, (step, moment) in enumerate(dying_sync.moments("grant")):
			with self.subTest(step=step, moment=moment):
				dying_sync.kill_at("grant", step, moment, self.user, self.subject, str(bit_index))
				expected |= {bit_index} if step == "queue" else set()
				self.assertEqual(self.passed(), expected)
				self.assert_copy_is_true()
				self.assertEqual(self.waiting(), {(self.user, self.subject)})

	def test_marking_a_pair_dirty_has_its_row_written_by_the_next_sync(self):
		self.complete()
		self.forget_queue()
		bitmap_manager.mark_dirty(self.user, self.subject)
		self.assertEqual(redis_store.ttl(bitmap_manager.get_redis_key(self.user, self.subject)), -1)
		snapshot_syncer.sync_pending_bitmaps()
		self.assert_row_is_true()

	def test_best_hearts_can_be_raised_and_the_row_written_at_once(self):
		self.complete(0, 2)
		lesson = self.game.lessons[0]
		snapshot_syncer.sync_best_hearts_with_bitmap(self.user, self.subject, {lesson: 5})
		self.assert_row_is_true()
		row = self.row()
		self.assertEqual((row.best_hearts, row.synced_through), (f'{{"{lesson}":5}}', 2))
		self.assertEqual(row.total_xp_earned, 29)
		snapshot_syncer.sync_best_hearts_with_bitmap(self.user, self.subject, {lesson: 1})
		self.assertEqual(self.row(), row)
