from memora.memora.doctype.content_node import MovableNode


class MemoraTrack(MovableNode):
	pass
