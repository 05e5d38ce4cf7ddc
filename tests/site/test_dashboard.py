"""The figures of the workspace: right by UTC day, read along indexes, shown to those who may see counts."""

import itertools
import re
from datetime import date, datetime, timedelta
from unittest.mock import patch

import frappe
from frappe.desk.query_report import run as run_report
from frappe.tests.utils import FrappeTestCase
from memora.api import dashboard as api
from memora.exceptions import InvalidInput
from memora.services import dashboard, player_lists
from memora.utils import clock, compat, redis_keys, redis_store
from tests import committed
from tests.factories import insert, make_plan, make_player, make_user, unique

NOON = datetime(2031, 5, 20, 12)
TODAY = NOON.date()
CARDS = (
	api.players,
	api.active_today,
	api.lessons_today,
	api.devices,
	api.plans_pending,
	api.oldest_pending_minutes,
	api.dead_letters,
)
REPORTS = ("Memora Players by XP", "Memora Players by Streak", "Memora Inactive Players")
TABLE = re.compile(r"`tab([^`]+)`(?: (?!where|join|straight_join|group|order|on)(\w+))?")


class DashboardTestCase(FrappeTestCase):
	def setUp(self):
		committed.enter(self, clock.freeze(NOON))
		self.forget_past_days()
		self.addCleanup(self.forget_past_days)

	def tearDown(self):
		frappe.set_user("Administrator")
		frappe.db.rollback()

	def forget_past_days(self):
		for key in redis_store.keys_matching("dashboard:days:*"):
			redis_store.delete(key)

	def log(self, at, interaction_type="lesson_completion", player="Guest", xp=0):
		return insert(
			"Memora Interaction Log",
			player=player,
			interaction_type=interaction_type,
			xp_awarded=xp,
			created_at=clock.to_site_time(at),
		)

	def make_player(self, xp=0, streak=0, last_day=None, played_at=None, **values):
		profile = make_player(**values)
		wallet = {
			"total_xp": xp,
			"current_streak": streak,
			"last_success_date": last_day,
			"last_played_at": clock.to_site_time(played_at),
		}
		frappe.db.set_value("Memora Player Wallet", {"player": profile.name}, wallet)
		return profile


class TestDays(DashboardTestCase):
	def test_a_day_begins_and_ends_at_midnight_utc_whatever_the_sites_zone(self):
		midnight = datetime(2031, 5, 20)
		for zone in ("Asia/Kolkata", "America/Los_Angeles"):
			with self.subTest(zone), patch.object(compat, "site_time_zone", return_value=zone):
				for at in (
					midnight - timedelta(seconds=1),
					midnight,
					midnight + timedelta(hours=23, minutes=59),
				):
					self.log(at)
				self.forget_past_days()
				yesterday, today = dashboard.last_days(2)
				self.assertEqual((yesterday.day, yesterday.lessons), (date(2031, 5, 19), 1))
				self.assertEqual((today.day, today.lessons), (TODAY, 2))
				frappe.db.rollback()

	def test_a_day_counts_lessons_each_player_once_and_the_xp_that_was_earned(self):
		self.log(NOON, xp=35, player="Guest")
		self.log(NOON, xp=10, player="Guest")
		self.log(NOON, "lesson_failed", player="Administrator")
		self.log(NOON, "xp_claim", xp=20, player="Guest")
		self.assertEqual(dashboard.today(), (TODAY, 2, 2, 65))

	def test_whoever_only_logged_in_is_active_and_what_the_server_writes_counts_for_nothing(self):
		self.log(NOON, "login", player="Guest")
		for interaction_type in ("adjustment", "balance_forward", "progress_grant", "logout", "duplicate"):
			self.log(NOON, interaction_type, xp=500, player="Administrator")
		self.assertEqual(dashboard.today(), (TODAY, 0, 1, 0))

	def test_a_day_without_anything_is_a_day_of_zeros(self):
		self.assertEqual(
			dashboard.last_days(3), [(TODAY - timedelta(days=back), 0, 0, 0) for back in (2, 1, 0)]
		)

	def test_days_that_are_over_are_counted_once_an_hour_and_today_each_time(self):
		self.log(NOON - timedelta(days=1))
		first = dashboard.last_days(2)
		self.log(NOON - timedelta(days=1))
		self.log(NOON)
		second = dashboard.last_days(2)
		self.assertEqual(second, [first[0], first[1]._replace(lessons=1, players=1)])
		key = redis_keys.get_dashboard_days_key("2031-05-19", "2031-05-19")
		self.assertTrue(0 < redis_store.ttl(key) <= dashboard.PAST_DAYS_TTL_SECONDS)

	def test_figures_that_vanished_from_redis_are_counted_anew(self):
		self.log(NOON - timedelta(days=1))
		dashboard.last_days(2)
		self.log(NOON - timedelta(days=1))
		self.forget_past_days()
		self.assertEqual(dashboard.last_days(2)[0].lessons, 2)

	def test_without_redis_all_figures_come_from_the_database(self):
		self.log(NOON - timedelta(days=1))
		with patch.dict(frappe.conf, {"memora_redis_url": "redis://127.0.0.1:1"}):
			self.assertEqual(dashboard.last_days(2)[0].lessons, 1)


class TestDistributions(DashboardTestCase):
	def grown(self, figures, act):
		"""What an act adds to each figure: other tests' players may be there too."""
		before = figures()
		act()
		return [new - old for new, old in zip(figures(), before, strict=True)]

	def test_players_fall_into_the_step_that_their_xp_has_reached(self):
		totals = (0, 1, 99, 100, 9_999, 10_000, 2_000_000)

		def act():
			for xp in totals:
				self.make_player(xp=xp)

		grown = self.grown(lambda: [step.players for step in dashboard.players_by_xp()], act)
		self.assertEqual(grown, [1, 2, 1, 0, 0, 1, 2])

	def test_a_streak_counts_while_today_or_yesterday_stands_and_else_as_none(self):
		yesterday, lapsed = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
		streaks = ((5, TODAY), (5, yesterday), (30, lapsed), (0, None), (30, TODAY))

		def act():
			for days, last in streaks:
				self.make_player(streak=days, last_day=last)

		grown = self.grown(lambda: [step.players for step in dashboard.players_by_streak()], act)
		self.assertEqual(grown, [2, 0, 0, 2, 0, 0, 1])

	def test_steps_join_without_a_gap_and_the_last_is_open(self):
		for steps in (dashboard.players_by_xp(), dashboard.players_by_streak()):
			self.assertEqual((steps[0].low, steps[-1].high), (0, None))
			for step, following in itertools.pairwise(steps):
				self.assertEqual(step.high + 1, following.low)

	def test_players_are_counted_by_their_devices(self):
		def act():
			for names in ((), ("phone",), ("phone", "tablet"), ()):
				self.make_player(devices=names)

		self.assertEqual(self.grown(dashboard.players_by_devices, act), [2, 1, 1])
		self.assertEqual(
			self.grown(lambda: [dashboard.count_players(), dashboard.count_devices()], act), [4, 3]
		)

	def test_publishes_count_when_they_ended_in_the_last_days_by_their_result(self):
		def act():
			for status, ended in (
				("Success", NOON),
				("Failed", NOON),
				("Dead Letter", NOON),
				("Success", NOON - timedelta(days=40)),
				("Failed", None),
				("Queued", None),
			):
				self.insert_publish(status, ended)

		grown = self.grown(lambda: dashboard.publishes_by_result(30).values(), act)
		self.assertEqual(grown, [1, 1, 1])

	def insert_publish(self, status, ended):
		at = clock.to_site_time(ended)
		row = insert("CDN Sync Log", plan_id=unique("PLAN"), status=status, completed_at=at)
		when = clock.to_site_time(ended or NOON)
		frappe.db.set_value("CDN Sync Log", row.name, "modified", when, update_modified=False)


class TestLists(DashboardTestCase):
	def setUp(self):
		super().setUp()
		self.plan = make_plan().name

	def names(self, players):
		return [player.player for player in players]

	def test_players_by_xp_begin_with_the_most_and_end_at_the_limit(self):
		low, high, _none = (self.make_player(xp=xp, current_plan=self.plan).name for xp in (10, 900, 0))
		self.assertEqual(self.names(player_lists.by_xp(10, self.plan)), [high, low])
		self.assertEqual(self.names(player_lists.by_xp(1, self.plan)), [high])
		richest = self.make_player(xp=2_000_000_000).name
		self.assertEqual(self.names(player_lists.by_xp(1)), [richest])

	def test_players_by_streak_are_those_whose_streak_stands(self):
		days = ((3, TODAY), (7, TODAY - timedelta(days=1)), (50, TODAY - timedelta(days=2)), (0, TODAY))
		three, seven, *_ = (
			self.make_player(streak=streak, last_day=last, current_plan=self.plan).name
			for streak, last in days
		)
		self.assertEqual(self.names(player_lists.by_streak(10, self.plan)), [seven, three])

	def test_inactive_players_are_those_who_never_played_and_then_the_longest_away(self):
		since = TODAY - timedelta(days=14)
		begin = datetime(2031, 5, 6)
		moments = (begin, begin - timedelta(seconds=1), begin - timedelta(days=90), None)
		_active, near, far, never = (
			self.make_player(played_at=at, current_plan=self.plan).name for at in moments
		)
		self.assertEqual(self.names(player_lists.inactive_since(since, 10, self.plan)), [never, far, near])

	def test_every_report_runs_for_a_system_manager_and_says_how_old_its_figures_are(self):
		player = self.make_player(
			xp=77, streak=2, last_day=TODAY, played_at=NOON - timedelta(days=30), current_plan=self.plan
		)
		frappe.set_user(make_user("System Manager").name)
		for report in REPORTS:
			with self.subTest(report):
				answer = run_report(report, {"plan": self.plan, "limit": "5"})
				[row] = answer["result"]
				self.assertEqual((row["user"], row["total_xp"]), (player.user, 77))
				self.assertIn("15 minutes", answer["message"])
				shown = {column["fieldname"] for column in answer["columns"]}
				self.assertEqual(shown - set(row), set())

	def test_a_report_refuses_a_limit_that_is_none(self):
		for limit in ("many", -1, 1001):
			with self.subTest(limit), self.assertRaisesRegex(InvalidInput, "Rows must be"):
				run_report(REPORTS[0], {"limit": limit})

	def test_nobody_else_runs_a_report(self):
		for role in ("Memora Content Manager", "Memora Student"):
			frappe.set_user(make_user(role).name)
			for report in REPORTS:
				with self.subTest(f"{role}: {report}"), self.assertRaises(frappe.PermissionError):
					run_report(report, {})
			frappe.set_user("Administrator")


class TestEndpoints(DashboardTestCase):
	def test_each_card_is_a_number_and_leads_an_administrator_on(self):
		frappe.set_user(make_user("System Manager").name)
		for card in CARDS:
			with self.subTest(card.__name__):
				shown = card()
				self.assertIsInstance(shown["value"], int)
				self.assertEqual(shown["fieldtype"], "Int")
				self.assertTrue(shown["route"])

	def test_a_content_manager_sees_the_same_numbers_and_no_way_to_player_rows(self):
		self.log(NOON, player="Guest")
		self.make_player(devices=("phone",))
		shown = {card: card()["value"] for card in CARDS}
		frappe.set_user(make_user("Memora Content Manager").name)
		for card in CARDS:
			with self.subTest(card.__name__):
				self.assertEqual(card()["value"], shown[card])
		for card in (api.players, api.active_today, api.lessons_today, api.devices):
			self.assertNotIn("route", card())

	def test_a_card_tells_what_happened_today(self):
		before = api.lessons_today()["value"], api.active_today()["value"]
		self.log(NOON, player="Guest")
		self.assertEqual((before, api.lessons_today()["value"], api.active_today()["value"]), ((0, 0), 1, 1))

	def test_publishing_cards_tell_what_waits_and_what_was_given_up(self):
		cards = (api.plans_pending, api.dead_letters)
		before = [card()["value"] for card in cards]
		insert("CDN Sync Log", plan_id=unique("PLAN"), status="Dead Letter")
		waiting = insert("CDN Sync Log", plan_id=unique("PLAN"), status="Queued")
		begun = clock.to_site_time(NOON - timedelta(minutes=7, seconds=59))
		frappe.db.set_value("CDN Sync Log", waiting.name, "creation", begun, update_modified=False)
		self.assertEqual([card()["value"] for card in cards], [value + 1 for value in before])
		self.assertGreaterEqual(api.oldest_pending_minutes()["value"], 7)

	def test_every_chart_of_the_site_is_drawn_with_a_label_for_each_value(self):
		self.log(NOON, xp=5)
		self.make_player(xp=10, devices=("phone",))
		insert(
			"CDN Sync Log", plan_id=unique("PLAN"), status="Success", completed_at=clock.to_site_time(NOON)
		)
		frappe.db.sql("update `tabCDN Sync Log` set modified = %s", clock.to_site_time(NOON))
		names = frappe.get_all("Dashboard Chart", filters={"source": "Memora"}, pluck="name")
		self.assertEqual(set(names), set(api.CHARTS))
		for name in names:
			with self.subTest(name):
				drawn = api.chart(name)
				[dataset] = drawn["datasets"]
				self.assertEqual(len(drawn["labels"]), len(dataset["values"]))
				self.assertGreater(sum(dataset["values"]), 0)

	def test_a_chart_of_days_ends_today_and_spans_a_month(self):
		self.log(NOON)
		drawn = api.chart("Memora Completions a Day")
		self.assertEqual((len(drawn["labels"]), drawn["labels"][-1]), (30, "20 May"))
		self.assertEqual(drawn["datasets"][0]["values"], [0] * 29 + [1])

	def test_a_chart_of_nothing_is_empty_so_that_desk_says_so(self):
		self.assertEqual(api.chart("Memora XP a Day"), {})

	def test_an_unknown_chart_is_refused_without_repeating_its_name(self):
		with self.assertRaisesRegex(
			InvalidInput, "chart_name must be one of Memora Completions a Day"
		) as refused:
			api.chart("<b>")
		self.assertNotIn("<b>", str(refused.exception))
		with self.assertRaisesRegex(InvalidInput, "chart_name must be one of"):
			api.chart()

	def test_students_and_guests_see_no_figure(self):
		for user in (make_user("Memora Student").name, "Guest"):
			frappe.set_user(user)
			for endpoint in (*CARDS, lambda: api.chart("Memora XP a Day")):
				# Frappe's own check of roles lets every test through.
				with patch.dict(frappe.local.flags, in_test=False), self.assertRaises(frappe.PermissionError):
					endpoint()


class TestStatements(DashboardTestCase):
	"""Every statement uses an index, also where there is much to walk through."""

	STRANGERS = 20_000

	def setUp(self):
		super().setUp()
		numbers = f"from seq_1_to_{self.STRANGERS} number"
		self.run_sql(f"""insert into `tabMemora Player Profile` (name, user, creation, modified)
			select concat('stranger-', seq), concat('stranger-', seq, '@example.com'), now(), now() {numbers}""")
		self.run_sql(f"""insert into `tabMemora Player Wallet`
			(name, player, total_xp, current_streak, last_success_date, last_played_at, creation, modified)
			select concat('stranger-', seq), concat('stranger-', seq), seq, seq % 9, '2020-01-01' + interval seq hour,
				'2020-01-01' + interval seq hour, now(), now() {numbers}""")
		self.run_sql(f"""insert into `tabMemora Authorized Device` (name, parent, parenttype, device_id, creation, modified)
			select concat('stranger-', seq), concat('stranger-', seq), 'Memora Player Profile', seq, now(), now() {numbers}""")
		self.run_sql(f"""insert into `tabMemora Interaction Log`
			(name, player, interaction_type, created_at, seq, creation, modified)
			select nextval(`memora_interaction_log_id_seq`), concat('stranger-', seq), 'lesson_completion',
				'2025-01-01' + interval seq hour, seq, now(), now() {numbers}""")
		self.run_sql(f"""insert into `tabCDN Sync Log` (name, plan_id, status, completed_at, creation, modified)
			select concat('stranger-', seq), 'PLAN', 'Success', '2020-01-01' + interval seq hour, now(),
				'2020-01-01' + interval seq hour {numbers}""")
		frappe.db.commit()
		self.addCleanup(self.remove_strangers)
		for doctype in self.tables():
			self.run_sql(f"analyze table `tab{doctype}`")

	def tables(self):
		return (
			"Memora Player Profile",
			"Memora Player Wallet",
			"Memora Authorized Device",
			"Memora Interaction Log",
			"CDN Sync Log",
		)

	def run_sql(self, query):
		frappe.db.sql(query)

	def remove_strangers(self):
		frappe.db.rollback()
		for doctype in self.tables():
			column = "player" if doctype == "Memora Interaction Log" else "name"
			self.run_sql(f"delete from `tab{doctype}` where `{column}` like 'stranger-%'")
		frappe.db.commit()

	def test_no_figure_and_no_list_walks_a_table_or_sorts_all_of_it(self):
		plan = unique("PLAN")
		walks = {
			"players": dashboard.count_players,
			"devices": dashboard.count_devices,
			"days": lambda: dashboard.last_days(30),
			"by XP": dashboard.players_by_xp,
			"by streak": dashboard.players_by_streak,
			"by devices": dashboard.players_by_devices,
			"publishes": lambda: dashboard.publishes_by_result(30),
			"list by XP": lambda: player_lists.by_xp(100),
			"list by streak": lambda: player_lists.by_streak(100),
			"list of inactive": lambda: player_lists.inactive_since(TODAY, 100),
			"list by XP of a plan": lambda: player_lists.by_xp(100, plan),
			"list by streak of a plan": lambda: player_lists.by_streak(100, plan),
			"list of inactive of a plan": lambda: player_lists.inactive_since(TODAY, 100, plan),
		}
		for name, walk in walks.items():
			with self.subTest(name):
				self.assertEqual(self.full_scans(walk), [], name)

	def full_scans(self, walk):
		found = []
		run = frappe.db.sql

		def explain(query, *args, **kwargs):
			tables = {alias or name for name, alias in TABLE.findall(str(query))}
			if tables:
				plan = run(f"explain {str(query).strip()}", *args[:1], as_dict=True)
				found.extend(
					(row.table, row.Extra)
					for row in plan
					if (row.table or "").removeprefix("tab") in tables and not row.key
				)
			return run(query, *args, **kwargs)

		with patch.object(frappe.db, "sql", explain):
			walk()
		return found

	def test_the_check_itself_sees_a_statement_without_an_index(self):
		query = "select name from `tabMemora Player Wallet` where current_streak = 3"
		self.assertEqual(
			[table for table, _ in self.full_scans(lambda: frappe.db.sql(query))], ["tabMemora Player Wallet"]
		)
