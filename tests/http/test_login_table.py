"""Every line of login_table over HTTP: status, error, cookie, and what is in the database afterwards."""

import base64
import itertools
from pathlib import Path

import frappe
import memora.exceptions
from frappe.auth import LoginManager
from frappe.tests.utils import FrappeTestCase
from frappe.utils import add_to_date, now_datetime
from frappe.utils.password import update_password
from tests import factories
from tests.committed import PASSWORD
from tests.http import login_table as table
from tests.http.app import App, refusal
from tests.http.people import DEVICES, Person, somebody, system_settings, two_factor_login
from tests.http.ways_in import WAYS, by_frappe, by_link, by_memora

DOCS = Path(__file__).parents[2] / "docs" / "security.md"
GET_WALLET = "/api/method/memora.api.player.get_wallet"
PATHS = {
	table.PLAYER_ENDPOINT: GET_WALLET,
	table.ANOTHER_ROUTE: "/api/method/frappe.auth.get_logged_user",
	table.CHECK_DEVICE: "/api/method/memora.api.player.check_device_authorization",
	table.LOGOUT: "/api/method/logout",
}
CAN_IMPERSONATE = hasattr(LoginManager, "impersonate")


def lines_of(rows) -> list:
	"""One line for each combination of a row's cells."""
	lines = []
	for row in rows:
		cells = [value if isinstance(value, tuple) else (value,) for value in row]
		lines += [type(row)(*line) for line in itertools.product(*cells)]
	return lines


def usable_sid(reply) -> str | None:
	"""The session id that an answer sets, if it is anybody's."""
	sid = reply.cookies.get("sid")
	return sid if sid and sid != "Guest" else None


class TableTestCase(FrappeTestCase):
	def assert_answer(self, reply, status, error, line):
		if status == 200 and reply.status_code == 302:  # a link or a provider sends a browser on
			status = 302
		self.assertEqual(reply.status_code, status, (line, reply.text[:500]))
		# Frappe before 15.1 gives its own errors no name of their own; our login gives them one.
		if hasattr(memora.exceptions, error or "") or reply.url.endswith(table.MEMORA.strip("`")):
			self.assertEqual(refusal(reply)[1], error, line)


class TestLogins(TableTestCase):
	def test_every_line_of_the_table(self):
		with two_factor_login():
			for line in lines_of(table.LOGINS):
				if line.who == table.LOCKED_OUT or (line.way == table.IMPERSONATION and not CAN_IMPERSONATE):
					continue
				with self.subTest(line=line), somebody(line.who) as person:
					self.play(line, person)

	def test_after_too_many_wrong_passwords_the_account_is_locked(self):
		with system_settings(allow_consecutive_login_attempts=2, allow_login_after_fail=60):
			for line in lines_of(table.LOGINS):
				if line.who == table.LOCKED_OUT:
					with self.subTest(line=line), somebody(line.who) as person:
						for _ in range(3):
							App().post("login", usr=person.user, pwd="wrong")
						reply = self.play(line, person)
						if line.way == table.MEMORA:
							self.assertEqual(reply.headers["Retry-After"], "60")

	def play(self, line, person):
		sessions_before = person.count_sessions()
		app = person.app(line.device)
		reply = WAYS[line.way](app, person)
		self.addCleanup(self.reset_password, person)
		self.assert_answer(reply, line.status, line.error, line)
		if line.way != table.IMPERSONATION or line.gets_session:
			self.assertEqual(bool(usable_sid(reply)), line.gets_session, (line, reply.headers))
		self.assertEqual(person.count_sessions() - sessions_before, int(line.gets_session), line)
		if line.gets_session and person.profile and line.who != table.DESK_PLAYER:
			self.assertEqual(app.request("GET", GET_WALLET).status_code, 200, line)
		if person.profile and not line.gets_session:
			self.assert_nothing_changed(line, person)
		if line.way == table.RESET:
			self.assertEqual(person.app(table.OWN).login(person.user, person.password).status_code, 200)
			update_password(person.user, PASSWORD)
			frappe.db.commit()
		return reply

	def assert_nothing_changed(self, line, person):
		profile = factories.reload(person.profile)
		self.assertEqual(len(profile.authorized_devices), len(DEVICES.get(line.who, ("phone",))), line)
		self.assertFalse(profile.active_session_hash, line)

	def reset_password(self, person):
		if person.password != PASSWORD and person.user != "Administrator":
			update_password(person.user, PASSWORD)
			frappe.db.commit()


class TestRequests(TableTestCase):
	def test_every_line_of_the_table(self):
		lines = sorted(lines_of(table.REQUESTS), key=lambda line: (line.route == table.LOGOUT, line))
		for (who, brings, _), group in itertools.groupby(lines, self.who_brings_what):
			with somebody(who) as person:
				sent = self.credentials(brings, person)
				for line in group:
					self.play(line, person, sent)

	def who_brings_what(self, line):
		"""Lines that may share a person and a session: all but those that end it."""
		return line.who, line.brings, line.device if line.route == table.LOGOUT else None

	def play(self, line, person, sent):
		with self.subTest(line=line):
			app = person.app(line.device)
			verb = "POST" if line.route == table.LOGOUT else "GET"
			self.assert_answer(
				app.request(verb, PATHS[line.route], headers=sent), line.status, line.error, line
			)
			if line.route == table.LOGOUT:
				self.assertEqual(person.count_sessions(), 0, line)
				self.assertFalse(factories.reload(person.profile).active_session_hash, line)

	def credentials(self, brings, person):
		"""The headers that carry them."""
		if brings == table.NOTHING:
			return {}
		if brings in table.TOKENS:
			return {"Authorization": self.authorization(brings, person)}
		return {"Cookie": f"sid={self.session_id(brings, person)}"}

	def session_id(self, kind, person):
		app = person.app(table.OWN if person.device_ids else table.NONE)
		reply = (by_memora if person.profile else by_frappe)(app, person)
		if kind == table.REPLACED:
			by_link(person.app(table.OWN), person)
		if kind == table.ENDED:
			app.request("POST", PATHS[table.LOGOUT])
		return usable_sid(reply)

	def authorization(self, kind, person):
		if kind == table.BEARER:
			return f"Bearer {self.bearer_token(person)}"
		pair = ":".join(person.add_api_key())
		return f"Basic {base64.b64encode(pair.encode()).decode()}" if kind == table.BASIC else f"token {pair}"

	def bearer_token(self, person: Person):
		client = factories.insert(
			"OAuth Client",
			app_name=factories.unique("client"),
			scopes="all",
			redirect_uris="http://localhost",
			default_redirect_uri="http://localhost",
		)
		token = factories.insert(
			"OAuth Bearer Token",
			client=client.name,
			user=person.user,
			scopes="all",
			access_token=frappe.generate_hash(length=30),
			expires_in=3600,
			expiration_time=add_to_date(now_datetime(), hours=1),
			status="Active",
		)
		frappe.db.commit()
		self.addCleanup(self.remove, token)
		self.addCleanup(self.remove, client)
		return token.access_token

	def remove(self, doc):
		frappe.db.delete(doc.doctype, {"name": doc.name})
		frappe.db.commit()


def test_the_tables_stand_in_the_documentation():
	text = DOCS.read_text(encoding="utf-8")
	assert table.logins_as_markdown() in text
	assert table.requests_as_markdown() in text
