"""Demo content: loaded whole, loaded once, and removed without a trace and without touching anybody else's rows."""

import contextlib
import json
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils.password import check_password
from memora import demo, demo_parts, demo_people
from memora.services import dashboard, reconciliation, session_manager
from memora.services.cdn_export import content_paths, local_storage
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, redis_keys, redis_store
from tests import factories
from tests.committed import Game

STUDENTS = ("salma@demo.memora.test", "omar@demo.memora.test")
PEOPLE = json.loads((demo.CONTENT_FOLDER / "people.json").read_text(encoding="utf-8"))
CLASSMATES = {classmate["email"]: classmate for classmate in PEOPLE["classmates"]}
ADMIN = "teacher@demo.memora.test"
FEW = 4  # classmates where their past is not what a test is about: each is played lesson by lesson
# Publishing is on record for good; everything else goes.
STAYS = ("CDN Sync Log", "CDN Settings")


def let_few_classmates_come():
	"""A patch that is to be started."""
	load = demo_people.load_classmates
	return patch.object(
		demo_people, "load_classmates", lambda classmates, plans: load(classmates[:FEW], plans)
	)


def rows_by_doctype():
	doctypes = frappe.get_all("DocType", filters={"module": "Memora", "issingle": 0}, pluck="name")
	frappe.db.rollback()
	return {
		doctype: set(frappe.get_all(doctype, pluck="name"))
		for doctype in [*doctypes, "User"]
		if doctype not in STAYS
	}


def files_of(plan):
	"""The parsed files of a plan, by path."""
	folder = content_paths.plan_folder(plan)
	return {path: local_storage.read_content_file(path) for path in local_storage.list_files(folder)}


def access_levels(node):
	"""The levels of a published tree and of the lessons in its topics."""
	if isinstance(node, list):
		return set().union(*map(access_levels, node))
	if not isinstance(node, dict):
		return set()
	return {node["access_level"]} if "access_level" in node else access_levels(list(node.values()))


class DemoTestCase(FrappeTestCase):
	has_all_classmates = False

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		today = contextlib.ExitStack()
		today.enter_context(clock.freeze(clock.utc_now()))  # midnight may pass meanwhile
		cls.addClassCleanup(today.close)
		if not cls.has_all_classmates:
			few = let_few_classmates_come()
			few.start()
			cls.addClassCleanup(few.stop)
		demo.remove()
		cls.before = rows_by_doctype()
		cls.addClassCleanup(demo.remove)
		cls.loaded = demo.load()
		cls.plans = cls.loaded["plans"]


class TestLoad(DemoTestCase):
	def stages(self):
		return frappe.get_all(
			"Memora Lesson Stage",
			filters={"parent": ["in", self.lessons()]},
			fields=["type", "title", "config"],
		)

	def lessons(self, **filters):
		subjects = ["in", list(self.loaded["subjects"].values())]
		return frappe.get_all("Memora Lesson", filters={"subject": subjects, **filters}, pluck="name")

	def test_it_tells_what_it_loaded(self):
		self.assertEqual(self.loaded["lessons"], 120)
		self.assertEqual(set(self.loaded["subjects"]), {"mathematics", "arabic", "science"})
		self.assertEqual(set(self.plans), {"grade-5", "grade-7"})
		self.assertEqual(self.loaded["people"], [*STUDENTS, ADMIN])
		self.assertEqual(self.loaded["classmates"], FEW)
		self.assertGreater(self.loaded["files_written"], 120)

	def test_loading_again_makes_and_publishes_nothing(self):
		rows, files = rows_by_doctype(), {plan: files_of(plan) for plan in self.plans.values()}
		again = demo.load()
		self.assertEqual((again["loaded_parts"], again["files_written"]), (0, 0))
		self.assertEqual((again["subjects"], again["plans"]), (self.loaded["subjects"], self.plans))
		self.assertEqual(rows_by_doctype(), rows)
		self.assertEqual({plan: files_of(plan) for plan in self.plans.values()}, files)

	def test_each_subject_numbers_its_lessons_from_zero_without_a_gap(self):
		for subject in self.loaded["subjects"].values():
			places = frappe.get_all("Memora Lesson", filters={"subject": subject}, pluck="bit_index")
			self.assertEqual(sorted(places), list(range(40)))

	def test_the_plans_share_one_subject_and_are_of_different_grades(self):
		first, second = (frappe.get_doc("Memora Academic Plan", plan) for plan in self.plans.values())
		self.assertNotEqual(first.grade, second.grade)
		shared = {row.subject for row in first.subjects} & {row.subject for row in second.subjects}
		self.assertEqual(shared, {self.loaded["subjects"]["arabic"]})

	def test_stages_of_every_type_are_there_in_both_languages(self):
		kinds = {(stage.type, json.loads(stage.config)["language"]) for stage in self.stages()}
		types = ("Video", "Text", "Quiz", "Question", "Interactive")
		self.assertEqual(kinds, {(stage_type, language) for stage_type in types for language in ("en", "ar")})

	def test_arabic_is_stored_letter_by_letter(self):
		titles = {stage.title for stage in self.stages()}
		self.assertIn("على الشاطئ رائحة الملح", " ".join(stage.config for stage in self.stages()))
		self.assertTrue({"الحكاية", "أصغر ممّا نرى"} <= titles)

	def test_every_override_and_every_access_level_is_there(self):
		actions = frappe.get_all(
			"Memora Plan Override", filters={"parent": ["in", list(self.plans.values())]}, pluck="action"
		)
		self.assertEqual(
			set(actions),
			{"Hide", "Set Free", "Set Sold Separately", "Set Access Level", "Set Linear"},
		)
		files = [data for plan in self.plans.values() for data in files_of(plan).values()]
		self.assertEqual(access_levels(files), {"public", "authenticated", "free_preview", "paid"})

	def test_what_is_unpublished_or_hidden_is_in_no_file_of_the_plan(self):
		(draft,) = self.lessons(is_published=0)
		hidden = frappe.db.get_value(
			"Memora Plan Override", {"parent": self.plans["grade-5"], "action": "Hide"}, "target_name"
		)
		published = json.dumps(files_of(self.plans["grade-5"]), ensure_ascii=False)
		for node in (draft, hidden, "A game of chance", "من حكمة المتنبي"):
			self.assertNotIn(node, published)
		self.assertIn("من حكمة المتنبي", json.dumps(files_of(self.plans["grade-7"]), ensure_ascii=False))

	def test_students_are_players_of_different_plans_and_nothing_more(self):
		for student in STUDENTS:
			self.assertEqual(
				frappe.get_all("Has Role", filters={"parent": student}, pluck="role"), ["Memora Student"]
			)
			self.assertEqual(frappe.db.get_value("User", student, "user_type"), "Website User")
		profiles = frappe.get_all(
			"Memora Player Profile", filters={"user": ["in", STUDENTS]}, fields=["user", "current_plan"]
		)
		self.assertEqual({profile.current_plan for profile in profiles}, set(self.plans.values()))

	def test_the_admin_manages_content_and_system(self):
		self.assertEqual(
			set(frappe.get_all("Has Role", filters={"parent": ADMIN}, pluck="role")),
			{"System Manager", "Memora Content Manager"},
		)

	def test_nobody_gets_mail(self):
		self.assertEqual(
			frappe.get_all("Email Queue Recipient", filters={"recipient": ["in", [*STUDENTS, ADMIN]]}), []
		)

	def test_storage_is_connected_when_the_bench_has_one(self):
		settings = frappe.get_doc("CDN Settings")
		self.assertEqual(settings.bucket_name, frappe.conf.memora_dev_s3["bucket_name"])
		self.assertEqual((settings.enabled, settings.local_fallback_mode), (1, 0))


class TestPast(DemoTestCase):
	"""What the classmates did before today is true by every account, for as many of them as load played."""

	has_all_classmates = True

	def test_all_of_them_are_there(self):
		self.assertEqual(self.loaded["classmates"], len(CLASSMATES))

	def wallets(self):
		rows = frappe.db.sql(
			"""select profile.user, wallet.total_xp, wallet.current_streak, wallet.last_success_date,
				wallet.synced_through from `tabMemora Player Profile` profile
			join `tabMemora Player Wallet` wallet on wallet.player = profile.name where profile.user in %s""",
			(tuple(CLASSMATES),),
			as_dict=True,
		)
		return {row.user: row for row in rows}

	def awards(self, user):
		return frappe.db.sql(
			"""select seq, reference_id, xp_awarded, created_at, client_event_id from `tabMemora Interaction Log`
			where player = %s and seq is not null order by seq""",
			user,
		)

	def logins(self, user):
		return frappe.db.count("Memora Interaction Log", {"player": user, "interaction_type": "login"})

	def test_rows_copies_and_ledger_agree_at_once(self):
		findings = [found for user in CLASSMATES for found in reconciliation.reconcile_player(user)]
		self.assertEqual(findings, [])
		for user, wallet in self.wallets().items():
			awards = self.awards(user)
			self.assertEqual(wallet.total_xp, sum(award[2] for award in awards), user)
			self.assertEqual(wallet.synced_through, len(awards), user)
			xp = frappe.get_all("Memora Structure Progress", {"player": user}, pluck="total_xp_earned")
			self.assertEqual(sum(xp), wallet.total_xp, user)

	def test_who_plays_every_day_has_the_streak_and_who_went_away_had_it(self):
		wallets = self.wallets()
		for user, classmate in CLASSMATES.items():
			past, wallet = classmate["past"], wallets[user]
			if past is None:
				self.assertEqual((wallet.total_xp, self.logins(user)), (0, 0))
				continue
			days = past["first_day"] - past["last_day"] + 1
			if past["days_in_ten"] == 10:
				self.assertEqual((wallet.current_streak, self.logins(user)), (days, days), user)
			else:
				self.assertLess(self.logins(user), days, user)

	def test_every_lesson_was_played_in_its_time_and_not_after_now(self):
		now = clock.to_site_time(clock.utc_now())
		for user, classmate in CLASSMATES.items():
			moments = [award[3] for award in self.awards(user)]
			self.assertEqual(moments, sorted(moments))
			self.assertTrue(all(moment <= now for moment in moments))
			devices = frappe.get_all(
				"Memora Authorized Device", {"device_name": ["in", classmate["devices"]]}
			)
			self.assertEqual(len(devices), len(classmate["devices"]))

	def test_nobody_can_log_in_as_a_classmate(self):
		for user in CLASSMATES:
			with self.assertRaises(frappe.AuthenticationError):
				check_password(user, "")
			self.assertEqual(frappe.get_all("Has Role", {"parent": user}, pluck="role"), ["Memora Student"])
			self.assertEqual(frappe.db.get_value("User", user, ("user_type", "enabled")), ("Website User", 1))

	def test_the_workspace_has_something_to_show_in_every_chart(self):
		days = dashboard.last_days(28)
		self.assertTrue(all(day.lessons and day.players and day.xp for day in days), days)
		self.assertTrue(all(dashboard.players_by_devices()))
		for steps in (dashboard.players_by_xp(), dashboard.players_by_streak()):
			self.assertGreaterEqual(sum(step.players > 0 for step in steps), 5, steps)

	def test_a_past_that_was_interrupted_goes_on_and_pays_nothing_twice(self):
		user = "hana@demo.memora.test"
		played, logins = self.awards(user), self.logins(user)
		self.forget_as_if_interrupted(user, "past of hana")
		with self.assertRaisesRegex(RuntimeError, "the power went out"), self.power_cut_after(5):
			demo.load()
		self.assertEqual((self.awards(user), self.logins(user)), (played, 0))
		again = demo.load()
		self.assertEqual(again["loaded_parts"], 1)
		self.assertEqual((self.awards(user), self.logins(user)), (played, logins))

	def forget_as_if_interrupted(self, user, part):
		frappe.defaults.clear_default(key=part, parent=demo_parts.RECORD_PARENT)
		frappe.db.delete("Memora Interaction Log", {"player": user, "interaction_type": "login"})
		frappe.db.commit()

	@contextlib.contextmanager
	def power_cut_after(self, lessons):
		complete, left = completion.complete_lesson, iter(range(lessons))

		def complete_while_there_is_power(*args):
			if next(left, None) is None:
				raise RuntimeError("the power went out")
			return complete(*args)

		with patch.object(completion, "complete_lesson", complete_while_there_is_power):
			yield

	def test_a_classmate_whom_an_admin_deleted_stays_away(self):
		user = "noah@demo.memora.test"
		name = frappe.db.get_value("Memora Player Profile", {"user": user})
		self.rename(name, "deleted")
		self.addCleanup(self.rename, "deleted", name)
		self.assertEqual(demo.load()["loaded_parts"], 0)
		self.assertEqual(frappe.get_all("Memora Player Profile", {"user": user}, pluck="name"), ["deleted"])

	def rename(self, old, new):
		"""Where a record does not find it: deleting it would take more with it than comes back."""
		frappe.db.sql("update `tabMemora Player Profile` set name = %s where name = %s", (new, old))
		frappe.db.commit()


class TestInterruption(FrappeTestCase):
	def setUp(self):
		few = let_few_classmates_come()
		few.start()
		self.addCleanup(few.stop)
		demo.remove()
		self.before = rows_by_doctype()
		self.addCleanup(demo.remove)

	def test_a_part_that_fails_leaves_nothing_and_the_next_load_goes_on(self):
		def fail_half_way():
			demo_parts.insert("Memora Grade", {"title": "Half a grade"})
			raise RuntimeError("the power went out")

		with self.assertRaisesRegex(RuntimeError, "the power went out"):
			demo_parts.load_part("grade half", fail_half_way)
		self.assertEqual(rows_by_doctype(), self.before)

		demo._load_subjects()
		half_way = len(demo_parts.read_records())
		loaded = demo.load()
		self.assertEqual(half_way, 3)
		self.assertEqual(loaded["lessons"], 120)
		self.assertEqual(frappe.db.count("Memora Lesson") - len(self.before["Memora Lesson"]), 120)


class TestRemove(DemoTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.game = Game()
		cls.addClassCleanup(cls.game.remove)
		cls.friend = cls.game.add_player()

	def setUp(self):
		self.loaded = demo.load()

	def play_a_lesson(self, student):
		"""Salma's way through Mathematics, with all that it leaves in MariaDB and Redis."""
		session_manager.create_session(student, factories.new_uuid(), frappe.generate_hash())
		subject = self.loaded["subjects"]["mathematics"]
		first = frappe.get_all("Memora Lesson", filters={"subject": subject, "bit_index": 0}, pluck="name")
		completion.complete_lesson(student, first[0], 5, PROGRESS_POLICY)
		self.assertTrue(redis_store.exists(redis_keys.get_wallet_key(student)))

	def test_it_leaves_no_row_no_key_and_no_plan_of_the_demo_and_then_finds_nothing(self):
		self.play_a_lesson(STUDENTS[0])
		game = {"Memora Subject": {self.game.subject.name}, "Memora Academic Plan": {self.game.plan.name}}
		removed = demo.remove()
		self.assertEqual(removed["kept"], {})
		self.assertGreater(removed["removed_parts"], 10)

		now = rows_by_doctype()
		for doctype, names in game.items():
			self.assertEqual(now[doctype], self.before[doctype] | names)
		self.assertEqual(now["User"], self.before["User"] | {self.friend.user})
		left = now["Memora Interaction Log"] - self.before["Memora Interaction Log"]
		owners = frappe.get_all(
			"Memora Interaction Log", filters={"name": ["in", [*left, 0]]}, pluck="player"
		)
		self.assertEqual(set(owners) - {self.friend.user}, set())
		parents = [*STUDENTS, ADMIN, demo_parts.RECORD_PARENT]
		self.assertEqual(frappe.get_all("DefaultValue", filters={"parent": ["in", parents]}), [])
		for doctype in ("DocShare", "Notification Settings", "Contact"):
			self.assertEqual(frappe.get_all(doctype, filters={"user": ["in", [*STUDENTS, ADMIN]]}), [])
		self.assertEqual(redis_store.keys_matching("*@demo.memora.test*"), [])
		for plan in self.loaded["plans"].values():
			self.assertIsNone(local_storage.read_content_file(content_paths.manifest_path(plan)))
		for subject in self.loaded["subjects"].values():
			self.assertIsNone(local_storage.read_content_file(content_paths.structure_path(subject)))
		self.assertEqual(frappe.db.get_single_value("CDN Settings", "enabled"), 0)
		self.assertEqual(demo.remove(), {"removed_parts": 0, "kept": {}})

	def test_a_part_that_somebody_uses_stays_whole_and_goes_later(self):
		plan = self.loaded["plans"]["grade-7"]
		self.friend.current_plan = plan
		self.friend.save(ignore_permissions=True)
		frappe.db.commit()  # what an admin did before

		kept = demo.remove()["kept"]
		self.assertIn("plan grade-7", kept)
		self.assertIn(self.friend.name, kept["plan grade-7"])
		self.assertNotIn("plan grade-5", kept)
		self.assertEqual(
			{"subject science", "subject arabic"} & set(kept), {"subject science", "subject arabic"}
		)
		self.assertEqual(
			frappe.db.count("Memora Lesson", {"subject": self.loaded["subjects"]["science"]}), 40
		)
		self.assertIsNotNone(local_storage.read_content_file(content_paths.manifest_path(plan)))

		self.friend.reload()
		self.friend.current_plan = self.game.plan.name
		self.friend.save(ignore_permissions=True)
		frappe.db.delete("Memora Structure Progress", {"player": self.friend.user})
		frappe.db.commit()  # and now undid
		self.assertEqual(demo.remove()["kept"], {})
