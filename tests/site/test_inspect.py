"""What is known of a player is told from MariaDB and from Redis side by side, and asking changes nothing."""

from datetime import datetime

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from memora.services import gate_copies, player_copies, session_manager
from memora.services.progress_engine import bits, completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, diagnostics, redis_keys, redis_store
from tests import factories
from tests.bench_command import run_memora
from tests.committed import Game

MORNING = datetime(2026, 3, 1, 9, 0, 0)
NOWHERE = "redis://127.0.0.1:1"


class InspectTestCase(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=2)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player(devices=("phone", "tablet"))
		self.user, self.subject = self.player.user, self.game.subject.name

	def complete(self):
		with clock.freeze(MORNING):
			completion.complete_lesson(self.user, self.game.lessons[0], 5, PROGRESS_POLICY)

	def without_redis(self):
		frappe.local.conf["memora_redis_url"] = NOWHERE
		self.addCleanup(frappe.local.conf.pop, "memora_redis_url", None)

	def copies(self):
		"""Every Redis key of the player with its value as Redis dumps it."""
		keys = redis_store.keys_matching(f"*{self.user}*")
		return {key: redis_store.client().dump(redis_store.physical(key)) for key in keys}

	def inspect(self, what, *names):
		"""The answer, after a look that asking changed no copy."""
		before = self.copies()
		answer = diagnostics.inspect(what, *(names or [self.user]))
		self.assertEqual(self.copies(), before)
		return answer


class TestInspectWallet(InspectTestCase):
	def test_after_an_award_ledger_and_copy_agree_and_the_row_is_told_to_be_behind(self):
		self.complete()
		answer = self.inspect("wallet")
		self.assertEqual((answer["agrees"], answer["copy_state"]), (True, "loaded"))
		self.assertEqual(
			answer["truth"],
			{
				"total_xp": 35,
				"current_streak": 1,
				"last_success_date": "2026-03-01",
				"last_played_at": "2026-03-01T09:00:00",
				"ledger row": 1,
			},
		)
		self.assertEqual(answer["copy"], answer["truth"])
		self.assertEqual(
			answer["facts"], {"row": "0 XP, as of ledger row 0 of 1", "waits to be synced": True}
		)

	def test_a_copy_that_is_gone_is_told_and_is_no_disagreement(self):
		self.complete()
		redis_store.delete(redis_keys.get_wallet_key(self.user))
		answer = self.inspect("wallet")
		self.assertEqual((answer["agrees"], answer["copy"], answer["copy_state"]), (None, None, "not loaded"))
		self.assertEqual(answer["truth"]["total_xp"], 35)

	def test_a_copy_that_was_tampered_with_disagrees(self):
		self.complete()
		redis_store.set_hash(redis_keys.get_wallet_key(self.user), {"total_xp": 9000})
		answer = self.inspect("wallet")
		self.assertIs(answer["agrees"], False)
		self.assertEqual((answer["truth"]["total_xp"], answer["copy"]["total_xp"]), (35, 9000))

	def test_a_login_that_the_row_does_not_know_yet_is_no_disagreement(self):
		self.complete()
		player_copies.touch(self.user, datetime(2026, 3, 2, 7, 0, 0), 900)
		answer = self.inspect("wallet")
		self.assertIs(answer["agrees"], True)
		self.assertEqual(answer["truth"]["last_played_at"], "2026-03-01T09:00:00")
		self.assertEqual(answer["copy"]["last_played_at"], "2026-03-02T07:00:00")

	def test_without_redis_the_truth_is_still_told(self):
		self.complete()
		self.without_redis()
		answer = diagnostics.inspect("wallet", self.user)
		self.assertEqual((answer["agrees"], answer["copy_state"]), (None, "no answer"))
		self.assertEqual(answer["truth"]["total_xp"], 35)
		self.assertEqual(answer["facts"]["waits to be synced"], "no answer")


class TestInspectProgress(InspectTestCase):
	def test_after_a_completion_the_lesson_is_passed_in_both(self):
		self.complete()
		answer = self.inspect("progress", self.user, self.subject)
		self.assertIs(answer["agrees"], True)
		lesson = self.game.lessons[0]
		self.assertEqual(
			answer["truth"],
			{"bits": "0", "passed": lesson, "best_hearts": f"{lesson}: 5", "total_xp_earned": 35},
		)
		self.assertIs(answer["facts"]["waits to be synced"], True)
		self.assertEqual(answer["facts"]["structure file"], "2 lessons")
		self.assertEqual(answer["facts"]["faulty bit positions"], "none")
		self.assertEqual(answer["facts"]["row"], "0.0 %, as of ledger row 0, never synced")

	def test_a_bit_that_the_ledger_does_not_know_disagrees(self):
		self.complete()
		key = redis_store.physical(redis_keys.get_progress_key(self.user, self.subject))
		redis_store.client().setbit(key, bits.redis_offset(1), 1)
		answer = self.inspect("progress", self.user, self.subject)
		self.assertIs(answer["agrees"], False)
		self.assertEqual((answer["truth"]["bits"], answer["copy"]["bits"]), ("0", "0, 1"))
		self.assertEqual(answer["copy"]["passed"], ", ".join(self.game.lessons))

	def test_a_copy_of_another_loading_counts_as_none(self):
		self.complete()
		player_copies.drop(self.user)
		self.assertEqual(self.inspect("progress", self.user, self.subject)["copy_state"], "not loaded")

	def test_a_subject_that_nobody_knows_is_refused_by_name(self):
		with self.assertRaisesRegex(InvalidInput, "There is no subject SUBJ-NONE"):
			diagnostics.inspect("progress", self.user, "SUBJ-NONE")


class TestInspectSessionAndDevices(InspectTestCase):
	def log_in(self):
		"""A live session, and its id."""
		session_id = session_manager.create_session(
			self.user, self.player.device_ids[0], factories.new_uuid()
		)
		gate_copies.load(self.user)
		return session_id

	def test_a_live_session_is_told_without_its_id(self):
		session_id = self.log_in()
		answer = self.inspect("session")
		self.assertIs(answer["agrees"], True)
		self.assertEqual(answer["truth"]["device"], self.player.device_ids[0])
		self.assertEqual(len(answer["truth"]["session"]), 15)
		self.assertNotIn(session_id, str(answer))
		self.assertNotIn(gate_copies.hash_session_id(session_id), str(answer))
		self.assertEqual(answer["facts"]["sessions in Frappe"], "0, none of them live")

	def test_a_copy_that_admits_another_session_disagrees(self):
		self.log_in()
		redis_store.set(redis_keys.get_active_session_key(self.user), gate_copies.hash_session_id("another"))
		self.assertIs(self.inspect("session")["agrees"], False)

	def test_a_player_who_never_logged_in_has_neither_session_nor_copy(self):
		answer = self.inspect("session")
		self.assertEqual((answer["truth"]["session"], answer["copy_state"]), (None, "not loaded"))
		self.assertRegex(answer["facts"]["last events"], "^device_added 20")

	def test_a_replaced_session_is_among_the_last_events(self):
		self.log_in()
		self.log_in()
		self.assertRegex(self.inspect("session")["facts"]["last events"], "^session_replaced 20")

	def test_devices_are_told_with_their_names_and_agree(self):
		gate_copies.load(self.user)
		answer = self.inspect("devices")
		self.assertIs(answer["agrees"], True)
		self.assertEqual(answer["truth"], dict.fromkeys(sorted(self.player.device_ids), "authorized"))
		self.assertRegex(answer["facts"][self.player.device_ids[0]], "^phone, since .* UTC$")

	def test_a_device_that_only_redis_knows_disagrees_and_is_shown(self):
		gate_copies.load(self.user)
		stranger = factories.new_uuid()
		redis_store.add_members(redis_keys.get_player_devices_key(self.user), stranger)
		answer = self.inspect("devices")
		self.assertIs(answer["agrees"], False)
		self.assertEqual((answer["truth"][stranger], answer["copy"][stranger]), ("-", "authorized"))


class TestInspectCommand(InspectTestCase):
	def test_truth_and_copy_stand_side_by_side(self):
		self.complete()
		done = run_memora("inspect", "wallet", self.user)
		self.assertEqual(done.returncode, 0, done.stderr)
		self.assertEqual(done.stdout.splitlines()[0], f"wallet of {self.user}")
		self.assertRegex(done.stdout, r"(?m)^ +MariaDB +Redis$")
		self.assertRegex(done.stdout, r"(?m)^total_xp +35 +35$")
		self.assertIn(
			"They agree.\nrow: 0 XP, as of ledger row 0 of 1\nwaits to be synced: yes\n", done.stdout
		)

	def test_a_disagreement_is_told_and_fails(self):
		self.complete()
		redis_store.set_hash(redis_keys.get_wallet_key(self.user), {"total_xp": 9000})
		done = run_memora("inspect", "wallet", self.user)
		self.assertEqual(done.returncode, 1)
		self.assertIn("They differ.", done.stdout)

	def test_an_unknown_user_is_one_clear_line_and_fails(self):
		done = run_memora("inspect", "devices", "nobody@example.com")
		self.assertEqual((done.returncode, done.stdout), (1, ""))
		self.assertEqual(done.stderr, "There is no player nobody@example.com.\n")

	def test_a_missing_name_is_a_usage_error_that_says_what_to_give(self):
		done = run_memora("inspect", "progress", self.user)
		self.assertEqual(done.returncode, 2)
		self.assertIn("Give: inspect progress USER SUBJECT", done.stderr)


class TestInspections(FrappeTestCase):
	def test_something_that_cannot_be_inspected_is_refused_with_what_can(self):
		with self.assertRaisesRegex(InvalidInput, "no inspection passwords, but wallet, progress, session"):
			diagnostics.inspect("passwords")

	def test_a_user_without_a_profile_is_no_player(self):
		for what in ("wallet", "session", "devices"):
			with self.assertRaisesRegex(InvalidInput, "There is no player Administrator"):
				diagnostics.inspect(what, "Administrator")
