"""Publishing over HTTP: open to content managers and system managers alone, and strict about what it is told."""

import frappe
from memora.api import cdn_admin
from memora.services.cdn_export import batch_processor, sync_log
from memora.utils import redis_store
from tests import factories
from tests.http.app import App, message_of, refusal
from tests.http.desk_user import open_desk
from tests.http.test_first_slice import HTTPTestCase
from tests.site.cdn_export.publishing import forget_published

API = "memora.api.cdn_admin"
# Every endpoint: its verb, and arguments that are good for a plan.
ENDPOINTS = {
	"overview": ("GET", ("plan_id", "limit")),
	"get_queue_status": ("GET", ()),
	"recent_failures": ("GET", ("limit",)),
	"history": ("GET", ("plan_id", "limit")),
	"dead_letters": ("GET", ()),
	"retry_dead_letter": ("POST", ("plan_id",)),
	"clear_dead_letter": ("POST", ("plan_id",)),
	"rebuild_plan": ("POST", ("plan_id",)),
	"rebuild_all": ("POST", ()),
	"preview": ("GET", ("plan_id",)),
	"test_connection": ("POST", ()),
	"health_findings": ("GET", ()),
	"check_health": ("POST", ()),
	"scan_plans": ("POST", ()),
}
NEED_A_PLAN = ("retry_dead_letter", "clear_dead_letter", "rebuild_plan", "preview")
NO_PLANS = ("", " ", "../PLAN-1", "a/b", ".hidden", "x" * 141, "PLAN\x00")


class CdnAdminTestCase(HTTPTestCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(self.remove_traces)
		self.desk = open_desk(self, "Memora Content Manager")
		self.plan = self.game.plan.name

	def remove_traces(self):
		frappe.db.rollback()
		for doctype in ("CDN Health Finding", "CDN Sync Log"):
			frappe.db.delete(doctype)
		frappe.db.delete("Notification Log", {"type": "Alert"})
		frappe.db.commit()
		forget_published()
		redis_store.delete(*redis_store.keys_matching("rate_limit:*cdn_admin*"))

	def ask(self, endpoint, app=None, **arguments):
		app = app or self.desk
		verb = ENDPOINTS[endpoint][0]
		return (app.get if verb == "GET" else app.post)(f"{API}.{endpoint}", **arguments)

	def answer(self, endpoint, **arguments):
		return message_of(self.ask(endpoint, **arguments))

	def give_up(self, reason="UploadFailed: the storage is away"):
		sync_log.bury(self.plan, reason)
		frappe.db.commit()


class TestWhoMayAdminister(CdnAdminTestCase):
	def test_neither_students_nor_guests_reach_any_endpoint(self):
		self.log_in()
		for endpoint, (_, arguments) in ENDPOINTS.items():
			good = {"plan_id": self.plan, "limit": 5}
			given = {name: good[name] for name in arguments}
			for who, app in (("student", self.app), ("guest", App())):
				reply = self.ask(endpoint, app, **given)
				self.assertEqual(reply.status_code, 403, (endpoint, who, reply.text[:300]))
				self.assertNotIn("message", reply.json(), (endpoint, who))
		frappe.db.rollback()
		self.assertEqual(
			frappe.db.count("CDN Sync Log", {"triggered_by": ["in", [self.player.user, "Guest"]]}), 0
		)

	def test_a_student_is_refused_before_his_arguments_are_looked_at(self):
		self.log_in()
		for endpoint in NEED_A_PLAN:
			self.assertEqual(refusal(self.ask(endpoint, self.app)), (403, "PermissionError"), endpoint)

	def test_what_changes_something_is_no_get_and_what_reads_no_post(self):
		for endpoint, (verb, _) in ENDPOINTS.items():
			wrong = self.desk.post if verb == "GET" else self.desk.get
			self.assertEqual(wrong(f"{API}.{endpoint}").status_code, 403, endpoint)

	def test_the_table_has_every_endpoint(self):
		whitelisted = {
			name for name, value in vars(cdn_admin).items() if callable(value) and value in frappe.whitelisted
		}
		self.assertEqual(whitelisted, set(ENDPOINTS))


class TestArguments(CdnAdminTestCase):
	def test_what_cannot_name_a_plan_is_refused_and_nothing_is_queued(self):
		for endpoint in NEED_A_PLAN:
			for plan in NO_PLANS:
				reply = self.ask(endpoint, plan_id=plan)
				self.assertEqual(refusal(reply), (417, "InvalidInput"), (endpoint, plan))
			self.assertEqual(refusal(self.ask(endpoint)), (417, "InvalidInput"), endpoint)

	def test_a_plan_that_nobody_knows_is_404_by_name(self):
		for endpoint in NEED_A_PLAN:
			reply = self.ask(endpoint, plan_id="PLAN-NONE")
			self.assertEqual(refusal(reply), (404, "DoesNotExistError"), endpoint)
			self.assertIn("PLAN-NONE", reply.text)
		frappe.db.rollback()
		self.assertEqual(frappe.db.count("CDN Sync Log", {"plan_id": "PLAN-NONE"}), 0)

	def test_limits_are_whole_numbers_from_1_to_200(self):
		for endpoint in ("recent_failures", "history", "overview"):
			for limit in (0, 201, -1, "many", "1.5"):
				self.assertEqual(refusal(self.ask(endpoint, limit=limit)), (417, "InvalidInput"), limit)
			self.assertEqual(self.ask(endpoint, limit="200").status_code, 200)

	def test_repair_is_true_or_false(self):
		self.assertEqual(refusal(self.ask("scan_plans", repair="perhaps")), (417, "InvalidInput"))

	def test_replies_carry_their_limit_and_the_one_too_many_is_429(self):
		for _ in range(10):
			reply = self.ask("rebuild_all")
		self.assertEqual(
			(reply.headers["X-RateLimit-Limit"], reply.headers["X-RateLimit-Remaining"]), ("10", "0")
		)
		self.assertEqual(refusal(self.ask("rebuild_all")), (429, "RateLimitExceeded"))


class TestQueueOverHTTP(CdnAdminTestCase):
	def test_the_queues_state_has_the_documented_keys(self):
		self.give_up()
		status = self.answer("get_queue_status")
		self.assertLessEqual(
			{"pending_plans", "dead_letter_count", "recent_failures", "last_processed"}, set(status)
		)
		self.assertGreaterEqual(status["dead_letter_count"], 1)
		self.assertRegex(status["last_processed"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")

	def test_a_plan_that_was_given_up_is_listed_with_its_reason_and_can_be_retried(self):
		self.give_up()
		self.assertIn(
			(self.plan, "UploadFailed: the storage is away"),
			[(letter["plan_id"], letter["reason"]) for letter in self.answer("dead_letters")],
		)
		self.assertIn(self.plan, [failure["plan_id"] for failure in self.answer("recent_failures")])
		answer = self.answer("retry_dead_letter", plan_id=self.plan)
		self.assertEqual(answer, {"status": "queued", "plan_id": self.plan})
		self.assertNotIn(self.plan, str(self.answer("dead_letters")))
		self.assertEqual(
			refusal(self.ask("retry_dead_letter", plan_id=self.plan)), (404, "DoesNotExistError")
		)

	def test_a_plan_that_was_given_up_can_be_left_as_it_is(self):
		self.give_up()
		answer = self.answer("clear_dead_letter", plan_id=self.plan)
		self.assertEqual(answer, {"status": "cleared", "plan_id": self.plan})
		self.assertNotIn(self.plan, str(self.answer("dead_letters")))

	def test_history_tells_what_was_done_newest_first_and_by_plan(self):
		batch_processor.publish_plan(self.plan, "test")
		factories.insert("CDN Sync Log", plan_id="PLAN-OTHER", status="Success")
		frappe.db.commit()
		[row] = [row for row in self.answer("history", plan_id=self.plan) if row["triggered_by"] == "test"]
		self.assertEqual((row["plan_id"], row["status"], row["retry_count"]), (self.plan, "Success", 0))
		self.assertRegex(row["completed_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
		self.assertEqual(self.answer("history", plan_id="PLAN-NONE"), [])
		self.assertIn("PLAN-OTHER", [row["plan_id"] for row in self.answer("history", limit=5)])


class TestPublishingOverHTTP(CdnAdminTestCase):
	def test_a_rebuild_is_queued_in_the_callers_name(self):
		answer = self.answer("rebuild_plan", plan_id=self.plan)
		self.assertEqual(answer, {"status": "queued", "plan_id": self.plan})
		frappe.db.rollback()
		self.assertTrue(frappe.db.exists("CDN Sync Log", {"plan_id": self.plan}))

	def test_all_published_plans_are_queued(self):
		answer = self.answer("rebuild_all")
		self.assertEqual(answer["status"], "queued")
		self.assertIn(self.plan, answer["plans"])

	def test_a_preview_tells_what_a_publish_would_do_and_for_how_many(self):
		found = self.answer("preview", plan_id=self.plan)
		self.assertEqual((found["action"], found["players"], found["errors"]), ("publish", 1, []))
		self.assertEqual(found["counts"], {"added": 8, "changed": 0, "removed": 0, "access_changes": 7})
		self.assertEqual(len(found["added"]), 8)

	def test_the_connection_is_tested_and_no_reply_holds_a_secret(self):
		answer = self.answer("test_connection")
		self.assertIn(answer["status"], ("success", "failed"))
		secret = frappe.conf.memora_dev_s3["secret_key"]
		for endpoint in ("test_connection", "health_findings", "get_queue_status", "overview"):
			self.assertNotIn(secret, self.ask(endpoint).text)


class TestHealthOverHTTP(CdnAdminTestCase):
	def test_a_check_tells_what_is_wrong_and_it_is_known_from_then_on(self):
		self.give_up("gave up")
		report = self.answer("check_health")
		self.assertIn(
			("dead_letter", self.plan, "gave up"),
			[(found["problem"], found["plan_id"], found["detail"]) for found in report["findings"]],
		)
		known = self.answer("health_findings")
		self.assertEqual(known["checked_at"], report["checked_at"])
		self.assertIn(self.plan, [found["plan_id"] for found in known["findings"]])

	def test_a_scan_is_started_in_the_background(self):
		self.assertEqual(self.answer("scan_plans", repair="1"), {"status": "started", "repair": True})
