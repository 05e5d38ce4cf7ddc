"""What an administrator does about one player: XP with a reason, plans, and what his form is told. And who may ask."""

import json
import uuid
from datetime import timedelta

import frappe
from memora.exceptions import IdempotencyConflict, InvalidInput, NoPlayerProfile, StoreUnavailable
from memora.services import (
	gate_copies,
	interaction_log,
	player_admin,
	player_copies,
	reconciliation,
	recovery,
	session_manager,
	xp_adjustments,
	xp_claims,
)
from memora.utils import clock, redis_keys, redis_store
from tests import factories
from tests.committed import PASSWORD, ledger_of
from tests.http.app import App, message_of, refusal
from tests.http.desk_user import open_desk
from tests.site.players.dying_award import FIRST_TRUE_MOMENT, MOMENTS, kill_at, let_the_mark_age, mark_of
from tests.site.players.test_costs import Counter
from tests.site.players.wallets import MORNING, WalletTestCase, elsewhere

API = "memora.api.player_admin"
REASON = "Prize of the school's spelling day"
NOWHERE = "redis://127.0.0.1:1"
# Every endpoint, its verb, and arguments that are good.
ENDPOINTS = {
	"overview": ("GET", {}),
	"add_device": ("POST", {"device_id": str(uuid.uuid4()), "device_name": "tablet"}),
	"remove_device": ("POST", {"device_id": str(uuid.uuid4())}),
	"end_session": ("POST", {}),
	"enrol_in_plan": ("POST", {"plan_id": "PLAN"}),
	"adjust_xp": ("POST", {"xp_amount": 5, "reason": REASON}),
	"compare": ("GET", {}),
	"repair": ("POST", {}),
}


class PlayerAdminTestCase(WalletTestCase):
	def setUp(self):
		super().setUp()
		self.admin = player_admin.find_player(self.player.name)

	def adjust(self, amount, reason=REASON, event=None):
		return xp_adjustments.adjust_xp(self.user, amount, reason, event)

	def rows(self):
		return [(row.seq, row.interaction_type, row.xp_awarded) for row in ledger_of(self.player)]

	def overview(self):
		frappe.db.rollback()
		return player_admin.overview(self.admin)

	def assert_nothing_is_wrong(self):
		self.assertEqual(reconciliation.reconcile_player(self.user), [])


class TestAdjustments(PlayerAdminTestCase):
	def test_xp_is_given_and_taken_and_the_ledger_has_both_with_reason_and_author(self):
		self.complete()
		self.assertEqual(self.adjust(100)["new_total_xp"], 135)
		self.assertEqual(self.adjust(-35, "Given twice")["new_total_xp"], 100)
		self.assertEqual(
			self.rows(), [(1, "lesson_completion", 35), (2, "adjustment", 100), (3, "adjustment", -35)]
		)
		latest = interaction_log.last_awards(self.user, 1)[0]
		data = json.loads(latest.interaction_data)
		self.assertEqual((data["reason"], data["by"], latest.owner), ("Given twice", *["Administrator"] * 2))
		self.assert_nothing_is_wrong()

	def test_the_copies_follow_and_the_truth_needs_no_key_of_redis(self):
		self.complete()
		self.wallet()
		self.adjust(100)
		copy = player_copies.peek(self.user).wallet
		self.assertEqual((copy.seq, copy.total_xp), (2, 135))
		redis_store.delete(*redis_store.keys_matching(f"*{self.user}*"))
		self.assertEqual((self.wallet()["total_xp"], self.truth().total_xp), (135, 135))
		told = recovery.read_wallets([self.user], from_ledger=True)[self.user]
		self.assertEqual(told.total_xp, 135)

	def test_an_adjustment_is_no_playing(self):
		self.complete()
		before = self.wallet()
		with clock.freeze(MORNING + timedelta(days=9)):
			self.adjust(5)
		after = self.wallet()
		self.assertEqual(after["total_xp"], before["total_xp"] + 5)
		for key in ("current_streak", "last_success_date", "last_played_at"):
			self.assertEqual(after[key], before[key])

	def test_what_goes_over_the_limits_is_refused_and_nothing_changes(self):
		self.complete()
		refused = {
			(0, REASON): "changes nothing",
			(-36, REASON): "has only 35 XP",
			(1_000_001, REASON): "from -1000000 to 1000000",
			(-1_000_001, REASON): "from -1000000 to 1000000",
			("1.5", REASON): "whole number",
			(None, REASON): "whole number",
			(5, ""): "3 to 500 characters",
			(5, "x" * 501): "3 to 500 characters",
			(5, None): "must be text",
		}
		for (amount, reason), message in refused.items():
			with self.subTest(amount=amount, reason=reason), self.assertRaisesRegex(InvalidInput, message):
				self.adjust(amount, reason)
		self.assertEqual(self.rows(), [(1, "lesson_completion", 35)])
		self.assertIsNone(mark_of(self.user))
		self.assertEqual(self.wallet()["total_xp"], 35)

	def test_a_total_beyond_two_billion_is_refused(self):
		self.document().update({"total_xp": 1_999_999_990}).save()
		frappe.db.commit()
		with self.assertRaisesRegex(InvalidInput, "at most 2000000000"):
			self.adjust(11)
		self.assertEqual(self.adjust(10)["new_total_xp"], 2_000_000_000)

	def test_the_same_event_counts_once_and_is_no_other_adjustment(self):
		event = factories.new_uuid()
		first = self.adjust(50, event=event)
		self.assertEqual(self.adjust(50, event=event), {**first, "duplicate": True})
		for amount, reason in ((51, REASON), (50, "Another reason")):
			with self.assertRaisesRegex(IdempotencyConflict, event):
				self.adjust(amount, reason, event)
		claimed = factories.new_uuid()
		xp_claims.claim_xp(self.user, 50, claimed)
		with self.assertRaisesRegex(IdempotencyConflict, claimed):
			self.adjust(50, event=claimed)
		self.assertEqual(self.truth().total_xp, 100)

	def test_many_at_once_all_count_and_those_with_one_event_count_once(self):
		event = factories.new_uuid()
		threads = [elsewhere(lambda: self.adjust(1)) for _ in range(4)]
		threads += [elsewhere(lambda: self.adjust(10, event=event)) for _ in range(4)]
		for thread in threads:
			thread.join()
		self.assertEqual([seq for seq, _, _ in self.rows()], [1, 2, 3, 4, 5])
		self.assertEqual((self.truth().total_xp, self.wallet()["total_xp"]), (14, 14))

	def test_without_redis_nothing_is_counted(self):
		self.adjust(50)
		frappe.local.conf["memora_redis_url"] = NOWHERE
		try:
			with self.assertRaises(StoreUnavailable):
				self.adjust(7)
		finally:
			del frappe.local.conf["memora_redis_url"]
		self.assertEqual(self.rows(), [(1, "adjustment", 50)])
		self.assertEqual(self.wallet()["total_xp"], 50)

	def test_who_is_no_player_gets_none(self):
		with self.assertRaises(NoPlayerProfile):
			xp_adjustments.adjust_xp("Administrator", 5, REASON)

	def test_one_that_is_killed_at_any_step_counts_whole_or_not_at_all_and_a_retry_counts_it_once(self):
		for number, (step, moment) in enumerate(MOMENTS):
			with self.subTest(step=step, moment=moment):
				self.wallet()
				before, event = len(self.rows()), factories.new_uuid()
				kill_at(step, moment, lambda event=event: self.adjust(10, event=event))
				self.assertEqual(len(self.rows()) - before, number >= FIRST_TRUE_MOMENT)
				let_the_mark_age(self.user)
				self.assertEqual(self.wallet()["total_xp"], 10 * len(self.rows()))
				self.assertEqual(self.adjust(10, event=event)["duplicate"], number >= FIRST_TRUE_MOMENT)
				self.assertEqual(len(self.rows()) - before, 1)
				self.assertEqual(
					(self.wallet()["total_xp"], self.truth().total_xp), (10 * len(self.rows()),) * 2
				)


class TestEnrolling(PlayerAdminTestCase):
	def setUp(self):
		super().setUp()
		self.other = factories.make_subject()
		self.plan = factories.make_plan(subjects=[self.other.name])
		frappe.db.commit()
		self.addCleanup(self.remove_content)

	def remove_content(self):
		frappe.db.rollback()
		for doctype, column, value in (
			("Memora Plan Subject", "parent", self.plan.name),
			("Memora Academic Plan", "name", self.plan.name),
			("CDN Sync Log", "plan_id", self.plan.name),
			*(("Memora Lesson", "name", name) for name in self.other.lesson_names),
			*(("Memora Topic", "name", name) for name in self.other.topic_names),
			*(("Memora Unit", "name", name) for name in self.other.unit_names),
			*(("Memora Track", "name", name) for name in self.other.track_names),
			("Memora Subject", "name", self.other.name),
		):
			frappe.db.delete(doctype, {column: value})
		frappe.db.commit()

	def enrolled_in(self):
		frappe.db.rollback()
		rows = frappe.get_all("Memora Structure Progress", filters={"player": self.user}, pluck="subject")
		return set(rows), frappe.db.get_value("Memora Player Profile", self.player.name, "current_plan")

	def enrol(self, plan):
		player_admin.enrol(self.admin, plan)
		frappe.db.commit()

	def test_the_plan_becomes_the_current_one_and_older_progress_stays(self):
		self.enrol(self.plan.name)
		self.enrol(self.plan.name)
		both = {self.game.subject.name, self.other.name}
		self.assertEqual(self.enrolled_in(), (both, self.plan.name))

	def test_the_same_plan_again_enrols_in_what_it_has_gained(self):
		frappe.db.delete("Memora Structure Progress", {"player": self.user})
		frappe.db.commit()
		self.enrol(self.game.plan.name)
		self.assertEqual(self.enrolled_in(), ({self.game.subject.name}, self.game.plan.name))

	def test_a_plan_that_is_not_there_or_not_published_is_refused_and_the_old_one_stays(self):
		frappe.db.set_value("Memora Academic Plan", self.plan.name, "is_published", 0)
		frappe.db.commit()
		for plan in (self.plan.name, "PLAN-NONE"):
			with self.assertRaisesRegex(InvalidInput, f"no published plan {plan}"):
				self.enrol(plan)
			frappe.db.rollback()
		self.assertEqual(self.enrolled_in(), ({self.game.subject.name}, self.game.plan.name))


class TestOverview(PlayerAdminTestCase):
	def test_a_new_player_has_a_device_and_nothing_else_yet(self):
		seen = self.overview()
		self.assertEqual((seen["user"], seen["max_devices"]), (self.user, 2))
		self.assertEqual(
			[(device["device_id"], device["device_name"]) for device in seen["devices"]],
			[(self.player.device_ids[0], "phone")],
		)
		self.assertIsNone(seen["session"])
		self.assertEqual(seen["ledger"], [])
		self.assertEqual(seen["wallet"]["truth"]["total_xp"], 0)
		self.assertFalse(seen["wallet"]["streak_active"])
		self.assertEqual(
			seen["subjects"],
			[
				{
					"subject": self.game.subject.name,
					"title": self.game.subject.title,
					"passed_lessons": 0,
					"total_lessons": 2,
					"completion_percentage": 0.0,
					"total_xp_earned": 0,
				}
			],
		)

	def test_what_was_earned_is_told_before_any_sync(self):
		self.complete()
		self.adjust(-5, "Given twice")
		with clock.freeze(MORNING):
			seen = self.overview()
		self.assertTrue(seen["wallet"]["streak_active"])
		self.assertEqual((seen["wallet"]["copy_state"], seen["wallet"]["agrees"]), ("loaded", True))
		subject = seen["subjects"][0]
		self.assertEqual((subject["passed_lessons"], subject["completion_percentage"]), (1, 50.0))
		self.assertEqual(subject["total_xp_earned"], 35)
		adjustment, lesson = seen["ledger"]
		self.assertEqual((adjustment["seq"], adjustment["xp_awarded"]), (2, -5))
		self.assertEqual(adjustment["reason"], "Given twice")
		self.assertEqual((lesson["reference_id"], lesson["title"]), (self.game.lessons[0], "Lesson"))
		self.assertEqual((lesson["at"], lesson["reason"]), ("2026-03-01T09:00:00", None))

	def test_a_copy_that_is_gone_or_wrong_is_told_and_not_loaded(self):
		self.complete()
		key = redis_keys.get_wallet_key(self.user)
		redis_store.set_hash(key, {"total_xp": "7"})
		wallet = self.overview()["wallet"]
		self.assertEqual((wallet["truth"]["total_xp"], wallet["copy"]["total_xp"]), (35, 7))
		self.assertIs(wallet["agrees"], False)
		redis_store.delete(key)
		wallet = self.overview()["wallet"]
		self.assertEqual((wallet["copy"], wallet["copy_state"], wallet["agrees"]), (None, "not loaded", None))
		self.assertEqual(redis_store.get_hash(key), {})

	def test_without_redis_the_truth_is_shown(self):
		self.complete()
		frappe.local.conf["memora_redis_url"] = NOWHERE
		try:
			seen = self.overview()
		finally:
			del frappe.local.conf["memora_redis_url"]
		self.assertEqual(seen["wallet"]["copy_state"], "no answer")
		self.assertEqual(
			(seen["wallet"]["truth"]["total_xp"], seen["subjects"][0]["passed_lessons"]), (35, 1)
		)

	def test_the_live_session_is_told_with_its_device_and_without_its_id(self):
		with clock.freeze(MORNING):
			session_manager.create_session(self.user, self.player.device_ids[0], "a-session")
		seen = self.overview()
		self.assertEqual(
			seen["session"],
			{
				"device_id": self.player.device_ids[0],
				"device_name": "phone",
				"started_at": "2026-03-01T09:00:00",
			},
		)
		told = json.dumps(seen, default=str)
		self.assertNotIn("a-session", told)
		self.assertNotIn(gate_copies.hash_session_id("a-session"), told)

	def test_a_subject_that_the_plan_hides_counts_no_lessons(self):
		self.complete()
		plan = frappe.get_doc("Memora Academic Plan", self.game.plan.name)
		hide = {"target_doctype": "Memora Subject", "target_name": self.game.subject.name, "action": "Hide"}
		plan.append("overrides", hide)
		plan.save()
		frappe.db.commit()
		subject = self.overview()["subjects"][0]
		self.assertEqual((subject["passed_lessons"], subject["total_lessons"]), (0, 0))
		self.assertEqual((subject["completion_percentage"], subject["total_xp_earned"]), (0.0, 35))

	def test_a_player_without_a_wallet_still_has_a_form(self):
		frappe.delete_doc("Memora Player Wallet", self.document().name)
		frappe.db.commit()
		self.assertIsNone(self.overview()["wallet"])

	def test_only_the_last_twenty_rows_are_told_and_the_number_of_queries_stays(self):
		self.complete()
		self.overview()
		with Counter() as few:
			self.overview()
		for number in range(25):
			self.adjust(1, f"Reason {number}")
		with Counter() as many:
			seen = self.overview()
		self.assertEqual([row["seq"] for row in seen["ledger"]], list(range(26, 6, -1)))
		self.assertLessEqual(many.count("select"), few.count("select"))

	def test_a_profile_that_is_not_there_is_refused(self):
		with self.assertRaisesRegex(InvalidInput, "no player profile NOBODY"):
			player_admin.find_player("NOBODY")


class TestOverHttp(PlayerAdminTestCase):
	def setUp(self):
		super().setUp()
		self.desk = open_desk(self, "System Manager")

	def ask(self, endpoint, app=None, **arguments):
		app = app or self.desk
		verb = ENDPOINTS[endpoint][0]
		return (app.get if verb == "GET" else app.post)(
			f"{API}.{endpoint}", **{"player": self.player.name, **arguments}
		)

	def answer(self, endpoint, **arguments):
		return message_of(self.ask(endpoint, **arguments))

	def trail(self):
		frappe.db.rollback()
		rows = frappe.get_all(
			"Memora Interaction Log",
			filters={"player": self.user, "interaction_type": "player_administration"},
			fields=["interaction_data"],
			order_by="name",
		)
		return [json.loads(row.interaction_data) for row in rows]

	def test_neither_students_nor_content_managers_nor_guests_reach_any_endpoint(self):
		student = App(self.player.device_ids[0])
		message_of(student.login(self.user, PASSWORD))
		people = {"student": student, "manager": open_desk(self, "Memora Content Manager"), "guest": App()}
		for endpoint, (_, arguments) in ENDPOINTS.items():
			for who, app in people.items():
				reply = self.ask(endpoint, app, **arguments)
				self.assertEqual(reply.status_code, 403, (endpoint, who, reply.text[:300]))
				self.assertNotIn("message", reply.json(), (endpoint, who))
		self.assertEqual((self.rows(), self.trail()), ([], []))
		self.assertEqual(len(self.overview()["devices"]), 1)

	def test_a_wrong_verb_changes_nothing(self):
		for endpoint, (verb, arguments) in ENDPOINTS.items():
			if verb == "POST":
				reply = self.desk.get(f"{API}.{endpoint}", player=self.player.name, **arguments)
				self.assertEqual(reply.status_code, 403, endpoint)

	def test_bad_arguments_are_refused_by_name(self):
		for endpoint in ENDPOINTS:
			for nobody in (None, "", "NOBODY", "x" * 141, ["a"]):
				with self.subTest(endpoint=endpoint, player=nobody):
					self.assertEqual(refusal(self.ask(endpoint, player=nobody)), (417, "InvalidInput"))
		for endpoint, arguments in {
			"add_device": {"device_id": "no-uuid", "device_name": "tablet"},
			"remove_device": {"device_id": factories.new_uuid()},
			"enrol_in_plan": {"plan_id": None},
			"adjust_xp": {"xp_amount": 5, "reason": REASON, "client_event_id": "no-uuid"},
		}.items():
			with self.subTest(endpoint=endpoint):
				self.assertEqual(refusal(self.ask(endpoint, **arguments)), (417, "InvalidInput"))
		self.assertEqual(self.rows(), [])

	def test_devices_and_session_follow_at_once(self):
		app = App(self.player.device_ids[0])
		message_of(app.login(self.user, PASSWORD))
		tablet = factories.new_uuid()
		added = self.answer("add_device", device_id=tablet, device_name="tablet")
		self.assertEqual(added, {"devices_authorized": 2})
		self.assertEqual(
			refusal(self.ask("add_device", device_id=factories.new_uuid(), device_name="third")),
			(417, "DeviceLimitReached"),
		)
		self.assertEqual(self.answer("end_session"), {"status": "ended"})
		self.assertEqual(refusal(app.get("memora.api.player.get_wallet")), (401, "SessionReplaced"))
		self.assertEqual(self.answer("end_session"), {"status": "ended"})
		self.assertIsNone(self.answer("overview")["session"])
		self.assertEqual(self.answer("remove_device", device_id=tablet), {"devices_authorized": 1})

	def test_xp_and_plan_are_changed_and_every_call_is_on_record_with_its_author(self):
		event = factories.new_uuid()
		for is_again in (False, True):
			paid = self.answer("adjust_xp", xp_amount="50", reason=REASON, client_event_id=event)
			self.assertEqual((paid["new_total_xp"], paid["duplicate"]), (50, is_again))
		self.assertEqual(refusal(self.ask("adjust_xp", xp_amount=-51, reason=REASON)), (417, "InvalidInput"))
		self.assertEqual(
			self.answer("enrol_in_plan", plan_id=self.game.plan.name), {"plan_id": self.game.plan.name}
		)
		seen = self.answer("overview")
		self.assertEqual((seen["ledger"][0]["by"], seen["ledger"][0]["reason"]), (self.desk.user, REASON))
		self.assertEqual(
			[(entry["endpoint"].rsplit(".", 1)[-1], entry["result"]) for entry in self.trail()],
			[
				("adjust_xp", "success"),
				("adjust_xp", "success"),
				("adjust_xp", "failure"),
				("enrol_in_plan", "success"),
				("overview", "success"),
			],
		)
		self.assertEqual({entry["by"] for entry in self.trail()}, {self.desk.user})

	def test_what_was_tampered_with_is_found_and_put_right(self):
		self.complete()
		self.assertEqual(self.answer("compare"), {"findings": []})
		redis_store.set_hash(redis_keys.get_wallet_key(self.user), {"total_xp": "7"})
		[found] = self.answer("compare")["findings"]
		self.assertEqual((found["kind"], found["found"]["total_xp"]), ("wallet_copy", 7))
		self.assertEqual((found["expected"]["total_xp"], found["repaired"]), (35, False))
		[repaired] = self.answer("repair")["findings"]
		self.assertTrue(repaired["repaired"])
		self.assertEqual(self.answer("compare"), {"findings": []})
		self.assertEqual(self.wallet()["total_xp"], 35)
