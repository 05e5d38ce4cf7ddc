"""What was published, compared with what is there; what differs is put right, what is due goes without a publish."""

import json
from datetime import timedelta
from pathlib import Path

import frappe
from memora.services.cdn_export import (
	cdn_publisher,
	comparison,
	config,
	content_repository,
	generations,
	local_publisher,
	local_storage,
	orphans,
	plan_publisher,
	stamping,
)
from memora.services.cdn_export.bucket import Bucket
from memora.services.cdn_export.errors import PlanBuildBusy, StaleContent, UploadFailed
from memora.utils import clock
from tests import factories
from tests.site.cdn_export.publishing import PublishingTestCase, StorageTestCase, published_files

NOTHING = {"missing": [], "mismatch": [], "orphan": []}


class TestComparedLocally(PublishingTestCase):
	def compare(self):
		return comparison.compare_locally(self.plan.name)

	def place(self, path):
		return Path(local_storage.absolute_path(path))

	def test_a_plan_as_it_was_published_differs_in_nothing(self):
		self.make_published(lessons=97)
		self.assertEqual(self.compare(), NOTHING)

	def test_missing_changed_and_foreign_files_are_told(self):
		self.make_published()
		lost, changed = f"lessons/{self.subject.lesson_names[0]}.json", self.path("search_index.json")
		self.place(lost).unlink()
		self.place(changed).write_bytes(b"{}")
		self.place(self.path("foreign.json")).write_bytes(b"{}")
		self.assertEqual(
			self.compare(),
			{"missing": [lost], "mismatch": [changed], "orphan": [self.path("foreign.json")]},
		)

	def test_a_plan_that_was_never_published_misses_its_manifest(self):
		self.assertEqual(
			comparison.compare_locally("PLAN-NONE")["missing"], ["plans/PLAN-NONE/manifest.json"]
		)

	def test_the_next_publish_puts_right_what_differs(self):
		self.make_published()
		for path in (f"lessons/{self.subject.lesson_names[0]}.json", self.path("search_index.json")):
			self.place(path).write_bytes(b"{}")
		self.publish()
		self.assertEqual(self.compare(), NOTHING)

	def test_a_promise_that_another_build_took_back_is_told_until_the_plan_has_followed(self):
		self.make_published()
		other = factories.make_plan(subjects=[self.subject.name])
		lesson = self.subject.lesson_names[0]
		frappe.db.set_value("Memora Lesson", lesson, "title", "New")
		self.publish(other)
		self.assertEqual(self.manifest()["replacing"], [f"lessons/{lesson}.json"])
		self.assertEqual(self.compare()["mismatch"], [f"lessons/{lesson}.json"])
		queued = {"status": "Queued", "triggered_by": "shared lesson", "plan_id": self.plan.name}
		self.assertEqual(frappe.db.count("CDN Sync Log", queued), 1)
		self.publish()
		self.assertEqual(self.compare(), NOTHING)

	def test_a_lesson_that_is_being_replaced_is_no_orphan_of_the_plan_that_has_to_follow(self):
		self.make_published()
		other = factories.make_plan(subjects=[self.subject.name])
		lesson = self.subject.lesson_names[0]
		frappe.db.set_value("Memora Lesson", lesson, "title", "New")
		self.publish(other)
		other.append(
			"overrides", {"target_doctype": "Memora Lesson", "target_name": lesson, "action": "Hide"}
		)
		other.save()
		self.publish(other)
		self.assertIn(f"lessons/{lesson}.json", published_files())

	def test_a_lesson_that_no_plan_names_is_found_and_deleted_when_its_grace_has_passed(self):
		self.make_published()
		local_storage.write_files({"lessons/GONE.json": b"{}"})
		self.assertEqual(comparison.find_unnamed_lessons(), {"local": ["lessons/GONE.json"], "cdn": []})
		comparison.prepare_repair(orphans_on_disk=["lessons/GONE.json"])
		self.assertEqual(comparison.find_unnamed_lessons()["local"], [])
		self.assertEqual(local_publisher.delete_due_orphans(), [])
		with clock.freeze(clock.utc_now() + timedelta(seconds=600)):
			self.assertEqual(local_publisher.delete_due_orphans(), ["lessons/GONE.json"])

	def test_a_build_that_read_earlier_does_not_bring_back_a_lesson_that_went_meanwhile(self):
		self.make_published(lessons=3)
		lesson = self.subject.lesson_names[0]
		generation = generations.current()
		late = plan_publisher.build(content_repository.load_plan(self.plan.name), generation)
		frappe.db.set_value("Memora Lesson", lesson, "is_published", 0)
		self.publish()
		self.assertNotIn(f"lessons/{lesson}.json", published_files())
		with self.assertRaises(StaleContent):
			local_publisher.publish(late)
		self.assertNotIn(f"lessons/{lesson}.json", published_files())


class TestComparedWithTheCdn(StorageTestCase):
	def compare(self):
		return comparison.compare_with_cdn(self.plan.name)

	def put(self, key, body=b"{}"):
		self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

	def test_a_plan_as_it_was_published_differs_in_nothing_after_two_listings(self):
		self.make_published(lessons=20)
		self.proxy.reset()
		self.assertEqual(self.compare(), NOTHING)
		self.assertEqual([method for method, _, _ in self.proxy.requests], ["GET", "GET"])

	def test_missing_changed_and_foreign_objects_are_told_lessons_too_and_repaired(self):
		self.make_published()
		lost, changed = (f"lessons/{name}.json" for name in self.subject.lesson_names)
		self.client.delete_object(Bucket=self.bucket, Key=lost)
		self.put(changed)
		self.put(self.path("foreign.json"))
		found = self.compare()
		self.assertEqual(
			found, {"missing": [lost], "mismatch": [changed], "orphan": [self.path("foreign.json")]}
		)
		comparison.prepare_repair(
			upload=[*found["missing"], *found["mismatch"]], orphans_on_cdn=found["orphan"]
		)
		self.assertEqual(self.publish()["uploaded"], 2)
		self.assertEqual(self.compare(), NOTHING)
		with clock.freeze(clock.utc_now() + timedelta(seconds=600)):
			result = cdn_publisher.delete_due_orphans(config.load_settings())
		self.assertEqual(result.deleted, [self.path("foreign.json")])
		self.assertNotIn(self.path("foreign.json"), self.objects())

	def test_nothing_is_compared_while_nothing_goes_to_the_cdn(self):
		self.make_published()
		self.set_cdn(enabled=0)
		self.proxy.reset()
		self.assertEqual(self.compare(), NOTHING)
		self.assertEqual(self.proxy.requests, [])

	def test_a_storage_that_is_away_is_a_typed_error(self):
		self.make_published()
		self.set_cdn(endpoint_url="http://127.0.0.1:1")
		with self.assertRaises(UploadFailed):
			self.compare()

	def test_objects_whose_etag_is_no_md5_are_fetched_once(self):
		self.make_published()
		path = f"lessons/{self.subject.lesson_names[0]}.json"
		self.put_in_parts(path, local_storage.read_bytes(path))
		self.publish()
		self.proxy.reset()
		self.publish()
		self.assertEqual(self.compare(), NOTHING)
		fetched = [requested for method, requested, _ in self.proxy.requests if requested.endswith(path)]
		self.assertEqual(fetched, [])
		self.put_in_parts(path, b'{"other":1}')
		self.assertEqual(self.compare()["mismatch"], [path])

	def put_in_parts(self, key, body):
		place = {"Bucket": self.bucket, "Key": key}
		place["UploadId"] = self.client.create_multipart_upload(**place)["UploadId"]
		part = self.client.upload_part(**place, PartNumber=1, Body=body)
		parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
		self.client.complete_multipart_upload(**place, MultipartUpload=parts)


class TestWhatGoesFromTheCdn(StorageTestCase):
	def leave_the_cdn_behind(self):
		"""Publish locally what the storage refuses."""
		self.proxy.refuse = lambda method, path: method == "PUT"
		with self.assertRaises(UploadFailed):
			self.publish()
		self.proxy.reset()

	def delete_due(self, seconds=0):
		with clock.freeze(clock.utc_now() + timedelta(seconds=seconds)):
			return cdn_publisher.delete_due_orphans(config.load_settings()).deleted

	def test_what_is_hidden_goes_without_a_publish_and_the_old_manifest_there_stops_promising_it(self):
		self.make_published(topics=2)
		topic, lesson = self.subject.topic_names[1], self.subject.lesson_names[3]
		frappe.db.set_value("Memora Topic", topic, "is_published", 0)
		self.leave_the_cdn_behind()
		self.assertIn(self.path(f"{topic}.json"), self.delete_due())
		manifest = json.loads(self.object(self.path("manifest.json")))
		self.assertLessEqual(
			{self.path(f"{topic}.json"), f"lessons/{lesson}.json"}, set(manifest["replacing"])
		)
		for path, described in manifest["files"].items():
			self.assertEqual(stamping.describe(self.object(path)), described)
		self.publish()
		self.assertEqual(set(self.objects()), {self.path("manifest.json"), *self.manifest()["files"]})

	def test_what_a_manifest_there_still_names_waits_until_its_plan_has_followed(self):
		other = factories.make_subject()
		self.make_published()
		self.plan.set("subjects", [{"subject": other.name}])
		self.plan.save()
		self.leave_the_cdn_behind()
		old = self.path(f"{self.subject.name}_h.json")
		self.assertEqual(self.delete_due(601), [])
		self.assertIn(old, self.objects())
		self.publish()
		self.assertIn(old, self.delete_due(601))
		self.assertEqual(self.delete_due(601), [])

	def test_what_a_build_hides_while_others_are_deleted_stays_noted(self):
		self.make_published()
		lesson = f"lessons/{self.subject.lesson_names[0]}.json"
		orphans.note((), [lesson, "lessons/GONE.json"], withheld=None)

		def delete(doomed):
			# The lesson was spared, since the plan names it; a build that hides it just now notes it anew.
			orphans.note((), [lesson], withheld=None)
			return doomed, []

		deleted = orphans.delete_due_on_cdn(lambda candidates: set(), delete)
		self.assertEqual((deleted, orphans.noted_on_cdn()), (["lessons/GONE.json"], {lesson}))

	def test_a_storage_that_is_away_keeps_everything_noted(self):
		self.make_published()
		comparison.prepare_repair(orphans_on_cdn=["lessons/GONE.json"])
		self.client.put_object(Bucket=self.bucket, Key="lessons/GONE.json", Body=b"{}")
		self.proxy.refuse = lambda method, path: True
		with self.assertRaises(UploadFailed):
			self.delete_due(601)
		self.proxy.reset()
		self.assertEqual(self.delete_due(601), ["lessons/GONE.json"])

	def test_another_plans_manifest_there_loses_its_promise_before_a_shared_lesson_is_replaced(self):
		self.make_published()
		other = factories.make_plan(subjects=[self.subject.name])
		self.publish(other)
		lesson = f"lessons/{self.subject.lesson_names[0]}.json"
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "New")
		self.proxy.reset()
		self.publish(other)
		keys, mine, theirs = self.uploads(), self.path("manifest.json"), self.path("manifest.json", other)
		self.assertEqual(set(keys[:2]), {mine, theirs})
		self.assertEqual(keys[-1], theirs)
		self.assertLess(max(keys.index(mine), keys.index(theirs)), keys.index(lesson))
		self.assertEqual(json.loads(self.object(mine))["replacing"], [lesson])
		self.assertEqual(self.last_log(other).files_uploaded, len(set(keys)) - 1)

	def test_a_second_upload_waits_for_the_first_and_gives_up_in_the_end(self):
		first, second = Bucket(config.load_settings()), Bucket(config.load_settings())
		with (
			first.exclusive(),
			self.assertRaisesRegex(PlanBuildBusy, "upload stayed locked"),
			second.exclusive(wait_seconds=0.05),
		):
			self.fail("two uploads at once")
