"""Enrolling a player, while another process does it too."""

import threading

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services import enrollment
from tests.committed import Game
from tests.site.players.wallets import elsewhere


class TestEnrollingAtOnce(FrappeTestCase):
	def setUp(self):
		self.game = Game()
		self.addCleanup(self.game.remove)
		self.user = self.game.add_player(current_plan=None).user

	def rows(self):
		frappe.db.rollback()
		return frappe.get_all("Memora Structure Progress", filters={"player": self.user}, pluck="subject")

	def test_enrolling_again_after_another_process_did_changes_nothing(self):
		self.assertEqual(self.rows(), [])  # from here on this transaction sees none
		elsewhere(self.enrol).join()
		enrollment.enrol_in_plan(self.user, self.game.plan.name)
		frappe.db.commit()
		self.assertEqual(self.rows(), [self.game.subject.name])

	def test_eight_at_once_make_one_row_and_none_fails(self):
		self.failures = []
		self.start = threading.Barrier(8)
		workers = [elsewhere(self.enrol_together) for _ in range(8)]
		for worker in workers:
			worker.join()
		self.assertEqual((self.failures, self.rows()), ([], [self.game.subject.name]))

	def enrol(self):
		enrollment.enrol_in_plan(self.user, self.game.plan.name)
		frappe.db.commit()

	def enrol_together(self):
		self.start.wait()
		try:
			self.enrol()
		except Exception as error:
			self.failures.append(error)
