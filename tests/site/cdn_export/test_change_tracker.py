"""Which changes queue which plans, and that they do so exactly when they are committed."""

import json
from pathlib import Path

import frappe
from memora.services.cdn_export import batch_processor, change_tracker, local_storage
from memora.services.progress_engine import structure_loader
from memora.utils import redis_store
from tests import factories, publish_jobs
from tests.committed import CONTENT
from tests.site.cdn_export.queueing import PENDING, QueueTestCase, forget_queue


class TestWhatQueuesAPlan(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_game()
		self.other = self.make_game()
		self.plan_id = self.game.plan.name
		forget_queue()

	def assert_queued(self, *plan_ids):
		self.assertEqual(self.queued(), sorted(plan_ids))
		self.assertEqual(redis_store.members(PENDING), set(plan_ids))

	def test_a_saved_node_of_any_level_queues_the_plans_that_list_its_subject(self):
		self.rename("Memora Subject", self.game.subject.name, "New")
		self.assert_queued(self.plan_id)
		for attribute, doctype in CONTENT.items():
			with self.subTest(doctype):
				forget_queue()
				self.rename(doctype, getattr(self.game.subject, attribute)[0], "New")
				self.assert_queued(self.plan_id)

	def test_a_subject_that_two_plans_list_queues_both_and_an_unpublished_third_not(self):
		second = factories.make_plan(subjects=[self.game.subject.name])
		third = factories.make_plan(subjects=[self.game.subject.name], is_published=0)
		frappe.db.commit()
		self.addCleanup(self.remove_plans, second, third)
		forget_queue()
		self.rename("Memora Lesson", self.game.lessons[0], "New")
		self.assert_queued(self.plan_id, second.name)

	def remove_plans(self, *plans):
		for plan in plans:
			frappe.delete_doc("Memora Academic Plan", plan.name, force=True)
		frappe.db.commit()

	def test_a_changed_stage_queues_through_its_lesson(self):
		lesson = frappe.get_doc("Memora Lesson", self.game.lessons[0])
		lesson.append("stages", {"title": "Watch", "type": "Video", "config": "{}"})
		lesson.save()
		frappe.db.commit()
		self.assert_queued(self.plan_id)
		for handler in (
			change_tracker.on_lesson_stage_update,
			change_tracker.on_lesson_stage_delete,
			change_tracker.on_lesson_stage_restore,
		):
			forget_queue()
			handler(lesson.stages[0])
			frappe.db.commit()
			self.assert_queued(self.plan_id)

	def test_a_new_node_queues_and_so_does_the_deletion_of_one(self):
		lesson = factories.make_lesson(self.game.subject.topic_names[0])
		frappe.db.commit()
		self.assert_queued(self.plan_id)
		forget_queue()
		frappe.delete_doc("Memora Lesson", lesson.name)
		frappe.db.commit()
		self.assert_queued(self.plan_id)

	def test_a_whole_branch_deleted_in_one_transaction_queues(self):
		topic = factories.make_topic(self.game.subject.unit_names[0])
		lesson = factories.make_lesson(topic.name)
		frappe.db.commit()
		forget_queue()
		frappe.delete_doc("Memora Lesson", lesson.name)
		frappe.delete_doc("Memora Topic", topic.name)
		frappe.db.commit()
		self.assert_queued(self.plan_id)

	def test_content_that_moves_queues_the_plans_of_both_places(self):
		track = frappe.get_doc("Memora Track", self.game.subject.track_names[0])
		track.parent_subject = self.other.subject.name
		track.save()
		frappe.db.commit()
		self.assert_queued(self.plan_id, self.other.plan.name)

	def test_an_override_queues_its_plan_alone(self):
		plan = frappe.get_doc("Memora Academic Plan", self.plan_id)
		plan.append(
			"overrides",
			{"target_doctype": "Memora Lesson", "target_name": self.game.lessons[0], "action": "Hide"},
		)
		plan.save()
		frappe.db.commit()
		self.assert_queued(self.plan_id)
		for handler in (change_tracker.on_override_update, change_tracker.on_override_delete):
			forget_queue()
			handler(plan.overrides[0])
			frappe.db.commit()
			self.assert_queued(self.plan_id)

	def test_a_plan_that_is_unpublished_is_queued_and_one_that_stays_a_draft_is_not(self):
		plan = frappe.get_doc("Memora Academic Plan", self.plan_id)
		plan.is_published = 0
		plan.save()
		frappe.db.commit()
		self.assert_queued(self.plan_id)
		forget_queue()
		plan.title = factories.unique("Draft")
		plan.save()
		frappe.db.commit()
		self.assert_queued()

	def test_a_deleted_plan_is_queued_to_be_withdrawn(self):
		frappe.delete_doc("Memora Academic Plan", self.plan_id)
		frappe.db.commit()
		self.assert_queued(self.plan_id)

	def test_the_title_of_a_grade_is_its_name_so_no_plan_has_to_follow_it(self):
		grade = factories.insert("Memora Grade", title=factories.unique("Grade"))
		grade.title = factories.unique("Other")
		grade.save()
		self.assertEqual(factories.reload(grade).title, grade.name)

	def test_every_documented_handler_queues_the_plan_of_its_document(self):
		subject, t = self.game.subject, change_tracker
		handlers = {
			("Memora Subject", subject.name): (
				t.on_subject_update,
				t.on_subject_delete,
				t.on_subject_restore,
			),
			("Memora Track", subject.track_names[0]): (
				t.on_track_update,
				t.on_track_delete,
				t.on_track_restore,
			),
			("Memora Unit", subject.unit_names[0]): (t.on_unit_update, t.on_unit_delete, t.on_unit_restore),
			("Memora Topic", subject.topic_names[0]): (
				t.on_topic_update,
				t.on_topic_delete,
				t.on_topic_restore,
			),
			("Memora Lesson", self.game.lessons[0]): (
				t.on_lesson_update,
				t.on_lesson_delete,
				t.on_lesson_restore,
			),
			("Memora Academic Plan", self.plan_id): (t.on_plan_update, t.on_plan_delete),
		}
		for (doctype, name), functions in handlers.items():
			for handler in functions:
				with self.subTest(doctype=doctype, handler=handler):
					forget_queue()
					handler(frappe.get_doc(doctype, name))
					frappe.db.commit()
					self.assert_queued(self.plan_id)

	def test_another_target_queues_every_published_plan_and_another_threshold_none(self):
		self.set_cdn(batch_threshold=7)
		frappe.db.commit()
		self.assert_queued()
		self.set_cdn(local_fallback_mode=1, batch_threshold=50)
		frappe.db.commit()
		self.assertLessEqual({self.plan_id, self.other.plan.name}, set(self.queued()))

	def test_what_sql_changed_is_queued_on_request(self):
		frappe.db.set_value("Memora Lesson", self.game.lessons[0], "title", "New")
		frappe.db.commit()
		self.assert_queued()
		batch_processor.trigger_plan_rebuild("Memora Lesson", self.game.lessons[0])
		self.assert_queued()  # that was a rollback
		batch_processor.trigger_plan_rebuild("Memora Lesson", self.game.lessons[0])
		frappe.db.commit()
		self.assert_queued(self.plan_id)


class TestWhenAPlanIsQueued(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_published_game(lessons=3)

	def save_lesson(self, title="New", lesson=0):
		doc = frappe.get_doc("Memora Lesson", self.game.lessons[lesson])
		doc.title = title
		doc.save()

	def test_nothing_is_queued_before_the_commit_and_a_rollback_queues_nothing(self):
		self.save_lesson()
		self.assertEqual(frappe.db.count("CDN Sync Log"), 0)
		self.assertEqual(redis_store.members(PENDING), set())
		frappe.db.rollback()
		frappe.db.commit()
		self.assertEqual(self.queued(), [])

	def test_a_transaction_after_one_that_was_rolled_back_queues_its_own(self):
		self.save_lesson()
		frappe.db.rollback()
		self.save_lesson("Newer")
		frappe.db.commit()
		self.assertEqual(self.queued(), [self.game.plan.name])

	def test_the_row_is_part_of_the_changes_own_transaction(self):
		self.save_lesson()
		original, frappe.db.sql = frappe.db.sql, self.refuse_to_commit
		try:
			with self.assertRaisesRegex(RuntimeError, "the server went away"):
				self.refused_from = original
				frappe.db.commit()
		finally:
			frappe.db.sql = original
		frappe.db.rollback()
		self.assertEqual(self.queued(), [])
		self.assertEqual(frappe.db.get_value("Memora Lesson", self.game.lessons[0], "title"), "Lesson")

	def refuse_to_commit(self, query, *args, **kwargs):
		if query == "commit":
			raise RuntimeError("the server went away")
		return self.refused_from(query, *args, **kwargs)

	def test_many_changes_of_one_transaction_queue_a_plan_once(self):
		with publish_jobs.counted() as jobs:
			for lesson in range(3):
				self.save_lesson(f"New {lesson}", lesson)
			frappe.db.commit()
		self.assertEqual(self.statuses(), ["Queued"])
		self.assertEqual(len(jobs), 1)

	def test_changes_of_many_transactions_become_one_episode(self):
		for lesson in range(3):
			self.save_lesson(f"New {lesson}", lesson)
			frappe.db.commit()
		self.assertEqual(batch_processor.get_queue_status()["pending_plans"], 1)
		self.assertEqual(self.process()["processed"], 1)
		self.assertEqual(self.statuses(), ["Success"])
		self.assertEqual(self.published_title(self.game, lesson=2), "New 2")

	def test_a_save_builds_nothing(self):
		for local_fallback_mode in (0, 1):
			self.set_cdn(local_fallback_mode=local_fallback_mode)
			self.save_lesson(f"Mode {local_fallback_mode}")
			frappe.db.commit()
			self.assertEqual(self.published_title(self.game), "Lesson")
			self.assertIn(self.game.plan.name, self.queued())


class TestStructuresThatNoPlanKeeps(QueueTestCase):
	"""`{subject}.json` is what progress is computed from, also for players of a subject that no plan lists any more."""

	def setUp(self):
		super().setUp()
		self.game = self.make_published_game()
		self.subject = self.game.subject.name

	def titles(self):
		frappe.db.rollback()
		structure = Path(structure_loader.get_subject_json_path(self.subject)).read_text(encoding="utf-8")
		topic = json.loads(structure)["tracks"][0]["units"][0]["topics"][0]
		return sorted(lesson["title"] for lesson in topic["lessons"])

	def test_a_change_of_a_subject_without_a_plan_shows_at_once(self):
		plan = frappe.get_doc("Memora Academic Plan", self.game.plan.name)
		plan.is_published = 0
		plan.save()
		frappe.db.commit()
		self.process()
		self.assertEqual(self.titles(), ["Lesson", "Lesson"])
		self.rename("Memora Lesson", self.game.lessons[0], "Alone")
		self.assertEqual(self.titles(), ["Alone", "Lesson"])

	def test_a_change_just_before_the_plan_is_unpublished_shows(self):
		self.rename("Memora Lesson", self.game.lessons[0], "Late")
		plan = frappe.get_doc("Memora Academic Plan", self.game.plan.name)
		plan.is_published = 0
		plan.save()
		frappe.db.commit()
		self.process()
		self.assertEqual(self.titles(), ["Late", "Lesson"])

	def test_the_file_of_a_deleted_subject_goes(self):
		path = f"{self.subject}.json"
		self.assertTrue(local_storage.read_bytes(path))
		frappe.delete_doc("Memora Subject", self.subject, force=True)
		frappe.db.commit()
		self.assertIsNone(local_storage.read_bytes(path))
