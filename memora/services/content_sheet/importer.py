"""Brings a sheet into the database: all of it or nothing, in one transaction, through the documents and their rules.

A check is the same work, undone at its end: what it reports is what an import would do, and every rule that a document
has is asked. So a sheet that is imported again changes nothing, and one whose worker dies has changed nothing.

The rows of the subject are locked first. Another editor waits, or what he has saved is seen. One import at a time runs
on a site, and the next one waits for it: new documents of a kind take their names from one counter in any case.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import frappe
from frappe import _
from frappe.utils import sanitize_html, strip_html_tags
from memora.exceptions import InvalidInput
from memora.services import sync_queue
from memora.services.content_sheet import matching, outline, subject_reader, workbooks
from memora.services.content_sheet.columns import ID, LESSON, LEVELS, SUBJECT
from memora.services.content_sheet.matching import Step
from memora.services.content_sheet.outline import Node, Problem
from memora.services.content_sheet.subject_reader import DOCTYPES
from memora.services.content_tree import PARENT_OF
from memora.utils import named_locks, transactions

MAX_PROBLEMS = 100
ATTEMPTS = 3
LOCK_NAME = "content-sheet-import"
WAIT_SECONDS = 120


@dataclass
class Report:
	"""What an import did, or a check found.

	counts: level -> {"new", "changed", "unchanged"}; of stages: {"new", "removed"} in lessons whose stages changed.
	"""

	is_check: bool
	subject: str | None = None
	title: str | None = None
	counts: dict[str, Counter] = field(default_factory=dict)
	problems: list[Problem] = field(default_factory=list)

	def to_dict(self) -> dict[str, Any]:
		"""{"is_check", "is_imported", "subject": its name where it is there, "title", "counts",
		"problem_count", "problems": [{"row", "column", "message"}], at most 100}"""
		return {
			"is_check": self.is_check,
			"is_imported": not self.is_check and not self.problems,
			"subject": self.subject,
			"title": self.title,
			"counts": self.counts,
			"problem_count": len(self.problems),
			"problems": [vars(problem) for problem in self.problems[:MAX_PROBLEMS]],
		}


def import_sheet(
	file_name: str,
	content: bytes,
	is_check: bool,
	tell: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
	"""Import a file's subject, or see what that would do. Commits, when nothing stands in the way.

	Args:
		tell: called with how many documents are done, and how many there are.

	Raises:
		ImportBusy: another import holds the site for longer than two minutes.
	"""
	report = Report(is_check)
	try:
		root, report.problems = outline.read(workbooks.read_table(file_name, content))
	except workbooks.UnreadableFile as error:
		report.problems = [Problem(None, None, str(error))]
	if report.problems:
		return report
	with named_locks.held(LOCK_NAME, WAIT_SECONDS) as is_ours:
		if not is_ours:
			raise ImportBusy(_("Another import is running. Try again when it has ended."))
		return _with_retries(lambda: _import(root, Report(is_check, title=root.title), tell))


class ImportBusy(InvalidInput):
	pass


def _with_retries(work: Callable[[], Report]) -> Report:
	"""Again where an editor's lock stood in the way: what was done is undone by then."""
	for attempts_left in reversed(range(ATTEMPTS)):
		try:
			return work()
		except sync_queue.LOCK_ERRORS:
			if not attempts_left:
				raise


def _import(root: Node, report: Report, tell: Callable[[int, int], None]) -> Report:
	with transactions.fresh_transaction():
		stored, report.problems = _find_stored(root)
		if report.problems:
			return report
		steps, report.problems = matching.match(root, stored, as_stored)
		report.subject, report.counts = stored.id if stored else None, _count(steps)
		if report.problems:
			return report
		saver = _Saver(len(steps), tell)
		report.problems = saver.save_all(steps)
		if not report.problems and not report.is_check:
			report.subject = saver.name_of(root)
			frappe.db.commit()  # all of the sheet and its plans in the queue, or nothing
	return report


def as_stored(text: str) -> str:
	"""A text as a document keeps it: Frappe cleans markup on each save."""
	return sanitize_html(text) if "<" in text or ">" in text else text


def _find_stored(root: Node) -> tuple[Node | None, list[Problem]]:
	"""The subject that the sheet is about, whole and locked; None for a new one."""
	if root.id and not frappe.db.exists(DOCTYPES[SUBJECT], root.id):
		return None, [Problem(root.row, ID, f"There is no subject {root.id}.")]
	names = [root.id] if root.id else subject_reader.subjects_titled({root.title, as_stored(root.title)})
	if len(names) > 1:
		message = f"“{root.title}” could be any of {', '.join(names[:5])}. Fill in the {ID}."
		return None, [Problem(root.row, LEVELS[SUBJECT], message)]
	return (subject_reader.read_subject(names[0], is_locked=True) if names else None), []


def _count(steps: Iterable[Step]) -> dict[str, Counter]:
	counts = {level: Counter(new=0, changed=0, unchanged=0) for level in LEVELS[: LESSON + 1]}
	stages = Counter(new=0, removed=0)
	for step in steps:
		counts[LEVELS[step.level]][step.action] += 1
		if step.stages is not None:
			before = len(step.stored.children) if step.stored else 0
			stages["new"] += max(len(step.stages) - before, 0)
			stages["removed"] += max(before - len(step.stages), 0)
	return {**counts, LEVELS[-1]: stages}


class _Saver:
	"""Saves the steps one after the other, and remembers the names that new documents got."""

	def __init__(self, total: int, tell: Callable[[int, int], None]):
		self._names: dict[int, str | None] = {}
		self._total, self._tell = total, tell

	def name_of(self, node: Node) -> str | None:
		"""The document's name; None where it could not be saved."""
		return self._names[id(node)]

	def save_all(self, steps: Sequence[Step]) -> list[Problem]:
		problems = []
		for done, step in enumerate(steps):
			self._tell(done, self._total)
			name = step.stored.id if step.stored else None
			try:
				if step.action != matching.UNCHANGED and self._has_parent(step):
					name = self._save(step)
			except frappe.ValidationError as error:
				problems.append(Problem(step.node.row if step.node else None, None, _message(error)))
			except frappe.PermissionError:
				kind = LEVELS[step.level].lower()
				problems.append(
					Problem(step.node and step.node.row, None, f"You may not change this {kind}.")
				)
			if step.node:
				self._names[id(step.node)] = name
		return problems

	def _has_parent(self, step: Step) -> bool:
		"""Below what could not be saved nothing is tried: one mistake is told once."""
		return not step.parent or self.name_of(step.parent) is not None

	def _save(self, step: Step) -> str:
		doctype = DOCTYPES[step.level]
		document = frappe.get_doc(doctype, step.stored.id) if step.stored else frappe.new_doc(doctype)
		document.update(step.values)
		if step.parent:
			document.set(PARENT_OF[doctype][0], self.name_of(step.parent))
		if step.sort_order is not None:
			document.sort_order = step.sort_order
		if step.stages is not None:
			document.set("stages", step.stages)
		return document.save().name


def _message(error: Exception) -> str:
	"""What the document said. It was collected for a form as well, which nobody looks at here."""
	frappe.clear_messages()
	return strip_html_tags(str(error)) or type(error).__name__
