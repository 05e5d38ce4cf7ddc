"""Two players, those who work in Desk, and one row of every DocType that says something nobody else may read."""

import uuid

import frappe
from memora.utils import redis_store
from tests import factories
from tests.http.app import App
from tests.http.desk_user import open_desk
from tests.http.test_first_slice import HTTPTestCase
from tests.security import inventory

STUDENT, GUEST = "student", "guest"
CONTENT_MANAGER, SYSTEM_MANAGER = "Memora Content Manager", "System Manager"
SETTINGS = "CDN Settings"


class SecurityTestCase(HTTPTestCase):
	"""`self.app` is the attacker's phone, logged in; `self.victim` another player of the same plan."""

	def setUp(self):
		super().setUp()
		self.victim = self.game.add_player()
		self.log_in()

	def desk(self, role: str) -> App:
		return open_desk(self, role)

	def app_of(self, who: str) -> App:
		if who == STUDENT:
			return self.app
		if who == GUEST:
			return App()
		return self.desk(who)

	@staticmethod
	def forget_limits():
		redis_store.delete(*redis_store.keys_matching("rate_limit:*"))


class MarkedRows(SecurityTestCase):
	"""`self.rows` is {DocType: name of a row of the victim or of the plan}; each holds `self.mark` where it can."""

	def setUp(self):
		super().setUp()
		self.mark = f"canary-{uuid.uuid4().hex}"
		self.rows = self.make_rows()
		for doctype, name in self.rows.items():
			if not inventory.definitions()[doctype].get("issingle", 0) and not inventory.is_virtual(doctype):
				frappe.db.set_value(doctype, name, "owner", self.mark, update_modified=False)
		frappe.db.commit()

	def make_rows(self) -> dict[str, str]:
		subject, user = self.game.subject, self.victim.user
		rows = {
			"Memora Subject": subject.name,
			"Memora Track": subject.track_names[0],
			"Memora Unit": subject.unit_names[0],
			"Memora Topic": subject.topic_names[0],
			"Memora Lesson": self.game.lessons[0],
			"Memora Academic Plan": self.game.plan.name,
			"Memora Player Profile": self.victim.name,
			"Memora Player Wallet": frappe.db.get_value("Memora Player Wallet", {"player": self.victim.name}),
			"Memora Structure Progress": frappe.db.get_value("Memora Structure Progress", {"player": user}),
			"Memora Authorized Device": self.victim.authorized_devices[0].name,
			"Memora Plan Subject": self.game.plan.subjects[0].name,
			"Memora Personal Data": user,
			SETTINGS: SETTINGS,
		}
		lesson = {"parent": self.game.lessons[0], "parenttype": "Memora Lesson", "parentfield": "stages"}
		plan = {
			"parent": self.game.plan.name,
			"parenttype": "Memora Academic Plan",
			"parentfield": "overrides",
		}
		for doctype, values in {
			"Memora Season": {"title": factories.unique("Season")},
			"Memora Grade": {"title": factories.unique("Grade")},
			"Memora Stream": {"title": factories.unique("Stream")},
			"Memora Interaction Log": {"player": user, "interaction_type": "login"},
			"CDN Sync Log": {"plan_id": self.game.plan.name, "status": "Success"},
			"Memora Daily Total": {"day": "1999-12-31"},
			"Memora Tombstone": {"name": uuid.uuid4().hex, "erased_at": "1999-12-31", "key_check": "x"},
			"CDN Health Finding": {"name": factories.unique("finding"), "problem": "x"},
			"Memora Lesson Stage": {**lesson, "title": "Stage", "type": "Text"},
			"Memora Plan Override": {
				**plan,
				"target_doctype": "Memora Lesson",
				"target_name": self.game.lessons[1],
				"action": "Hide",
			},
		}.items():
			rows[doctype] = self.insert_row(doctype, values)
		self.set_setting("bucket_name", self.mark)
		return rows

	def insert_row(self, doctype, values):
		"""Past the document's rules, so that no row beside it changes."""
		doc = frappe.get_doc({"doctype": doctype, **values})
		doc.flags.name_set = "name" in values
		doc.set_new_name()
		doc.db_insert()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.delete, doctype, {"name": doc.name})
		return doc.name

	def set_setting(self, field, value):
		before = frappe.db.get_single_value(SETTINGS, field, cache=False)
		frappe.db.set_single_value(SETTINGS, field, value)
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.set_single_value, SETTINGS, field, before)


def a_field(doctype: str) -> tuple[str, object]:
	"""A field of the DocType that an attacker would like to set, and to what."""
	wanted = {
		"Memora Player Wallet": ("total_xp", 999_999),
		"Memora Player Profile": ("active_session_hash", "0" * 64),
		"Memora Structure Progress": ("total_xp_earned", 999_999),
		"Memora Interaction Log": ("xp_awarded", 999_999),
		"Memora Authorized Device": ("device_id", str(uuid.uuid4())),
		"Memora Lesson": ("bit_index", 0),
		"CDN Settings": ("endpoint_url", "https://attacker.example"),
	}
	if doctype in wanted:
		return wanted[doctype]
	fields = inventory.definitions()[doctype]["fields"]
	texts = ("Data", "Select", "Text", "Small Text", "Link", "Int")
	return next((field["fieldname"], "7907") for field in fields if field["fieldtype"] in texts)
