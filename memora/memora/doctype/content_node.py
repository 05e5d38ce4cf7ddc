"""The rules that every piece of content shares. Base class of the controllers of content and plans."""

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint
from memora.services import content_tree
from memora.services.progress_engine import moved_lessons
from memora.utils import validators

MAX_TITLE_LENGTH = 140
MAX_SORT_ORDER = 1_000_000


class ContentNode(Document):
	def validate(self):
		self.validate_title()
		self.validate_sort_order()

	def after_delete(self):
		self.retire_name()

	def validate_title(self):
		self.title = validators.parse_text(self.title or "", _("Title"), 1, MAX_TITLE_LENGTH)

	def validate_sort_order(self):
		if self.meta.has_field("sort_order"):
			self.sort_order = validators.parse_int(self.sort_order or 0, _("Sort Order"), 0, MAX_SORT_ORDER)

	def retire_name(self):
		"""Frappe winds a series back when its last document goes, but a name that players and files may know is never
		given again."""
		prefix = self.meta.autoname.partition(".")[0]
		frappe.db.sql(
			"update `tabSeries` set `current` = greatest(`current`, %s) where name = %s",
			(cint(self.name.removeprefix(prefix)), prefix),
		)


class MovableNode(ContentNode):
	"""A node between the subject and the lessons. Its lessons follow when it moves to another subject."""

	def on_update(self):
		self.take_lessons_along()

	def take_lessons_along(self):
		parent_field, _parent_doctype = content_tree.PARENT_OF[self.doctype]
		is_moved = self.get_doc_before_save() and self.has_value_changed(parent_field)
		if is_moved and content_tree.follow_move(self.doctype, self.name):
			moved_lessons.carry_progress_soon()
