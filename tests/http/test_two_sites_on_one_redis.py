"""Two sites of one bench, on one Redis, in the same web workers: the same users, ids and devices, and nothing in common."""

import inspect
import threading
from pathlib import Path

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import wallet_sync
from memora.services.cdn_export import change_tracker, local_storage, sync_log
from memora.services.progress_engine import structure_loader
from memora.utils import redis_keys, redis_store
from tests import second_site
from tests.committed import PASSWORD, Game
from tests.http.app import App, message_of, refusal
from tests.http.test_first_slice import COMPLETE, GET_PROGRESS, GET_WALLET
from tests.second_site import on_site

ROUNDS = 6
OTHER_TITLE, OTHER_XP = "The same name on another site", 50


class TestTwoSites(FrappeTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.second = second_site.ensure()

	def setUp(self):
		self.game = Game(lessons=ROUNDS)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()
		self.user = self.player.user
		self.copy_to_second_site()
		self.here = App(self.player.device_ids[0])
		self.there = App(self.player.device_ids[0])
		self.there.http.headers["X-Frappe-Site-Name"] = self.second

	def copy_to_second_site(self):
		subject, profile = self.game.subject, self.player.name
		rows = second_site.rows_of(
			{
				"tabMemora Subject": ("name", [subject.name]),
				"tabMemora Track": ("name", subject.track_names),
				"tabMemora Unit": ("name", subject.unit_names),
				"tabMemora Topic": ("name", subject.topic_names),
				"tabMemora Lesson": ("name", self.game.lessons),
				"tabMemora Academic Plan": ("name", [self.game.plan.name]),
				"tabMemora Plan Subject": ("parent", [self.game.plan.name]),
				"tabUser": ("name", [self.user]),
				"tabHas Role": ("parent", [self.user]),
				"__Auth": ("name", [self.user]),
				"tabMemora Player Profile": ("name", [profile]),
				"tabMemora Authorized Device": ("parent", [profile]),
				"tabMemora Player Wallet": ("player", [profile]),
				"tabMemora Structure Progress": ("player", [self.user]),
			}
		)
		rows["tabMemora Subject"][0]["title"] = OTHER_TITLE
		for lesson in rows["tabMemora Lesson"]:
			lesson["base_xp"] = OTHER_XP
		on_site(self.second, second_site.write_rows, rows)
		self.addCleanup(on_site, self.second, forget_on_this_site, rows, self.user)

	def log_in(self):
		for app in (self.here, self.there):
			self.assertEqual(app.login(self.user, PASSWORD).status_code, 200)

	def test_the_same_player_plays_on_both_in_turn_and_each_site_counts_its_own(self):
		self.log_in()
		for number, lesson in enumerate(self.game.lessons, 1):
			for app, base, title in (
				(self.here, 10, self.game.subject.title),
				(self.there, OTHER_XP, OTHER_TITLE),
			):
				paid = message_of(app.post(COMPLETE, lesson_id=lesson, hearts=5))
				self.assertEqual(paid["new_total_xp"], number * (base + 25))
				progress = message_of(app.get(GET_PROGRESS, subject_id=self.game.subject.name))
				self.assertEqual((progress["root"]["title"], progress["passed_lessons"]), (title, number))

	def test_both_sites_at_once_in_the_same_threads_pay_their_own(self):
		self.log_in()
		lesson, totals = self.game.lessons[0], {}

		def play(app, base):
			message_of(app.post(COMPLETE, lesson_id=lesson, hearts=5))
			seen = {message_of(app.get(GET_WALLET))["total_xp"] for _ in range(20)}
			totals[base] = seen

		threads = [
			threading.Thread(target=play, args=pair) for pair in ((self.here, 10), (self.there, OTHER_XP))
		]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		self.assertEqual(totals, {10: {35}, OTHER_XP: {75}})

	def test_a_session_of_one_site_is_none_on_the_other(self):
		self.log_in()
		for app, other in ((self.here, self.there), (self.there, self.here)):
			stranger = App(app.device_id)
			stranger.http.headers["X-Frappe-Site-Name"] = other.http.headers["X-Frappe-Site-Name"]
			stranger.http.cookies.set("sid", app.sid)
			self.assertEqual(refusal(stranger.get(GET_WALLET)), (401, "SessionReplaced"))
			self.assertEqual(app.get(GET_WALLET).status_code, 200)

	def test_a_limit_that_is_reached_on_one_site_leaves_the_other_open(self):
		self.log_in()
		redis_store.set(redis_keys.get_rate_limit_key(self.user, GET_WALLET), 60, 60)
		self.assertEqual(refusal(self.here.get(GET_WALLET)), (429, "RateLimitExceeded"))
		self.assertEqual(self.there.get(GET_WALLET).status_code, 200)

	def test_a_key_of_every_kind_is_written_and_deleted_on_one_site_alone(self):
		for make_key in key_makers():
			with self.subTest(key=make_key.__name__):
				key = "two_sites:" + make_key(*["the same"] * len(inspect.signature(make_key).parameters))
				redis_store.set(key, "here", 60)
				self.assertIsNone(on_site(self.second, redis_store.get, key))
				on_site(self.second, redis_store.set, key, "there", 60)
				self.assertEqual(redis_store.get(key), "here")
				redis_store.delete(key)
				self.assertEqual(on_site(self.second, redis_store.get, key), "there")

	def test_all_that_the_player_left_in_redis_carries_one_of_the_two_prefixes(self):
		self.log_in()
		for app in (self.here, self.there):
			message_of(app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		prefixes = {redis_store.physical(""), on_site(self.second, redis_store.physical, "")}
		found = {key.decode() for key in redis_store.client().scan_iter(match=f"*{self.user}*", count=1000)}
		ours = {key for key in found if not key.startswith("rq:")}
		self.assertEqual({key.split("|")[0] + "|" for key in ours}, prefixes)

	def test_flushing_one_sites_keys_leaves_the_others_byte_for_byte(self):
		self.log_in()
		for app in (self.here, self.there):
			message_of(app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		before = on_site(self.second, copies_of, self.user)
		self.assertGreaterEqual(len(before), 5)
		redis_store.delete(*redis_store.keys_matching("*"))
		self.assertEqual(on_site(self.second, copies_of, self.user), before)
		self.assertEqual(message_of(self.here.get(GET_WALLET))["total_xp"], 35)
		self.assertEqual(message_of(self.there.get(GET_WALLET))["total_xp"], 75)

	def test_a_sync_writes_its_own_sites_wallets_and_leaves_the_other_waiting(self):
		self.log_in()
		for app in (self.here, self.there):
			message_of(app.post(COMPLETE, lesson_id=self.game.lessons[0], hearts=5))
		wallet_sync.sync_pending_wallets()
		self.assertEqual(wallet_row(self.player.name), 35)
		self.assertEqual(on_site(self.second, wallet_row, self.player.name), 0)
		self.assertIn(self.user, on_site(self.second, waiting_wallets))
		on_site(self.second, wallet_sync.sync_pending_wallets)
		self.assertEqual(on_site(self.second, wallet_row, self.player.name), 75)
		self.assertEqual(wallet_row(self.player.name), 35)

	def test_a_plan_that_is_queued_on_one_site_is_published_by_no_other(self):
		plan = self.game.plan.name
		change_tracker.add_plan_to_queue(plan, "a test")
		frappe.db.commit()
		self.assertNotIn(plan, on_site(self.second, change_tracker.get_pending_plans))
		self.assertEqual(on_site(self.second, sync_log.pending_plan_ids), [])
		self.assertIn(plan, change_tracker.get_pending_plans(500))

	def test_a_tree_that_this_process_keeps_is_of_the_site_that_asks(self):
		subject = self.game.subject.name
		for _turn in range(2):
			self.assertEqual(title_of(subject), self.game.subject.title)
			self.assertEqual(on_site(self.second, title_of, subject), OTHER_TITLE)


def key_makers() -> list:
	return [
		function
		for name, function in vars(redis_keys).items()
		if name.startswith("get_") and callable(function)
	]


def copies_of(user: str) -> dict[str, bytes]:
	client = redis_store.client()
	return {key: client.dump(redis_store.physical(key)) for key in redis_store.keys_matching(f"*{user}*")}


def wallet_row(profile: str) -> int:
	frappe.db.rollback()
	return frappe.db.get_value("Memora Player Wallet", {"player": profile}, "total_xp")


def waiting_wallets() -> frozenset[str]:
	return redis_store.members(redis_keys.get_pending_wallet_sync_key())


def title_of(subject: str) -> str:
	return structure_loader.load_subject_structure(subject)["title"]


def forget_on_this_site(rows: dict, user: str) -> None:
	for subject in rows["tabMemora Subject"]:
		Path(local_storage.get_local_base_path(), f"{subject['name']}.json").unlink(missing_ok=True)
	second_site.delete_rows(rows)
	frappe.db.delete("Memora Interaction Log", {"player": user})
	frappe.db.delete("Sessions", {"user": user})
	redis_store.delete(*redis_store.keys_matching(f"*{user}*"))
	redis_store.remove_members(redis_keys.get_pending_wallet_sync_key(), user)
