"""The public face of a player's bitmap and best hearts, over the real copies."""

from datetime import datetime, timedelta

from frappe.tests.utils import FrappeTestCase
from memora.services.progress_engine import bitmap_manager, completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_store
from tests.committed import Game

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

	def test_the_bitmap_lies_in_redis_under_its_documented_key(self):
		self.complete(0, 3)
		key = bitmap_manager.get_redis_key(self.user, self.subject)
		self.assertEqual(key, f"user_prog:{self.user}:{self.subject}")
		stored = redis_store.client().get(redis_store.physical(key))
		self.assertEqual(stored, bitmap_manager.get_bitmap(self.user, self.subject))
