"""A bit position means one lesson for ever, and a lesson's subject is the one above it."""

import multiprocessing
import os

from pymysql.err import IntegrityError

import frappe
from frappe.core.doctype.data_import.importer import Importer
from frappe.core.doctype.deleted_document.deleted_document import restore
from frappe.tests.utils import FrappeTestCase
from memora.services import content_tree
from tests.factories import insert, make_lesson, make_subject, make_topic, make_track, make_unit, reload


def place(lesson_name: str) -> tuple[str, int]:
	return frappe.db.get_value("Memora Lesson", lesson_name, ["subject", "bit_index"])


def next_bit_index(subject: str) -> int:
	return frappe.db.get_value("Memora Subject", subject, "next_bit_index")


class TestBitIndex(FrappeTestCase):
	def setUp(self):
		self.subject = make_subject(topics=2, lessons=2)
		self.first_topic, self.second_topic = self.subject.topic_names

	def tearDown(self):
		frappe.db.rollback()

	def test_lessons_of_a_subject_are_numbered_from_zero_across_its_topics(self):
		places = [place(lesson) for lesson in self.subject.lesson_names]
		self.assertEqual(places, [(self.subject.name, index) for index in range(4)])
		self.assertEqual(next_bit_index(self.subject.name), 4)

	def test_subjects_count_on_their_own(self):
		self.assertEqual(place(make_subject(lessons=1).lesson_names[0])[1], 0)

	def test_a_deleted_lesson_leaves_a_hole(self):
		frappe.delete_doc("Memora Lesson", self.subject.lesson_names[-1])
		self.assertEqual(make_lesson(self.first_topic).bit_index, 4)

	def test_a_duplicate_gets_a_place_of_its_own(self):
		original = frappe.get_doc("Memora Lesson", self.subject.lesson_names[0])
		for keeps_all_fields in (True, False):
			copy = frappe.copy_doc(original, ignore_no_copy=not keeps_all_fields).insert()
			self.assertGreaterEqual(copy.bit_index, 4)
		self.assertEqual(place(original.name), (self.subject.name, 0))

	def test_a_restored_lesson_is_a_new_one_with_a_new_place(self):
		lesson = self.subject.lesson_names[0]
		frappe.delete_doc("Memora Lesson", lesson)
		deleted = frappe.get_doc("Deleted Document", {"deleted_name": lesson})
		restore(deleted.name)
		restored = reload(deleted).new_name
		self.assertNotEqual(restored, lesson)
		self.assertEqual(place(restored), (self.subject.name, 4))

	def test_an_import_keeps_a_place_that_no_lesson_ever_had(self):
		self.assertEqual(make_lesson(self.first_topic, bit_index=10).bit_index, 10)
		self.assertEqual(make_lesson(self.first_topic).bit_index, 11)

	def test_an_import_of_a_place_that_was_used_gets_another(self):
		frappe.delete_doc("Memora Lesson", self.subject.lesson_names[1])
		for used in (0, 1, -5):
			self.assertGreaterEqual(make_lesson(self.first_topic, bit_index=used).bit_index, 4)

	def test_an_import_cannot_make_every_bitmap_long(self):
		self.assertEqual(make_lesson(self.first_topic, bit_index=10**9).bit_index, 4)

	def test_saving_a_lesson_never_changes_its_place_whatever_the_form_holds(self):
		lesson = frappe.get_doc("Memora Lesson", self.subject.lesson_names[1])
		lesson.update({"bit_index": 77, "subject": make_subject().name, "title": "Changed"})
		lesson.save()
		self.assertEqual(place(lesson.name), (self.subject.name, 1))
		self.assertEqual(reload(lesson).title, "Changed")

	def test_a_subject_form_opened_before_a_lesson_was_added_does_not_turn_the_counter_back(self):
		form = frappe.get_doc("Memora Subject", self.subject.name)
		make_lesson(self.first_topic)
		form.title = "Changed"
		form.save()
		self.assertEqual(next_bit_index(self.subject.name), 5)

	def test_a_new_subject_starts_at_zero_whatever_the_request_says(self):
		self.assertEqual(insert("Memora Subject", title="S", next_bit_index=50).next_bit_index, 0)

	def test_the_database_refuses_a_second_lesson_at_a_place(self):
		with self.assertRaises(IntegrityError) as refused:
			frappe.db.sql(
				"update `tabMemora Lesson` set bit_index = 0 where name = %s", self.subject.lesson_names[1]
			)
		self.assertIn("unique_subject_bit_index", str(refused.exception))


class TestMoves(FrappeTestCase):
	def setUp(self):
		self.old = make_subject(units=2, topics=2, lessons=2)
		self.new = make_subject(lessons=1)
		self.lesson = self.old.lesson_names[1]

	def tearDown(self):
		frappe.db.rollback()

	def move(self, doctype: str, name: str, parent: str):
		node = frappe.get_doc(doctype, name)
		node.set(content_tree.PARENT_OF[doctype][0], parent)
		node.save()

	def assert_moved(self, lesson_names: list[str]):
		"""They are in the new subject, in their old order, past what was there; the rest stayed."""
		self.assertEqual(
			[place(lesson) for lesson in lesson_names],
			[(self.new.name, index) for index in range(1, len(lesson_names) + 1)],
		)
		stayed = [lesson for lesson in self.old.lesson_names if lesson not in lesson_names]
		for lesson in stayed:
			self.assertEqual(place(lesson), (self.old.name, self.old.lesson_names.index(lesson)))
		self.assertEqual(next_bit_index(self.new.name), len(lesson_names) + 1)
		self.assertEqual(next_bit_index(self.old.name), 8)

	def test_a_lesson_that_moves_to_another_subject_gets_a_new_place_there(self):
		self.move("Memora Lesson", self.lesson, self.new.topic_names[0])
		self.assert_moved([self.lesson])

	def test_a_topic_takes_its_lessons_along(self):
		self.move("Memora Topic", self.old.topic_names[0], self.new.unit_names[0])
		self.assert_moved(self.old.lesson_names[:2])

	def test_a_unit_takes_its_lessons_along(self):
		self.move("Memora Unit", self.old.unit_names[1], self.new.track_names[0])
		self.assert_moved(self.old.lesson_names[4:])

	def test_a_track_takes_its_lessons_along(self):
		self.move("Memora Track", self.old.track_names[0], self.new.name)
		self.assert_moved(self.old.lesson_names)

	def test_a_move_inside_the_subject_changes_no_place(self):
		before = [place(lesson) for lesson in self.old.lesson_names]
		self.move("Memora Lesson", self.lesson, self.old.topic_names[3])
		self.move("Memora Topic", self.old.topic_names[0], self.old.unit_names[1])
		self.move("Memora Unit", self.old.unit_names[0], make_track(self.old.name).name)
		self.assertEqual([place(lesson) for lesson in self.old.lesson_names], before)
		self.assertEqual(next_bit_index(self.old.name), 8)

	def test_coming_back_gives_a_new_place_and_the_old_one_stays_retired(self):
		self.move("Memora Lesson", self.lesson, self.new.topic_names[0])
		self.move("Memora Lesson", self.lesson, self.old.topic_names[0])
		self.assertEqual(place(self.lesson), (self.old.name, 8))
		self.assertEqual(make_lesson(self.new.topic_names[0]).bit_index, 2)

	def test_a_lesson_form_opened_before_its_topic_moved_does_not_bring_it_back(self):
		form = frappe.get_doc("Memora Lesson", self.lesson)
		self.move("Memora Topic", form.parent_topic, self.new.unit_names[0])
		form.title = "Changed"
		form.save()
		self.assertEqual(place(self.lesson), (self.new.name, 2))

	def test_moving_an_empty_node_works(self):
		unit = make_unit(self.old.track_names[0])
		topic = make_topic(unit.name)
		self.move("Memora Topic", topic.name, self.new.unit_names[0])
		self.move("Memora Unit", unit.name, self.new.track_names[0])
		self.assertEqual(next_bit_index(self.new.name), 1)

	def test_more_lessons_than_one_update_takes_all_arrive_in_order(self):
		topic = self.old.topic_names[0]
		content_tree_limit = content_tree.LESSONS_PER_UPDATE
		self.addCleanup(setattr, content_tree, "LESSONS_PER_UPDATE", content_tree_limit)
		content_tree.LESSONS_PER_UPDATE = 2
		lessons = [*self.old.lesson_names[:2], *(make_lesson(topic).name for _index in range(3))]
		self.move("Memora Topic", topic, self.new.unit_names[0])
		self.assertEqual([place(lesson) for lesson in lessons], [(self.new.name, i) for i in range(1, 6)])


def _in_own_connection(action, *arguments):
	"""Run in a new process with a connection of its own, and commit."""
	frappe.init(os.environ["MEMORA_TEST_SITE"], sites_path=os.environ["MEMORA_SITES_PATH"], force=True)
	frappe.connect()
	frappe.set_user("Administrator")
	try:
		action(*arguments)
		frappe.db.commit()
	finally:
		frappe.destroy()


def _insert_lessons(topic: str, count: int, start):
	start.wait()
	for _index in range(count):
		make_lesson(topic)
		frappe.db.commit()


def _insert_lesson_at(topic: str, wanted: int, start):
	start.wait()
	make_lesson(topic, bit_index=wanted)


def _move_topic(topic: str, unit: str, start):
	start.wait()
	node = frappe.get_doc("Memora Topic", topic)
	node.parent_unit = unit
	node.save()


class TestPlacesInParallel(FrappeTestCase):
	"""Real processes and committed rows, deleted again at the end."""

	def setUp(self):
		self.old = make_subject(lessons=0)
		self.new = make_subject(lessons=0)
		frappe.db.commit()
		self.processes = multiprocessing.get_context("fork")

	def tearDown(self):
		frappe.db.rollback()
		for subject in (self.old, self.new):
			frappe.db.delete("Memora Lesson", {"subject": subject.name})
			for doctype, names in (
				("Memora Topic", subject.topic_names),
				("Memora Unit", subject.unit_names),
				("Memora Track", subject.track_names),
				("Memora Subject", [subject.name]),
			):
				frappe.db.delete(doctype, {"name": ("in", names)})
		frappe.db.commit()

	def run_at_once(self, *calls):
		start = self.processes.Barrier(len(calls))
		running = [
			self.processes.Process(target=_in_own_connection, args=(action, *arguments, start))
			for action, *arguments in calls
		]
		for process in running:
			process.start()
		for process in running:
			process.join(60)
		frappe.db.rollback()
		return [process.exitcode for process in running]

	def test_two_editors_inserting_at_once_share_no_place_and_leave_none_out(self):
		topic = self.old.topic_names[0]
		exit_codes = self.run_at_once((_insert_lessons, topic, 10), (_insert_lessons, topic, 10))
		self.assertEqual(exit_codes, [0, 0])
		taken = frappe.get_all("Memora Lesson", filters={"subject": self.old.name}, pluck="bit_index")
		self.assertEqual(sorted(taken), list(range(20)))
		self.assertEqual(next_bit_index(self.old.name), 20)

	def test_two_imports_of_the_same_place_at_once_get_two(self):
		topic = self.old.topic_names[0]
		exit_codes = self.run_at_once((_insert_lesson_at, topic, 7), (_insert_lesson_at, topic, 7))
		self.assertEqual(exit_codes, [0, 0])
		taken = frappe.get_all("Memora Lesson", filters={"subject": self.old.name}, pluck="bit_index")
		self.assertEqual(sorted(taken), [7, 8])

	def test_topics_that_change_places_at_once_end_with_their_lessons_in_the_subject_above_them(self):
		for subject in (self.old, self.new):
			for _index in range(3):
				make_lesson(subject.topic_names[0])
		frappe.db.commit()
		self.run_at_once(
			(_move_topic, self.old.topic_names[0], self.new.unit_names[0]),
			(_move_topic, self.new.topic_names[0], self.old.unit_names[0]),
		)
		for topic in (*self.old.topic_names, *self.new.topic_names):
			places = [
				place(name) for name in frappe.get_all("Memora Lesson", {"parent_topic": topic}, pluck="name")
			]
			self.assertEqual(
				{subject for subject, _bit_index in places}, {content_tree.subject_of("Memora Topic", topic)}
			)
			self.assertEqual(len(set(places)), 3)

	def import_lessons(self, content: str):
		file = insert("File", file_name="lessons.csv", content=content, is_private=1)
		data_import = insert(
			"Data Import",
			reference_doctype="Memora Lesson",
			import_type="Insert New Records",
			import_file=file.file_url,
		)
		frappe.db.commit()
		Importer("Memora Lesson", data_import=data_import).import_data()
		frappe.db.delete("Data Import Log", {"data_import": data_import.name})
		for done in (data_import, file):
			done.delete()

	def test_a_data_import_keeps_free_places_and_gives_others_for_used_ones(self):
		topic = self.old.topic_names[0]
		make_lesson(topic)
		frappe.db.commit()
		self.import_lessons(f"Title,Topic,Bit Index\nFree,{topic},5\nUsed,{topic},0\nNext,{topic},")
		places = frappe.get_all(
			"Memora Lesson", filters={"subject": self.old.name}, fields=["title", "bit_index"], as_list=True
		)
		self.assertEqual(dict(places), {"Lesson": 0, "Free": 5, "Used": 6, "Next": 7})

	def test_lessons_inserted_while_their_topic_moves_end_in_the_subject_above_them(self):
		topic = self.old.topic_names[0]
		self.run_at_once((_insert_lessons, topic, 10), (_move_topic, topic, self.new.unit_names[0]))
		above = content_tree.subject_of("Memora Topic", topic)
		subjects = frappe.get_all("Memora Lesson", filters={"parent_topic": topic}, pluck="subject")
		self.assertEqual(set(subjects) - {above}, set())
