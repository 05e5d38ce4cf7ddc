"""What one worker has read and kept, when another process publishes or an editor saves."""

import multiprocessing

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services.cdn_export import structure_export
from memora.services.progress_engine import progress_computer
from memora.services.progress_engine.tree import walk
from tests import factories
from tests.committed import Game


def _serve(pipe, user: str, subject: str) -> None:
	"""Answer each request of the pipe with the states of the lessons, as a web worker would, until it is closed."""
	frappe.connect()
	for _request in iter(pipe.recv, None):
		frappe.db.rollback()  # a request begins in a new transaction
		root = progress_computer.compute_progress(subject, user)["root"]
		pipe.send({node["id"]: node["status"] for node in walk(root) if node["type"] == "lesson"})


class OtherWorker:
	"""A process that keeps what it has read from one request to the next."""

	def __init__(self, user: str, subject: str):
		self.pipe, end = multiprocessing.Pipe()
		# Forked, or each test would wait for a whole Frappe to be imported.
		self.process = multiprocessing.get_context("fork").Process(target=_serve, args=(end, user, subject))
		self.process.start()

	def lessons(self) -> dict[str, str]:
		self.pipe.send("progress")
		assert self.pipe.poll(30), "the other worker does not answer"
		return self.pipe.recv()

	def end(self) -> None:
		self.pipe.send(None)
		self.process.join()


class TestTwoWorkers(FrappeTestCase):
	def setUp(self):
		self.game = Game(lessons=3)
		self.addCleanup(self.game.remove)
		self.worker = OtherWorker(self.game.add_player().user, self.game.subject.name)
		self.addCleanup(self.worker.end)
		self.first, self.second, self.third = self.game.lessons
		self.before = {self.first: "unlocked", self.second: "locked", self.third: "locked"}

	def test_a_republished_subject_is_read_anew_by_a_worker_that_knew_it(self):
		self.assertEqual(self.worker.lessons(), self.before)
		new = factories.make_lesson(self.game.subject.topic_names[0], sort_order=9).name
		self.game.subject.lesson_names.append(new)
		frappe.db.commit()
		structure_export.write_subject_structure(self.game.subject.name)
		self.assertEqual(self.worker.lessons(), {**self.before, new: "locked"})

	def test_an_override_is_in_force_on_the_next_request_of_every_worker(self):
		self.assertEqual(self.worker.lessons(), self.before)
		for override, expected in (
			(("Memora Topic", self.game.subject.topic_names[0], "Set Linear", "0"), ["unlocked"] * 3),
			(("Memora Lesson", self.second, "Hide", None), ["unlocked"] * 2),
		):
			self.save_override(*override)
			self.assertEqual(list(self.worker.lessons().values()), expected)

	def save_override(self, doctype, name, action, value):
		plan = factories.reload(self.game.plan)
		plan.append(
			"overrides",
			{"target_doctype": doctype, "target_name": name, "action": action, "override_value": value},
		)
		plan.save(ignore_permissions=True)
		frappe.db.commit()
