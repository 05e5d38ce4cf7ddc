"""Loading a player's copies from MariaDB: Redis is written, and nothing else."""

import frappe
from memora.exceptions import StoreUnavailable
from memora.services.progress_engine import bits, cache_warmer, snapshot_syncer
from memora.utils import redis_keys, redis_store
from tests.site.progress.syncing import SyncTestCase


class TestCacheWarmer(SyncTestCase):
	def setUp(self):
		super().setUp()
		self.complete(0, 3)
		self.complete(2, 5)
		snapshot_syncer.sync_pending_bitmaps()
		self.key = redis_keys.get_progress_key(self.user, self.subject)

	def stored(self) -> bytes:
		return redis_store.client().get(redis_store.physical(self.key))

	def test_a_lost_bitmap_is_in_redis_again(self):
		redis_store.delete(self.key)
		bitmap = cache_warmer.warm_on_cache_miss(self.user, self.subject)
		self.assertEqual(bits.indexes_on(bitmap), {0, 2})
		self.assertEqual(self.stored(), bitmap)

	def test_a_copy_that_says_something_else_is_replaced(self):
		redis_store.set(self.key, b"\xff")
		cache_warmer.warm_on_cache_miss(self.user, self.subject)
		self.assertEqual(bits.indexes_on(self.stored()), {0, 2})

	def test_lost_best_hearts_are_in_redis_again(self):
		redis_store.delete(redis_keys.get_best_hearts_key(self.user, self.subject))
		best_hearts = cache_warmer.warm_best_hearts_on_cache_miss(self.user, self.subject)
		self.assertEqual(best_hearts, {self.game.lessons[0]: 3, self.game.lessons[2]: 5})
		self.assert_copy_is_true()

	def test_who_played_nothing_has_an_empty_bitmap_and_no_hearts(self):
		stranger = self.game.add_player().user
		self.assertEqual(cache_warmer.warm_on_cache_miss(stranger, self.subject), b"")
		self.assertEqual(cache_warmer.warm_best_hearts_on_cache_miss(stranger, self.subject), {})

	def test_the_row_is_not_touched(self):
		before = self.row()
		cache_warmer.warm_on_cache_miss(self.user, self.subject)
		cache_warmer.warm_best_hearts_on_cache_miss(self.user, self.subject)
		self.assertEqual(self.row(), before)

	def test_awards_after_it_go_on_from_there(self):
		redis_store.delete(*redis_store.keys_matching(f"*{self.user}*"))
		cache_warmer.warm_on_cache_miss(self.user, self.subject)
		self.complete(1)
		self.assert_copy_is_true()
		self.assertEqual(bits.indexes_on(self.copy().bitmap), {0, 1, 2})

	def test_without_redis_it_says_so(self):
		frappe.local.conf["memora_redis_url"] = "redis://127.0.0.1:1"
		try:
			with self.assertRaises(StoreUnavailable):
				cache_warmer.warm_on_cache_miss(self.user, self.subject)
		finally:
			del frappe.local.conf["memora_redis_url"]
