from memora.memora.doctype.content_node import ContentNode


class MemoraStream(ContentNode):
	pass
