from frappe import _
from memora.memora.doctype.content_node import ContentNode
from memora.services import content_tree
from memora.services.progress_engine import moved_lessons
from memora.utils import table_indexes, validators

MAX_BASE_XP = 1000
UNIQUE_TOGETHER = {"unique_subject_bit_index": ("subject", "bit_index")}


class MemoraLesson(ContentNode):
	def validate(self):
		super().validate()
		self.validate_base_xp()
		self.validate_stages()
		self.set_place()

	def on_update(self):
		self.let_progress_follow()

	def validate_base_xp(self):
		self.base_xp = validators.parse_int(self.base_xp or 0, _("Base XP"), 0, MAX_BASE_XP)

	def validate_stages(self):
		for stage in self.stages:
			stage.validate()

	def set_place(self):
		# Without a topic the lesson is refused right after this, as a mandatory field is missing.
		if self.parent_topic:
			content_tree.place_lesson(self)

	def let_progress_follow(self):
		if self.get_doc_before_save() and self.has_value_changed("subject"):
			moved_lessons.carry_progress_soon()


def on_doctype_update():
	table_indexes.ensure_declared("Memora Lesson")
