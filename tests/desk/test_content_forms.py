"""The forms of content: their place, what a delete would break, and a lesson's stages."""

import json

import pytest
from playwright.sync_api import expect

import frappe
from tests import factories
from tests.committed import CONTENT
from tests.desk import pages
from tests.desk.pages import dialog, press

PLAN, SUBJECT, TRACK = "Memora Academic Plan", "Memora Subject", "Memora Track"
UNIT, TOPIC, LESSON = "Memora Unit", "Memora Topic", "Memora Lesson"
SCRIPT = "Algebra <script>window.wasHere = 1</script><img src='x' onerror='window.wasHere = 1'>"
CONFIG = '{"url": "https://example.com/v", "views": 12345678901234567890, "captions": [], "by": {"id": 1.50}}'


def place(window):
	return window.page.locator(".memora-place:visible")


def value_of(doctype, name, fieldname):
	frappe.db.rollback()
	return frappe.db.get_value(doctype, name, fieldname)


def save(window):
	window.page.keyboard.press("Control+s")
	expect(window.page.locator(".page-head:visible .indicator-pill", has_text="Not Saved")).to_be_hidden()
	window.settle()


def override(game, *rows):
	for doctype, name, action in rows:
		game.plan.append("overrides", {"target_doctype": doctype, "target_name": name, "action": action})
	game.plan.save()
	frappe.db.commit()


class TestPlace:
	def test_a_form_leads_up_to_its_parents_and_down_to_its_children_in_order(self, content_manager, game):
		first, second = game.lessons
		frappe.db.set_value(LESSON, first, {"sort_order": 9, "is_published": 0})
		frappe.db.commit()
		pages.open_form(content_manager, TOPIC, game.subject.topic_names[0])
		crumbs = place(content_manager).locator(".memora-crumb")
		expect(crumbs).to_have_count(4)
		expect(crumbs.first).to_contain_text(game.subject.title)
		children = place(content_manager).locator("li")
		expect(children.first.locator("a")).to_have_attribute("href", f"/app/memora-lesson/{second}")
		expect(children.first).to_contain_text("Published")
		expect(children.last).to_contain_text("Draft")
		crumbs.nth(2).locator("a").click()
		pages.expect_form(content_manager, UNIT)
		expect(place(content_manager).locator("li")).to_contain_text("Lessons: 2")

	def test_it_says_which_plans_show_a_lesson_and_which_do_not(self, admin, game):
		lesson = game.lessons[0]
		hiding = game.add_plan(overrides=[(TRACK, game.subject.track_names[0], "Hide")])
		without = game.add_plan(subjects=[], title=factories.unique("Without"))
		override(game, (LESSON, lesson, "Set Free"))
		pages.open_form(admin, LESSON, lesson)
		rows = place(admin).locator("tr")
		expect(rows.filter(has_text=game.plan.title)).to_contain_text("Free Preview")
		expect(rows.filter(has_text=hiding.title)).to_contain_text("The plan hides it: Track Track")
		expect(place(admin)).to_contain_text("Plans without this subject:")
		assert without.title not in rows.all_inner_texts()
		rows.filter(has_text=hiding.title).locator("a").first.click()
		pages.expect_form(admin, PLAN)
		admin.settle()

	@pytest.mark.parametrize(
		("doctype", "names"), [(SUBJECT, None), (UNIT, "unit_names"), (LESSON, "lesson_names")]
	)
	def test_titles_are_shown_as_text(self, doctype, names, content_manager, game):
		frappe.db.set_value(SUBJECT, game.subject.name, "title", SCRIPT)
		for attribute, level in CONTENT.items():
			for row in getattr(game.subject, attribute):
				frappe.db.set_value(level, row, "title", SCRIPT)
		frappe.db.set_value(PLAN, game.plan.name, "title", SCRIPT)
		frappe.db.commit()
		name = getattr(game.subject, names)[0] if names else game.subject.name
		pages.open_form(content_manager, doctype, name)
		expect(place(content_manager).locator(".memora-crumb").last).to_contain_text(SCRIPT)
		expect(place(content_manager).locator("tr").first).to_contain_text(SCRIPT)
		press(content_manager, "What a Delete Would Break")
		expect(dialog(content_manager).locator("li").first).to_be_visible()
		assert content_manager.page.evaluate("window.wasHere") is None

	def test_a_new_document_has_no_place_yet(self, admin):
		admin.open("/app")
		form = pages.open_new_form(admin, TRACK)
		expect(pages.field(form, "title")).to_be_visible()
		expect(place(admin)).to_have_count(0)

	def test_a_child_is_added_as_the_last_one_and_opened(self, content_manager, game):
		topic = game.subject.topic_names[0]
		pages.open_form(content_manager, TOPIC, topic)
		press(content_manager, "Add Lesson")
		dialog(content_manager).locator("input[data-fieldname=title]").fill("درس جديد")
		dialog(content_manager).locator(".btn-primary").click()
		form = pages.expect_form(content_manager, LESSON)
		expect(pages.field(form, "title")).to_have_value("درس جديد")
		added = value_of(LESSON, {"title": "درس جديد", "parent_topic": topic}, "name")
		game.subject.lesson_names.append(added)
		assert value_of(LESSON, added, "is_published") == 0
		assert value_of(LESSON, added, "sort_order") > value_of(LESSON, game.lessons[1], "sort_order")

	def test_every_form_leads_to_the_tree_of_its_subject(self, content_manager, game):
		pages.open_form(content_manager, LESSON, game.lessons[0])
		press(content_manager, "Content Tree")
		tree = content_manager.page.locator(f'.memora-tree li[data-name="{game.subject.name}"]')
		expect(tree).to_be_visible()


class TestDeletion:
	def choose_delete(self, window):
		window.page.locator(".page-actions:visible .menu-btn-group button").first.click()
		menu = window.page.locator(".menu-btn-group .dropdown-menu:visible")
		menu.get_by_text("Delete", exact=True).locator("visible=true").click()

	def test_before_a_delete_the_form_says_what_it_would_break_and_goes_no_further(
		self, content_manager, game
	):
		override(game, (TOPIC, game.subject.topic_names[0], "Set Free"))
		pages.open_form(content_manager, TOPIC, game.subject.topic_names[0])
		self.choose_delete(content_manager)
		expect(dialog(content_manager)).to_contain_text("Cannot be deleted now")
		expect(dialog(content_manager)).to_contain_text("Lessons: 2")
		expect(dialog(content_manager)).to_contain_text(
			f"The plan {game.plan.title} overrides it (Set Free)."
		)
		expect(dialog(content_manager).locator(".btn-primary:visible")).to_have_count(0)

	def test_a_lesson_that_nothing_needs_is_deleted_after_the_question(self, admin, game):
		lesson = game.lessons[1]
		pages.open_list(admin, LESSON)
		admin.go("memora-lesson", lesson)
		pages.expect_form(admin, LESSON)
		self.choose_delete(admin)
		expect(dialog(admin)).to_contain_text("Players who have passed it: 0. They keep their XP.")
		dialog(admin).locator(".btn-primary").click()
		question = admin.page.locator(".modal.show", has_text="Permanently delete")
		question.locator(".btn-primary").click()
		expect(question).to_be_hidden()
		admin.settle()
		assert value_of(LESSON, lesson, "name") is None

	def test_a_refusal_of_the_server_reads_as_sentences(self, admin, game):
		topic = game.subject.topic_names[0]
		pages.open_form(admin, TOPIC, topic)
		admin.page.evaluate(
			"name => { frappe.call('frappe.client.delete', { doctype: 'Memora Topic', name }); }", topic
		)
		expect(dialog(admin)).to_contain_text(f"{topic} has children (Memora Lesson: 2), the first is ")
		admin.complaints.clear()  # the refusal itself
		assert value_of(TOPIC, topic, "name") == topic


class TestStages:
	def add_stages(self, game, *stages):
		lesson = frappe.get_doc(LESSON, game.lessons[0])
		lesson.extend(
			"stages", [{"title": f"Stage {number}", **stage} for number, stage in enumerate(stages, 1)]
		)
		lesson.save()
		frappe.db.commit()
		return lesson.name

	def stages(self, name):
		frappe.db.rollback()
		return frappe.get_doc(LESSON, name).stages

	def rows(self, window):
		return window.page.locator('[data-fieldname="stages"] .grid-body .grid-row')

	def open_stage(self, window, index):
		row = self.rows(window).nth(index)
		row.locator(".btn-open-row").click()
		expect(row.locator(".ace_editor")).to_be_visible()
		window.settle()
		return row

	def text(self, row):
		return row.locator(".ace_editor").evaluate("element => ace.edit(element).getValue()")

	def write(self, row, text):
		row.locator(".ace_editor").evaluate("(element, text) => ace.edit(element).setValue(text)", text)

	def test_a_config_is_laid_out_when_it_is_opened_and_nothing_counts_as_changed(
		self, content_manager, game
	):
		name = self.add_stages(game, {"type": "Video", "config": CONFIG})
		pages.open_form(content_manager, LESSON, name)
		row = self.open_stage(content_manager, 0)
		shown = self.text(row)
		assert json.loads(shown) == json.loads(CONFIG)
		assert '\n  "views": 12345678901234567890,\n  "captions": [],\n' in shown
		assert '"id": 1.50' in shown
		expect(row.locator(".fault")).to_have_text("")
		expect(row.locator(".shapes")).to_contain_text("duration_seconds")
		assert not content_manager.page.evaluate("cur_frm.is_dirty()")

	def test_what_is_wrong_is_said_while_writing_and_refused_on_saving(self, content_manager, game):
		name = self.add_stages(game, {"type": "Text"}, {"type": "Quiz"})
		pages.open_form(content_manager, LESSON, name)
		row = self.open_stage(content_manager, 1)
		self.write(row, '{"questions": [\n  {"correct": 1,}\n]}')
		expect(row.locator(".fault")).to_contain_text("Config is not valid JSON")
		expect(row.locator(".fault")).to_contain_text("line 2 column")
		self.write(row, '{"questions": [{"options": ["a", "b", "c"], "correct": 3}]}')
		wrong = "Config: questions[0].correct must be the index of one of the 3 options."
		expect(row.locator(".fault")).to_have_text(wrong)
		content_manager.page.keyboard.press("Control+s")
		expect(dialog(content_manager)).to_contain_text(f"Stage 2: {wrong}")
		content_manager.complaints.clear()  # the refusal itself
		assert self.stages(name)[1].config == "{}"

	def test_choosing_a_type_brings_its_template_and_never_overwrites_what_was_written(self, admin, game):
		name = self.add_stages(game, {"type": "Text"}, {"type": "Text", "config": '{"markdown": "Mine"}'})
		pages.open_form(admin, LESSON, name)
		row = self.open_stage(admin, 0)
		row.locator('.form-area [data-fieldname="type"] select').select_option("Question")
		expect(row.locator(".shapes")).to_contain_text("true_false")
		admin.settle()
		assert json.loads(self.text(row))["kind"] == "single_choice"
		row.locator(".shape", has_text="true_false").locator(".use-template").click()
		admin.settle()
		assert json.loads(self.text(row))["kind"] == "true_false"
		row.locator(".grid-collapse-row").click()
		row = self.open_stage(admin, 1)
		row.locator('.form-area [data-fieldname="type"] select').select_option("Video")
		admin.settle()
		assert json.loads(self.text(row)) == {"markdown": "Mine"}
		save(admin)
		saved = [(stage.type, json.loads(stage.config)) for stage in self.stages(name)]
		assert saved[0][1] == {"kind": "true_false", "prompt": "", "correct": True, "explanation": ""}
		assert saved[1] == ("Video", {"markdown": "Mine"})

	def test_stages_are_duplicated_and_dragged_into_another_order(self, admin, game):
		name = self.add_stages(game, {"type": "Text"}, {"type": "Video", "config": CONFIG})
		pages.open_form(admin, LESSON, name)
		row = self.open_stage(admin, 1)
		row.locator(".grid-duplicate-row").click()
		expect(self.rows(admin)).to_have_count(3)
		admin.page.keyboard.press("Escape")
		save(admin)
		stages = self.stages(name)
		assert [stage.title for stage in stages] == ["Stage 1", "Stage 2", "Stage 2"]
		assert json.loads(stages[2].config) == json.loads(CONFIG)
		handles = admin.page.locator('[data-fieldname="stages"] .grid-body .sortable-handle')
		handles.nth(2).drag_to(handles.first, target_position={"x": 5, "y": 2})
		save(admin)
		assert [stage.title for stage in self.stages(name)] == ["Stage 2", "Stage 1", "Stage 2"]
