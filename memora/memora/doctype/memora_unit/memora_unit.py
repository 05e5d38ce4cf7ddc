from memora.memora.doctype.content_node import MovableNode


class MemoraUnit(MovableNode):
	pass
