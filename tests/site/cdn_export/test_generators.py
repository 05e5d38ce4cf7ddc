"""The documented generators, resolver and structure export against a real site."""

from unittest import mock

import frappe
from memora.services.cdn_export import (
	access_calculator,
	batch_processor,
	dependency_resolver,
	json_generator,
	local_storage,
	schema_validator,
	search_indexer,
	structure_export,
	url_resolver,
)
from tests import factories
from tests.site.cdn_export.publishing import PublishingTestCase, published_files


class TestGenerators(PublishingTestCase):
	def setUp(self):
		super().setUp()
		self.subject = factories.make_subject("Arithmetic", tracks=2, lessons=2)
		self.hidden = factories.make_subject("Hidden")
		self.plan = factories.make_plan(
			subjects=[self.subject.name, self.hidden.name],
			overrides=[
				("Memora Subject", self.hidden.name, "Hide"),
				("Memora Track", self.subject.track_names[0], "Set Sold Separately", "ITEM-1"),
				("Memora Track", self.subject.track_names[0], "Set Linear", "0"),
			],
		)

	def test_a_manifest_is_made_from_document_mapping_or_name(self):
		by_document = json_generator.generate_manifest(self.plan)
		self.assertEqual(by_document, json_generator.generate_manifest({"name": self.plan.name}))
		self.assertEqual([subject["id"] for subject in by_document["subjects"]], [self.subject.name])
		self.assertNotIn("hierarchy_url", by_document["subjects"][0])
		atomic = json_generator.generate_manifest_atomic(self.plan.name)
		self.assertEqual(atomic["subjects"][0]["hierarchy_url"], self.path(f"{self.subject.name}_h.json"))

	def test_a_hidden_subject_has_no_hierarchy_and_no_shard_in_its_plan(self):
		self.assertIsNone(json_generator.generate_subject_hierarchy(self.hidden, self.plan.name))
		self.assertIsNone(search_indexer.generate_subject_shard(self.plan.name, self.hidden.name))
		self.assertIsNotNone(json_generator.generate_subject_hierarchy(self.hidden))

	def test_a_hierarchy_carries_the_plans_overrides(self):
		hierarchy = json_generator.generate_subject_hierarchy(self.subject, self.plan.name)
		track = hierarchy["tracks"][0]
		self.assertEqual((track["access"]["required_item"], track["is_linear"]), ("ITEM-1", False))
		self.assertEqual(
			schema_validator.validate_json_schema(hierarchy, "hierarchy.schema.json"), (True, [])
		)

	def test_a_bitmap_maps_lessons_to_their_bits(self):
		bitmap = json_generator.generate_bitmap_json(self.subject)
		for lesson in self.subject.lesson_names:
			expected = frappe.db.get_value("Memora Lesson", lesson, ["bit_index", "parent_topic"])
			mapped = bitmap["mappings"][lesson]
			self.assertEqual((mapped["bit_index"], mapped["topic_id"]), tuple(expected))
		self.assertEqual(bitmap["total_lessons"], len(self.subject.lesson_names))

	def test_a_topic_is_found_without_naming_its_subject_and_hidden_in_a_plan_that_hides_it(self):
		topic = json_generator.generate_topic_json(self.subject.topic_names[0], self.plan.name)
		self.assertEqual(topic["parent"]["subject_title"], "Arithmetic")
		self.assertEqual(len(topic["lessons"]), 2)
		self.assertIsNone(json_generator.generate_topic_json(self.hidden.topic_names[0], self.plan.name))
		self.assertIsNone(json_generator.generate_topic_json("TOPIC-NONE"))

	def test_a_lesson_fits_its_schema_and_an_unknown_one_is_an_error(self):
		lesson = json_generator.generate_lesson_json_shared({"name": self.subject.lesson_names[0]})
		self.assertEqual(schema_validator.validate_json_schema(lesson, "lesson.schema.json"), (True, []))
		with self.assertRaises(frappe.DoesNotExistError):
			json_generator.generate_lesson_json_shared("LESSON-NONE")

	def test_the_paths_of_a_plan_are_the_files_that_are_published(self):
		paths = json_generator.get_atomic_content_paths_for_plan(self.plan.name)
		data = json_generator.get_content_paths_for_plan(self.plan.name)
		self.publish()
		listed = {
			paths["manifest"],
			*(path for kind, found in paths.items() if kind != "manifest" for path in found),
		}
		on_disk = {path for path in published_files() if "/" in path}
		self.assertEqual(listed, on_disk)
		self.assertEqual(set(data), on_disk)
		self.assertEqual(len(paths["lessons"]), 4)

	def test_local_files_are_generated_without_the_cdn(self):
		self.assertEqual(batch_processor._generate_atomic_files_for_plan(self.plan.name), (True, 10, []))
		self.assertEqual(
			batch_processor._generate_atomic_files_for_plan("PLAN-NONE"),
			(False, 0, ["PLAN-NONE is not a published plan"]),
		)
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "")
		done, written, errors = batch_processor._generate_atomic_files_for_plan(self.plan.name)
		self.assertEqual((done, written), (False, 0))
		self.assertIn("files are not valid", errors[0])

	def test_overrides_are_given_by_target_with_everything_they_set(self):
		overrides = access_calculator.apply_plan_overrides(self.plan.name)
		track = overrides[self.subject.track_names[0]]
		self.assertEqual(track["action"], "Set Sold Separately")
		self.assertEqual((track["fields"]["required_item"], track["fields"]["is_linear"]), ("ITEM-1", False))
		document = frappe.get_doc("Memora Track", self.subject.track_names[0])
		self.assertEqual(access_calculator.calculate_access_level(document, "public", overrides), "paid")
		self.assertEqual(access_calculator.calculate_access_level(document, "public"), "public")
		self.assertFalse(access_calculator.calculate_linear_mode(document, overrides))
		self.assertIsNone(access_calculator.calculate_access_level(self.hidden, None, overrides))

	def test_a_parents_access_may_be_its_level_or_its_access_object(self):
		unit = frappe.get_doc("Memora Unit", self.subject.unit_names[0])
		parent = {"is_published": True, "access_level": "paid", "required_item": "ITEM-1"}
		self.assertEqual(access_calculator.calculate_access_level(unit, "paid"), "paid")
		self.assertEqual(access_calculator.calculate_access_level(unit, parent), "paid")

	def test_the_search_index_counts_what_is_visible(self):
		index = search_indexer.generate_search_index(self.plan.name)
		self.assertEqual((index["total_items"], index["is_sharded"]), (11, False))
		self.assertEqual(
			len(search_indexer.generate_subject_shard(self.plan.name, self.subject.name)["entries"]), 11
		)


class TestStructureExport(PublishingTestCase):
	def test_a_structure_is_written_to_its_documented_place(self):
		subject = factories.make_subject(lessons=3)
		frappe.db.set_value("Memora Lesson", subject.lesson_names[1], "is_published", 0)
		structure = structure_export.write_subject_structure(subject.name)
		self.assertEqual(local_storage.read_content_file(f"{subject.name}.json"), structure)
		lessons = structure["tracks"][0]["units"][0]["topics"][0]["lessons"]
		self.assertEqual(
			[lesson["id"] for lesson in lessons], [subject.lesson_names[0], subject.lesson_names[2]]
		)

	def test_a_structure_that_a_publish_wrote_meanwhile_is_not_replaced_by_an_older_one(self):
		self.make_published()
		local_storage.delete_content_file(f"{self.subject.name}.json")
		older = structure_export.build_subject_structure(self.subject.name)

		def build_while_a_newer_one_is_published(subject_id):
			frappe.db.set_value("Memora Subject", subject_id, "title", "Newer")
			self.publish()
			return older

		with mock.patch.object(
			structure_export, "build_subject_structure", build_while_a_newer_one_is_published
		):
			structure_export.write_subject_structure(self.subject.name)
		self.assertEqual(local_storage.read_content_file(f"{self.subject.name}.json")["title"], "Newer")

	def test_a_structure_that_a_change_deleted_meanwhile_is_built_anew(self):
		subject = factories.make_subject()
		structure_export.write_subject_structure(subject.name)
		older = structure_export.build_subject_structure(subject.name)
		build = mock.Mock(wraps=structure_export.build_subject_structure)

		def build_while_a_change_deletes(subject_id):
			if build.call_count:
				return build(subject_id)
			frappe.db.set_value("Memora Subject", subject_id, "title", "Newer")
			structure_export.forget_subject_structure(subject_id)
			build(subject_id)
			return older

		with mock.patch.object(structure_export, "build_subject_structure", build_while_a_change_deletes):
			self.assertEqual(structure_export.write_subject_structure(subject.name)["title"], "Newer")
		self.assertEqual(local_storage.read_content_file(f"{subject.name}.json")["title"], "Newer")

	def test_an_unknown_and_an_unpublished_subject_have_no_structure(self):
		subject = factories.make_subject()
		frappe.db.set_value("Memora Subject", subject.name, "is_published", 0)
		for name in (subject.name, "SUBJ-NONE", "../SUBJ"):
			with self.assertRaisesRegex(FileNotFoundError, "no published subject"):
				structure_export.write_subject_structure(name)
		self.assertEqual(published_files(), {})

	def test_a_published_subject_without_lessons_has_an_empty_structure(self):
		subject = factories.make_subject(tracks=0)
		self.assertEqual(structure_export.build_subject_structure(subject.name)["tracks"], [])


class TestDependencies(PublishingTestCase):
	def setUp(self):
		super().setUp()
		self.subject = factories.make_subject()
		self.first = factories.make_plan(subjects=[self.subject.name])
		self.second = factories.make_plan(
			subjects=[self.subject.name], overrides=[("Memora Unit", self.subject.unit_names[0], "Hide")]
		)
		factories.make_plan(subjects=[self.subject.name], is_published=0)
		factories.make_plan(subjects=[factories.make_subject().name])

	def test_a_change_at_any_level_reaches_every_published_plan_with_the_subject(self):
		lesson = frappe.get_doc("Memora Lesson", self.subject.lesson_names[0])
		lesson.append("stages", {"title": "Watch", "type": "Video", "config": "{}"})
		lesson.save()
		documents = [
			("Memora Subject", self.subject.name),
			("Memora Track", self.subject.track_names[0]),
			("Memora Unit", self.subject.unit_names[0]),
			("Memora Topic", self.subject.topic_names[0]),
			("Memora Lesson", lesson.name),
			("Memora Lesson Stage", lesson.stages[0].name),
		]
		for doctype, name in documents:
			self.assertEqual(
				dependency_resolver.get_affected_plan_ids(doctype, name),
				sorted([self.first.name, self.second.name]),
				doctype,
			)

	def test_a_plan_its_rows_and_its_season_reach_that_plan(self):
		season = factories.insert("Memora Season", title=factories.unique("2026"))
		self.second.season = season.name
		self.second.save()
		for doctype, name in (
			("Memora Academic Plan", self.second.name),
			("Memora Plan Override", self.second.overrides[0].name),
			("Memora Plan Subject", self.second.subjects[0].name),
			("Memora Season", season.name),
		):
			self.assertEqual(
				dependency_resolver.get_affected_plan_ids(doctype, name), [self.second.name], doctype
			)

	def test_what_is_unknown_or_no_content_reaches_no_plan(self):
		for doctype, name in (
			("Memora Lesson", "LESSON-NONE"),
			("User", "Administrator"),
			("Memora Plan Subject", "x"),
		):
			self.assertEqual(dependency_resolver.get_affected_plan_ids(doctype, name), [])

	def test_direct_plans_list_the_subject_or_override_the_node(self):
		direct = dependency_resolver.get_direct_plans_for_content
		self.assertEqual(
			direct("Memora Subject", self.subject.name), sorted([self.first.name, self.second.name])
		)
		self.assertEqual(direct("Memora Unit", self.subject.unit_names[0]), [self.second.name])
		self.assertEqual(direct("Memora Lesson", self.subject.lesson_names[0]), [])


class TestLocalStorageAndAddresses(PublishingTestCase):
	def test_a_file_is_written_hashed_read_and_deleted(self):
		self.assertEqual(local_storage.write_content_file("lessons/L.json", {"title": "درس"}), (True, None))
		self.assertEqual(local_storage.read_content_file("lessons/L.json"), {"title": "درس"})
		registered = local_storage.registered_hashes(["lessons/L.json", "lessons/none.json"])
		self.assertEqual(local_storage.get_file_hash("lessons/L.json"), registered["lessons/L.json"]["md5"])
		self.assertEqual(len(registered), 1)
		self.assertTrue(local_storage.delete_content_file("lessons/L.json"))
		self.assertFalse(local_storage.delete_content_file("lessons/L.json"))
		self.assertIsNone(local_storage.read_content_file("lessons/L.json"))
		self.assertIsNone(local_storage.get_file_hash("lessons/L.json"))
		self.assertEqual(local_storage.registered_hashes(["lessons/L.json"]), {})

	def test_a_path_out_of_the_content_folder_is_refused(self):
		written, error = local_storage.write_content_file("../site_config.json", {})
		self.assertFalse(written)
		self.assertIn("cannot name a published file", error)
		with self.assertRaisesRegex(ValueError, "cannot name a published file"):
			local_storage.read_content_file("../../site_config.json")

	def test_what_publishing_remembers_is_not_in_the_public_folder(self):
		self.make_published()
		self.assertTrue(
			local_storage.get_local_base_path().endswith(f"{frappe.local.site}/public/memora_content")
		)
		self.assertEqual(
			{path.split("/")[0] for path in published_files()},
			{"plans", "lessons", f"{self.subject.name}.json"},
		)

	def test_an_address_is_the_sites_without_a_cdn_and_the_cdns_with_one(self):
		local = url_resolver.get_content_url("plans/PLAN 1/manifest.json")
		self.assertTrue(local.endswith("/memora_content/plans/PLAN%201/manifest.json"))
		self.set_cdn(
			enabled=1,
			endpoint_url="https://s3.example.com",
			bucket_name="memora",
			access_key="a",
			secret_key="b",
			cdn_base_url="https://cdn.example.com/",
			storage_provider="Other S3",
		)
		self.assertEqual(
			url_resolver.get_content_url("lessons/L.json"), "https://cdn.example.com/lessons/L.json"
		)
		with self.assertRaisesRegex(ValueError, "cannot name a published file"):
			url_resolver.get_content_url("../x.json")
