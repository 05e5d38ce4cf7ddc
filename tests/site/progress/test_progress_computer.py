"""Reading a player's progress as his plan shows it, from the real database, files and Redis."""

import json
from datetime import datetime
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import NotEnrolled
from memora.services.progress_engine import completion, progress_computer
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.services.progress_engine.tree import walk
from memora.utils import clock, redis_store
from tests.committed import Game

MORNING = datetime(2026, 3, 1, 9, 0, 0)


class ProgressTestCase(FrappeTestCase):
	overrides = ()
	content = {"lessons": 3}

	def setUp(self):
		self.game = Game(overrides=self.overrides, **self.content)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()

	def complete(self, lesson: str, hearts: int = 5) -> None:
		with clock.freeze(MORNING):
			completion.complete_lesson(self.player.user, lesson, hearts, PROGRESS_POLICY)

	def progress(self, **kwargs) -> dict:
		return progress_computer.compute_progress(self.game.subject.name, self.player.user, **kwargs)

	def states(self) -> dict[str, str]:
		return {node["id"]: node["status"] for node in walk(self.progress()["root"])}


class TestComputeProgress(ProgressTestCase):
	def test_before_the_first_lesson_nothing_is_passed_and_the_first_is_suggested(self):
		progress = self.progress()
		self.assertEqual(
			{key: value for key, value in progress.items() if key != "root"},
			{
				"subject_id": self.game.subject.name,
				"completion_percentage": 0.0,
				"total_xp_earned": 0,
				"suggested_next_lesson_id": self.game.lessons[0],
				"total_lessons": 3,
				"passed_lessons": 0,
			},
		)
		self.assertEqual(
			[self.states()[lesson] for lesson in self.game.lessons], ["unlocked", "locked", "locked"]
		)

	def test_a_completed_lesson_is_passed_pays_and_unlocks_the_next(self):
		self.complete(self.game.lessons[0])
		progress = self.progress()
		self.assertEqual(progress["completion_percentage"], 33.33)
		self.assertEqual(progress["total_xp_earned"], 35)
		self.assertEqual((progress["passed_lessons"], progress["total_lessons"]), (1, 3))
		self.assertEqual(progress["suggested_next_lesson_id"], self.game.lessons[1])
		self.assertEqual(
			[self.states()[lesson] for lesson in self.game.lessons], ["passed", "unlocked", "locked"]
		)

	def test_when_all_lessons_are_passed_so_is_everything_above_and_nothing_is_suggested(self):
		for lesson in self.game.lessons:
			self.complete(lesson)
		progress = self.progress()
		self.assertEqual(progress["completion_percentage"], 100.0)
		self.assertIsNone(progress["suggested_next_lesson_id"])
		self.assertEqual(set(self.states().values()), {"passed"})

	def test_the_tree_in_the_reply_holds_what_an_app_draws_and_no_more(self):
		self.complete(self.game.lessons[0], hearts=4)
		root = self.progress()["root"]
		self.assertEqual(
			[node["type"] for node in walk(root)][:5], ["subject", "track", "unit", "topic", "lesson"]
		)
		container_fields = {"id", "title", "type", "status", "unlock_state", "children"}
		lessons = [node for node in walk(root) if node["type"] == "lesson"]
		for node in walk(root):
			self.assertEqual(node["status"], node["unlock_state"])
			if node["type"] != "lesson":
				self.assertEqual(set(node), container_fields)
		self.assertEqual(lessons[0]["best_hearts"], 4)
		self.assertEqual(set(lessons[1]), container_fields - {"children"})
		json.dumps(root)

	def test_the_sessions_user_is_read_when_none_is_named(self):
		self.complete(self.game.lessons[0])
		frappe.set_user(self.player.user)
		self.addCleanup(frappe.set_user, "Administrator")
		progress = progress_computer.compute_progress(self.game.subject.name)
		self.assertEqual(progress["passed_lessons"], 1)

	def test_reading_writes_nothing_but_lifetimes_of_keys(self):
		self.complete(self.game.lessons[0])
		self.progress()
		before, was = self.stored(), frappe.db.sql
		statements = []

		def counted(query, *args, **kwargs):
			statements.append(str(query).split(None, 1)[0].lower())
			return was(query, *args, **kwargs)

		with patch.object(frappe.db, "sql", counted):
			self.progress()
		self.assertEqual(statements, ["select"])
		self.assertEqual(self.stored(), before)

	def test_reading_without_copies_writes_no_row(self):
		self.complete(self.game.lessons[0])
		before = self.rows()
		redis_store.delete(*redis_store.keys_matching(f"*{self.player.user}*"))
		self.progress()
		self.assertEqual(self.rows(), before)

	def stored(self) -> tuple:
		"""All that the database and Redis hold of the player."""
		keys = redis_store.keys_matching(f"*{self.player.user}*")
		return self.rows(), {key: redis_store.client().dump(redis_store.physical(key)) for key in keys}

	def rows(self) -> list:
		frappe.db.rollback()
		user, profile = self.player.user, self.player.name
		return [
			frappe.db.sql(f"select * from `tab{doctype}` where player = %s", player)
			for doctype, player in (
				("Memora Structure Progress", user),
				("Memora Player Wallet", profile),
				("Memora Interaction Log", user),
			)
		]

	def test_a_player_of_another_plan_is_not_enrolled(self):
		other_game = Game(lessons=1)
		self.addCleanup(other_game.remove)
		stranger = other_game.add_player()
		with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
			progress_computer.compute_progress(self.game.subject.name, stranger.user)

	def test_the_players_own_plan_may_be_named(self):
		self.assertEqual(self.progress(plan_id=self.game.plan.name), self.progress())

	def test_the_xp_of_a_subject_is_read_alone_too(self):
		self.complete(self.game.lessons[0])
		self.assertEqual(progress_computer._get_total_xp_earned(self.player.user, self.game.subject.name), 35)


class TestProgressUnderAPlansOverrides(ProgressTestCase):
	content = {"lessons": 3, "topics": 2}

	@staticmethod
	def overrides(subject):
		return [
			("Memora Topic", subject.topic_names[0], "Set Linear", "0"),
			("Memora Lesson", subject.lesson_names[1], "Hide"),
			("Memora Lesson", subject.lesson_names[4], "Hide"),
		]

	def test_hidden_lessons_are_neither_shown_nor_counted(self):
		progress = self.progress()
		shown = {node["id"] for node in walk(progress["root"])}
		self.assertFalse({self.game.lessons[1], self.game.lessons[4]} & shown)
		self.assertEqual(progress["total_lessons"], 4)

	def test_a_topic_that_the_plan_frees_opens_all_its_lessons(self):
		states = self.states()
		self.assertEqual(
			[states[self.game.lessons[number]] for number in (0, 2, 3)], ["unlocked", "unlocked", "locked"]
		)

	def test_percent_is_of_the_visible_lessons(self):
		self.complete(self.game.lessons[0])
		self.assertEqual(self.progress()["completion_percentage"], 25.0)


class TestASubjectThatIsNotPublished(ProgressTestCase):
	content = {"lessons": 1, "is_published": 0}

	def test_it_is_nobodys_to_play(self):
		with self.assertRaisesRegex(NotEnrolled, "not enrolled"):
			self.progress()

	def test_loading_it_says_that_there_is_no_file(self):
		with self.assertRaisesRegex(FileNotFoundError, self.game.subject.name):
			progress_computer._load_and_validate_structure(self.game.subject.name)


class TestPartsOfProgress(FrappeTestCase):
	def test_percent_has_two_decimals_and_is_zero_for_no_lessons(self):
		calculate = progress_computer._calculate_completion_percentage
		self.assertEqual([calculate(1, 3), calculate(0, 0), calculate(7, 7)], [33.33, 0.0, 100.0])

	def test_children_are_found_under_children_whatever_their_level(self):
		topic = {"id": "P", "title": "Topic", "lessons": [{"id": "L", "title": "Lesson", "bit_index": 0}]}
		subject = {"id": "S", "tracks": [{"id": "T", "units": [{"id": "U", "topics": [topic]}]}]}
		converted = progress_computer._ensure_structure_has_children(subject)
		path = [converted]
		while "children" in path[-1]:
			path.append(path[-1]["children"][0])
		self.assertEqual([node["type"] for node in path], ["subject", "track", "unit", "topic", "lesson"])

	def test_passed_lessons_are_counted_and_the_next_is_the_first_unlocked_outside_locked_nodes(self):
		def topic(name, state, *lessons):
			nodes = [{"id": lesson, "status": status, "unlock_state": status} for lesson, status in lessons]
			return {"id": name, "status": state, "unlock_state": state, "lessons": nodes}

		unit = {
			"id": "U",
			"status": "unlocked",
			"unlock_state": "unlocked",
			"topics": [
				topic("P1", "passed", ("L1", "passed"), ("L2", "passed")),
				topic("P2", "locked", ("L3", "locked")),
				topic("P3", "unlocked", ("L4", "passed"), ("L5", "unlocked"), ("L6", "unlocked")),
			],
		}
		self.assertEqual(progress_computer._count_passed_lessons(unit), 3)
		self.assertEqual(progress_computer.find_next_lesson(unit), "L5")
		self.assertIsNone(progress_computer.find_next_lesson({**unit, "topics": unit["topics"][:2]}))
