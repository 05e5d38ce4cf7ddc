from memora.memora.doctype.content_node import MovableNode


class MemoraTopic(MovableNode):
	pass
