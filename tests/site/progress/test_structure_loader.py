"""Loading a subject's tree: rebuilt when missing, read anew when republished, shared otherwise."""

import os
import threading

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.services.cdn_export import structure_export
from memora.services.enrollment import PlanOverrides
from memora.services.progress_engine import structure_loader
from memora.services.progress_engine.tree import walk
from tests import factories


class TestStructureLoader(FrappeTestCase):
	def setUp(self):
		self.addCleanup(frappe.db.rollback)
		self.subject = factories.make_subject(title=factories.unique("Algebra"), tracks=2, lessons=2)
		self.path = structure_loader.get_subject_json_path(self.subject.name)
		self.addCleanup(os.remove, self.path)

	def load(self) -> dict:
		return structure_loader.load_subject_structure(self.subject.name)

	def test_the_path_is_the_subjects_file_in_the_sites_content_folder(self):
		expected = frappe.get_site_path("public", "memora_content", f"{self.subject.name}.json")
		self.assertEqual(self.path, os.path.abspath(expected))
		self.assertTrue(os.path.exists(self.path))

	def test_a_loaded_tree_holds_all_four_levels_in_order(self):
		ids = [node["id"] for node in walk(self.load()) if node["id"].startswith(("SUBJ", "LESSON"))]
		self.assertEqual(ids, [self.subject.name, *self.subject.lesson_names])

	def test_a_missing_file_is_written_again_from_the_database(self):
		before = self.load()
		os.remove(self.path)
		self.assertEqual(self.load(), before)
		self.assertTrue(os.path.exists(self.path))

	def test_an_unknown_subject_is_not_found(self):
		with self.assertRaisesRegex(FileNotFoundError, "SUBJ-NOWHERE"):
			structure_loader.load_subject_structure("SUBJ-NOWHERE")

	def test_a_name_that_leads_to_another_folder_is_not_found(self):
		with self.assertRaisesRegex(FileNotFoundError, "no published subject"):
			structure_loader.load_subject_structure(f"../memora_content/{self.subject.name}")

	def test_an_unchanged_file_is_read_once(self):
		self.assertIs(self.load(), self.load())

	def test_a_republished_subject_is_read_anew(self):
		old = self.load()
		new_lesson = factories.make_lesson(self.subject.topic_names[-1], sort_order=9)
		structure_export.write_subject_structure(self.subject.name)
		new = self.load()
		self.assertNotIn(new_lesson.name, structure_loader.get_lesson_ids(old))
		self.assertEqual(structure_loader.get_lesson_ids(new), [*self.subject.lesson_names, new_lesson.name])

	def test_clearing_the_cache_reads_the_file_again(self):
		old = self.load()
		structure_loader.clear_cache()
		self.assertEqual(self.load(), old)
		self.assertIsNot(self.load(), old)

	def test_threads_that_load_at_once_get_equal_trees(self):
		structure_loader.clear_cache()
		version = structure_loader._file_version(self.path)
		loaded = []
		threads = [
			threading.Thread(target=lambda: loaded.append(structure_loader._read(self.path, version)))
			for _ in range(8)
		]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		self.assertEqual(loaded, [self.load()] * 8)

	def test_a_plans_view_knows_the_lessons_that_the_plan_shows_and_leaves_the_shared_tree_whole(self):
		hidden, *shown = self.subject.lesson_names
		view = self.view(PlanOverrides({hidden: {"hide": True}}))
		self.assertEqual(structure_loader.get_lesson_ids(view), shown)
		self.assertEqual(structure_loader.get_lesson_ids(self.load()), self.subject.lesson_names)

	def view(self, overrides) -> dict:
		return structure_loader.load_playable_structure(self.subject.name, overrides)

	def test_without_overrides_a_plans_view_is_the_shared_tree(self):
		self.assertIs(self.view(PlanOverrides()), self.load())

	def test_a_plans_view_is_made_once_for_each_version_of_the_file_and_of_the_plan(self):
		hidden, *shown = self.subject.lesson_names
		plan_version = PlanOverrides({hidden: {"hide": True}})
		view = self.view(plan_version)
		self.assertIs(self.view(plan_version), view)
		self.assertIsNot(self.view(PlanOverrides(plan_version)), view)
		new_lesson = factories.make_lesson(self.subject.topic_names[-1], sort_order=9)
		structure_export.write_subject_structure(self.subject.name)
		self.assertEqual(structure_loader.get_lesson_ids(self.view(plan_version)), [*shown, new_lesson.name])

	def test_a_worker_keeps_no_more_than_64_views(self):
		self.assertEqual(structure_loader._view.cache_info().maxsize, 64)

	def test_a_worker_keeps_no_more_than_32_trees(self):
		self.assertEqual(structure_loader._read.cache_info().maxsize, 32)

	def test_a_file_without_its_required_fields_is_refused_by_their_names(self):
		with open(self.path, "w", encoding="utf-8") as file:
			file.write('{"id": "SUBJ-1", "title": "Algebra"}')
		with self.assertRaisesRegex(ValueError, "lacks is_linear, tracks"):
			self.load()


class TestQuestionsToAStructure(FrappeTestCase):
	"""The answers do not depend on whether the tree was loaded, which indexes it, or is a plain one."""

	def setUp(self):
		lessons = [{"id": "LESSON-1", "bit_index": 7}, {"id": "LESSON-2", "bit_index": 3}]
		topic = {"id": "TOPIC-1", "lessons": lessons}
		track = {"id": "TRACK-1", "units": [{"id": "UNIT-1", "topics": [topic]}]}
		self.tree = {"id": "SUBJ-1", "title": "Algebra", "is_linear": True, "tracks": [track]}
		self.both = (self.tree, structure_loader.SubjectStructure(self.tree))

	def test_a_lessons_bit_index_is_found(self):
		for structure in self.both:
			self.assertEqual(structure_loader.get_lesson_bit_index(structure, "LESSON-2"), 3)

	def test_a_lesson_that_is_not_in_the_structure_is_named(self):
		for structure in self.both:
			with self.assertRaisesRegex(ValueError, "Lesson LESSON-9 is not in subject SUBJ-1"):
				structure_loader.get_lesson_bit_index(structure, "LESSON-9")

	def test_lessons_are_listed_and_counted(self):
		for structure in self.both:
			self.assertEqual(structure_loader.get_lesson_ids(structure), ["LESSON-1", "LESSON-2"])
			self.assertEqual(structure_loader.count_total_lessons(structure), 2)

	def test_a_whole_structure_is_valid(self):
		self.assertIs(structure_loader.validate_structure(self.tree), True)

	def test_each_missing_field_is_named(self):
		for field in ("id", "title", "is_linear", "tracks"):
			broken = {key: value for key, value in self.tree.items() if key != field}
			with self.assertRaisesRegex(ValueError, f"lacks {field}$"):
				structure_loader.validate_structure(broken)

	def test_tracks_that_are_no_list_and_a_structure_that_is_no_object_are_refused(self):
		with self.assertRaisesRegex(ValueError, "tracks .* must be a list"):
			structure_loader.validate_structure({**self.tree, "tracks": {}})
		with self.assertRaisesRegex(ValueError, "is an object, got list"):
			structure_loader.validate_structure([])
