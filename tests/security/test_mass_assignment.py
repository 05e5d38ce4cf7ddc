"""Fields that only the server sets, and arguments that no endpoint has, sent along by whoever may send the rest."""

import re

import frappe
from tests import factories
from tests.committed import ledger_of, truth_of
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, GET_WALLET
from tests.security import frappe_routes, inventory
from tests.security.world import CONTENT_MANAGER, SYSTEM_MANAGER, MarkedRows, SecurityTestCase

# The others give rights, or hang something on the row, which an administrator may.
ACTS_ON_THE_ROW = re.compile(
	r"/api/(resource|v2)|client\.(set_value|insert|insert_many|save|submit|cancel|rename_doc|bulk_update)\Z"
	r"|form\.save|delete_items|submit_cancel_or_update_docs|update_document_title|delete_doc|run_doc_method"
)


class TestArgumentsThatNoEndpointHas(SecurityTestCase):
	def setUp(self):
		super().setUp()
		victim = self.victim
		self.extras = {
			**dict.fromkeys(
				("user", "user_id", "usr", "email", "student_email", "owner", "modified_by"), victim.user
			),
			**dict.fromkeys(("player", "player_id", "profile", "name", "docname"), victim.name),
			**dict.fromkeys(("session_id", "active_session_hash", "device_id"), victim.device_ids[0]),
			**dict.fromkeys(("xp", "xp_awarded", "total_xp", "base_xp", "new_total_xp", "xp_amount"), 900),
			**dict.fromkeys(("is_published", "is_admin", "ignore_permissions", "force", "as_admin"), 1),
			"roles": [{"role": "System Manager"}],
			"doctype": "Memora Player Wallet",
			"policy": {"max_hearts": 99},
			"duplicate": False,
			"is_first_completion": True,
			"completed_at": "2020-01-01T00:00:00",
			"flags": {"ignore_permissions": True},
			"_user": victim.user,
			"__user": victim.user,
		}

	def test_they_neither_reach_another_player_nor_raise_the_pay(self):
		before = self.rows_of_the_victim()
		paid = self.app.post(COMPLETE, **{**self.extras, "lesson_id": self.game.lessons[0], "hearts": 5})
		self.assertEqual((paid.status_code, paid.json()["message"]["xp_earned"]), (200, 35))
		wallet = self.app.get(GET_WALLET, **self.extras).json()["message"]
		self.assertEqual(wallet["total_xp"], 35)
		progress = self.app.get(GET_PROGRESS, **{**self.extras, "subject_id": self.game.subject.name})
		self.assertEqual(progress.json()["message"]["passed_lessons"], 1)
		self.assertEqual([row.xp_awarded for row in ledger_of(self.player)], [35])
		self.assertEqual(self.rows_of_the_victim(), before)

	def test_a_session_and_a_device_are_never_those_of_an_argument(self):
		for endpoint in inventory.endpoints().values():
			if endpoint.name.startswith(("memora.api.player.", "memora.api.progress.")):
				before = self.rows_of_the_victim()
				self.forget_limits()
				send = self.app.get if endpoint.verb == "GET" else self.app.post
				send(endpoint.name, **self.extras)
				self.assertEqual(self.rows_of_the_victim(), before, endpoint.name)

	def rows_of_the_victim(self):
		profile = factories.reload(self.victim)
		truth = truth_of(self.victim.user, self.game.subject.name)
		return (
			ledger_of(self.victim),
			truth,
			profile.active_session_hash,
			profile.authorized_devices[0].device_id,
		)


class TestFieldsOfTheServer(MarkedRows):
	def save(self, app, doctype, **values):
		return app.request("PUT", f"/api/resource/{doctype}/{self.rows[doctype]}", json=values)

	def stored(self, doctype, *fields):
		frappe.db.rollback()
		return frappe.db.get_value(doctype, self.rows[doctype], fields)

	def test_a_content_manager_sets_no_position_owner_or_counter(self):
		app = self.desk(CONTENT_MANAGER)
		lesson = ("bit_index", "subject", "owner", "docstatus", "creation")
		subject = ("next_bit_index", "owner", "docstatus", "creation")
		before = self.stored("Memora Lesson", *lesson), self.stored("Memora Subject", *subject)
		forged = {"owner": app.user, "creation": "2000-01-01 00:00:00"}
		for doctype, counter in (("Memora Lesson", "bit_index"), ("Memora Subject", "next_bit_index")):
			self.save(app, doctype, **forged)  # refused or not, it is not taken
			reply = self.save(app, doctype, **{"title": "Renamed", counter: 7})
			self.assertEqual(reply.status_code, 200, reply.text[:300])
		after = self.stored("Memora Lesson", *lesson), self.stored("Memora Subject", *subject)
		self.assertEqual(after, before)
		self.assertEqual(self.stored("Memora Lesson", "title"), "Renamed")

	def test_a_new_lesson_gets_its_position_from_the_server(self):
		app = self.desk(CONTENT_MANAGER)
		body = {
			"title": "New",
			"parent_topic": self.game.subject.topic_names[0],
			"bit_index": 0,
			"owner": "Guest",
		}
		reply = app.request("POST", "/api/resource/Memora Lesson", json={**body, "name": "LESSON-MINE"})
		self.assertEqual(reply.status_code, 200, reply.text[:300])
		made = reply.json()["data"]
		self.game.subject.lesson_names.append(made["name"])
		self.assertNotIn(made["bit_index"], (0, -1))
		self.assertEqual(made["owner"], app.user)

	def test_nobody_writes_a_session_into_a_profile_or_progress_past_the_ledger(self):
		app = self.desk(SYSTEM_MANAGER)
		session = ("active_session_hash", "active_session_device", "active_session_started")
		earned = (
			"progress_bitmap",
			"total_xp_earned",
			"completion_percentage",
			"synced_through",
			"best_hearts",
		)
		before = (
			self.stored("Memora Player Profile", *session),
			self.stored("Memora Structure Progress", *earned),
		)
		self.save(app, "Memora Player Profile", **dict.fromkeys(session, "0" * 64), display_name="Renamed")
		self.save(app, "Memora Structure Progress", **dict.fromkeys(earned, 90))
		self.save(
			app, "Memora Structure Progress", progress_bitmap="/w==", total_xp_earned=9, synced_through=9
		)
		after = (
			self.stored("Memora Player Profile", *session),
			self.stored("Memora Structure Progress", *earned),
		)
		self.assertEqual(after, before)

	def test_nobody_edits_deletes_or_forges_an_award_by_any_route(self):
		app, doctype = self.desk(SYSTEM_MANAGER), "Memora Interaction Log"
		frappe.db.rollback()
		before = frappe.db.sql(
			f"select * from `tab{doctype}` where player = %s order by name", self.victim.user
		)
		for route in frappe_routes.writes(doctype, self.rows[doctype], "xp_awarded", 999):
			if ACTS_ON_THE_ROW.search(route.path):
				route.walk(app)
		frappe.db.rollback()
		after = frappe.db.sql(
			f"select * from `tab{doctype}` where player = %s order by name", self.victim.user
		)
		self.assertEqual([row[0] for row in after], [row[0] for row in before])
		columns = ("xp_awarded", "seq", "player", "interaction_type", "interaction_data")
		self.assertEqual(self.stored(doctype, *columns), (0, None, self.victim.user, "login", None))

	def test_a_student_makes_himself_no_more_than_he_is(self):
		me = self.player.user
		roles = frappe.get_all("Has Role", filters={"parent": me}, pluck="role", order_by="role")
		user = {"user_type": "System User", "roles": [{"role": "System Manager"}], "role_profile_name": "x"}
		for verb, path, body in (
			("PUT", f"/api/resource/User/{me}", user),
			(
				"POST",
				"/api/method/frappe.client.set_value",
				{"doctype": "User", "name": me, "fieldname": user},
			),
			("POST", "/api/method/frappe.client.save", {"doc": {"doctype": "User", "name": me, **user}}),
			(
				"POST",
				"/api/resource/Has Role",
				{"parent": me, "parenttype": "User", "role": "System Manager"},
			),
			(
				"POST",
				"/api/method/frappe.core.doctype.user.user.add_role",
				{"user": me, "role": "System Manager"},
			),
		):
			self.app.request(verb, path, json=body)
		frappe.db.rollback()
		self.assertEqual(frappe.db.get_value("User", me, "user_type"), "Website User")
		self.assertEqual(
			frappe.get_all("Has Role", filters={"parent": me}, pluck="role", order_by="role"), roles
		)
