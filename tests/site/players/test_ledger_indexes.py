"""No reader of the ledger walks through all of it: every statement about it uses an index."""

import re
from datetime import datetime, timedelta
from unittest.mock import patch

import frappe
from memora.services import (
	comparison,
	interaction_log,
	ledger_repair,
	ledger_retention,
	rebuild,
	recovery,
)
from memora.services.progress_engine import migration
from memora.utils import clock
from tests.site.players.wallets import MORNING, WalletTestCase

LEDGER = "`tabMemora Interaction Log`"
STRANGERS = 50
ROWS_EACH = 60
ALIAS = re.compile(LEDGER + r"(?: (?!where|set|force|join|left|straight_join|group|order)(\w+))?")

_FILL = f"""
insert into {LEDGER} (name, player, interaction_type, reference_id, subject, created_at, xp_awarded, seq, interaction_data)
select nextval(`memora_interaction_log_id_seq`), concat('stranger-', player.seq, '@example.com'), 'lesson_completion',
	concat('LESSON-', award.seq), 'SUBJ-1', '2020-01-01' + interval award.seq day, 10, award.seq, '{{"hearts": 3}}'
from seq_1_to_{STRANGERS} player, seq_1_to_{ROWS_EACH} award
"""


class TestIndexes(WalletTestCase):
	def setUp(self):
		super().setUp()
		self.complete(0, 5)
		self.add_xp(20, at=MORNING + timedelta(hours=1))
		frappe.db.sql(_FILL)
		frappe.db.commit()
		frappe.db.sql(f"analyze table {LEDGER}")
		self.addCleanup(self.empty)

	def empty(self):
		frappe.db.rollback()
		frappe.db.sql(f"delete from {LEDGER} where player like 'stranger-%'")
		frappe.db.commit()

	def test_every_statement_about_the_ledger_uses_an_index(self):
		user, subject, lesson = self.user, self.game.subject.name, self.game.lessons[0]
		pair = (user, subject)
		walks = {
			"history": lambda: interaction_log.read_history(user, lesson, "an-id"),
			"claims": lambda: interaction_log.xp_claimed_on(user, MORNING.date()),
			"last awards": lambda: interaction_log.last_awards(user, 20),
			"events": lambda: interaction_log.count_events_since(user, "login", datetime(2030, 1, 1)),
			"last seqs": lambda: interaction_log.last_seqs([user]),
			"keys": lambda: interaction_log.keys_held([user], [lesson]),
			"restore": lambda: interaction_log.restore_award(user, 1, {"xp_awarded": 35}),
			"wallet": lambda: recovery.read_wallet(user),
			"wallet from ledger": lambda: recovery.read_wallets([user], from_ledger=True),
			"progress": lambda: recovery.read_progress(*pair),
			"progress of many": lambda: recovery.read_progress_many([pair, (user, "SUBJ-1")]),
			"progress from ledger": lambda: recovery.read_all_progress_from_ledger([user]),
			"rebuild": lambda: rebuild.rebuild_players([user]),
			"comparison": lambda: comparison.find(comparison.read([user])),
			"repair": lambda: ledger_repair.close_gaps(user, None, []),
			"migration": migration.migrate_to_bitmap_structure,
			"fold": lambda: ledger_retention.fold_player(user, clock.utc_now()),
			"delete events": lambda: interaction_log.delete_events(MORNING, MORNING + timedelta(hours=1), 10),
		}
		for name, walk in walks.items():
			with self.subTest(name):
				self.assertEqual(self.full_scans(walk), [])

	def test_the_last_awards_are_read_newest_first_without_sorting(self):
		plans = self.plans_of(lambda: interaction_log.last_awards("stranger-1@example.com", 20))
		self.assertEqual([plan.key for plan in plans], ["unique_player_seq"])
		self.assertNotIn("filesort", plans[0].Extra)

	def full_scans(self, walk):
		"""What a function asks of the ledger without an index."""
		return [
			(plan.table, plan.type, plan.query)
			for plan in self.plans_of(walk)
			if plan.type in ("ALL", "index") and plan.key is None
		]

	def plans_of(self, walk):
		"""How MariaDB reads the ledger for each statement of a function, with the statement as `query`."""
		found = []
		run = frappe.db.sql

		def explain(query, *args, **kwargs):
			if LEDGER in query and not query.lstrip().lower().startswith(("insert", "analyze")):
				aliases = {alias or LEDGER.strip("`") for alias in ALIAS.findall(query)}
				plan = run(f"explain {query.strip()}", *args[:1], as_dict=True)
				found.extend(row.update({"query": query}) for row in plan if row.table in aliases)
			return run(query, *args, **kwargs)

		frappe.db.rollback()
		with patch.object(frappe.db, "sql", explain):
			walk()
		frappe.db.rollback()
		return found

	def test_the_check_itself_sees_a_statement_without_an_index(self):
		found = self.full_scans(lambda: frappe.db.sql(f"select name from {LEDGER} where xp_awarded = 3"))
		self.assertEqual([row[:2] for row in found], [(LEDGER.strip("`"), "ALL")])
