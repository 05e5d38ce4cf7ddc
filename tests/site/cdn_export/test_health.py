"""What is wrong with publishing is found, told once while it lasts, and told again when it returns."""

from datetime import datetime, timedelta

import frappe
from memora.services.cdn_export import (
	change_tracker,
	findings,
	health_checker,
	sync_log,
)
from memora.services.cdn_export.findings import Finding
from memora.utils import clock
from tests import factories
from tests.committed import forget_user
from tests.site.cdn_export.publishing import PublishingTestCase, StorageTestCase

NOON = datetime(2026, 3, 1, 12, 0, 0)
NOWHERE = "redis://127.0.0.1:1"


class HealthTestCase(PublishingTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		# Committed: saving a User clears all of Frappe's caches, and each test rolls back.
		cls.manager = factories.make_user("System Manager").name
		frappe.db.commit()
		cls.addClassCleanup(frappe.db.commit)
		cls.addClassCleanup(forget_user, cls.manager)

	def setUp(self):
		super().setUp()
		for doctype in ("CDN Sync Log", "CDN Health Finding", "Notification Log"):
			frappe.db.delete(doctype)
		self.configure(pause_scheduler=0, disable_scheduler=0)
		frappe.db.set_single_value("System Settings", "enable_scheduler", 1)
		frappe.db.sql(
			"update `tabScheduled Job Type` set last_execution = %s", clock.to_site_time(clock.utc_now())
		)

	def configure(self, **values):
		before = {key: frappe.local.conf.get(key) for key in values}
		frappe.local.conf.update(values)
		self.addCleanup(frappe.local.conf.update, before)

	def log(self, plan_id="PLAN-X", status="Success", **values):
		now = clock.to_site_time(clock.utc_now())
		return factories.insert(
			"CDN Sync Log", plan_id=plan_id, status=status, **{"completed_at": now, **values}
		).name

	def check(self, at=None):
		with clock.freeze(at or clock.utc_now()):
			return health_checker.hourly_health_check()

	def problems(self, report):
		return [(found["problem"], found["plan_id"]) for found in report["findings"]]

	def notifications(self, user=None):
		return frappe.get_all(
			"Notification Log",
			filters={"for_user": user or self.manager, "type": "Alert"},
			fields=["subject", "email_content"],
			order_by="creation",
		)

	def errors(self, title):
		return frappe.db.count("Error Log", {"method": title})


class TestHourlyCheck(HealthTestCase):
	def test_a_healthy_site_has_no_findings_and_nobody_is_told(self):
		self.log()
		report = self.check(NOON)
		self.assertEqual(report, {"checked_at": "2026-03-01T12:00:00", "findings": [], "told": 0})
		self.assertEqual(self.notifications(), [])

	def test_a_plan_in_the_dead_letter_is_named_with_its_reason(self):
		self.log("PLAN-7", "Dead Letter", error_message="UploadFailed: the storage is away")
		[found] = self.check()["findings"]
		self.assertEqual((found["problem"], found["plan_id"]), ("dead_letter", "PLAN-7"))
		self.assertEqual(found["detail"], "UploadFailed: the storage is away")

	def test_a_plan_that_has_waited_for_over_an_hour_is_found(self):
		with clock.freeze(NOON):
			sync_log.queue(["PLAN-7"], "test")
		self.assertEqual(self.problems(self.check(NOON + timedelta(minutes=59))), [])
		report = self.check(NOON + timedelta(minutes=61))
		self.assertEqual(self.problems(report), [("queue_old", "")])
		self.assertIn("for 61 minutes", report["findings"][0]["detail"])

	def test_a_queue_deeper_than_two_thresholds_is_found(self):
		self.set_cdn(batch_threshold=2)
		sync_log.queue([f"PLAN-{number}" for number in range(4)], "test")
		self.assertEqual(self.problems(self.check()), [])
		sync_log.queue(["PLAN-9"], "test")
		report = self.check()
		self.assertEqual(self.problems(report), [("queue_deep", "")])
		self.assertIn("5 plans wait", report["findings"][0]["detail"])

	def test_failures_count_from_three_on_and_when_they_are_the_most_of_the_last_hour(self):
		for _ in range(2):
			self.log(status="Failed")
		self.assertEqual(self.problems(self.check()), [])
		self.log(status="Failed")
		self.assertIn("Of 3 publishes in the last hour 3 failed.", str(self.check()["findings"]))
		for _ in range(3):
			self.log()
		self.assertEqual(self.problems(self.check()), [])

	def test_failures_of_two_hours_ago_are_history(self):
		earlier = clock.to_site_time(clock.utc_now() - timedelta(hours=2))
		for _ in range(5):
			self.log(status="Failed", completed_at=earlier)
		self.assertEqual(self.problems(self.check()), [])

	def test_a_store_that_does_not_answer_is_found(self):
		self.configure(memora_redis_url=NOWHERE)
		self.assertEqual(self.problems(self.check()), [("store_away", "")])

	def test_a_disk_without_the_wanted_space_is_found(self):
		self.configure(memora_min_free_disk_mb=10**9)
		report = self.check()
		self.assertEqual(self.problems(report), [("disk_full", "")])
		self.assertIn("1000000000 MB should be", report["findings"][0]["detail"])

	def test_a_scheduler_that_is_off_is_found(self):
		self.configure(pause_scheduler=1)
		self.assertEqual(self.problems(self.check()), [("scheduler_off", "")])

	def test_jobs_that_stopped_half_an_hour_ago_are_found_also_without_a_check(self):
		later = clock.utc_now() + timedelta(minutes=31)
		self.assertEqual(self.problems(self.check(later)), [("jobs_stalled", "")])
		frappe.db.delete("CDN Health Finding")
		with clock.freeze(later):
			self.assertEqual(self.problems(health_checker.get_findings()), [("jobs_stalled", "")])

	def test_findings_for_desk_say_since_when_and_when_was_looked(self):
		self.log("PLAN-7", "Dead Letter")
		self.check(NOON)
		with clock.freeze(NOON + timedelta(hours=1)):
			known = health_checker.get_findings()
		self.assertEqual(known["findings"][0]["since"], "2026-03-01T12:00:00")
		self.assertEqual((known["checked_at"], known["scanned_at"]), ("2026-03-01T12:00:00", None))


class TestStorageCheck(StorageTestCase, HealthTestCase):
	def test_a_storage_that_answers_is_well_and_one_that_refuses_is_found_without_its_keys(self):
		self.assertEqual(self.problems(self.check()), [])
		self.proxy.refuse = lambda method, path: True
		report = self.check()
		self.assertEqual(self.problems(report), [("cdn_away", "")])
		self.assertIn(f"The bucket {self.bucket} cannot be written", report["findings"][0]["detail"])
		self.assertNotIn(self.s3["secret_key"], str(report))


class TestTellingOnce(HealthTestCase):
	def test_a_problem_is_told_once_while_it_lasts_and_again_when_it_returns(self):
		log = self.log("PLAN-7", "Dead Letter")
		told = [self.check()["told"], self.check()["told"]]
		frappe.db.set_value("CDN Sync Log", log, "status", "Success")
		told.append(self.check()["told"])
		self.assertEqual(frappe.db.count("CDN Health Finding"), 0)
		frappe.db.set_value("CDN Sync Log", log, "status", "Dead Letter")
		told += [self.check()["told"], self.check()["told"]]
		self.assertEqual(told, [1, 0, 0, 1, 0])
		self.assertEqual(len(self.notifications()), 2)

	def test_a_check_that_dies_has_told_nothing_and_the_next_one_tells(self):
		self.log("PLAN-7", "Dead Letter")
		frappe.db.savepoint("before_check")
		self.assertEqual(self.check()["told"], 1)
		frappe.db.rollback(save_point="before_check")
		self.assertEqual(self.notifications(), [])
		self.assertEqual(self.check()["told"], 1)

	def test_a_problem_that_lasts_keeps_its_beginning_and_shows_its_last_detail(self):
		findings.settle([Finding("disk_full", "", "9 MB")], ["disk_full"])
		since = findings.current_findings()[0]["since"]
		with clock.freeze(clock.utc_now() + timedelta(hours=3)):
			findings.settle([Finding("disk_full", "", "7 MB")], ["disk_full"])
		self.assertEqual(
			findings.current_findings(),
			[{"problem": "disk_full", "plan_id": "", "detail": "7 MB", "since": since}],
		)

	def test_what_was_not_looked_for_is_not_forgotten(self):
		findings.settle([Finding("stale", "PLAN-1", "")], ["stale"], ["PLAN-1"])
		findings.settle([], ["stale"], ["PLAN-2"])
		findings.settle([], ["disk_full"])
		self.assertEqual(len(findings.current_findings()), 1)

	def test_problems_found_together_are_one_alert_in_desk_and_in_the_error_log(self):
		before = self.errors("CDN Health Check")
		self.log("PLAN-7", "Dead Letter")
		self.log("PLAN-8", "Dead Letter")
		self.assertEqual(self.check()["told"], 2)
		[alert] = self.notifications()
		self.assertEqual(alert.subject, "Publishing: 2 problems")
		self.assertEqual(alert.email_content, "[dead_letter] PLAN-7<br>[dead_letter] PLAN-8")
		self.assertEqual(self.errors("CDN Health Check"), before + 1)
		self.assertEqual(len(self.notifications("Administrator")), 1)

	def test_what_an_error_says_is_shown_as_text_not_as_markup(self):
		self.log("PLAN-7", "Dead Letter", error_message="<script>alert(1)</script>")
		self.check()
		[alert] = self.notifications()
		self.assertNotIn("<script>", alert.subject + alert.email_content)

	def test_without_an_outgoing_account_nothing_is_mailed_and_nothing_fails(self):
		self.assertFalse(frappe.db.exists("Email Account", {"enable_outgoing": 1, "default_outgoing": 1}))
		self.log("PLAN-7", "Dead Letter")
		frappe.flags.mute_emails, muted = False, frappe.flags.mute_emails
		self.addCleanup(setattr, frappe.flags, "mute_emails", muted)
		frappe.clear_messages()
		self.assertEqual(self.check()["told"], 1)
		self.assertEqual(len(self.notifications()), 1)
		self.assertEqual(frappe.message_log, [])

	def test_with_an_outgoing_account_the_managers_get_a_letter(self):
		account = factories.insert(
			"Email Account",
			email_account_name="Alerts",
			email_id="alerts@example.com",
			enable_outgoing=1,
			default_outgoing=1,
			smtp_server="localhost",
			no_smtp_authentication=1,
			awaiting_password=1,
		)
		self.addCleanup(frappe.clear_document_cache, "Email Account", account.name)
		frappe.local.outgoing_email_account = {}
		self.log("PLAN-7", "Dead Letter", error_message="the storage is away")
		self.check()
		mail = frappe.get_last_doc("Email Queue")
		self.assertIn(self.manager, [row.recipient for row in mail.recipients])
		self.assertIn("the storage is away", mail.message)


class TestFailedPublish(HealthTestCase):
	def test_a_publish_that_was_given_up_is_told_at_once_and_not_again_by_the_check(self):
		before = self.errors("CDN Plan Rebuild Error")
		log = self.log("PLAN-7", "Dead Letter", error_message="UploadFailed: away")
		for _ in range(2):
			health_checker.send_sync_failure_alert(log)
		self.assertEqual(self.check()["told"], 0)
		[alert] = self.notifications()
		self.assertEqual(alert.subject, "Publishing: [dead_letter] PLAN-7 UploadFailed: away")
		self.assertEqual(self.errors("CDN Plan Rebuild Error"), before + 1)

	def test_a_plan_that_is_given_up_once_more_is_told_once_more(self):
		for reason in ("first", "second"):
			log = self.log("PLAN-7", "Dead Letter", error_message=reason)
			health_checker.send_sync_failure_alert(log)
		self.assertEqual([alert.subject[-6:] for alert in self.notifications()], [" first", "second"])
		self.assertEqual(frappe.db.count("CDN Health Finding"), 1)

	def test_a_log_that_is_not_there_is_refused_by_name(self):
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no sync log NONE"):
			health_checker.send_sync_failure_alert("NONE")

	def test_moving_a_plan_to_the_dead_letter_tells_the_managers(self):
		change_tracker.move_to_dead_letter("PLAN-7", "gave up")
		self.assertEqual(
			[alert.subject for alert in self.notifications()], ["Publishing: [dead_letter] PLAN-7 gave up"]
		)
