"""Counting calls in Redis."""

from frappe.tests.utils import FrappeTestCase
from memora.utils import rate_limiter, redis_store
from tests.factories import new_uuid


class TestRateLimiter(FrappeTestCase):
	def setUp(self):
		self.key = f"rate_limit:{new_uuid()}:test"
		self.addCleanup(redis_store.delete, self.key)

	def test_the_call_after_the_limit_is_too_many(self):
		windows = [rate_limiter.count_call(self.key, 3, 60) for _ in range(4)]
		self.assertEqual([window.is_exceeded for window in windows], [False, False, False, True])
		self.assertEqual(
			[window.headers()["X-RateLimit-Remaining"] for window in windows], ["2", "1", "0", "0"]
		)

	def test_a_counter_that_lost_its_lifetime_gets_one_at_the_next_call(self):
		redis_store.set(self.key, 50)
		self.assertEqual(redis_store.ttl(self.key), -1)
		window = rate_limiter.count_call(self.key, 3, 60)
		self.assertTrue(window.is_exceeded)
		self.assertEqual(redis_store.ttl(self.key), 60)

	def test_the_window_does_not_move_with_later_calls(self):
		rate_limiter.count_call(self.key, 3, 60)
		redis_store.expire(self.key, 7)
		self.assertEqual(rate_limiter.count_call(self.key, 3, 60).seconds_left, 7)


class TestRedisStore(FrappeTestCase):
	def test_a_lock_is_released_by_its_owner_alone(self):
		key = f"lock:{new_uuid()}"
		assert redis_store.set_if_absent(key, "mine", 60)
		assert not redis_store.set_if_absent(key, "theirs", 60)
		assert not redis_store.delete_if_equals(key, "theirs")
		assert redis_store.delete_if_equals(key, "mine")

	def test_keys_carry_the_sites_database_name(self):
		key = f"somewhere:{new_uuid()}"
		redis_store.set(key, "value", 60)
		self.assertEqual(redis_store.keys_matching(key), [key])
		self.assertTrue(redis_store.physical(key).endswith(f"|{key}"))
		self.assertEqual(redis_store.client().get(redis_store.physical(key)), b"value")
		redis_store.delete(key)
