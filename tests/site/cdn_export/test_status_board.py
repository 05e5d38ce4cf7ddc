"""What CDN Export Status shows: how far a build is, what waits and for what, and titles instead of ids."""

import json
from unittest.mock import patch

import frappe
from memora.services.cdn_export import build_lock, build_progress, status_board, sync_log
from tests.site.cdn_export.publishing import StorageTestCase
from tests.site.cdn_export.queueing import QueueTestCase


class TestProgressOfABuild(StorageTestCase):
	def test_each_step_is_told_and_nothing_is_left_when_the_build_has_ended(self):
		with patch.object(build_progress, "show", wraps=build_progress.show) as show:
			files = self.make_published()["files"]
		told = [call.args[1:] for call in show.call_args_list]
		steps = [build_progress.READING, build_progress.BUILDING, build_progress.WRITING]
		self.assertEqual([step for step, *_ in told][:3], steps)
		# The manifest is uploaded by itself, after what it promises.
		self.assertIn((build_progress.UPLOADING, files - 1, files - 1), told)
		self.assertEqual(told[-1], (build_progress.UPLOADING, 1, 1))
		self.assertIsNone(build_progress.read(self.plan.name))

	def test_a_plan_that_is_withdrawn_says_so(self):
		self.make_published()
		self.plan.is_published = 0
		self.plan.save()
		with patch.object(build_progress, "show", wraps=build_progress.show) as show:
			self.publish()
		self.assertIn(build_progress.WITHDRAWING, [call.args[1] for call in show.call_args_list])


class TestStatusBoard(QueueTestCase):
	def setUp(self):
		super().setUp()
		self.game = self.make_published_game()
		self.plan_id = self.game.plan.name

	def board(self, plan_id=None):
		frappe.db.rollback()
		return status_board.overview(plan_id, 20)

	def fail(self, plan_id):
		sync_log.queue([plan_id], "test")
		sync_log.close_with_failure(sync_log.claim(plan_id), "failed")
		frappe.db.commit()

	def test_a_plan_that_waits_for_a_retry_and_was_changed_again_waits_for_a_worker_alone(self):
		self.fail(self.plan_id)
		[row] = self.board()["waiting"]
		self.assertEqual((row["plan_id"], row["retry_count"]), (self.plan_id, 0))
		self.assertRegex(row["next_retry_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
		sync_log.queue([self.plan_id], "test")
		frappe.db.commit()
		[row] = self.board()["waiting"]
		self.assertIsNone(row["next_retry_at"])

	def test_what_is_in_the_dead_letter_or_ended_does_not_wait(self):
		sync_log.bury("PLAN-GONE", "given up")
		frappe.db.commit()
		board = self.board()
		self.assertEqual((board["waiting"], board["building"]), ([], []))
		self.assertEqual([letter["plan_id"] for letter in board["dead_letters"]], ["PLAN-GONE"])

	def test_a_running_build_is_told_from_one_that_was_killed(self):
		with build_lock.plan_build_lock(self.plan_id) as lock:
			sync_log.claim(self.plan_id, "test")
			frappe.db.commit()
			lock.tell(build_progress.UPLOADING, 3, 8)
			[build] = self.board()["building"]
			self.assertEqual(build["progress"], {"step": "uploading", "done": 3, "total": 8})
			self.assertTrue(build["is_alive"])
		[build] = self.board()["building"]
		self.assertEqual((build["is_alive"], build["progress"]), (False, None))

	def test_without_redis_the_board_has_everything_but_the_progress(self):
		with build_lock.plan_build_lock(self.plan_id) as lock, self.without_redis():
			sync_log.claim(self.plan_id, "test")
			frappe.db.commit()
			lock.tell(build_progress.READING)
			board = self.board()
		self.assertTrue(board["queue"]["fallback"])
		self.assertEqual([build["progress"] for build in board["building"]], [None])

	def test_plans_that_exist_are_named_by_their_titles_the_one_asked_for_too(self):
		self.fail("PLAN-GONE")
		self.assertEqual(self.board()["titles"], {})
		self.assertEqual(self.board(self.plan_id)["titles"], {self.plan_id: self.game.plan.title})

	def test_the_board_names_the_bucket_and_none_of_its_secrets(self):
		self.set_cdn(**frappe.conf.memora_dev_s3, enabled=1, cdn_base_url="https://cdn.example.com")
		board = status_board.overview(None, 20)
		self.assertEqual(board["target"]["bucket"], frappe.conf.memora_dev_s3["bucket_name"])
		self.assertTrue(board["target"]["uploads"])
		for name in ("access_key", "secret_key"):
			self.assertNotIn(frappe.conf.memora_dev_s3[name], json.dumps(board))
