"""Which files an edit touches, and that what was hidden is in none of them any more."""

import frappe
from memora.services.cdn_export import content_repository, file_builder, local_storage, stamping
from memora.services.cdn_export.json_generator import current_stamp
from memora.services.cdn_export.plan_content import visible_subjects
from tests import factories
from tests.site.cdn_export.publishing import StorageTestCase, published_files


class TestExactFiles(StorageTestCase):
	def setUp(self):
		super().setUp()
		self.make_published(tracks=2, units=2, topics=2, lessons=2)
		subject = self.subject
		self.first_unit = {self.path(f"{name}.json") for name in subject.topic_names[:2]}
		self.first_track = {self.path(f"{name}.json") for name in subject.topic_names[:4]}
		self.all_topics = {self.path(f"{name}.json") for name in subject.topic_names}
		self.topic = {self.path(f"{subject.topic_names[0]}.json")}
		self.lesson = {f"lessons/{subject.lesson_names[0]}.json"}
		self.hierarchy = {self.path(f"{subject.name}_h.json")}
		self.search = {self.path("search_index.json")}

	def cases(self):
		"""(what is edited, by what, the files that it touches besides the manifest)"""
		subject, search = self.subject, self.search
		return [
			("Memora Lesson", subject.lesson_names[0], {"title": "T"}, self.lesson | self.topic | search),
			("Memora Lesson", subject.lesson_names[0], {"image": "/files/i.png"}, self.lesson),
			(
				"Memora Lesson",
				subject.lesson_names[0],
				{"sort_order": 9},
				self.topic | search | self.bitmap(),
			),
			("Memora Topic", subject.topic_names[0], {"title": "T"}, self.topic | self.hierarchy | search),
			("Memora Unit", subject.unit_names[0], {"title": "T"}, self.first_unit | self.hierarchy | search),
			("Memora Unit", subject.unit_names[0], {"badge_image": "/files/b.png"}, self.hierarchy),
			(
				"Memora Track",
				subject.track_names[0],
				{"title": "T"},
				self.first_track | self.hierarchy | search,
			),
			("Memora Track", subject.track_names[0], {"is_linear": 0}, self.hierarchy),
			("Memora Subject", subject.name, {"title": "T"}, self.all_topics | self.hierarchy | search),
			("Memora Subject", subject.name, {"is_public": 1}, self.all_topics | self.hierarchy | search),
			("Memora Academic Plan", self.plan.name, {"title": "T"}, set()),
		]

	def bitmap(self):
		return {self.path(f"{self.subject.name}_b.json")}

	def test_an_edit_uploads_exactly_the_files_that_it_touches_and_the_manifest(self):
		for doctype, name, values, touched in self.cases():
			with self.subTest(doctype=doctype, values=values):
				frappe.db.set_value(doctype, name, values)
				self.check_upload_of(touched)

	def test_a_stage_touches_its_lesson_and_the_topic_that_counts_it(self):
		lesson = frappe.get_doc("Memora Lesson", self.subject.lesson_names[0])
		lesson.append("stages", {"title": "Watch", "type": "Video", "config": "{}"})
		lesson.save()
		self.check_upload_of(self.lesson | self.topic)
		frappe.db.set_value("Memora Lesson Stage", lesson.stages[0].name, "config", '{"url": "v"}')
		self.check_upload_of(self.lesson)

	def test_an_override_touches_what_it_changes_below_its_node(self):
		row = {"target_doctype": "Memora Unit", "target_name": self.subject.unit_names[0]}
		self.plan.append("overrides", {**row, "action": "Set Access Level", "override_value": "public"})
		self.plan.save()
		self.check_upload_of(self.first_unit | self.hierarchy | self.search)

	def check_upload_of(self, touched):
		self.proxy.reset()
		summary = self.publish()
		manifest = self.path("manifest.json")
		self.assertEqual(set(self.uploads()), touched | {manifest})
		self.assertEqual(summary["uploaded"], len(touched) + 1)
		self.assertEqual(self.uploads()[-1], manifest)
		for path in touched | {manifest}:
			self.assertEqual(self.object(path), local_storage.read_bytes(path))

	def test_two_builds_of_unchanged_content_are_equal_in_every_byte(self):
		stamp = current_stamp()
		first, second = self.build(stamp), self.build(stamp)
		self.assertEqual(list(first), list(second))
		self.assertEqual(first, second)

	def build(self, stamp):
		content = content_repository.load_plan(self.plan.name)
		files = file_builder.build_plan_files(content, visible_subjects(content), stamp)
		return stamping.stamp_plan(files, lambda path: None, stamp)


class TestNothingHiddenIsLeft(StorageTestCase):
	"""G11, after it was published once: hidden and unpublished at each level, searched for in all bytes."""

	LEVELS = ("track", "unit", "topic", "lesson")

	def setUp(self):
		super().setUp()
		self.subject = factories.make_subject(
			title="Shown", tracks=4, units=2, topics=2, lessons=2, description="Shown"
		)
		for level in self.LEVELS:
			for name in getattr(self.subject, f"{level}_names"):
				doctype = f"Memora {level.title()}"
				frappe.db.set_value(
					doctype, name, {"title": f"Title~{name}~", "description": f"About~{name}~"}
				)
		self.plan = factories.make_plan(subjects=[self.subject.name])
		self.publish()

	def test_what_is_hidden_or_unpublished_leaves_no_byte_on_disk_or_on_the_cdn(self):
		gone = self.gone_names()
		self.assertTrue(all(self.is_told(name, files) for name in gone for files in self.everything()))
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "is_published", 0)
		frappe.db.set_value("Memora Unit", self.subject.unit_names[2], "is_published", 0)
		for level, index in (("Lesson", 2), ("Topic", 2), ("Track", 2)):
			names = getattr(self.subject, f"{level.lower()}_names")
			row = {"target_doctype": f"Memora {level}", "target_name": names[index], "action": "Hide"}
			self.plan.append("overrides", row)
		self.plan.save()
		self.publish()
		left = [(name, files) for name in gone for files in self.everything() if self.is_told(name, files)]
		self.assertEqual([name for name, _ in left], [])

	def gone_names(self):
		subject = self.subject
		return [
			subject.lesson_names[0],
			subject.lesson_names[2],
			subject.topic_names[2],
			*subject.lesson_names[4:6],
			subject.unit_names[2],
			*subject.topic_names[4:6],
			*subject.lesson_names[8:12],
			subject.track_names[2],
			*subject.unit_names[4:6],
			*subject.topic_names[8:12],
			*subject.lesson_names[16:24],
		]

	def everything(self):
		"""Disk, without the structure that knows no plan and is never uploaded; and bucket."""
		on_disk = {path: content for path, content in published_files().items() if "/" in path}
		return on_disk, {key: self.object(key) for key in self.objects()}

	def is_told(self, name, files):
		needles = (f'"{name}"'.encode(), f"~{name}~".encode(), f"~{name}~".lower().encode())
		return any(
			f"/{name}." in path or any(needle in content for needle in needles)
			for path, content in files.items()
		)
