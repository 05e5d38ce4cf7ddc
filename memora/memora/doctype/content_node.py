"""The rules that every piece of content shares. Base class of the controllers of content and plans."""

import frappe
from frappe import _, throw
from frappe.model.document import Document
from frappe.utils import cint
from memora.exceptions import InvalidInput
from memora.services import content_deletion, content_tree
from memora.services.cdn_export import content_paths
from memora.services.progress_engine import moved_lessons
from memora.utils import validators

MAX_TITLE_LENGTH = 140
MAX_SORT_ORDER = 1_000_000


class ContentNode(Document):
	def validate(self):
		self.validate_new_name()
		self.validate_title()
		self.validate_sort_order()

	def on_trash(self):
		self.refuse_deletion_while_needed()

	def after_delete(self):
		self.retire_name()

	def validate_new_name(self):
		"""What the series names also names published files, and whoever may create content may name it past the series.
		Seasons, grades and streams are named by their titles and have no files."""
		if self.is_new() and "#" in (self.meta.autoname or ""):
			try:
				content_paths.segment(self.name)
			except ValueError:
				throw(_("This name cannot name a published file."), InvalidInput)

	def validate_title(self):
		self.title = validators.parse_text(self.title or "", _("Title"), 1, MAX_TITLE_LENGTH)

	def validate_sort_order(self):
		if self.meta.has_field("sort_order"):
			self.sort_order = validators.parse_int(self.sort_order or 0, _("Sort Order"), 0, MAX_SORT_ORDER)

	def refuse_deletion_while_needed(self):
		"""Nobody can ask for `force` over HTTP. Elsewhere one can, which no controller is told of, and Frappe's own check of
		links follows for whoever did not."""
		if getattr(frappe.local, "request", None) and self.doctype in content_tree.CONTENT_DOCTYPES:
			content_deletion.refuse_while_needed(self.doctype, self.name)

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
