"""The daily scan finds what differs between database, disk and CDN, in bounded time, and can have it repaired."""

from datetime import timedelta
from pathlib import Path

import frappe
from memora.services.cdn_export import (
	batch_processor,
	findings,
	health_checker,
	local_storage,
	orphans,
	plan_scan,
	state_store,
	sync_log,
)
from memora.utils import clock
from tests import factories
from tests.committed import Game
from tests.site.cdn_export.publishing import StorageTestCase, forget_published

CDN_SETTINGS = "CDN Settings"


class TestDailyScan(StorageTestCase):
	"""A scan commits what it finds, so its world is committed too, and removed."""

	def setUp(self):
		frappe.db.rollback()
		self.stored_settings = frappe.db.get_singles_dict(CDN_SETTINGS)
		self.addCleanup(self.remove_world)
		super().setUp()
		self.game = Game(lessons=2)
		self.plan = self.game.plan
		self.topic = self.path(f"{self.game.subject.topic_names[0]}.json")
		self.lesson = f"lessons/{self.game.lessons[0]}.json"
		self.publish()
		frappe.db.commit()

	def remove_world(self):
		self.game.remove()
		frappe.db.delete("CDN Health Finding")
		frappe.db.delete("Notification Log", {"type": "Alert"})
		frappe.db.delete("Error Log", {"method": findings.HEALTH_TITLE})
		frappe.db.delete("CDN Sync Log", {"plan_id": self.plan.name})
		for field, value in self.stored_settings.items():
			frappe.db.set_single_value(CDN_SETTINGS, field, value)
		frappe.db.commit()
		frappe.clear_document_cache(CDN_SETTINGS, CDN_SETTINGS)
		forget_published()

	def scan(self, **options):
		frappe.db.commit()
		report = health_checker.daily_full_scan(**options)
		frappe.db.commit()
		return report

	def found(self, report=None):
		"""{problem: detail} of this test's plan."""
		report = report or self.scan()
		return {
			finding["problem"]: finding["detail"]
			for finding in report["findings"]
			if finding["plan_id"] == self.plan.name
		}

	def edit(self, doctype, name, **values):
		"""A change that queues nothing, as SQL does."""
		frappe.db.set_value(doctype, name, values)

	def on_disk(self, path):
		return Path(local_storage.absolute_path(path))

	def publish_what_waits(self):
		frappe.db.commit()
		batch_processor.process_pending_plans()
		frappe.db.commit()

	def test_a_published_plan_is_sound(self):
		report = self.scan()
		self.assertEqual(self.found(report), {})
		self.assertTrue(report["is_complete"])
		self.assertIn(self.plan.name, plan_scan.plans_to_scan())
		self.assertEqual((report["scanned"] + report["skipped"], report["repaired"]), (report["plans"], []))
		self.assertIsNotNone(health_checker.get_findings()["scanned_at"])

	def test_content_that_was_changed_past_the_queue_is_stale_until_it_is_published(self):
		self.edit("Memora Lesson", self.game.lessons[0], title="Renamed")
		self.assertEqual(set(self.found()), {"stale"})
		self.publish()
		self.assertEqual(self.found(), {})

	def test_content_that_waits_to_be_published_is_no_finding(self):
		self.edit("Memora Lesson", self.game.lessons[0], title="Renamed")
		sync_log.queue([self.plan.name], "test")
		self.assertEqual(self.found(), {})

	def test_content_that_cannot_be_published_is_found_with_its_error(self):
		self.edit("Memora Lesson", self.game.lessons[0], title="")
		self.assertIn("title", self.found()["unpublishable"])

	def test_files_that_are_gone_or_were_changed_on_disk_are_found_by_path(self):
		self.on_disk(self.lesson).unlink()
		self.on_disk(self.topic).write_bytes(b"{}")
		found = self.found()
		self.assertEqual(found["local_missing"], self.lesson)
		self.assertEqual(found["local_mismatch"], self.topic)
		self.assertNotIn("stale", found)

	def test_a_stray_file_in_a_plans_folder_is_an_orphan(self):
		stray = self.path("TOPIC-STRAY.json")
		self.on_disk(stray).write_bytes(b"{}")
		self.assertEqual(self.found(), {"local_orphan": stray})

	def test_objects_that_are_gone_changed_or_strange_on_the_cdn_are_found_by_path(self):
		self.client.delete_object(Bucket=self.bucket, Key=self.lesson)
		self.client.put_object(Bucket=self.bucket, Key=self.topic, Body=b"{}")
		stray = self.path("TOPIC-STRAY.json")
		self.client.put_object(Bucket=self.bucket, Key=stray, Body=b"{}")
		self.assertEqual(
			self.found(), {"cdn_missing": self.lesson, "cdn_mismatch": self.topic, "cdn_orphan": stray}
		)

	def test_lessons_that_belong_to_no_plan_are_found_in_both_places_and_go_after_their_grace(self):
		stray = "lessons/LESSON-STRAY.json"
		self.on_disk(stray).write_bytes(b"{}")
		self.client.put_object(Bucket=self.bucket, Key=stray, Body=b"{}")
		shared = [finding for finding in self.scan(repair=True)["findings"] if not finding["plan_id"]]
		self.assertEqual(
			{finding["problem"]: finding["detail"] for finding in shared},
			{"local_orphan": stray, "cdn_orphan": stray},
		)
		with clock.freeze(clock.utc_now() + timedelta(seconds=orphans.GRACE_SECONDS + 1)):
			self.publish()
		self.assertFalse(self.on_disk(stray).exists())
		self.assertNotIn(stray, self.objects())
		self.assertEqual([each for each in self.scan()["findings"] if not each["plan_id"]], [])

	def test_while_the_storage_is_away_what_is_known_of_it_stays_and_the_disk_is_looked_at(self):
		self.client.delete_object(Bucket=self.bucket, Key=self.lesson)
		self.assertEqual(set(self.found()), {"cdn_missing"})
		self.proxy.refuse = lambda method, path: True
		self.on_disk(self.topic).write_bytes(b"{}")
		self.assertEqual(set(self.found()), {"cdn_missing", "local_mismatch"})

	def test_a_plan_that_is_no_longer_published_but_still_lies_there_is_found(self):
		self.edit("Memora Academic Plan", self.plan.name, is_published=0)
		self.assertEqual(set(self.found()), {"not_withdrawn"})

	def test_findings_of_a_plan_that_is_gone_are_forgotten(self):
		factories.insert("CDN Health Finding", problem="stale", plan_id="PLAN-GONE")
		self.scan()
		self.assertFalse(frappe.db.exists("CDN Health Finding", {"plan_id": "PLAN-GONE"}))

	def test_without_repair_nothing_is_queued(self):
		self.on_disk(self.lesson).unlink()
		self.assertEqual(self.scan()["repaired"], [])
		self.assertNotIn(self.plan.name, sync_log.pending_plan_ids())

	def test_repair_puts_disk_and_cdn_right_with_the_next_publish(self):
		self.on_disk(self.topic).write_bytes(b"{}")
		self.client.delete_object(Bucket=self.bucket, Key=self.lesson)
		self.client.put_object(Bucket=self.bucket, Key=self.topic, Body=b"{}")
		self.assertEqual(self.scan(repair=True)["repaired"], [self.plan.name])
		self.assertIn(self.plan.name, sync_log.pending_plan_ids())
		self.publish_what_waits()
		self.assertEqual(self.found(), {})
		for path in (self.topic, self.lesson):
			self.assertEqual(self.object(path), self.on_disk(path).read_bytes())

	def test_a_scan_out_of_time_says_so_and_the_next_goes_on_where_it_stopped(self):
		self.assertFalse(self.scan(budget_seconds=0)["is_complete"])
		plans = plan_scan.plans_to_scan()
		with state_store.edit("health") as memory:
			memory["position"] = plans[-1]
		report = self.scan()
		self.assertEqual((report["scanned"] + report["skipped"], report["is_complete"]), (1, True))
		self.assertEqual(self.scan()["plans"], len(plans))

	def test_a_finding_is_told_once_however_often_it_is_scanned(self):
		self.on_disk(self.lesson).unlink()
		alerts = [self.count_alerts() for _ in range(2) if self.scan()]
		self.assertEqual(alerts[0], alerts[1])
		self.assertTrue(frappe.db.get_value("CDN Health Finding", {"plan_id": self.plan.name}, "is_alerted"))

	def count_alerts(self):
		return frappe.db.count("Notification Log", {"for_user": "Administrator", "type": "Alert"})
