from memora.memora.doctype.child_row import ChildRow


class MemoraPlanSubject(ChildRow):
	pass
