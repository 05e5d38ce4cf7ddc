"""An erasure that is killed at any step goes on, and the days' figures are right at every moment; so do those of a
player who plays on while he is erased."""

import contextlib
import os
import signal
from unittest.mock import patch

import frappe
from memora.exceptions import MemoraError
from memora.services import interaction_log, xp_claims
from memora.services.privacy import copies, daily_totals, erasure, log_files, tombstones, traces
from memora.services.privacy.deletion_request import ErasureRequest
from tests.factories import new_uuid
from tests.site.privacy.test_privacy import PrivacyTestCase

# What an erasure comes to, in order.
STEPS = (
	(tombstones, "put"),
	(erasure, "_lock_out"),
	(log_files, "forget"),
	(traces, "forget"),
	(erasure, "_delete_player_rows"),
	(interaction_log, "take_between"),
	(daily_totals, "fold_player"),
	(copies, "forget"),
	(ErasureRequest, "_anonymize_data"),
	(ErasureRequest, "_clear_what_frappe_keeps"),
)


class TestAnErasureThatIsKilled(PrivacyTestCase):
	def test_it_goes_on_after_each_step_and_no_day_is_counted_twice(self):
		request = self.person.ask_for_deletion()
		before = self.figures()
		for number, (owner, step) in enumerate(STEPS):
			with self.subTest(step=step):
				begin = (
					(lambda: frappe.get_doc(erasure.REQUEST, request.name).erase())
					if not number
					else erasure.take_up
				)
				self.kill_after(owner, step, begin)
				self.assertEqual(self.figures(), before)
				self.assertEqual(
					frappe.db.get_value(erasure.REQUEST, request.name, "status"), "Pending Approval"
				)
		erasure.take_up()
		self.assertEqual(frappe.db.get_value(erasure.REQUEST, request.name, "status"), "Deleted")
		self.assertEqual(self.figures(), before)
		self.settle()
		self.assert_nowhere()

	def figures(self):
		frappe.db.rollback()
		return self.last_days(1)

	def kill_after(self, owner, step, run):
		"""Run it in a process of its own, which dies when the step is done."""
		original = getattr(owner, step)

		def die(*args, **kwargs):
			original(*args, **kwargs)
			os.kill(os.getpid(), signal.SIGKILL)

		child = os.fork()
		if child == 0:
			with contextlib.suppress(BaseException):  # whatever happens, a second pytest must not run on
				frappe.connect()
				with patch.object(owner, step, die):
					run()
			os._exit(1)
		_, status = os.waitpid(child, 0)
		self.assertTrue(os.WIFSIGNALED(status), f"{step} was not met")


class TestAPlayerWhoPlaysOn(PrivacyTestCase):
	def test_what_he_earns_meanwhile_goes_with_the_rest(self):
		request = self.person.ask_for_deletion()
		child = os.fork()
		if child == 0:
			self.claim_until_refused()
		request.erase()
		_, status = os.waitpid(child, 0)
		self.assertEqual(os.WEXITSTATUS(status), 0)
		self.settle()
		self.assert_nowhere()

	def claim_until_refused(self):
		frappe.connect()
		for _each in range(2000):
			try:
				xp_claims.claim_xp(self.person.user, 1, new_uuid())
			except MemoraError:
				os._exit(0)
			except BaseException:
				os._exit(2)
		os._exit(3)
