"""What a publish would do is told before it is done, and nothing is written by asking."""

from pathlib import Path

import frappe
from memora.services.cdn_export import local_storage, preview
from tests import factories
from tests.site.cdn_export.publishing import PublishingTestCase, changed_between, published_files

FREE = {"is_published": True, "access_level": "free_preview"}
LOGIN = {"is_published": True, "access_level": "authenticated"}


class TestPreview(PublishingTestCase):
	def preview(self, plan=None):
		return preview.preview_plan((plan or self.plan).name)

	def override(self, *row):
		columns = ("target_doctype", "target_name", "action", "override_value")
		self.plan.append("overrides", dict(zip(columns, row, strict=False)))
		self.plan.save()

	def access_by_id(self, found):
		return {change["id"]: (change["was"], change["becomes"]) for change in found["access_changes"]}

	def assert_told_what_a_publish_then_did(self, found):
		before = published_files()
		self.publish()
		after = published_files()
		told = {*found["added"], *found["changed"], *found["removed"]}
		done = {path for path in changed_between(before, after) if path != f"{self.subject.name}.json"}
		self.assertEqual(told - set(found["removed"]), done - set(found["removed"]))
		self.assertEqual(set(found["added"]), set(after) - set(before) - {f"{self.subject.name}.json"})

	def test_a_first_publish_adds_every_file_and_shows_every_node(self):
		self.subject = factories.make_subject(lessons=2)
		self.plan = factories.make_plan(subjects=[self.subject.name])
		found = self.preview()
		self.assertEqual((found["action"], found["errors"]), ("publish", []))
		self.assertEqual((len(found["added"]), found["changed"], found["removed"]), (7, [], []))
		self.assertEqual(len(found["access_changes"]), 6)
		self.assertEqual(self.access_by_id(found)[self.subject.lesson_names[0]], (None, LOGIN))
		self.assertEqual(published_files(), {})
		self.assert_told_what_a_publish_then_did(found)

	def test_a_published_plan_without_changes_has_nothing_to_publish(self):
		self.make_published()
		found = self.preview()
		self.assertEqual(found["action"], "nothing")
		self.assertEqual((found["added"], found["changed"], found["removed"]), ([], [], []))
		self.assertEqual((found["unchanged"], found["access_changes"]), (7, []))

	def test_a_new_title_changes_the_files_that_carry_it_and_nobodys_access(self):
		self.make_published()
		lesson = self.subject.lesson_names[0]
		frappe.db.set_value("Memora Lesson", lesson, "title", "Renamed")
		found = self.preview()
		self.assertEqual(found["action"], "publish")
		self.assertEqual(
			found["changed"],
			sorted(
				[
					f"lessons/{lesson}.json",
					*map(
						self.path,
						("manifest.json", "search_index.json", f"{self.subject.topic_names[0]}.json"),
					),
				]
			),
		)
		self.assertEqual(found["access_changes"], [])
		self.assert_told_what_a_publish_then_did(found)

	def test_an_override_tells_whose_access_changes_from_what_to_what(self):
		self.make_published(topics=2)
		topic, lessons = self.subject.topic_names[0], self.subject.lesson_names[:2]
		self.override("Memora Topic", topic, "Set Free")
		found = self.preview()
		expected = dict.fromkeys((topic, *lessons), (LOGIN, FREE))
		self.assertEqual(self.access_by_id(found), expected)
		self.assertEqual((found["added"], found["removed"]), ([], []))

	def test_a_hidden_lesson_is_removed_and_shown_as_gone(self):
		self.make_published(lessons=2)
		lesson = self.subject.lesson_names[1]
		self.override("Memora Lesson", lesson, "Hide")
		found = self.preview()
		self.assertEqual(found["removed"], [f"lessons/{lesson}.json"])
		self.assertEqual(self.access_by_id(found), {lesson: (LOGIN, None)})
		self.assert_told_what_a_publish_then_did(found)

	def test_a_lesson_that_another_plan_shows_is_not_removed(self):
		self.make_published(lessons=2)
		self.publish(factories.make_plan(subjects=[self.subject.name]))
		self.override("Memora Lesson", self.subject.lesson_names[1], "Hide")
		self.assertEqual(self.preview()["removed"], [])

	def test_an_unpublished_plan_would_be_withdrawn_with_all_its_files(self):
		self.make_published()
		frappe.db.set_value("Memora Academic Plan", self.plan.name, "is_published", 0)
		found = self.preview()
		self.assertEqual((found["action"], len(found["removed"]), found["unchanged"]), ("withdraw", 7, 0))
		self.assertEqual({change["becomes"] for change in found["access_changes"]}, {None})

	def test_an_unpublished_plan_that_never_was_has_nothing_to_withdraw(self):
		plan = factories.make_plan(is_published=0)
		self.assertEqual(self.preview(plan)["action"], "nothing")

	def test_content_that_cannot_be_published_is_told_with_its_error(self):
		self.make_published()
		frappe.db.set_value("Memora Lesson", self.subject.lesson_names[0], "title", "")
		found = self.preview()
		self.assertEqual((found["action"], found["changed"]), ("fail", []))
		self.assertTrue(
			any(
				error.startswith(f"lessons/{self.subject.lesson_names[0]}.json: title")
				for error in found["errors"]
			),
			found["errors"],
		)

	def test_a_file_that_was_damaged_on_disk_is_told_as_changed(self):
		self.make_published()
		topic = self.path(f"{self.subject.topic_names[0]}.json")
		Path(local_storage.absolute_path(topic)).write_bytes(b"half a fi")
		self.assertIn(topic, self.preview()["changed"])

	def test_the_players_of_the_plan_are_counted(self):
		self.make_published()
		for _ in range(2):
			factories.make_player(current_plan=self.plan.name)
		factories.make_player()
		self.assertEqual(self.preview()["players"], 2)

	def test_a_plan_that_nobody_knows_is_refused_by_name(self):
		with self.assertRaisesRegex(frappe.DoesNotExistError, "There is no plan PLAN-NONE"):
			preview.preview_plan("PLAN-NONE")
