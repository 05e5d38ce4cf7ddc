from memora.memora.doctype.content_node import ContentNode


class MemoraGrade(ContentNode):
	pass
