"""Names and addresses that point out of the folder they belong to."""

import os
from pathlib import Path

import requests

import frappe
from memora.services.cdn_export import local_storage
from tests import factories
from tests.http.app import App, refusal
from tests.security.world import CONTENT_MANAGER, SecurityTestCase

CONTENT = "/memora_content"
CLIMBS = (
	"../site_config.json",
	"../../site_config.json",
	"%2e%2e/site_config.json",
	"..%2fsite_config.json",
	"..%5csite_config.json",
	"....//site_config.json",
	"%252e%252e/%252e%252e/site_config.json",
	"..;/site_config.json",
	"plans/../../../site_config.json",
	"/etc/passwd",
	"//etc/passwd",
	"%00/../site_config.json",
	"site_config.json%00.json",
)
FILES = (
	"/private/files/../../site_config.json",
	"/files/../site_config.json",
	"/files/%2e%2e/%2e%2e/site_config.json",
	"/assets/../site_config.json",
	"/assets/memora/../../../sites/common_site_config.json",
	"/backups/../site_config.json",
	"/api/method/download_file?file_url=/private/files/../../site_config.json",
	"/api/method/frappe.core.doctype.file.file.download_file?file_url=/files/../../site_config.json",
	'/api/method/frappe.client.get_js?items=["../sites/common_site_config.json"]',
	"/../../../../etc/passwd",
)
NO_NAMES = (
	"../escaped",
	"..",
	".",
	"a/b",
	"/etc/x",
	"a\\..\\b",
	".hidden",
	"%2e%2e",
	"x\u2215y/..",
	"a/../../../b",
)


class TestPathTraversal(SecurityTestCase):
	def raw(self, app: App, path: str):
		"""As it is written: `requests` would tidy the address up."""
		url = os.environ["MEMORA_WEB_URL"]
		device = {"X-Device-ID": app.device_id} if app.device_id else {}
		prepared = requests.Request("GET", url, headers=device).prepare()
		prepared.headers.update(app.http.headers)
		prepared.prepare_cookies(app.http.cookies)
		prepared.url = url + path
		return app.http.send(prepared, timeout=30, allow_redirects=False)

	def test_no_address_leads_out_of_the_published_files(self):
		secret = frappe.conf.db_password
		for app in (self.app, App(), self.desk(CONTENT_MANAGER)):
			for path in (*(f"{CONTENT}/{climb}" for climb in CLIMBS), *FILES):
				reply = self.raw(app, path)
				self.assertNotIn(secret, reply.text, path)
				self.assertNotIn("db_name", reply.text, path)
				self.assertNotIn("root:", reply.text, path)

	def test_no_plan_and_no_content_gets_a_name_that_leads_out_of_its_folder(self):
		app = self.desk(CONTENT_MANAGER)
		parents = {"parent_topic": self.game.subject.topic_names[0]}
		for name in NO_NAMES:
			for doctype in ("Memora Academic Plan", "Memora Subject", "Memora Lesson"):
				for extra in ({"__newname": name}, {"name": name, "naming_series": name}):
					body = {"title": factories.unique("Named"), **parents, **extra}
					reply = app.request("POST", f"/api/resource/{doctype}", json=body)
					if reply.status_code == 200:
						made = reply.json()["data"]["name"]
						self.addCleanup(frappe.db.commit)
						self.addCleanup(frappe.db.delete, doctype, {"name": made})
						self.assertNotRegex(made, r"[/\\]|\A\.", (doctype, extra))
					else:
						self.assertEqual(refusal(reply), (417, "InvalidInput"), (doctype, extra))

	def test_a_name_that_leads_elsewhere_writes_and_reads_no_file(self):
		base = Path(local_storage.get_local_base_path())
		before = self.files_beside(base)
		app = self.desk(CONTENT_MANAGER)
		for name in NO_NAMES:
			for method, verb, argument in (
				("cdn_admin.rebuild_plan", "POST", "plan_id"),
				("cdn_admin.retry_dead_letter", "POST", "plan_id"),
				("cdn_admin.preview", "GET", "plan_id"),
				("content_admin.published_files", "GET", "plan_id"),
				("content_admin.get_tree", "GET", "subject"),
				("progress.get_progress", "GET", "subject_id"),
			):
				self.forget_limits()
				who = self.app if method.startswith("progress") else app
				send = who.get if verb == "GET" else who.post
				reply = send(f"memora.api.{method}", **{argument: name})
				self.assertIn(reply.status_code, (403, 404, 417), (method, name, reply.text[:300]))
		self.assertEqual(self.files_beside(base), before)

	@staticmethod
	def files_beside(base: Path) -> set[Path]:
		above = base.parent.parent
		return {
			*base.rglob("*"),
			*above.iterdir(),
			*(above / "private").iterdir(),
			*(above / "public").iterdir(),
		}
