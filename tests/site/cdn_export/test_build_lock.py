"""One build a plan at a time, whichever of the two locks still stands."""

import time

import frappe
from memora.services.cdn_export.build_lock import LOCK_TTL_SECONDS, plan_build_lock
from memora.services.cdn_export.errors import BuildLockLost, PlanBuildBusy
from memora.utils import named_locks, redis_keys, redis_store
from tests.database import another_connection
from tests.site.cdn_export.publishing import PublishingTestCase, published_files

PLAN = "PLAN-LOCKED"
KEY = redis_keys.get_build_lock_key(PLAN)
NOWHERE = "redis://127.0.0.1:1"


class TestBuildLock(PublishingTestCase):
	def setUp(self):
		super().setUp()
		redis_store.delete(KEY)
		self.addCleanup(redis_store.delete, KEY)

	def test_the_lock_carries_a_token_and_a_lifetime_and_is_gone_afterwards(self):
		with plan_build_lock(PLAN) as lock:
			self.assertEqual(redis_store.get(KEY), lock.token)
			self.assertTrue(0 < redis_store.ttl(KEY) <= LOCK_TTL_SECONDS)
		self.assertFalse(redis_store.exists(KEY))

	def test_a_lock_that_a_killed_build_left_in_redis_is_taken_over_at_once(self):
		redis_store.set(KEY, "of a killed build", LOCK_TTL_SECONDS)
		with plan_build_lock(PLAN) as lock:
			self.assertEqual(redis_store.get(KEY), lock.token)
		self.assertFalse(redis_store.exists(KEY))

	def test_a_second_build_on_the_same_connection_is_busy_and_leaves_the_first_its_lock(self):
		with plan_build_lock(PLAN) as lock:
			with (
				self.assertRaisesRegex(PlanBuildBusy, "PLAN-LOCKED is being published already"),
				plan_build_lock(PLAN),
			):
				self.fail("the lock was given twice")
			lock.check()
			self.assertEqual(redis_store.get(KEY), lock.token)

	def test_a_plan_locked_in_the_database_is_busy_even_without_redis(self):
		name = named_locks.physical(f"publish:{PLAN}")
		other = another_connection(self)
		other.cursor().execute("SELECT GET_LOCK(%s, 0)", name)
		with self.without_redis(), self.assertRaises(PlanBuildBusy), plan_build_lock(PLAN):
			self.fail("the lock was given twice")
		other.close()
		self.wait_until_free(name)
		with self.without_redis(), plan_build_lock(PLAN) as lock:
			lock.check()

	def test_a_lock_that_went_to_another_build_is_noticed_and_left_to_it(self):
		with self.assertRaisesRegex(BuildLockLost, "another build"), plan_build_lock(PLAN) as lock:
			redis_store.set(KEY, "another", LOCK_TTL_SECONDS)
			lock.check()
		self.assertEqual(redis_store.get(KEY), "another")

	def test_a_lock_that_redis_lost_is_taken_again(self):
		with plan_build_lock(PLAN) as lock:
			redis_store.delete(KEY)
			lock.check()
			self.assertEqual(redis_store.get(KEY), lock.token)

	def test_a_lock_near_its_end_is_prolonged(self):
		with plan_build_lock(PLAN) as lock:
			redis_store.expire(KEY, 5)
			lock.check()
			self.assertGreater(redis_store.ttl(KEY), 5)

	def test_a_busy_plan_is_not_touched_and_no_publish_of_it_is_logged(self):
		self.make_published()
		before = published_files()
		name = named_locks.physical(f"publish:{self.plan.name}")
		another_connection(self).cursor().execute("SELECT GET_LOCK(%s, 0)", name)
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "New")
		with self.assertRaises(PlanBuildBusy):
			self.publish()
		self.assertEqual(published_files(), before)
		self.assertEqual(frappe.db.count("CDN Sync Log", {"plan_id": self.plan.name}), 1)

	def test_a_plan_is_published_while_redis_is_away(self):
		with self.without_redis():
			self.assertEqual(self.make_published()["status"], "published")

	def wait_until_free(self, name):
		"""The server notices a closed connection a moment later."""
		deadline = time.monotonic() + 10
		while not frappe.db.sql("SELECT IS_FREE_LOCK(%s)", name)[0][0]:
			self.assertLess(time.monotonic(), deadline)
			time.sleep(0.01)

	def without_redis(self):
		return SiteConfig(memora_redis_url=NOWHERE)


class SiteConfig:
	"""Site config values for the length of a block."""

	def __init__(self, **values):
		self.values = values

	def __enter__(self):
		self.before = {name: frappe.local.conf.get(name) for name in self.values}
		frappe.local.conf.update(self.values)

	def __exit__(self, *error):
		frappe.local.conf.update(self.before)
