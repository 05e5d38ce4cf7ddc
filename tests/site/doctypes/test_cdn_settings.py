"""The rules of CDN Settings: addresses that may be called, numbers in range, and nothing half filled in."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput

COMPLETE = {
	"enabled": 1,
	"storage_provider": "Other S3",
	"endpoint_url": "https://s3.example.com",
	"bucket_name": "memora-content",
	"access_key": "key",
	"secret_key": "secret",
	"cdn_base_url": "https://cdn.example.com/",
	"cloudflare_zone_id": "023e105f4ecef8ad9ca31a8372d0c353",
	"signed_url_expiry_hours": 4,
	"batch_threshold": 50,
	"local_fallback_mode": 0,
}


class TestCDNSettings(FrappeTestCase):
	def tearDown(self):
		frappe.db.rollback()
		frappe.clear_document_cache("CDN Settings", "CDN Settings")

	def save(self, **values):
		settings = frappe.get_doc("CDN Settings")
		settings.update({**COMPLETE, **values})
		return settings.save()

	def test_complete_settings_are_stored_and_secrets_are_encrypted(self):
		self.save()
		stored = frappe.get_doc("CDN Settings")
		self.assertEqual(stored.cdn_base_url, "https://cdn.example.com")
		self.assertEqual(stored.get_password("secret_key"), "secret")
		self.assertNotIn("secret", [stored.access_key, stored.secret_key])

	def test_numbers_keep_to_their_range(self):
		for values in (
			{"signed_url_expiry_hours": 0},
			{"signed_url_expiry_hours": 25},
			{"batch_threshold": 0},
			{"batch_threshold": 10_001},
		):
			with self.subTest(values), self.assertRaisesRegex(InvalidInput, "must be from 1 to"):
				self.save(**values)

	def test_an_address_that_the_server_must_not_call_is_refused_by_its_field(self):
		for address in (
			"http://169.254.169.254",
			"http://s3.example.com",
			"https://metadata.google.internal",
		):
			with self.subTest(address), self.assertRaisesRegex(InvalidInput, "^Endpoint URL must"):
				self.save(endpoint_url=address)
			with self.subTest(address), self.assertRaisesRegex(InvalidInput, "^CDN Base URL must"):
				self.save(cdn_base_url=address)

	def test_a_server_on_this_machine_may_be_called_without_encryption(self):
		self.assertEqual(
			self.save(endpoint_url="http://127.0.0.1:8333").endpoint_url, "http://127.0.0.1:8333"
		)

	def test_nothing_can_be_enabled_half_filled_in(self):
		with self.assertRaisesRegex(InvalidInput, "before enabling: Bucket Name, CDN Base URL, Endpoint URL"):
			self.save(bucket_name=None, cdn_base_url="", endpoint_url=None)

	def test_amazons_own_s3_needs_no_endpoint(self):
		self.assertEqual(self.save(storage_provider="AWS S3", endpoint_url=None).enabled, 1)

	def test_what_is_disabled_may_be_empty(self):
		empty = dict.fromkeys(("endpoint_url", "bucket_name", "access_key", "secret_key", "cdn_base_url"))
		self.assertEqual(self.save(enabled=0, **empty).enabled, 0)

	def test_names_that_become_part_of_addresses_are_plain(self):
		for bucket_name in ("A", "Upper-Case", "a/b", "a b", "-ab", "ab-", "x" * 64):
			with self.subTest(bucket_name), self.assertRaisesRegex(InvalidInput, "Bucket Name must"):
				self.save(bucket_name=bucket_name)
		with self.assertRaisesRegex(InvalidInput, "Cloudflare Zone ID must"):
			self.save(cloudflare_zone_id="../accounts")
