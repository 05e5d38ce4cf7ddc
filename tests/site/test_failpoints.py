"""Failpoints act once, where tests are allowed, and nowhere else."""

import errno
import os
import shutil
import signal
import time
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.utils import clock, failpoints

POINT = "award.committed"


class TestFailpoints(FrappeTestCase):
	def setUp(self):
		failpoints.folder().mkdir(parents=True, exist_ok=True)
		self.addCleanup(shutil.rmtree, failpoints.folder())
		self.addCleanup(clock.move, 0)

	def arm(self, action):
		(failpoints.folder() / POINT).write_text(action)

	def is_armed(self):
		return (failpoints.folder() / POINT).exists()

	def test_a_site_without_allow_tests_never_dies_waits_or_fails(self):
		for action in ("kill", "sleep 60", "no space"):
			with self.subTest(action=action), patch.dict(frappe.local.conf, {"allow_tests": 0}):
				self.arm(action)
				failpoints.reach(POINT)
				self.assertTrue(self.is_armed())

	def test_a_site_without_allow_tests_sees_the_true_time(self):
		(failpoints.folder() / failpoints.CLOCK).write_text("86400")
		before = clock.utc_now()
		with patch.dict(frappe.local.conf, {"allow_tests": 0}):
			failpoints.set_clock()
		self.assertLess(abs(clock.utc_now() - before).total_seconds(), 3600)

	def test_a_moved_clock_is_seen_until_the_file_is_gone(self):
		(failpoints.folder() / failpoints.CLOCK).write_text("-86400")
		before = clock.utc_now()
		failpoints.set_clock()
		self.assertGreater((before - clock.utc_now()).total_seconds(), 80_000)
		(failpoints.folder() / failpoints.CLOCK).unlink()
		failpoints.set_clock()
		self.assertGreaterEqual(clock.utc_now(), before)

	def test_a_kill_leaves_no_process_and_no_token(self):
		self.arm("kill")
		child = os.fork()
		if child == 0:
			failpoints.reach(POINT)
			os._exit(0)
		_, status = os.waitpid(child, 0)
		self.assertTrue(os.WIFSIGNALED(status))
		self.assertEqual(os.WTERMSIG(status), signal.SIGKILL)
		self.assertFalse(self.is_armed())
		failpoints.reach(POINT)

	def test_a_full_disk_is_met_once(self):
		self.arm("no space")
		with self.assertRaises(OSError) as met:
			failpoints.reach(POINT)
		self.assertEqual(met.exception.errno, errno.ENOSPC)
		failpoints.reach(POINT)

	def test_a_pause_is_as_long_as_it_says(self):
		self.arm("sleep 0.2")
		began = time.monotonic()
		failpoints.reach(POINT)
		self.assertGreaterEqual(time.monotonic() - began, 0.2)
