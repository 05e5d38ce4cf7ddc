"""What the tests of the publishing queue share: an empty queue, committed content, and ways to look at both."""

import contextlib

import frappe
from memora.services.cdn_export import batch_processor, change_tracker, local_storage, sync_log
from memora.utils import redis_keys, redis_store
from tests.committed import Game
from tests.site.cdn_export.publishing import PublishingTestCase, forget_published

NOWHERE = "redis://127.0.0.1:1"
PENDING, PROCESSING = redis_keys.get_pending_plans_key(), redis_keys.get_processing_plans_key()
DEAD_LETTER = redis_keys.get_dead_letter_key()


class QueueTestCase(PublishingTestCase):
	"""Starts with nothing queued and nothing published. Everything is committed, since workers see nothing else."""

	def setUp(self):
		super().setUp()
		self.games = []
		self.addCleanup(self.remove_games)
		frappe.db.commit()
		forget_queue()

	def make_game(self, **subject):
		game = Game(**subject)
		self.games.append(game)
		return game

	def make_published_game(self, **subject):
		"""A game whose plan is published and whose episodes are forgotten."""
		game = self.make_game(**subject)
		self.assertEqual(batch_processor.process_pending_plans()["failed"], 0)
		forget_queue()
		return game

	def remove_games(self):
		frappe.db.rollback()
		for game in self.games:
			game.remove()
		forget_queue()
		forget_published()

	def process(self, **arguments):
		outcome = batch_processor.process_pending_plans(**arguments)
		frappe.db.rollback()
		return outcome

	def rename(self, doctype, name, title):
		doc = frappe.get_doc(doctype, name)
		doc.title = title
		doc.save()
		frappe.db.commit()

	def break_lesson(self, game):
		"""Content that no save would let through, so that every build of it fails. Queued."""
		frappe.db.set_value("Memora Lesson", game.lessons[0], "title", "")
		batch_processor.trigger_plan_rebuild("Memora Lesson", game.lessons[0])
		frappe.db.commit()

	def mend_lesson(self, game):
		frappe.db.set_value("Memora Lesson", game.lessons[0], "title", "Mended")
		frappe.db.commit()

	def episodes(self, plan_id=None):
		"""The rows of the log, oldest first."""
		frappe.db.rollback()
		return frappe.get_all(
			"CDN Sync Log",
			filters={"plan_id": plan_id} if plan_id else {},
			fields=[
				"name",
				"plan_id",
				"status",
				"retry_count",
				"next_retry_at",
				"is_fallback",
				"error_message",
			],
			order_by="creation, name",
		)

	def statuses(self, plan_id=None):
		return [row.status for row in self.episodes(plan_id)]

	def queued(self):
		frappe.db.rollback()
		return change_tracker.pending_plan_ids()

	def published_title(self, game, lesson=0):
		return local_storage.read_content_file(f"lessons/{game.lessons[lesson]}.json")["title"]

	@contextlib.contextmanager
	def without_redis(self):
		frappe.local.conf["memora_redis_url"], before = NOWHERE, frappe.local.conf.get("memora_redis_url")
		try:
			yield
		finally:
			frappe.local.conf["memora_redis_url"] = before


def forget_queue():
	frappe.db.rollback()
	frappe.db.delete(sync_log.DOCTYPE)
	frappe.db.commit()
	flush_queue()


def flush_queue():
	redis_store.delete(*redis_store.keys_matching("cdn_export:*"))
