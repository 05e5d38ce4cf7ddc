"""How each way in of login_table is walked over HTTP. Every function returns the answer to its last step."""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import requests

import frappe
from tests import factories
from tests.http import login_table as table
from tests.http.app import App
from tests.http.people import Person

RESET = "frappe.core.doctype.user.user.update_password"
PROVIDER = "Test Identity Provider"


def by_memora(app: App, person: Person, **more) -> requests.Response:
	return app.login(person.user, person.password, **more)


def by_frappe(app: App, person: Person) -> requests.Response:
	return app.post("login", usr=person.user, pwd=person.password)


def by_link(app: App, person: Person) -> requests.Response:
	"""The link that Frappe mails to who asks for one."""
	key = frappe.generate_hash()
	frappe.cache().set_value(f"one_time_login_key:{key}", person.user, expires_in_sec=60)
	path = f"/api/method/frappe.www.login.login_via_key?key={key}"
	return app.request("GET", path, allow_redirects=False)


def by_reset(app: App, person: Person) -> requests.Response:
	frappe.db.rollback()
	link = frappe.get_doc("User", person.user).reset_password(send_email=False)
	frappe.db.commit()
	[key] = parse_qs(urlparse(link).query)["key"]
	person.password = frappe.generate_hash(length=20)
	return app.post(RESET, key=key, new_password=person.password)


def by_provider(app: App, person: Person) -> requests.Response:
	with identity_provider(person.user) as callback:
		state = base64.b64encode(json.dumps({"token": "t", "redirect_to": "/"}).encode()).decode()
		return app.request("GET", callback, params={"code": "c", "state": state}, allow_redirects=False)


def by_impersonation(app: App, person: Person) -> requests.Response:
	"""The administrator's own session becomes the player's; the header is whatever his browser sends."""
	app.post("login", usr="Administrator", pwd="admin")
	return app.post("frappe.core.doctype.user.user.impersonate", user=person.user, reason="a test")


def by_wrong_password(app: App, person: Person) -> requests.Response:
	reply = app.post("login", usr=person.user, pwd="wrong")
	assert reply.status_code == 401
	return app.login(person.user, "wrong")


def by_memora_and_code(app: App, person: Person) -> requests.Response:
	first = by_memora(app, person).json()
	return app.post(table.MEMORA.strip("`"), tmp_id=first["tmp_id"], otp=person.code())


def by_frappe_and_code(app: App, person: Person) -> requests.Response:
	first = by_frappe(app, person).json()
	return app.post("login", tmp_id=first["tmp_id"], otp=person.code())


def by_wrong_code(app: App, person: Person) -> requests.Response:
	first = by_memora(app, person).json()
	wrong = str((int(person.code()) + 500_000) % 1_000_000).zfill(6)
	return app.post(table.MEMORA.strip("`"), tmp_id=first["tmp_id"], otp=wrong)


WAYS = {
	table.MEMORA: by_memora,
	table.FRAPPE: by_frappe,
	table.LINK: by_link,
	table.RESET: by_reset,
	table.PROVIDER: by_provider,
	table.IMPERSONATION: by_impersonation,
	table.WRONG_PASSWORD: by_wrong_password,
	table.MEMORA_CODE: by_memora_and_code,
	table.FRAPPE_CODE: by_frappe_and_code,
	table.WRONG_CODE: by_wrong_code,
}


@contextlib.contextmanager
def identity_provider(email: str) -> Iterator[str]:
	"""A server that says of everybody that he is `email`, known to the site; yields where it sends browsers back to."""

	class Provider(BaseHTTPRequestHandler):
		def do_GET(self):
			self.answer({"email": email, "sub": email})

		def do_POST(self):
			self.rfile.read(int(self.headers["Content-Length"]))
			self.answer({"access_token": "t", "token_type": "Bearer"})

		def answer(self, body):
			self.send_response(200)
			self.send_header("Content-Type", "application/json")
			self.end_headers()
			self.wfile.write(json.dumps(body).encode())

		def log_message(self, *args):
			"""Nothing to say."""

	server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
	threading.Thread(target=server.serve_forever, daemon=True).start()
	url = f"http://127.0.0.1:{server.server_port}"
	key = factories.insert(
		"Social Login Key",
		provider_name=PROVIDER,
		enable_social_login=1,
		client_id="c",
		client_secret="s",
		custom_base_url=1,
		base_url=url,
		authorize_url="/authorize",
		access_token_url="/token",
		redirect_url=f"/api/method/frappe.integrations.oauth2_logins.custom/{frappe.scrub(PROVIDER)}",
		api_endpoint=f"{url}/me",
		user_id_property="sub",
	)
	frappe.db.commit()
	try:
		yield key.redirect_url
	finally:
		server.shutdown()
		server.server_close()
		frappe.db.rollback()
		frappe.delete_doc("Social Login Key", key.name, force=True)
		frappe.db.commit()
