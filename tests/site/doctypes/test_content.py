"""The rules of seasons, grades, subjects and everything below them, whoever saves them."""

import frappe
from frappe.tests.utils import FrappeTestCase
from memora.exceptions import InvalidInput
from tests.factories import insert, make_lesson, make_subject, make_topic, reload, unique


class TestContentRules(FrappeTestCase):
	def tearDown(self):
		frappe.db.rollback()

	def test_a_title_is_stored_without_spaces_around_it(self):
		self.assertEqual(insert("Memora Subject", title="  الرياضيات  ").title, "الرياضيات")

	def test_a_title_of_spaces_is_refused(self):
		with self.assertRaisesRegex(InvalidInput, "Title must have 1 to 140 characters"):
			insert("Memora Subject", title="   ")

	def test_a_title_with_a_control_character_is_refused(self):
		with self.assertRaisesRegex(InvalidInput, "Title must not contain control characters"):
			insert("Memora Subject", title="Maths\x07")

	def test_a_title_is_refused_in_every_level_and_in_plans(self):
		subject = make_subject()
		below = {
			"Memora Track": {"parent_subject": subject.name},
			"Memora Unit": {"parent_track": subject.track_names[0]},
			"Memora Topic": {"parent_unit": subject.unit_names[0]},
			"Memora Lesson": {"parent_topic": subject.topic_names[0]},
			"Memora Academic Plan": {},
		}
		for doctype, parent in below.items():
			with self.subTest(doctype), self.assertRaisesRegex(InvalidInput, "Title"):
				insert(doctype, title="\x00", **parent)

	def test_ids_follow_their_series(self):
		subject = make_subject(lessons=1)
		names = [subject.name, subject.track_names[0], subject.unit_names[0], subject.topic_names[0]]
		for name, series in zip(
			[*names, subject.lesson_names[0]], ["SUBJ", "TRACK", "UNIT", "TOPIC", "LESSON"], strict=True
		):
			self.assertRegex(name, rf"^{series}-\d{{3,}}$")

	def test_a_season_grade_or_stream_is_named_by_its_title(self):
		for doctype in ("Memora Season", "Memora Grade", "Memora Stream"):
			title = unique("2026")
			self.assertEqual(insert(doctype, title=title).name, title)

	def test_a_season_must_not_end_before_it_starts(self):
		with self.assertRaisesRegex(InvalidInput, "must not end before it starts"):
			insert("Memora Season", title=unique("S"), start_date="2026-09-01", end_date="2026-08-31")

	def test_a_color_is_hexadecimal(self):
		self.assertEqual(insert("Memora Subject", title="S", color_code="#1f6feb").color_code, "#1f6feb")
		for color in ("red", "#12345", "1f6feb", "#1f6feb\n", "url(x)"):
			with self.subTest(color), self.assertRaisesRegex(InvalidInput, "Color must look like"):
				insert("Memora Subject", title="S", color_code=color)

	def test_sort_order_and_base_xp_keep_to_their_range(self):
		topic = make_subject().topic_names[0]
		for values in ({"sort_order": -1}, {"sort_order": 10**9}, {"base_xp": -1}, {"base_xp": 1001}):
			with self.subTest(values), self.assertRaisesRegex(InvalidInput, "must be from 0 to"):
				make_lesson(topic, **values)
		with self.assertRaisesRegex(InvalidInput, "must be a whole number"):
			make_lesson(topic, base_xp="ten")

	def test_defaults_are_those_of_the_schema(self):
		subject = insert("Memora Subject", title="S")
		track = insert("Memora Track", title="T", parent_subject=subject.name)
		unit = insert("Memora Unit", title="U", parent_track=track.name)
		topic = insert("Memora Topic", title="T", parent_unit=unit.name)
		lesson = insert("Memora Lesson", title="L", parent_topic=topic.name)
		for node in (subject, track, unit, topic):
			self.assertEqual((node.is_linear, node.is_published, node.sort_order), (1, 0, 0))
		self.assertEqual((lesson.base_xp, lesson.is_published, lesson.bit_index), (10, 0, 0))

	def test_a_parent_must_exist(self):
		with self.assertRaises(frappe.LinkValidationError):
			insert("Memora Topic", title="T", parent_unit="UNIT-none")

	def test_a_lesson_without_a_topic_is_refused(self):
		with self.assertRaises(frappe.MandatoryError):
			insert("Memora Lesson", title="L")

	def test_a_topic_whose_unit_was_removed_by_force_takes_no_lessons(self):
		subject = make_subject(lessons=0)
		frappe.db.delete("Memora Unit", subject.unit_names[0])
		with self.assertRaisesRegex(InvalidInput, "belongs to no subject"):
			make_lesson(subject.topic_names[0])

	def test_a_node_with_children_cannot_be_deleted(self):
		subject = make_subject(lessons=1)
		for doctype, name in (
			("Memora Subject", subject.name),
			("Memora Track", subject.track_names[0]),
			("Memora Unit", subject.unit_names[0]),
			("Memora Topic", subject.topic_names[0]),
		):
			with self.subTest(doctype), self.assertRaises(frappe.LinkExistsError):
				frappe.delete_doc(doctype, name)
			self.assertTrue(frappe.db.exists(doctype, name))

	def test_changes_of_content_are_kept_as_versions(self):
		topic = make_topic(make_subject().unit_names[0])
		topic.title = "New title"
		topic.save(ignore_version=False)
		changes = frappe.get_all("Version", filters={"docname": topic.name}, pluck="data")
		self.assertTrue(any("New title" in change for change in changes))


class TestLessonStages(FrappeTestCase):
	def setUp(self):
		self.topic = make_subject(lessons=0).topic_names[0]

	def tearDown(self):
		frappe.db.rollback()

	def lesson_with(self, **stage):
		return make_lesson(self.topic, stages=[{"title": "Watch", "type": "Video", **stage}])

	def test_a_config_is_kept_as_written_with_html_inside(self):
		written = '{"question": "<b>٢ + ٢</b> & more?", "answers": [3, 4]}'
		self.assertEqual(reload(self.lesson_with(config=written)).stages[0].config, written)

	def test_a_config_may_come_as_an_object(self):
		stage = reload(self.lesson_with(config={"url": "https://example.com/v"})).stages[0]
		self.assertEqual(frappe.parse_json(stage.config), {"url": "https://example.com/v"})

	def test_no_config_is_an_empty_object(self):
		for config in (None, "", "  "):
			self.assertEqual(reload(self.lesson_with(config=config)).stages[0].config, "{}")

	def test_a_config_from_before_a_rule_keeps_nobody_from_renaming_the_lesson(self):
		lesson = self.lesson_with(config={})
		frappe.db.set_value("Memora Lesson Stage", lesson.stages[0].name, "config", '{"url": 1}')
		lesson = reload(lesson)
		lesson.title = "Renamed"
		lesson.save()
		self.assertEqual((reload(lesson).title, reload(lesson).stages[0].config), ("Renamed", '{"url": 1}'))
		lesson.stages[0].config = '{"url": 2}'
		with self.assertRaisesRegex(InvalidInput, "Stage 1: Config: url must be text"):
			lesson.save()

	def test_a_config_that_is_no_json_object_is_refused_and_names_its_row(self):
		for config in ("[1]", "text", '{"a": NaN}'):
			with self.subTest(config), self.assertRaisesRegex(InvalidInput, "Stage 1: Config"):
				self.lesson_with(config=config)

	def test_numbers_keep_to_their_range(self):
		for values in ({"weight": -1}, {"target_time": -1}, {"target_time": 86_401}):
			with self.subTest(values), self.assertRaisesRegex(InvalidInput, "Stage 1: .* must be from 0"):
				self.lesson_with(**values)

	def test_a_type_that_is_not_offered_is_refused(self):
		with self.assertRaises(frappe.ValidationError):
			self.lesson_with(type="Essay")

	def test_a_stage_needs_a_title(self):
		with self.assertRaisesRegex(InvalidInput, "Stage 1: Title"):
			self.lesson_with(title=" ")
