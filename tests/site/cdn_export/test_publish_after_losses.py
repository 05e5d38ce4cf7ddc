"""What publishing remembers is lost, or an upload fails halfway: nothing hidden stays on the CDN, and no cache keeps the old."""

import shutil

import frappe
from memora.services.cdn_export import cloudflare, state_store
from memora.services.cdn_export.errors import UploadFailed
from tests.site.cdn_export.publishing import RecordingApi, StorageTestCase


class TestMemoryOfTheBucketIsLost(StorageTestCase):
	def setUp(self):
		super().setUp()
		self.make_published(lessons=2)
		shutil.rmtree(state_store.state_folder())

	def test_a_lesson_that_is_unpublished_next_leaves_the_bucket(self):
		gone, stays = self.subject.lesson_names
		frappe.db.set_value("Memora Lesson", gone, "is_published", 0)
		self.publish()
		self.assertNotIn(f"lessons/{gone}.json", self.objects())
		self.assertIn(f"lessons/{stays}.json", self.objects())

	def test_a_plan_that_is_unpublished_next_takes_its_lessons_along(self):
		frappe.db.set_value("Memora Academic Plan", self.plan.name, "is_published", 0)
		self.assertEqual(self.publish()["status"], "withdrawn")
		self.assertEqual(self.objects(), [])


class TestAnUploadThatFailsHalfway(StorageTestCase):
	def setUp(self):
		super().setUp()
		self.api = RecordingApi()
		self.addCleanup(self.api.stop)
		self.addCleanup(setattr, cloudflare, "CLOUDFLARE_API", cloudflare.CLOUDFLARE_API)
		cloudflare.CLOUDFLARE_API = self.api.address
		self.set_cdn(cloudflare_zone_id="zone1", cloudflare_api_token="token-of-the-test")

	def test_what_was_uploaded_until_then_is_purged_since_the_next_try_uploads_only_the_rest(self):
		self.make_published(lessons=2)
		changed, refused = (f"lessons/{name}.json" for name in self.subject.lesson_names)
		for name in self.subject.lesson_names:
			frappe.db.set_value("Memora Lesson", name, "title", "New")
		self.api.calls.clear()
		self.proxy.refuse = lambda method, path: method == "PUT" and path.endswith(refused)
		with self.assertRaisesRegex(UploadFailed, refused):
			self.publish()
		self.assertIn(f"https://cdn.example.com/{changed}", self.purged())
		self.assertNotIn(f"https://cdn.example.com/{refused}", self.purged())
		self.proxy.reset()
		self.publish()
		self.assertNotIn(changed, self.uploads())
		self.assertIn(f"https://cdn.example.com/{refused}", self.purged())

	def purged(self):
		return [address for _, _, body in self.api.calls for address in body["files"]]
