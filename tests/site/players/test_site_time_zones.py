"""Times are UTC whatever the site's time zone: what MariaDB tells is what Redis told."""

from datetime import datetime

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import player_copies, wallet_engine
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock, compat
from tests.committed import Game


def set_time_zone(name):
	settings = frappe.get_doc("System Settings")
	settings.time_zone = name
	settings.flags.ignore_mandatory = True  # a test site is set up without the wizard
	settings.save(ignore_permissions=True)
	if hasattr(frappe.local, "system_settings"):
		del frappe.local.system_settings  # Frappe 15 keeps them for the request
	frappe.db.commit()


class TestSiteTimeZones(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=2)
		self.addCleanup(self.game.remove)
		self.player = self.game.add_player()

	def use_time_zone(self, name):
		self.addCleanup(set_time_zone, frappe.db.get_single_value("System Settings", "time_zone"))
		set_time_zone(name)
		self.assertEqual(compat.site_time_zone(), name)

	def wallets_after_a_lesson(self, moment):
		"""The wallet as Redis has it, and as it is loaded from MariaDB."""
		with clock.freeze(moment):
			completion.complete_lesson(self.player.user, self.game.lessons[0], 5, PROGRESS_POLICY)
			from_redis = wallet_engine.get_wallet(self.player.user)
			player_copies.drop(self.player.user)
			return from_redis, wallet_engine.get_wallet(self.player.user)

	def test_the_day_and_the_hour_are_utc_on_a_site_in_riyadh(self):
		self.use_time_zone("Asia/Riyadh")
		from_redis, from_mariadb = self.wallets_after_a_lesson(datetime(2026, 3, 1, 22, 30))
		self.assertEqual(from_redis, from_mariadb)
		self.assertEqual(from_mariadb["last_success_date"], "2026-03-01")
		self.assertEqual(from_mariadb["last_played_at"], "2026-03-01T22:30:00")

	def test_the_hour_that_an_autumn_night_has_twice_is_told_apart(self):
		self.use_time_zone("America/New_York")
		from_redis, from_mariadb = self.wallets_after_a_lesson(datetime(2026, 11, 1, 6, 30))
		self.assertEqual(from_mariadb["last_played_at"], "2026-11-01T06:30:00")
		self.assertEqual(from_redis, from_mariadb)
