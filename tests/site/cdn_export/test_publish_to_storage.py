"""A publish to a real S3 server: what is uploaded, in which order, and what a failing storage leaves."""

import json

import requests

import frappe
from memora.services.cdn_export import (
	cdn_publisher,
	cdn_uploader,
	cloudflare,
	config,
	local_storage,
	object_reader,
	stamping,
)
from memora.services.cdn_export.errors import UploadFailed
from memora.utils import clock
from tests import factories
from tests.site.cdn_export.publishing import RecordingApi, StorageTestCase, published_files

CLOSED_PORT = "http://127.0.0.1:1"


class TestPublishToStorage(StorageTestCase):
	def test_the_bucket_holds_the_bytes_of_the_local_files_and_no_structure(self):
		summary = self.make_published(tracks=2)
		uploaded = {path: content for path, content in published_files().items() if "/" in path}
		self.assertEqual({key: self.object(key) for key in self.objects()}, uploaded)
		self.assertEqual((summary["uploaded"], summary["verified"]), (len(uploaded), True))
		log = self.last_log()
		self.assertEqual((log.status, log.files_uploaded, log.sync_verified), ("Success", len(uploaded), 1))
		self.assertEqual(log.bytes_uploaded, sum(map(len, uploaded.values())))

	def test_the_manifest_is_uploaded_last(self):
		self.make_published(tracks=2)
		self.assertEqual(self.uploads()[-1], self.path("manifest.json"))
		self.assertEqual(self.uploads().count(self.path("manifest.json")), 1)

	def test_objects_carry_their_type_and_cache_lifetime(self):
		self.make_published()
		for key in self.objects():
			head = self.client.head_object(Bucket=self.bucket, Key=key)
			self.assertEqual(head["ContentType"], "application/json; charset=utf-8")
			self.assertEqual(head["CacheControl"], "public, max-age=300")

	def test_publishing_again_uploads_nothing_and_reads_everything_back(self):
		self.make_published()
		self.proxy.reset()
		summary = self.publish()
		self.assertEqual((self.uploads(), summary["uploaded"], summary["verified"]), ([], 0, True))
		self.assertEqual(self.last_log().files_unchanged, summary["files"])

	def test_editing_one_lesson_uploads_the_files_it_touches_and_the_manifest(self):
		self.make_published(tracks=2)
		self.proxy.reset()
		lesson = self.subject.lesson_names[0]
		frappe.db.set_value("Memora Lesson", lesson, "image", "/files/new.png")
		summary = self.publish()
		manifest = self.path("manifest.json")
		self.assertEqual(self.uploads(), [manifest, f"lessons/{lesson}.json", manifest])
		self.assertEqual(summary["uploaded"], 2)

	def test_uploads_run_side_by_side_and_never_more_than_the_limit(self):
		self.proxy.delay_seconds = 0.05
		self.make_published(lessons=60)
		self.assertGreaterEqual(self.proxy.most_at_once, 10)
		self.assertLessEqual(self.proxy.most_at_once, cdn_uploader.MAX_THREADS)

	def test_no_checksum_trailer_is_sent(self):
		self.make_published()
		for method, _, headers in self.proxy.requests:
			if method == "PUT":
				names = {name.lower() for name in headers}
				self.assertFalse(
					names & {"x-amz-trailer", "x-amz-sdk-checksum-algorithm", "content-encoding"}
				)

	def test_a_storage_that_refuses_a_file_leaves_a_true_manifest_and_the_next_try_uploads_the_rest(self):
		self.make_published(topics=3)
		old_files = json.loads(self.object(self.path("manifest.json")))["files"]
		for lesson in self.subject.lesson_names:
			frappe.db.set_value("Memora Lesson", lesson, "title", "New")
		refused = self.path(f"{self.subject.topic_names[2]}.json")
		self.proxy.refuse = lambda method, path: method == "PUT" and path.endswith(refused)
		with self.assertRaisesRegex(UploadFailed, f"1 files were not uploaded. {refused}"):
			self.publish()
		manifest = json.loads(self.object(self.path("manifest.json")))
		self.assertLessEqual(manifest["files"].items(), old_files.items())
		self.assertEqual({*manifest["files"], *manifest["replacing"]}, set(old_files))
		self.assertIn(refused, manifest["replacing"])
		for path, described in manifest["files"].items():
			self.assertEqual(stamping.describe(self.object(path)), described)
		self.assertEqual((self.last_log().status, self.last_log().sync_verified), ("Failed", 0))
		self.proxy.reset()
		self.publish()
		self.assertIn(refused, self.uploads())
		self.assertFalse([key for key in self.uploads() if key.startswith("lessons/")])
		self.assertEqual(
			self.object(self.path("manifest.json")), local_storage.read_bytes(self.path("manifest.json"))
		)

	def test_a_storage_that_is_away_is_given_up_after_a_few_files(self):
		self.subject = factories.make_subject(lessons=80)
		self.plan = factories.make_plan(subjects=[self.subject.name])
		self.proxy.refuse = lambda method, path: True
		with self.assertRaises(UploadFailed):
			self.publish()
		tried = {path for _, path, _ in self.proxy.requests}
		self.assertLess(len(tried), 60)
		self.assertEqual(self.objects(), [])
		self.assertIn(self.path("manifest.json"), published_files())

	def test_a_storage_that_does_not_answer_fails_the_publish_and_tells_no_secret(self):
		self.set_cdn(endpoint_url=CLOSED_PORT)
		with self.assertRaises(UploadFailed):
			self.make_published()
		message = self.last_log().error_message
		self.assertIn("UploadFailed", message)
		for secret in (self.s3["access_key"], self.s3["secret_key"]):
			self.assertNotIn(secret, message)

	def test_a_wrong_key_is_told_without_being_shown(self):
		self.set_cdn(secret_key="wrong-secret-wrong-secret")
		with self.assertRaises(UploadFailed):
			self.make_published()
		answer = cdn_uploader.test_connection()
		self.assertEqual((answer["status"], answer["bucket"]), ("failed", self.bucket))
		for text in (self.last_log().error_message, json.dumps(answer)):
			self.assertNotIn("wrong-secret", text)
			self.assertNotIn(self.s3["access_key"], text)

	def test_the_connection_test_writes_and_leaves_nothing(self):
		self.assertEqual(cdn_uploader.test_connection(), {"status": "success", "bucket": self.bucket})
		self.assertEqual(self.objects(), [])

	def test_an_object_that_was_changed_or_lost_in_the_bucket_is_put_back(self):
		self.make_published()
		changed = self.path(f"{self.subject.name}_h.json")
		lost = self.path(f"{self.subject.name}_b.json")
		self.client.put_object(Bucket=self.bucket, Key=changed, Body=b"{}")
		self.client.delete_object(Bucket=self.bucket, Key=lost)
		self.assertEqual(self.publish()["uploaded"], 2)
		for key in (changed, lost):
			self.assertEqual(self.object(key), local_storage.read_bytes(key))

	def test_a_lost_manifest_is_put_back(self):
		self.make_published()
		self.client.delete_object(Bucket=self.bucket, Key=self.path("manifest.json"))
		self.assertEqual(self.publish()["uploaded"], 1)

	def test_another_bucket_gets_everything_again(self):
		self.make_published()
		self.empty_bucket()
		self.set_cdn(endpoint_url=self.s3["endpoint_url"])  # another target, as far as the settings tell
		summary = self.publish()
		self.assertEqual(summary["uploaded"], summary["files"])

	def test_in_local_fallback_mode_nothing_is_uploaded(self):
		self.set_cdn(local_fallback_mode=1)
		self.assertIsNone(self.make_published()["verified"])
		self.assertEqual(self.proxy.requests, [])
		self.assertIn(self.path("manifest.json"), published_files())

	def test_a_change_that_was_published_locally_only_is_uploaded_later(self):
		self.make_published()
		self.set_cdn(local_fallback_mode=1)
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "New")
		self.publish()
		self.set_cdn(local_fallback_mode=0)
		self.assertEqual(self.publish()["uploaded"], 4)
		self.assertEqual(
			self.object(self.path("manifest.json")), local_storage.read_bytes(self.path("manifest.json"))
		)

	def test_what_is_hidden_leaves_the_bucket_at_once(self):
		self.make_published(topics=2)
		topic = self.subject.topic_names[1]
		self.plan.append(
			"overrides", {"target_doctype": "Memora Topic", "target_name": topic, "action": "Hide"}
		)
		self.plan.save()
		self.publish()
		self.assertEqual(set(self.objects()), {path for path in published_files() if "/" in path})
		self.assertNotIn(self.path(f"{topic}.json"), self.objects())

	def test_a_withdrawn_plan_leaves_the_bucket_and_the_lessons_of_another_stay(self):
		self.make_published()
		other = factories.make_plan(subjects=[self.subject.name])
		self.publish(other)
		self.plan.is_published = 0
		self.plan.save()
		self.client.put_object(Bucket=self.bucket, Key=self.path("leftover.json"), Body=b"{}")
		self.publish()
		manifest = self.path("manifest.json", other)
		self.assertEqual(set(self.objects()), {manifest, *self.manifest(other)["files"]})

	def test_the_last_plan_takes_its_lessons_along(self):
		self.make_published()
		self.plan.is_published = 0
		self.plan.save()
		self.assertEqual(self.publish()["verified"], True)
		self.assertEqual(self.objects(), [])


class TestPurge(StorageTestCase):
	def setUp(self):
		super().setUp()
		self.api = RecordingApi()
		self.addCleanup(self.api.stop)
		self.addCleanup(setattr, cloudflare, "CLOUDFLARE_API", cloudflare.CLOUDFLARE_API)
		cloudflare.CLOUDFLARE_API = self.api.address
		self.addCleanup(setattr, cloudflare, "PURGE_PAUSE_SECONDS", cloudflare.PURGE_PAUSE_SECONDS)
		cloudflare.PURGE_PAUSE_SECONDS = 0
		self.set_cdn(cloudflare_zone_id="zone1", cloudflare_api_token="token-of-the-test")

	def test_changed_addresses_are_purged_thirty_a_call(self):
		summary = self.make_published(lessons=60)
		purged = [url for _, _, body in self.api.calls for url in body["files"]]
		self.assertEqual(
			[len(body["files"]) for _, _, body in self.api.calls], [30, 30, summary["uploaded"] - 61, 1]
		)
		self.assertEqual({path for path, _, _ in self.api.calls}, {"/client/v4/zones/zone1/purge_cache"})
		self.assertEqual({token for _, token, _ in self.api.calls}, {"Bearer token-of-the-test"})
		self.assertIn(f"https://cdn.example.com/{self.path('manifest.json')}", purged)

	def test_an_unchanged_plan_purges_nothing(self):
		self.make_published()
		self.api.calls.clear()
		self.publish()
		self.assertEqual(self.api.calls, [])

	def test_a_refused_purge_is_kept_in_the_log_and_fails_nothing(self):
		refusal = {"success": False, "errors": [{"code": 10000, "message": "Bad token token-of-the-test"}]}
		self.api.answers = [(403, {}, refusal)]
		summary = self.make_published()
		self.assertEqual((summary["status"], len(self.api.calls)), ("published", 2))
		log = self.last_log()
		self.assertEqual((log.status, log.sync_verified), ("Success", 1))
		self.assertEqual(log.error_message, "The CDN's cache was not purged: Bad token ***")

	def test_a_busy_api_is_asked_again_and_not_for_ever(self):
		self.api.answers = [(429, {}, {"success": False, "errors": []}), (502, {}, b"<html>")]
		self.assertEqual(self.make_published()["notes"], [])
		self.assertEqual(len(self.api.calls), 4)
		self.api.answers = [(503, {}, b"")] * 9
		answer = cdn_uploader.purge_cdn_cache("zone1", "t", ["https://cdn.example.com/a"])
		self.assertEqual((answer["success"], len(self.api.calls)), (False, 7))

	def test_an_api_that_is_away_is_not_asked_again_for_every_thirty_addresses(self):
		self.api.answers = [(503, {}, b"")] * 9
		urls = [f"https://cdn.example.com/{number}" for number in range(300)]
		answer = cloudflare.purge_cdn_cache("zone1", "t", urls)
		self.assertEqual((answer["success"], len(self.api.calls)), (False, cloudflare.PURGE_ATTEMPTS))

	def test_a_redirect_is_not_followed_with_the_token(self):
		self.api.answers = [(307, {"Location": f"{self.api.address}/elsewhere"}, b"")]
		answer = cdn_uploader.purge_cdn_cache("zone1", "t", ["https://cdn.example.com/a"])
		self.assertEqual((answer["success"], len(self.api.calls)), (False, 1))

	def test_an_api_that_does_not_answer_is_an_error_in_the_answer(self):
		cloudflare.CLOUDFLARE_API = CLOSED_PORT
		answer = cdn_uploader.purge_cdn_cache("zone1", "t", ["https://cdn.example.com/a"])
		self.assertEqual(
			answer["errors"], [{"code": 0, "message": "Cloudflare did not answer: ConnectionError"}]
		)

	def test_nothing_to_purge_is_a_success(self):
		self.assertTrue(cdn_uploader.purge_cdn_cache("zone1", "t", [])["success"])


class TestUploaderFunctions(StorageTestCase):
	def test_a_plans_files_are_uploaded_from_data_and_named_by_address(self):
		files = {"plans/P/manifest.json": {"plan_id": "P"}, "plans/P/T 1.json": {"title": "درس"}}
		urls, errors = cdn_uploader.upload_plan_files(self.client, self.bucket, "P", files)
		self.assertEqual(errors, [])
		self.assertEqual(
			urls,
			["https://cdn.example.com/plans/P/T%201.json", "https://cdn.example.com/plans/P/manifest.json"],
		)
		self.assertEqual(self.object("plans/P/T 1.json"), '{"title":"درس"}'.encode())

	def test_a_manifest_is_not_uploaded_when_another_file_fails(self):
		files = {"plans/P/manifest.json": {}, "plans/P/T.json": {"bad": float("nan")}}
		urls, errors = cdn_uploader.upload_plan_files(self.client, self.bucket, "P", files)
		self.assertEqual(urls, [])
		self.assertIn("plans/P/T.json cannot be written as JSON", errors[0])
		self.assertEqual(self.objects(), [])

	def test_local_files_are_uploaded_as_they_are(self):
		local_storage.write_files({"plans/P/T.json": b'{"a":1}', "plans/P/manifest.json": b"{}"})
		paths = ["plans/P/manifest.json", "plans/P/T.json"]
		urls, results, errors = cdn_uploader.upload_plan_files_from_local(
			self.client, self.bucket, "P", paths
		)
		self.assertEqual((len(urls), errors), (2, []))
		self.assertEqual(results["plans/P/T.json"].etag, local_storage.get_file_hash("plans/P/T.json"))
		self.assertEqual(self.object("plans/P/T.json"), b'{"a":1}')

	def test_a_local_file_that_is_not_there_is_an_error_by_name(self):
		success, error, etag = cdn_uploader.upload_json_from_file(
			self.client, self.bucket, "a.json", "/nowhere/a.json"
		)
		self.assertEqual((success, etag), (False, None))
		self.assertIn("/nowhere/a.json", error)

	def test_one_object_is_uploaded_and_deleted(self):
		success, error, etag = cdn_uploader.upload_json(
			self.client, self.bucket, "lessons/L.json", {"id": "L"}
		)
		self.assertEqual((success, error), (True, None))
		self.assertEqual(etag, local_storage.hashes_of(b'{"id":"L"}')["md5"])
		self.assertEqual(cdn_uploader.delete_json(self.client, self.bucket, "lessons/L.json"), (True, None))
		self.assertEqual(cdn_uploader.delete_json(self.client, self.bucket, "lessons/L.json"), (True, None))

	def test_a_folder_of_more_than_a_thousand_objects_is_deleted_and_its_namesake_stays(self):
		keys = {f"plans/P-1/{number}.json": b"{}" for number in range(1050)}
		cdn_uploader.upload_many(self.client, self.bucket, {**keys, "plans/P-10/a.json": b"{}"})
		self.assertEqual(
			cdn_uploader.delete_plan_folder(frappe.get_doc("CDN Settings"), "P-1"), (1050, 0, [])
		)
		self.assertEqual(self.objects(), ["plans/P-10/a.json"])

	def test_the_whole_bucket_is_never_a_folder(self):
		for prefix in ("", "/", "../x"):
			with self.assertRaisesRegex(ValueError, "cannot name a published file"):
				cdn_uploader.delete_folder(self.client, self.bucket, prefix)

	def test_an_etag_that_is_no_md5_is_settled_by_the_bytes(self):
		body = b'{"id":"L"}'
		upload = self.client.create_multipart_upload(Bucket=self.bucket, Key="lessons/L.json")["UploadId"]
		place = {"Bucket": self.bucket, "Key": "lessons/L.json", "UploadId": upload}
		part = self.client.upload_part(**place, PartNumber=1, Body=body)
		parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
		etag = self.client.complete_multipart_upload(**place, MultipartUpload=parts)["ETag"].strip('"')
		expected = {"lessons/L.json": local_storage.hashes_of(body)}
		self.assertNotEqual(etag, expected["lessons/L.json"]["md5"])
		etags = object_reader.list_etags(self.client, self.bucket, "lessons")
		self.assertEqual(self.differing(etags, expected), [])
		other = {"lessons/L.json": local_storage.hashes_of(b"other")}
		self.assertEqual(self.differing(etags, other), ["lessons/L.json"])
		self.assertEqual(self.differing(etags, other, proven=etags), [])

	def differing(self, etags, expected, proven=()):
		return object_reader.find_differing(self.client, self.bucket, etags, expected, dict(proven))

	def test_a_signed_address_opens_the_object_and_a_changed_one_does_not(self):
		cdn_uploader.upload_json(self.client, self.bucket, "lessons/L.json", {"id": "L"})
		url = cdn_uploader.generate_signed_url(self.client, self.bucket, "lessons/L.json")
		self.assertIn("X-Amz-Expires=14400", url)
		self.assertEqual(requests.get(url, timeout=10).json(), {"id": "L"})
		self.assertEqual(requests.get(url.replace("L.json", "M.json"), timeout=10).status_code, 403)
		with self.assertRaisesRegex(ValueError, "expiry_seconds must be from 1 to 604800"):
			cdn_uploader.generate_signed_url(self.client, self.bucket, "lessons/L.json", 0)

	def test_an_address_of_the_cloud_providers_metadata_is_never_called(self):
		settings = config.CdnSettings(endpoint_url="http://169.254.169.254", bucket_name="b")
		with self.assertRaises(ValueError):
			cdn_uploader.get_cdn_client(settings)

	def test_the_base_address_is_the_cdns_else_the_buckets(self):
		base = cdn_uploader.get_cdn_base_url
		settings = config.CdnSettings(endpoint_url="https://s3.example.com", bucket_name="memora")
		self.assertEqual(base(frappe.get_doc("CDN Settings")), "https://cdn.example.com")
		self.assertEqual(base(settings), "https://s3.example.com/memora")
		self.assertEqual(base(config.CdnSettings(bucket_name="memora")), "https://memora.s3.amazonaws.com")

	def test_settings_show_no_secret_when_they_are_printed(self):
		settings = config.load_settings()
		self.assertEqual(settings.secret_key, self.s3["secret_key"])
		self.assertNotIn(self.s3["secret_key"], f"{settings!r} {settings}")
		url = "https://x/?X-Amz-Credential=AKIA/1&X-Amz-Signature=abc"
		self.assertEqual(settings.redact(url), "https://x/?X-Amz-Credential=***&X-Amz-Signature=***")


class TestLessonsSharedByUploads(StorageTestCase):
	def test_a_lesson_that_another_build_wrote_meanwhile_is_uploaded_as_it_is_now(self):
		self.make_published()
		lesson = f"lessons/{self.subject.lesson_names[0]}.json"
		older = dict(published_files())
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "Newer")
		self.set_cdn(enabled=0)
		self.publish(factories.make_plan(subjects=[self.subject.name]))
		self.set_cdn(enabled=1)
		publisher = cdn_publisher.CdnPublisher(
			config.load_settings(), self.plan.name, lambda done, total: None, lambda: None
		)
		plan_files = {path: content for path, content in older.items() if "/" in path}
		publisher.publish(plan_files)
		self.assertEqual(json.loads(self.object(lesson))["title"], "Newer")
		self.assertLessEqual(json.loads(self.object(lesson))["version"], clock.unix_seconds() + 1)
