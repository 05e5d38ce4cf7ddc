"""The publishing queue: MariaDB holds it, Redis copies it, and no worker gets in another's way."""

import threading
from datetime import timedelta

import frappe
from memora.services.cdn_export import (
	batch_processor,
	build_lock,
	change_tracker,
	content_repository,
	publish_queue,
	sync_log,
)
from memora.utils import clock, redis_store
from tests import factories, publish_jobs
from tests.site.cdn_export.publishing import published_files
from tests.site.cdn_export.queueing import (
	PENDING,
	PROCESSING,
	QueueTestCase,
	flush_queue,
	forget_queue,
)
from tests.site.players.wallets import elsewhere


class TestTheQueue(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_game()
		self.plan_id = self.game.plan.name
		forget_queue()

	def add(self, *plan_ids):
		for plan_id in plan_ids or (self.plan_id,):
			change_tracker.add_plan_to_queue(plan_id)
		frappe.db.commit()

	def test_a_plan_added_twice_is_queued_once(self):
		self.add(self.plan_id, self.plan_id)
		self.assertEqual(self.statuses(), ["Queued"])
		self.assertEqual(redis_store.members(PENDING), {self.plan_id})

	def test_a_published_plan_leaves_the_queue_and_its_row_tells_of_it(self):
		self.add()
		self.assertEqual(self.process(), {"processed": 1, "failed": 0, "skipped": 0, "errors": []})
		self.assertEqual(self.statuses(), ["Success"])
		self.assertEqual((self.queued(), redis_store.members(PENDING)), ([], frozenset()))
		self.assertEqual(redis_store.keys_matching(PROCESSING), [])
		self.assertIsNotNone(self.manifest(self.game.plan))

	def test_an_unpublished_and_a_deleted_plan_are_withdrawn(self):
		gone = self.make_game()
		self.process()
		self.assertIsNotNone(self.manifest(gone.plan))
		frappe.db.set_value("Memora Academic Plan", self.plan_id, "is_published", 0)
		self.add()
		frappe.delete_doc("Memora Academic Plan", gone.plan.name)
		frappe.db.commit()
		self.assertEqual(self.process()["processed"], 2)
		self.assertEqual([path for path in published_files() if path.startswith(("plans/", "lessons/"))], [])

	def test_a_leased_plan_is_nobody_elses_until_the_lease_ends(self):
		self.add()
		now = clock.utc_now()
		with clock.freeze(now):
			self.assertEqual(change_tracker.get_pending_plans(), [self.plan_id])
			self.assertEqual(change_tracker.get_pending_plans(), [])
			self.assertEqual(redis_store.members(PENDING), {self.plan_id})
		with clock.freeze(now + timedelta(seconds=publish_queue.LEASE_SECONDS)):
			self.assertEqual(change_tracker.get_pending_plans(), [self.plan_id])

	def test_at_most_as_many_as_asked_for_are_leased_and_the_longest_waiting_first(self):
		now = clock.utc_now()
		for age, plan_id in ((30, "PLAN-B"), (90, "PLAN-C"), (60, "PLAN-A")):
			with clock.freeze(now - timedelta(seconds=age)):
				self.add(plan_id)
		self.assertEqual(change_tracker.get_pending_plans(max_count=2), ["PLAN-C", "PLAN-A"])
		self.assertEqual(redis_store.members(PENDING), {"PLAN-B"})

	def test_a_run_takes_no_more_than_max_plans(self):
		self.add("PLAN-X", "PLAN-Y", "PLAN-Z")
		self.assertEqual(self.process(max_plans=2)["processed"], 2)
		self.assertEqual(len(self.queued()), 1)

	def test_a_busy_plan_is_skipped_kept_and_does_not_hold_up_the_others(self):
		self.add(self.plan_id, "PLAN-GONE")
		with clock.freeze(clock.utc_now()), self.built_elsewhere(self.plan_id):
			outcome = self.process()
			self.assertEqual((outcome["processed"], outcome["skipped"]), (1, 1))
			self.assertEqual(self.queued(), [self.plan_id])
		self.assertEqual(self.process()["processed"], 1)

	def built_elsewhere(self, plan_id):
		return HeldElsewhere(plan_id)

	def test_the_queue_survives_a_redis_that_forgets_everything_at_any_moment(self):
		self.add()
		flush_queue()
		self.assertEqual(batch_processor.get_queue_status()["pending_plans"], 1)
		self.assertEqual(change_tracker.get_pending_plans(), [self.plan_id])
		flush_queue()
		self.assertEqual(self.process()["processed"], 1)

	def test_the_poll_starts_the_job_when_a_plan_is_due_and_only_then(self):
		with publish_jobs.counted() as jobs:
			batch_processor.poll_queue()
			self.assertEqual(jobs, [])
		self.add()
		flush_queue()
		with publish_jobs.counted() as jobs:
			batch_processor.poll_queue()
			self.assertEqual(len(jobs), 1)

	def test_the_job_empties_the_queue(self):
		self.add(*(f"PLAN-{number}" for number in range(12)))
		batch_processor.process_queue()
		self.assertEqual(self.queued(), [])

	def test_one_job_waits_at_a_time_and_a_change_after_its_start_starts_another(self):
		with publish_jobs.started_for_real(), RecordedJobs() as jobs:
			publish_queue.start_job()
			publish_queue.start_job()
			self.assertEqual(len(jobs.started), 1)
			publish_queue.job_begins()
			publish_queue.start_job()
			self.assertEqual(jobs.started, [publish_queue.JOB] * 2)

	def test_as_many_waiting_plans_as_the_threshold_start_the_job(self):
		self.set_cdn(batch_threshold=2)
		frappe.db.commit()
		forget_queue()
		self.add("PLAN-X")
		with publish_jobs.counted() as jobs:
			self.assertFalse(change_tracker.check_and_trigger_immediate_processing())
			self.add("PLAN-Y")
			jobs.clear()
			self.assertTrue(change_tracker.check_and_trigger_immediate_processing())
			self.assertEqual(len(jobs), 1)

	def test_the_documented_lock_is_given_once_and_stops_a_build(self):
		self.assertTrue(change_tracker.acquire_lock(self.plan_id, ttl_seconds=40))
		self.assertLessEqual(redis_store.ttl(f"cdn_export:lock:{self.plan_id}"), 40)
		self.assertFalse(change_tracker.acquire_lock(self.plan_id))
		self.add()
		self.assertEqual(self.process()["skipped"], 1)
		change_tracker.release_lock(self.plan_id)
		change_tracker.release_lock(self.plan_id)  # of nobody: nothing happens
		self.assertEqual(self.process()["processed"], 1)

	def test_the_status_tells_what_waits_what_failed_and_for_how_long(self):
		now = clock.utc_now()
		with clock.freeze(now - timedelta(seconds=90)):
			self.add()
		with clock.freeze(now):
			status = batch_processor.get_queue_status()
		self.assertEqual(
			status,
			{
				"pending_plans": 1,
				"dead_letter_count": 0,
				"recent_failures": [],
				"last_processed": None,
				"processing": 0,
				"oldest_pending_seconds": 90,
				"next_retry_at": None,
				"fallback": False,
			},
		)
		with clock.freeze(now):
			self.process()
			self.assertEqual(batch_processor.get_queue_status()["last_processed"], clock.iso(now))


class TestWithoutRedis(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_published_game()
		self.plan_id = self.game.plan.name

	def test_a_change_is_queued_in_the_log_and_published_from_there(self):
		with self.without_redis():
			self.rename("Memora Lesson", self.game.lessons[0], "New")
			(row,) = self.episodes()
			self.assertEqual((row.status, row.is_fallback), ("Queued", 1))
			self.assertTrue(batch_processor.get_queue_status()["fallback"])
			self.assertEqual(self.process()["processed"], 1)
		self.assertEqual(self.published_title(self.game), "New")
		self.assertEqual(self.statuses(), ["Success"])

	def test_what_was_queued_while_redis_was_away_is_found_when_it_is_back(self):
		with self.without_redis():
			change_tracker.add_plan_to_queue(self.plan_id)
			frappe.db.commit()
		self.assertEqual(change_tracker.get_pending_plans(), [self.plan_id])

	def test_the_fallback_queue_holds_a_plan_once(self):
		for _ in range(2):
			change_tracker.add_plan_to_fallback_queue(self.plan_id)
		change_tracker.add_plan_to_queue(self.plan_id)
		frappe.db.commit()
		self.assertEqual([(row.status, row.is_fallback) for row in self.episodes()], [("Queued", 1)])

	def test_a_redis_that_goes_away_during_a_build_loses_nothing(self):
		self.rename("Memora Lesson", self.game.lessons[0], "New")
		self.assertEqual(change_tracker.get_pending_plans(), [self.plan_id])
		publish_queue.release([self.plan_id])
		with self.without_redis():
			batch_processor.process_queue()
			self.assertEqual(self.queued(), [])
		self.assertEqual(self.published_title(self.game), "New")


class TestManyAtOnce(QueueTestCase):
	def test_two_workers_build_fifty_plans_once_each(self):
		game = self.make_published_game()
		plans = [factories.make_plan(subjects=[game.subject.name]).name for _ in range(50)]
		self.addCleanup(self.remove_plans, plans)
		frappe.db.commit()
		self.assertEqual(len(self.queued()), 50)
		outcomes = []
		workers = [
			elsewhere(lambda: outcomes.append(batch_processor.process_pending_plans(max_plans=60)))
			for _ in range(2)
		]
		for worker in workers:
			worker.join()
		self.assertEqual(sum(outcome["processed"] for outcome in outcomes), 50, outcomes)
		self.assertEqual(sum(outcome["failed"] for outcome in outcomes), 0, outcomes)
		self.assertEqual(self.statuses(), ["Success"] * 50)

	def remove_plans(self, plans):
		frappe.db.delete("Memora Plan Subject", {"parent": ["in", plans]})
		frappe.db.delete("Memora Academic Plan", {"name": ["in", plans]})
		frappe.db.commit()

	def test_a_change_while_a_plan_is_built_is_published_by_the_next_build(self):
		game = self.make_published_game()
		self.rename("Memora Lesson", game.lessons[0], "First")
		with EditDuringTheBuild(lambda: self.rename("Memora Lesson", game.lessons[0], "Second")):
			self.assertEqual(self.process(max_plans=1)["processed"], 1)
		self.assertEqual(self.published_title(game), "First")
		self.assertCountEqual(self.statuses(), ["Success", "Queued"])
		self.assertEqual(self.process()["processed"], 1)
		self.assertEqual(self.published_title(game), "Second")

	def test_an_editor_never_waits_for_a_build(self):
		game = self.make_published_game()
		self.rename("Memora Lesson", game.lessons[0], "First")
		with build_lock.plan_build_lock(game.plan.name):
			sync_log.claim(game.plan.name)  # and not committed: its rows stay locked
			edited = threading.Event()

			def edit():
				self.rename("Memora Lesson", game.lessons[1], "Second")
				edited.set()

			editor = elsewhere(edit)
			self.assertTrue(edited.wait(5))
			editor.join()
			frappe.db.rollback()
		self.assertEqual(self.process()["processed"], 1)
		self.assertEqual(self.published_title(game, lesson=1), "Second")


class TestWhatAChangeCosts(QueueTestCase):
	def test_two_hundred_lessons_saved_at_once_take_three_statements_more(self):
		game = self.make_published_game(lessons=200)
		for name in game.lessons:
			lesson = frappe.get_doc("Memora Lesson", name)
			lesson.title = "New"
			lesson.save()
		self.assertEqual(self.statements_of(frappe.db.commit), {"select": 2, "insert": 1, "commit": 1})
		self.assertEqual(self.statuses(), ["Queued"])
		self.assertEqual(self.process()["processed"], 1)
		self.assertEqual(self.statuses(), ["Success"])

	def statements_of(self, work):
		counted = {}
		original = frappe.db.sql

		def counting(query, *args, **kwargs):
			verb = str(query).split()[0].lower()
			if verb != "start":
				counted[verb] = counted.get(verb, 0) + 1
			return original(query, *args, **kwargs)

		frappe.db.sql = counting
		try:
			work()
		finally:
			frappe.db.sql = original
		return counted


class HeldElsewhere:
	"""A plan's build lock in the hands of another connection, for the length of a block."""

	def __init__(self, plan_id):
		self.plan_id = plan_id
		self.held, self.done = threading.Event(), threading.Event()

	def hold(self):
		with build_lock.plan_build_lock(self.plan_id):
			self.held.set()
			self.done.wait(30)

	def __enter__(self):
		self.thread = elsewhere(self.hold)
		self.held.wait(10)

	def __exit__(self, *error):
		self.done.set()
		self.thread.join()


class EditDuringTheBuild:
	"""Has an editor's change committed by another connection right after the build has read the content."""

	def __init__(self, edit):
		self.edit = edit

	def __enter__(self):
		self.original = content_repository.load_plan

		def load_and_edit(plan_id):
			content = self.original(plan_id)
			elsewhere(self.edit).join()
			return content

		content_repository.load_plan = load_and_edit

	def __exit__(self, *error):
		content_repository.load_plan = self.original


class RecordedJobs:
	"""Jobs that would be handed to the workers."""

	def __enter__(self):
		self.started, self.enqueue = [], redis_store.enqueue
		redis_store.enqueue = lambda method, **options: self.started.append(method)
		return self

	def __exit__(self, *error):
		redis_store.enqueue = self.enqueue
