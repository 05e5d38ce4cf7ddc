"""What the tests of progress rows share: committed players of a subject, and the places that tell their progress."""

import json
from datetime import datetime, timedelta

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import player_copies, recovery
from memora.services.progress_engine import bits, completion, progress_computer, snapshot_syncer
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_store
from tests.committed import Game, truth_of

MORNING = datetime(2026, 3, 1, 9, 0, 0)
QUEUE = snapshot_syncer.QUEUE


class SyncTestCase(FrappeTestCase):
	"""One player of a subject whose lessons are all open."""

	content = {"lessons": 6}

	def setUp(self):
		self.game = self.make_game(**self.content)
		self.subject = self.game.subject.name
		self.prepare()
		self.player = self.game.add_player()
		self.user = self.player.user
		self.minutes = 0
		self.forget_queue()
		self.addCleanup(self.forget_queue)

	def prepare(self):
		"""What has to be there before the player."""

	def make_game(self, **content) -> Game:
		game = Game(is_linear=0, **content)
		self.addCleanup(game.remove)
		for doctype, names in (
			("Memora Track", game.subject.track_names),
			("Memora Unit", game.subject.unit_names),
			("Memora Topic", game.subject.topic_names),
		):
			frappe.db.set_value(doctype, {"name": ["in", names]}, "is_linear", 0)
		frappe.db.commit()
		return game

	def forget_queue(self):
		redis_store.delete(QUEUE.pending, QUEUE.working, QUEUE.lock)

	def complete(self, lesson: int | str = 0, hearts: int = 5, *, user: str | None = None) -> dict:
		"""Complete a lesson, a minute after the last one."""
		name = self.game.lessons[lesson] if isinstance(lesson, int) else lesson
		self.minutes += 1
		with clock.freeze(MORNING + timedelta(minutes=self.minutes)):
			return completion.complete_lesson(user or self.user, name, hearts, PROGRESS_POLICY)

	def waiting(self) -> set[tuple[str, str]]:
		members = redis_store.members(QUEUE.pending) | redis_store.members(QUEUE.working)
		return {tuple(json.loads(member)) for member in members}

	def row(self, user: str | None = None, subject: str | None = None):
		"""The progress row alone, without the ledger; None where there is none."""
		frappe.db.rollback()
		return frappe.db.get_value(
			"Memora Structure Progress",
			{"player": user or self.user, "subject": subject or self.subject},
			[
				"name",
				"progress_bitmap",
				"best_hearts",
				"total_xp_earned",
				"completion_percentage",
				"last_synced_at",
				"synced_through",
				"modified",
			],
			as_dict=True,
		)

	def truth(self, user: str | None = None, subject: str | None = None) -> recovery.Progress:
		return truth_of(user or self.user, subject or self.subject)

	def copy(self, user: str | None = None, subject: str | None = None) -> recovery.Progress:
		return player_copies.read_progress(user or self.user, subject or self.subject)

	def progress(self, subject: str | None = None) -> dict:
		frappe.db.rollback()
		return progress_computer.compute_progress(subject or self.subject, self.user)

	def assert_row_is_true(self, user: str | None = None, subject: str | None = None):
		"""The row says what the ledger says; bits of retired places may be on as well."""
		row, truth = self.row(user, subject), self.truth(user, subject)
		bitmap = bits.decode_bitmap_from_mariadb(row.progress_bitmap)
		self.assertEqual(bits.union(bitmap, truth.bitmap), bitmap)
		self.assertEqual(json.loads(row.best_hearts), {**json.loads(row.best_hearts), **truth.best_hearts})
		self.assertEqual(row.total_xp_earned, truth.total_xp_earned)
		self.assertLessEqual(row.synced_through, truth.seq)
		self.assertTrue(0 <= row.completion_percentage <= 100)

	def assert_copy_is_true(self, user: str | None = None, subject: str | None = None):
		copy = self.copy(user, subject)
		frappe.db.rollback()
		told = recovery.read_progress(user or self.user, subject or self.subject)
		self.assertEqual(copy._replace(seq=0), told._replace(seq=0))
