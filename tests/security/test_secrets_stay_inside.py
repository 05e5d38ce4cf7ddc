"""After a busy day nothing that opens a door stands in a log, an error, the audit trail, the cache or a reply."""

import os
from pathlib import Path

import frappe
from frappe.utils.password import update_password
from memora.utils import redis_store
from tests import committed
from tests.http.app import App
from tests.http.test_first_slice import COMPLETE, GET_WALLET
from tests.security import inventory, privileges
from tests.security.world import STUDENT, SYSTEM_MANAGER, SecurityTestCase

SECRET_FIELDS = ("access_key", "secret_key", "cloudflare_api_token")
JOURNALS = (
	"Error Log",
	"Memora Interaction Log",
	"Activity Log",
	"Access Log",
	"Version",
	"Comment",
	"Notification Log",
)
OUR_JOURNALS = ("Memora Interaction Log", "Error Log")
JUNK = "<\t>"


class TestSecrets(SecurityTestCase):
	def setUp(self):
		super().setUp()
		self.replies = []
		self.sizes = {path: path.stat().st_size for path in self.log_files()}
		self.password, self.wrong, self.in_the_wrong_field = (
			frappe.generate_hash(length=20) for _ in range(3)
		)
		update_password(self.player.user, self.password)
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(update_password, self.player.user, committed.PASSWORD)

	@staticmethod
	def log_files() -> list[Path]:
		bench, site = Path(os.environ["MEMORA_BENCH"]), Path(frappe.get_site_path("logs"))
		return [path for folder in (bench / "logs", site) for path in folder.glob("*.log")]

	def test_nothing_that_opens_a_door_is_written_or_told(self):
		keys = self.store_keys()
		sids = self.have_a_busy_day()
		self.assertEqual(len({*sids} - {None}), 3)
		secrets = {
			self.password,
			self.wrong,
			*sids,
			*keys,
			frappe.conf.db_password,
			frappe.conf.encryption_key,
		}
		for secret in secrets - {None, ""}:
			self.assertEqual(self.files_with(secret), [])
			self.assertEqual(self.rows_with(secret, JOURNALS), [])
			self.assertEqual([key for key in redis_store.keys_matching("*") if secret in key], [])
		# Frappe's Activity Log keeps the name of a failed login as it was typed; ours leave it out.
		self.assertEqual(self.files_with(self.in_the_wrong_field), [])
		self.assertEqual(self.rows_with(self.in_the_wrong_field, OUR_JOURNALS), [])
		self.check_replies(secrets - {*sids})

	def store_keys(self) -> list[str]:
		app = self.desk(SYSTEM_MANAGER)
		before = {field: frappe.db.get_single_value("CDN Settings", field) for field in SECRET_FIELDS}
		keys = [frappe.generate_hash(length=24) for _ in SECRET_FIELDS]
		body = dict(zip(SECRET_FIELDS, keys, strict=True))
		reply = app.request(
			"PUT", "/api/resource/CDN Settings/CDN Settings", json={**body, "bucket_name": "bucket"}
		)
		self.addCleanup(self.restore, before)
		self.assertEqual(reply.status_code, 200, reply.text[:300])
		self.desk_app = app
		self.keep(
			reply,
			app.request("GET", "/api/resource/CDN Settings/CDN Settings"),
			app.get("frappe.desk.form.load.getdoc", doctype="CDN Settings", name="CDN Settings"),
			app.post("memora.api.cdn_admin.test_connection"),
		)
		return keys

	@staticmethod
	def restore(values: dict):
		for field, value in values.items():
			frappe.db.set_single_value("CDN Settings", field, value)
		frappe.db.delete("__Auth", {"doctype": "CDN Settings"})
		frappe.db.set_single_value("CDN Settings", "bucket_name", None)
		frappe.db.commit()

	def have_a_busy_day(self) -> list[str]:
		"""Every endpoint by who may and who may not, good logins and bad ones; the session ids that there were."""
		sids = [self.app.sid]
		for pwd in (self.wrong, self.password):
			self.keep(self.app.login(self.player.user, pwd), App().login(self.player.user, pwd))
			self.keep(
				self.app.login(self.in_the_wrong_field, pwd), self.app.login(pwd, pwd, tmp_id=pwd, otp=pwd)
			)
			self.keep(self.app.post("login", usr=self.player.user, pwd=pwd))
			self.forget_limits()
			sids.append(self.app.sid)
		self.keep(self.app.get(GET_WALLET), self.app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		for endpoint in inventory.endpoints().values():
			allowed = privileges.ENDPOINTS[endpoint.name]
			for who, app in ((STUDENT, self.app), (SYSTEM_MANAGER, self.desk_app)):
				if endpoint.name.endswith(("logout", "login", "rebuild_all", "scan_plans")):
					continue
				self.forget_limits()
				send = app.get if endpoint.verb == "GET" else app.post
				self.keep(
					send(endpoint.name, **dict.fromkeys(endpoint.arguments, JUNK if who in allowed else "x"))
				)
		update = {"key": "x", "new_password": self.wrong, "old_password": self.password}
		self.keep(self.app.post("frappe.core.doctype.user.user.update_password", **update))
		self.forget_limits()
		again = App(self.app.device_id)
		self.keep(again.login(self.player.user, self.password))
		sids.append(again.sid)
		self.keep(self.app.get(GET_WALLET), App().get(GET_WALLET, sid=again.sid))
		return sids

	def keep(self, *replies):
		self.replies += replies

	def files_with(self, secret: str) -> list[str]:
		"""Log files that hold the secret in what this test added to them."""
		found = []
		for path in self.log_files():
			with path.open("rb") as file:
				start = self.sizes.get(path, 0)
				file.seek(start if start <= path.stat().st_size else 0)
				if secret.encode() in file.read():
					found.append(path.name)
		return found

	def rows_with(self, secret: str, journals: tuple[str, ...]) -> list[tuple]:
		frappe.db.rollback()
		found = []
		for doctype in journals:
			columns = [f"`{column}`" for column in frappe.db.get_table_columns(doctype)]
			count = frappe.db.sql(
				f"select count(*) from `tab{doctype}` where concat_ws('|', {', '.join(columns)}) like %s",
				f"%{secret}%",
			)[0][0]
			if count:
				found.append((doctype, count))
		return found

	def check_replies(self, secrets: set[str]):
		for reply in self.replies:
			for secret in secrets:
				self.assertNotIn(secret, reply.text, reply.url)
			if "memora.api" in reply.url:
				self.assertNotRegex(reply.text, r"Traceback|File \\\"/|site_config|__Auth", reply.url)
			for header in ("X-Powered-By", "X-Debug"):
				self.assertNotIn(header, reply.headers)
		self.assertTrue(self.replies)
