"""Progress follows a lesson into another subject, whatever dies on the way and whoever plays meanwhile."""

import threading
import time
from datetime import datetime, timedelta
from unittest.mock import patch

from rq.job import Job, JobStatus

import frappe
from frappe.utils.background_jobs import create_job_id, get_redis_conn
from memora.exceptions import StoreUnavailable
from memora.services import content_tree, interaction_log, player_copies, reconciliation
from memora.services.cdn_export import structure_export
from memora.services.progress_engine import bits, moved_lessons, snapshot_syncer
from memora.utils import clock, redis_store
from tests.committed import ledger_of
from tests.site.players import dying_sync
from tests.site.players.wallets import elsewhere
from tests.site.progress.syncing import SyncTestCase

LONG_AFTER = moved_lessons.MARK_STANDS + timedelta(minutes=1)


enqueue = moved_lessons._enqueue


def job_of_the_site() -> Job | None:
	job_id, connection = create_job_id(moved_lessons.JOB_ID), get_redis_conn()
	return Job.fetch(job_id, connection=connection) if Job.exists(job_id, connection=connection) else None


def perform_job() -> None:
	"""Do the work of the waiting job, unless a worker of the bench has taken it: then wait for that."""
	job = job_of_the_site()
	if job and job.get_status() == JobStatus.QUEUED:
		thread = threading.Thread(target=job.perform)
		thread.start()
		thread.join()
	deadline = time.monotonic() + 20
	while (
		time.monotonic() < deadline and (job := job_of_the_site()) and job.get_status() == JobStatus.STARTED
	):
		time.sleep(0.1)


def forget_job() -> None:
	if job := job_of_the_site():
		job.delete()


class MovedLessonsTestCase(SyncTestCase):
	"""Two subjects in one plan; the first one's lessons move to the second."""

	content = {"units": 2, "topics": 1, "lessons": 2}

	def prepare(self):
		self.other = self.make_game(lessons=1)
		self.new_subject = self.other.subject.name
		self.game.plan.append("subjects", {"subject": self.new_subject})
		self.game.plan.save()
		frappe.db.commit()
		# A worker of the bench would do the work while the test looks at it.
		held_back = patch.object(moved_lessons, "_enqueue", self.asked_for_a_job)
		held_back.start()
		self.addCleanup(held_back.stop)
		self.jobs = 0
		self.addCleanup(self.forget_failures)

	def asked_for_a_job(self):
		self.jobs += 1

	def forget_failures(self):
		frappe.db.rollback()
		frappe.db.delete("Error Log", {"method": moved_lessons.ERROR_TITLE})
		frappe.db.commit()

	def move(self, doctype: str, name: str, parent: str):
		frappe.db.rollback()
		node = frappe.get_doc(doctype, name)
		node.set(content_tree.PARENT_OF[doctype][0], parent)
		node.save()
		frappe.db.commit()

	def move_lesson(self, number: int = 0):
		self.move("Memora Lesson", self.game.lessons[number], self.other.subject.topic_names[0])

	def publish(self):
		frappe.db.rollback()
		for subject in (self.subject, self.new_subject):
			structure_export.write_subject_structure(subject)

	def carry(self, *, after: timedelta = timedelta()) -> dict:
		with clock.freeze(datetime.utcnow().replace(microsecond=0) + after):
			return moved_lessons.carry_progress()

	def marked(self) -> set[str]:
		frappe.db.rollback()
		names = frappe.get_all("Memora Lesson", filters={"moved_at": ["is", "set"]}, pluck="name")
		return set(names) & set(self.game.lessons)

	def passed(self, subject: str) -> set[str]:
		"""The lessons that the player sees as passed."""

		def lessons(node):
			children = node.get("children")
			return [node] if children is None else [found for child in children for found in lessons(child)]

		root = self.progress(subject)["root"]
		return {lesson["id"] for lesson in lessons(root) if lesson["status"] == "passed"}


class TestWhatFollows(MovedLessonsTestCase):
	def test_a_passed_lesson_is_passed_in_its_new_subject_and_its_hearts_are_there(self):
		lesson = self.game.lessons[0]
		self.complete(0, 3)
		self.complete(1, 4)
		snapshot_syncer.sync_pending_bitmaps()
		self.progress(self.new_subject)
		self.move_lesson()
		self.publish()
		result = self.carry()
		self.assertEqual((result["rows"], result["errors"]), (2, 0))
		self.assertEqual(
			(self.passed(self.subject), self.passed(self.new_subject)), ({self.game.lessons[1]}, {lesson})
		)
		self.assertEqual(self.copy(subject=self.new_subject).best_hearts, {lesson: 3})
		self.assertEqual(bits.indexes_on(self.copy(subject=self.new_subject).bitmap), {1})
		for subject in (self.subject, self.new_subject):
			self.assert_row_is_true(subject=subject)
			self.assert_copy_is_true(subject=subject)

	def test_percent_of_both_subjects_is_right_in_the_rows_and_in_the_reply(self):
		self.complete(0)
		self.complete(1)
		snapshot_syncer.sync_pending_bitmaps()
		self.assertEqual(self.row().completion_percentage, 50.0)
		self.move_lesson()
		self.publish()
		self.carry()
		for subject, percent in ((self.subject, 33.33), (self.new_subject, 50.0)):
			self.assertEqual(self.row(subject=subject).completion_percentage, percent)
			self.assertEqual(self.progress(subject)["completion_percentage"], percent)

	def test_the_old_place_stays_on_and_belongs_to_nobody(self):
		self.complete(0)
		snapshot_syncer.sync_pending_bitmaps()
		self.move_lesson()
		self.carry()
		old = bits.decode_bitmap_from_mariadb(self.row().progress_bitmap)
		self.assertEqual(bits.indexes_on(old), {0})

	def test_xp_stays_where_it_was_earned_and_nothing_is_paid_again(self):
		self.complete(0, 5)
		self.move_lesson()
		self.publish()
		self.carry()
		outcome = self.complete(0, 5)
		self.assertEqual((outcome["is_first_completion"], outcome["is_new_record"]), (False, False))
		self.assertEqual(outcome["xp_awarded"], 20)
		self.assertEqual(
			[self.copy(subject=subject).total_xp_earned for subject in (self.subject, self.new_subject)],
			[35, 20],
		)

	def test_a_topic_a_unit_and_a_track_take_progress_along(self):
		subject = self.game.subject
		for number in range(4):
			self.complete(number)
		snapshot_syncer.sync_pending_bitmaps()
		self.progress(self.new_subject)
		moves = (
			("Memora Topic", subject.topic_names[0], self.other.subject.unit_names[0], {0, 1}),
			("Memora Unit", subject.unit_names[1], self.other.subject.track_names[0], {0, 1, 2, 3}),
			("Memora Track", subject.track_names[0], self.new_subject, {0, 1, 2, 3}),
		)
		for doctype, name, parent, expected in moves:
			with self.subTest(doctype):
				self.move(doctype, name, parent)
				self.publish()
				self.carry()
				self.assertEqual(
					self.passed(self.new_subject), {self.game.lessons[number] for number in expected}
				)

	def test_a_lesson_that_comes_back_is_passed_at_its_third_place(self):
		self.complete(0)
		snapshot_syncer.sync_pending_bitmaps()
		self.move_lesson()
		self.carry()
		self.move("Memora Lesson", self.game.lessons[0], self.game.subject.topic_names[0])
		self.publish()
		self.carry()
		self.assertEqual(self.passed(self.subject), {self.game.lessons[0]})
		row = bits.decode_bitmap_from_mariadb(self.row().progress_bitmap)
		self.assertEqual(bits.indexes_on(row), {0, 4})

	def test_a_lesson_that_came_back_and_was_not_published_yet_is_passed_at_its_new_place(self):
		lesson = self.game.lessons[0]
		self.publish()
		self.move_lesson()
		self.move("Memora Lesson", lesson, self.game.subject.topic_names[0])
		self.carry(after=timedelta(hours=1))
		self.assertEqual(self.marked(), set())
		self.complete(0, 3)
		self.assertEqual(reconciliation.reconcile_player(self.user), [])
		self.publish()
		self.assertEqual(self.passed(self.subject), {lesson})

	def test_a_player_without_a_row_there_gets_none_and_sees_it_all_the_same(self):
		self.complete(0)
		frappe.db.delete("Memora Structure Progress", {"player": self.user})
		frappe.db.commit()
		self.move_lesson()
		self.publish()
		self.carry()
		self.assertEqual((self.row(), self.row(subject=self.new_subject)), (None, None))
		self.assertEqual(self.passed(self.new_subject), {self.game.lessons[0]})

	def test_only_who_finished_the_lesson_is_touched(self):
		stranger = self.game.add_player().user
		self.complete(1, user=stranger)
		self.complete(0)
		snapshot_syncer.sync_pending_bitmaps()
		before = self.row(stranger)
		self.move_lesson()
		self.carry()
		self.assertEqual(self.row(stranger), before)
		self.assertEqual(bits.indexes_on(self.copy(stranger, self.new_subject).bitmap), set())

	def test_a_move_inside_the_subject_marks_nothing(self):
		self.move("Memora Lesson", self.game.lessons[0], self.game.subject.topic_names[1])
		self.assertEqual(self.marked(), set())
		self.assertEqual(self.carry()["rows"], 0)

	def test_more_players_than_one_chunk_takes_are_all_carried(self):
		others = [self.game.add_player().user for _ in range(3)]
		for user in (self.user, *others):
			self.complete(0, user=user)
		snapshot_syncer.sync_pending_bitmaps()
		self.move_lesson()
		with patch.object(moved_lessons, "PLAYERS_PER_CHUNK", 2):
			self.assertEqual(self.carry()["rows"], 8)
		for user in (self.user, *others):
			self.assertEqual(bits.indexes_on(self.copy(user, self.new_subject).bitmap), {1})


class TestTheMark(MovedLessonsTestCase):
	def test_it_stands_until_nobody_can_be_completing_the_lesson_at_its_old_place(self):
		self.move_lesson()
		for after, expected in ((timedelta(), {self.game.lessons[0]}), (LONG_AFTER, set())):
			self.carry(after=after)
			self.assertEqual(self.marked(), expected)

	def test_a_lesson_that_moved_again_meanwhile_keeps_its_mark(self):
		self.move_lesson()

		def move_back():
			with clock.freeze(datetime.utcnow().replace(microsecond=0) + LONG_AFTER):
				self.move("Memora Lesson", self.game.lessons[0], self.game.subject.topic_names[0])

		with dying_sync.at_step("moved lessons", "unmark", "before", move_back):
			self.carry(after=LONG_AFTER)
		self.assertEqual(self.marked(), {self.game.lessons[0]})

	def test_a_form_cannot_set_or_clear_it(self):
		lesson = frappe.get_doc("Memora Lesson", self.game.lessons[1])
		lesson.moved_at = "2026-01-01 00:00:00"
		lesson.save()
		self.assertIsNone(lesson.moved_at)
		self.move_lesson()
		form = frappe.get_doc("Memora Lesson", self.game.lessons[0])
		form.moved_at = None
		form.save()
		frappe.db.commit()
		self.assertEqual(self.marked(), {self.game.lessons[0]})

	def test_a_move_that_is_rolled_back_leaves_no_mark_and_no_job(self):
		node = frappe.get_doc("Memora Lesson", self.game.lessons[0])
		node.parent_topic = self.other.subject.topic_names[0]
		node.save()
		frappe.db.rollback()
		frappe.db.commit()
		self.assertEqual(self.marked(), set())
		self.assertEqual(self.jobs, 0)

	def test_a_move_at_any_level_asks_for_the_job_once_it_is_committed(self):
		subject, other = self.game.subject, self.other.subject
		for doctype, name, parent in (
			("Memora Lesson", subject.lesson_names[0], other.topic_names[0]),
			("Memora Topic", subject.topic_names[0], other.unit_names[0]),
			("Memora Unit", subject.unit_names[1], other.track_names[0]),
		):
			before = self.jobs
			self.move(doctype, name, parent)
			self.assertEqual(self.jobs, before + 1, doctype)

	def test_the_job_that_is_queued_does_the_work_and_waits_only_once(self):
		self.complete(0)
		snapshot_syncer.sync_pending_bitmaps()
		self.move_lesson()
		for _ in range(2):
			enqueue()
		self.addCleanup(forget_job)
		perform_job()
		self.assert_row_is_true(subject=self.new_subject)
		self.assertEqual(bits.indexes_on(self.copy(subject=self.new_subject).bitmap), {1})

	def test_a_move_is_saved_where_no_job_can_be_queued(self):
		with (
			patch.object(moved_lessons, "_enqueue", enqueue),
			patch.object(moved_lessons, "is_job_enqueued", side_effect=ConnectionError),
		):
			self.move_lesson()
		self.assertEqual(self.marked(), {self.game.lessons[0]})


class TestWhileOthersWork(MovedLessonsTestCase):
	def setUp(self):
		super().setUp()
		self.complete(0, 3)
		self.complete(1, 3)
		snapshot_syncer.sync_pending_bitmaps()
		self.progress(self.new_subject)

	def assert_all_true(self):
		for subject in (self.subject, self.new_subject):
			self.assert_copy_is_true(subject=subject)
		snapshot_syncer.sync_pending_bitmaps()
		for subject in (self.subject, self.new_subject):
			self.assert_row_is_true(subject=subject)

	def test_the_lesson_is_played_at_every_step_of_the_job(self):
		self.move_lesson()
		self.publish()
		for step, moment in dying_sync.moments("moved lessons"):
			with self.subTest(step=step, moment=moment):
				threads = []

				def play(threads=threads):
					threads.append(elsewhere(lambda: self.complete(0, 5)))
					threads[-1].join(timeout=0.3)  # under the player's mutex it waits for the job

				with dying_sync.at_step("moved lessons", step, moment, play):
					self.carry(after=LONG_AFTER)
				for thread in threads:
					thread.join()
				self.assertTrue(threads)
				self.assert_all_true()
				self.assertEqual(self.passed(self.new_subject), {self.game.lessons[0]})
				self.mark_again()
		firsts = [row.first_completion_of for row in ledger_of(self.player) if row.first_completion_of]
		self.assertEqual(sorted(firsts), sorted(self.game.lessons[:2]))

	def mark_again(self):
		moved_at = clock.to_site_time(clock.utc_now())
		frappe.db.set_value("Memora Lesson", self.game.lessons[0], "moved_at", moved_at)
		frappe.db.commit()

	def test_a_completion_that_began_before_the_move_and_ended_after_the_job_is_carried_by_the_next_run(self):
		player = self.game.add_player()
		player_copies.read_progress(player.user, self.new_subject)
		is_decided, may_write = threading.Event(), threading.Event()
		append = interaction_log.append_award

		def wait_and_append(*args, **kwargs):
			is_decided.set()
			may_write.wait(30)
			append(*args, **kwargs)

		with patch.object(interaction_log, "append_award", wait_and_append):
			playing = elsewhere(lambda: self.complete(0, user=player.user))
			is_decided.wait(30)
			self.move_lesson()
			self.carry()
			may_write.set()
			playing.join()
		self.carry(after=LONG_AFTER)
		self.assertEqual(bits.indexes_on(self.copy(player.user, self.new_subject).bitmap), {1})
		self.assert_copy_is_true(player.user, self.new_subject)

	def test_two_jobs_and_a_sync_at_once_leave_the_truth(self):
		self.move_lesson()
		self.publish()
		player_copies.mark_dirty(self.user, self.new_subject)
		threads = [elsewhere(moved_lessons.carry_progress) for _ in range(2)]
		threads.append(elsewhere(snapshot_syncer.sync_pending_bitmaps))
		for thread in threads:
			thread.join()
		self.assert_all_true()
		self.assertEqual(self.passed(self.new_subject), {self.game.lessons[0]})

	def test_killed_at_any_step_and_run_again_it_ends_right(self):
		place = self.other.subject.topic_names[0], self.game.subject.topic_names[0]
		for number, (step, moment) in enumerate(dying_sync.moments("moved lessons")):
			with self.subTest(step=step, moment=moment):
				self.move("Memora Lesson", self.game.lessons[0], place[number % 2])
				self.publish()
				if step == "unmark":
					self.age_marks()
				dying_sync.kill_at("moved lessons", step, moment)
				self.carry()
				self.assert_all_true()
				subject = (self.new_subject, self.subject)[number % 2]
				self.assertIn(self.game.lessons[0], self.passed(subject))

	def age_marks(self):
		moved_at = clock.to_site_time(clock.utc_now() - LONG_AFTER)
		frappe.db.set_value("Memora Lesson", {"moved_at": ["is", "set"]}, "moved_at", moved_at)
		frappe.db.commit()

	def test_a_chunk_that_fails_leaves_the_marks_is_logged_and_does_not_stop_the_others(self):
		second = self.game.add_player()
		self.complete(0, user=second.user)
		snapshot_syncer.sync_pending_bitmaps()
		self.move_lesson()
		row = self.row()
		frappe.db.set_value("Memora Structure Progress", row.name, "progress_bitmap", "[]")
		frappe.db.commit()
		with patch.object(moved_lessons, "PLAYERS_PER_CHUNK", 1):
			result = self.carry(after=LONG_AFTER)
		frappe.db.commit()
		self.assertEqual((result["errors"], result["rows"]), (1, 2))
		self.assertEqual(frappe.db.count("Error Log", {"method": moved_lessons.ERROR_TITLE}), 1)
		self.assertEqual(self.marked(), {self.game.lessons[0]})
		frappe.db.set_value("Memora Structure Progress", row.name, "progress_bitmap", row.progress_bitmap)
		frappe.db.commit()
		self.assertEqual(self.carry(after=LONG_AFTER)["errors"], 0)
		self.assert_all_true()
		self.assertEqual(self.marked(), set())

	def test_without_redis_the_marks_stand(self):
		self.move_lesson()
		frappe.local.conf["memora_redis_url"] = "redis://127.0.0.1:1"
		try:
			with self.assertRaises(StoreUnavailable):
				self.carry(after=LONG_AFTER)
		finally:
			del frappe.local.conf["memora_redis_url"]
		self.assertEqual(self.marked(), {self.game.lessons[0]})
		self.carry(after=LONG_AFTER)
		self.assert_all_true()

	def test_the_loss_of_redis_in_between_loses_nothing(self):
		self.move_lesson()
		self.publish()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.carry()
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(self.passed(self.new_subject), {self.game.lessons[0]})
		self.assert_all_true()
