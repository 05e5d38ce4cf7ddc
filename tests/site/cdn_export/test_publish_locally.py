"""A publish to this site's disk: what is written, what stays, what goes, and what a failure leaves."""

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path

import frappe
from memora.services.cdn_export import (
	batch_processor,
	content_repository,
	generations,
	local_publisher,
	local_storage,
	plan_publisher,
	schema_validator,
	stamping,
	state_store,
)
from memora.services.cdn_export.errors import InvalidContent, StaleContent
from memora.utils import clock
from tests import factories
from tests.site.cdn_export.publishing import PublishingTestCase, changed_between, published_files

NOW = datetime(2026, 3, 1, 12, 0, 0)


class TestPublishLocally(PublishingTestCase):
	def test_a_plan_is_published_with_every_file_its_manifest_names(self):
		summary = self.make_published(tracks=2, lessons=3)
		manifest = self.manifest()
		self.assertEqual(len(manifest["files"]), summary["files"] - 1)
		for path, described in manifest["files"].items():
			self.assertEqual(stamping.describe(local_storage.read_bytes(path)), described)
		self.assertEqual(
			(summary["status"], summary["written"], summary["verified"]), ("published", 12, None)
		)

	def test_every_published_file_fits_its_schema(self):
		self.make_published()
		files = {path: local_storage.read_content_file(path) for path in published_files()}
		self.assertEqual(schema_validator.validate_all_json_files(files)["errors"], {})

	def test_a_publish_is_one_row_of_the_log(self):
		self.make_published()
		self.assertEqual(frappe.db.count("CDN Sync Log", {"plan_id": self.plan.name}), 1)
		log = self.last_log()
		self.assertEqual(
			(log.status, log.files_uploaded, log.sync_verified, log.error_message), ("Success", 0, 0, "")
		)
		self.assertTrue(log.started_at <= log.completed_at)

	def test_publishing_again_changes_no_byte(self):
		self.make_published()
		before = published_files()
		with clock.freeze(clock.utc_now() + timedelta(hours=1)):
			summary = self.publish()
		self.assertEqual((summary["written"], summary["unchanged"]), (0, summary["files"]))
		self.assertEqual(published_files(), before)

	def test_editing_a_lessons_stages_writes_that_lesson_and_the_manifest_only(self):
		self.make_published()
		before = published_files()
		lesson = frappe.get_doc("Memora Lesson", self.subject.lesson_names[0])
		lesson.append("stages", {"title": "Watch", "type": "Video", "config": "{}"})
		lesson.save()
		self.publish()
		# The topic tells how many stages a lesson has.
		expected = {f"lessons/{lesson.name}.json", self.path(f"{self.subject.topic_names[0]}.json")}
		self.assertEqual(changed_between(before, published_files()), {*expected, self.path("manifest.json")})

	def test_a_plan_is_read_in_eight_queries_whatever_its_size(self):
		small = factories.make_plan(subjects=[factories.make_subject().name])
		large = factories.make_plan(
			subjects=[
				factories.make_subject(tracks=2, units=2, topics=2, lessons=4).name,
				factories.make_subject().name,
			]
		)
		self.assertEqual(self.queries_of(small.name), 8)
		self.assertEqual(self.queries_of(large.name), 8)

	def queries_of(self, plan_id):
		before = frappe.db.sql("SHOW SESSION STATUS LIKE 'Com_select'")[0][1]
		content_repository.load_plan(plan_id)
		return int(frappe.db.sql("SHOW SESSION STATUS LIKE 'Com_select'")[0][1]) - int(before)

	def test_no_published_byte_holds_an_id_or_title_of_what_is_hidden_or_unpublished(self):
		subject = factories.make_subject(title="Shown subject", tracks=2, units=2, topics=2, lessons=2)
		secret_lesson, secret_topic = subject.lesson_names[0], subject.topic_names[3]
		hidden_track = subject.track_names[1]
		frappe.db.set_value("Memora Lesson", secret_lesson, {"title": "Verborgen A", "is_published": 0})
		frappe.db.set_value("Memora Topic", secret_topic, {"title": "Verborgen B", "is_published": 0})
		frappe.db.set_value("Memora Track", hidden_track, "title", "Verborgen C")
		self.plan = factories.make_plan(
			subjects=[subject.name], overrides=[("Memora Track", hidden_track, "Hide")]
		)
		self.publish()
		withheld = [secret_lesson, secret_topic, hidden_track, "Verborgen A", "Verborgen B", "Verborgen C"]
		withheld += subject.lesson_names[8:]
		for path, content in published_files().items():
			if path == f"{subject.name}.json":  # the structure knows no plan, so it shows what a plan hides
				content = content.replace(b"Verborgen C", b"").replace(hidden_track.encode(), b"")
				names = withheld[:2] + withheld[3:5]
			else:
				names = withheld
			for name in names:
				self.assertNotIn(f'"{name}"'.encode(), content, path)
				self.assertNotIn(f"{name}.json", path)

	def test_a_file_that_does_not_fit_its_schema_leaves_everything_as_it_was(self):
		self.make_published()
		before = published_files()
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "New")
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[1], "title", "")
		with self.assertRaisesRegex(InvalidContent, "files are not valid.*title"):
			self.publish()
		self.assertEqual(published_files(), before)
		self.assertEqual(self.last_log().status, "Failed")
		self.assertIn(self.subject.lesson_names[1], self.last_log().error_message)

	def test_a_disk_that_refuses_one_file_leaves_everything_as_it_was(self):
		self.make_published(topics=2)
		before = published_files()
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "New")
		occupied = Path(local_storage.absolute_path(self.path(f"{self.subject.name}_h.json")))
		occupied.unlink()
		(occupied / "x").mkdir(parents=True)
		with self.assertRaises(OSError):
			self.publish()
		(occupied / "x").rmdir()
		occupied.rmdir()
		after = published_files()
		self.assertEqual(changed_between(before, after), {self.path(f"{self.subject.name}_h.json")})
		self.assertEqual(self.last_log().status, "Failed")

	def test_a_failed_rebuild_is_false_and_told_in_the_error_log(self):
		self.make_published()
		self.assertTrue(batch_processor._rebuild_plan(self.plan.name))
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[1], "title", "")
		self.assertFalse(batch_processor._rebuild_plan(self.plan.name))
		error = frappe.get_last_doc("Error Log", {"method": "CDN Plan Rebuild Error"})
		self.assertIn(self.plan.name, error.error)
		self.assertIn("InvalidContent", error.error)


class TestWhatNoPlanNamesAnyMore(PublishingTestCase):
	def test_what_is_hidden_goes_at_once(self):
		self.make_published(topics=2)
		topic = self.subject.topic_names[1]
		self.plan.append(
			"overrides", {"target_doctype": "Memora Topic", "target_name": topic, "action": "Hide"}
		)
		self.plan.save()
		summary = self.publish()
		self.assertEqual(summary["deleted"], 3)
		self.assertNotIn(self.path(f"{topic}.json"), published_files())
		self.assertNotIn(f"lessons/{self.subject.lesson_names[2]}.json", published_files())

	def test_a_topic_emptied_by_unpublishing_its_lessons_goes_at_once(self):
		self.make_published(topics=2)
		for lesson in self.subject.lesson_names[2:]:
			frappe.db.set_value("Memora Lesson", lesson, "is_published", 0)
		self.publish()
		self.assertNotIn(self.path(f"{self.subject.topic_names[1]}.json"), published_files())

	def test_a_removed_subject_stays_for_readers_of_the_old_manifest_and_goes_after_ten_minutes(self):
		other = factories.make_subject()
		with clock.freeze(NOW):
			self.make_published()
			self.plan.set("subjects", [{"subject": other.name}])
			self.plan.save()
			self.assertEqual(self.publish()["deleted"], 0)
		with clock.freeze(NOW + timedelta(seconds=599)):
			self.assertEqual(self.publish()["deleted"], 0)
		old = {self.path(f"{self.subject.name}_h.json"), f"lessons/{self.subject.lesson_names[0]}.json"}
		self.assertLessEqual(old, set(published_files()))
		with clock.freeze(NOW + timedelta(seconds=600)):
			self.assertEqual(self.publish()["deleted"], 5)
		self.assertFalse(old & set(published_files()))

	def test_a_subject_that_is_removed_and_unpublished_goes_at_once(self):
		other = factories.make_subject()
		self.make_published()
		self.plan.set("subjects", [{"subject": other.name}])
		self.plan.save()
		frappe.db.set_value("Memora Subject", self.subject.name, "is_published", 0)
		self.assertEqual(self.publish()["deleted"], 5)

	def test_a_shard_that_is_needed_no_more_goes_at_once_since_it_tells_of_hidden_lessons(self):
		self.make_published(lessons=97)
		shard = self.path(f"search/{self.subject.name}.json")
		self.assertIn(shard, published_files())
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "is_published", 0)
		self.publish()
		self.assertNotIn(shard, published_files())

	def test_files_of_a_removed_subject_that_tell_of_an_unpublished_lesson_go_at_once(self):
		other = factories.make_subject()
		self.make_published()
		self.plan.set("subjects", [{"subject": other.name}])
		self.plan.save()
		frappe.db.set_value(
			"Memora Lesson", self.subject.lesson_names[0], {"title": "Gone", "is_published": 0}
		)
		self.publish()
		self.assertNotIn(self.path(f"{self.subject.topic_names[0]}.json"), published_files())
		self.assertIn(f"lessons/{self.subject.lesson_names[1]}.json", published_files())

	def test_a_file_that_is_named_again_in_time_is_spared(self):
		other = factories.make_subject()
		with clock.freeze(NOW):
			self.make_published()
			self.plan.set("subjects", [{"subject": other.name}])
			self.plan.save()
			self.publish()
			self.plan.set("subjects", [{"subject": self.subject.name}])
			self.plan.save()
			self.publish()
		with clock.freeze(NOW + timedelta(hours=1)):
			self.publish()
		self.assertLessEqual(set(self.manifest()["files"]), set(published_files()))

	def test_a_lesson_that_another_plan_shows_stays(self):
		self.make_published()
		other = factories.make_plan(subjects=[self.subject.name])
		self.publish(other)
		self.plan.append(
			"overrides",
			{"target_doctype": "Memora Subject", "target_name": self.subject.name, "action": "Hide"},
		)
		self.plan.save()
		self.publish()
		self.assertLessEqual(set(self.manifest(other)["files"]), set(published_files()))
		self.assertNotIn(self.path(f"{self.subject.name}_h.json"), published_files())

	def test_an_unpublished_plan_is_withdrawn_with_the_lessons_that_only_it_showed(self):
		self.make_published()
		self.plan.is_published = 0
		self.plan.save()
		summary = self.publish()
		self.assertEqual((summary["status"], summary["files"]), ("withdrawn", 0))
		self.assertEqual(set(published_files()), {f"{self.subject.name}.json"})
		self.assertEqual(self.last_log().status, "Success")

	def test_a_withdrawn_plan_leaves_the_lessons_of_the_others(self):
		self.make_published()
		other = factories.make_plan(subjects=[self.subject.name])
		self.publish(other)
		self.plan.is_published = 0
		self.plan.save()
		self.publish()
		self.assertFalse([path for path in published_files() if path.startswith(self.path(""))])
		self.assertLessEqual(set(self.manifest(other)["files"]), set(published_files()))

	def test_a_plan_that_never_was_is_withdrawn_without_a_trace(self):
		self.assertEqual(batch_processor.publish_plan("PLAN-NONE")["deleted"], 0)
		self.assertEqual(published_files(), {})

	def test_the_structure_of_an_unpublished_subject_goes(self):
		self.make_published()
		self.assertIn(f"{self.subject.name}.json", published_files())
		frappe.db.set_value("Memora Subject", self.subject.name, "is_published", 0)
		self.publish()
		self.assertEqual(set(published_files()), {self.path("manifest.json"), self.path("search_index.json")})


class TestBuildsThatMeet(PublishingTestCase):
	def test_a_build_that_read_earlier_does_not_replace_a_newer_shared_lesson(self):
		self.make_published()
		lesson = self.subject.lesson_names[0]
		frappe.db.set_value("Memora Lesson", lesson, "title", "Older")
		generation = generations.current()
		late = plan_publisher.build(content_repository.load_plan(self.plan.name), generation)
		frappe.db.set_value("Memora Lesson", lesson, "title", "Newer")
		self.publish(factories.make_plan(subjects=[self.subject.name]))
		with self.assertRaisesRegex(StaleContent, "was published by another build meanwhile"):
			local_publisher.publish(late)
		self.assertEqual(local_storage.read_content_file(f"lessons/{lesson}.json")["title"], "Newer")
		self.assertEqual(self.publish()["status"], "published")

	def test_losing_what_publishing_remembers_loses_no_file(self):
		self.make_published()
		before = published_files()
		state_store.forget("generations")
		state_store.forget(f"hashes/plans/{self.plan.name}")
		self.assertEqual(self.publish()["written"], 0)
		self.assertEqual(published_files(), before)

	def test_a_damaged_manifest_is_written_anew_and_blocks_no_other_plan(self):
		self.make_published()
		other = factories.make_plan(subjects=[self.subject.name])
		self.publish(other)
		Path(local_storage.absolute_path(self.path("manifest.json"))).write_bytes(b"{half")
		other.is_published = 0
		other.save()
		self.assertEqual(self.publish(other)["status"], "withdrawn")
		self.publish()
		self.assertLessEqual(set(self.manifest()["files"]), set(published_files()))

	def test_damaged_state_counts_as_none(self):
		self.make_published()
		(state_store.state_folder() / "generations.json").write_text("{")
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "New")
		self.assertEqual(self.publish()["status"], "published")

	def test_a_reader_during_a_hundred_builds_finds_every_file_in_the_manifest_it_reads_next(self):
		self.make_published(topics=2)
		reader = Reader(Path(local_storage.get_local_base_path()), self.path("manifest.json"))
		reader.start()
		for number in range(100):
			self.change_and_publish(number)
		reader.finish()
		self.assertGreater(reader.files_read, 100)
		self.assertEqual(reader.complaints, [])

	def change_and_publish(self, number):
		lesson = self.subject.lesson_names[number % 4]
		broken = number % 10 == 9
		frappe.db.set_value("Memora Lesson", lesson, "title", "" if broken else f"Title {number}")
		if not broken:
			self.publish()
			return
		with self.assertRaises(InvalidContent):
			self.publish()
		frappe.db.set_value("Memora Lesson", lesson, "title", f"Mended {number}")


class Reader(threading.Thread):
	"""Reads manifest and files as an app does: what does not match sends it back to the manifest."""

	PATIENCE_SECONDS = 5

	def __init__(self, base, manifest_path):
		super().__init__(daemon=True)
		self.base, self.manifest_path = base, manifest_path
		self.stopped = threading.Event()
		self.files_read, self.complaints = 0, []

	def finish(self):
		self.stopped.set()
		self.join()

	def run(self):
		while not self.stopped.is_set():
			for path, described in self.named_files().items():
				self.files_read += 1
				if not self.matches(path, described) and not self.matches_the_next_manifest(path):
					self.complaints.append(path)

	def named_files(self):
		return json.loads((self.base / self.manifest_path).read_bytes())["files"]

	def matches(self, path, described):
		try:
			return described is not None and stamping.describe((self.base / path).read_bytes()) == described
		except FileNotFoundError:
			return False

	def matches_the_next_manifest(self, path):
		for _ in range(self.PATIENCE_SECONDS * 1000):
			named = self.named_files()
			if path not in named or self.matches(path, named[path]):
				return True
			self.stopped.wait(0.001)
		return False
