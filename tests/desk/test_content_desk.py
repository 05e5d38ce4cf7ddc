"""Writing content in Desk: the form of a plan and the content tree."""

import pytest
import requests
from playwright.sync_api import expect

import frappe
from memora.services.cdn_export import batch_processor
from tests.committed import Game
from tests.desk import pages
from tests.desk.pages import dialog, press
from tests.site.cdn_export.publishing import forget_published

PLAN, SUBJECT, LESSON = "Memora Academic Plan", "Memora Subject", "Memora Lesson"
SCRIPT = "Algebra <script>window.wasHere = 1</script><img src='x' onerror='window.wasHere = 1'>"


def forget_logs(game):
	frappe.db.delete("CDN Sync Log", {"plan_id": game.plan.name})
	frappe.db.commit()


def override_cell(window, index, fieldname):
	grid = window.page.locator('[data-fieldname="overrides"] .grid-body')
	return grid.locator(f'.grid-row[data-idx="{index}"] [data-fieldname="{fieldname}"]').first


def value_of(doctype, name, fieldname):
	frappe.db.rollback()
	return frappe.db.get_value(doctype, name, fieldname)


class TestPlanForm:
	def test_publish_now_queues_the_plan_and_the_form_says_so(self, content_manager, game):
		forget_logs(game)
		pages.open_form(content_manager, PLAN, game.plan.name)
		press(content_manager, "Publish Now")
		expect(content_manager.page.locator(".form-message:visible")).to_contain_text("ublished")
		frappe.db.rollback()
		assert frappe.db.count("CDN Sync Log", {"plan_id": game.plan.name}) == 1

	def test_a_plan_that_is_changed_and_not_saved_is_not_published(self, admin, game):
		forget_logs(game)
		form = pages.open_form(admin, PLAN, game.plan.name)
		pages.field(form, "title").fill("Another title")
		pages.field(form, "title").blur()
		press(admin, "Publish Now")
		expect(dialog(admin)).to_contain_text("Save the plan before publishing it.")
		frappe.db.rollback()
		assert frappe.db.count("CDN Sync Log", {"plan_id": game.plan.name}) == 0

	def test_changes_are_previewed_with_titles_as_text(self, content_manager, game):
		frappe.db.set_value(SUBJECT, game.subject.name, "title", SCRIPT)
		game.add_player()
		pages.open_form(content_manager, PLAN, game.plan.name)
		press(content_manager, "Preview Changes")
		expect(dialog(content_manager)).to_contain_text("Publishing now would change what players see:")
		expect(dialog(content_manager)).to_contain_text(SCRIPT)
		expect(dialog(content_manager).locator(".memora-figure").last).to_have_text("1")
		lesson = dialog(content_manager).locator(f'a[href$="{game.lessons[0]}"]')
		expect(lesson).to_be_visible()
		assert content_manager.page.evaluate("window.wasHere") is None

	def test_a_plan_is_published_from_the_preview_of_its_changes(self, content_manager, game):
		forget_logs(game)
		pages.open_form(content_manager, PLAN, game.plan.name)
		press(content_manager, "Preview Changes")
		dialog(content_manager).locator(".btn-modal-primary", has_text="Publish").click()
		expect(content_manager.page.locator(".form-message:visible")).to_contain_text("ublished")
		frappe.db.rollback()
		assert frappe.db.count("CDN Sync Log", {"plan_id": game.plan.name}) == 1

	def test_a_plan_that_was_never_published_has_no_files_to_open(self, content_manager, game):
		pages.open_form(content_manager, PLAN, game.plan.name)
		press(content_manager, "Published Files")
		expect(dialog(content_manager)).to_contain_text("Nothing of this plan is published.")

	def test_the_files_of_a_published_plan_are_listed_and_opened(self, content_manager, game):
		batch_processor.publish_plan(game.plan.name, "test")
		frappe.db.commit()
		try:
			pages.open_form(content_manager, PLAN, game.plan.name)
			press(content_manager, "Published Files")
			manifest = dialog(content_manager).locator("a", has_text="manifest.json")
			address = manifest.get_attribute("href")
			assert address.endswith(f"/plans/{game.plan.name}/manifest.json")
			site = {"X-Frappe-Site-Name": frappe.local.site}
			assert requests.get(address, headers=site, timeout=30).json()["plan_id"] == game.plan.name
			expect(dialog(content_manager)).to_contain_text(f"lessons/{game.lessons[0]}.json")
		finally:
			forget_published()
			forget_logs(game)

	@pytest.mark.parametrize(
		("action", "offered", "picked", "stored"),
		[
			("Set Access Level", ["Public", "Authenticated", "Free Preview", "Paid"], "Paid", "paid"),
			("Set Linear", ["Yes", "No"], "No", "0"),
			("Set Sold Separately", ["ITEM-7"], "ITEM-7", "ITEM-7"),
		],
	)
	def test_each_action_offers_its_own_values(self, admin, game, action, offered, picked, stored):
		frappe.db.set_value(SUBJECT, game.subject.name, "required_item", "ITEM-7")
		row = {"target_doctype": SUBJECT, "target_name": game.subject.name, "action": "Hide"}
		game.plan.append("overrides", row)
		game.plan.save()
		frappe.db.commit()
		pages.open_form(admin, PLAN, game.plan.name)
		override_cell(admin, 1, "action").click()
		override_cell(admin, 1, "action").locator("select").select_option(action)
		admin.settle()
		override_cell(admin, 1, "override_value").click()
		options = override_cell(admin, 1, "override_value").locator("[role=listbox] li")
		expect(options.filter(has_text=picked)).to_be_visible()
		shown = [text.strip() for text in options.all_inner_texts()]
		assert set(offered) <= set(shown), shown
		assert action == "Set Sold Separately" or shown == offered
		options.filter(has_text=picked).click()
		admin.page.keyboard.press("Control+s")
		expect(admin.page.locator(".page-head:visible .indicator-pill", has_text="Not Saved")).to_be_hidden()
		admin.settle()
		assert value_of("Memora Plan Override", {"parent": game.plan.name}, "override_value") == stored

	def test_only_content_of_the_plans_subjects_is_offered_as_a_target(self, admin, game):
		row = {"target_doctype": LESSON, "target_name": game.lessons[0], "action": "Hide"}
		game.plan.append("overrides", row)
		game.plan.save()
		other = Game()
		try:
			pages.open_form(admin, PLAN, game.plan.name)
			override_cell(admin, 1, "target_name").click()
			override_cell(admin, 1, "target_name").locator("input").fill("LESSON")
			options = override_cell(admin, 1, "target_name").locator("[role=listbox] li")
			expect(options.filter(has_text=game.subject.title).first).to_be_visible()
			assert not [text for text in options.all_inner_texts() if other.subject.title in text]
		finally:
			other.remove()


def open_tree(window, game):
	window.open(f"/app/memora-content/{game.subject.name}")
	expect(node(window, game.subject.name)).to_be_visible()


def node(window, name):
	return window.page.locator(f'.memora-tree li[data-name="{name}"] > .memora-node')


class TestContentTree:
	def test_the_tree_shows_state_and_access_as_the_plan_shows_them(self, content_manager, game):
		hidden = game.lessons[0]
		row = {"target_doctype": LESSON, "target_name": hidden, "action": "Hide"}
		game.plan.append("overrides", row)
		game.plan.save()
		frappe.db.set_value(LESSON, game.lessons[1], "title", SCRIPT)
		frappe.db.commit()
		open_tree(content_manager, game)
		expect(node(content_manager, hidden)).to_contain_text("Authenticated")
		expect(node(content_manager, game.lessons[1])).to_contain_text(SCRIPT)
		content_manager.page.evaluate(
			"plan => frappe.pages['memora-content'].tree.plan.set_value(plan)", game.plan.name
		)
		expect(node(content_manager, hidden)).to_contain_text("Not shown")
		expect(node(content_manager, hidden)).to_contain_text("Overridden")
		expect(node(content_manager, game.lessons[1])).to_contain_text("Authenticated")
		assert content_manager.page.evaluate("window.wasHere") is None

	def test_a_lesson_dragged_in_front_of_another_comes_first(self, content_manager, game):
		first, second = game.lessons
		open_tree(content_manager, game)
		node(content_manager, second).locator(".kind").drag_to(
			node(content_manager, first).locator(".kind"), target_position={"x": 5, "y": 2}
		)
		content_manager.settle()
		lessons = content_manager.page.locator('.memora-tree li[data-doctype="Memora Lesson"]')
		assert lessons.evaluate_all("items => items.map(item => item.dataset.name)") == [second, first]
		assert value_of(LESSON, second, "sort_order") < value_of(LESSON, first, "sort_order")

	def test_a_child_is_added_as_a_draft_and_as_the_last_one(self, content_manager, game):
		topic = game.subject.topic_names[0]
		open_tree(content_manager, game)
		node(content_manager, topic).hover()
		node(content_manager, topic).locator(".add-child").click()
		dialog(content_manager).locator("input[data-fieldname=title]").fill("درس جديد")
		dialog(content_manager).locator(".btn-primary").click()
		added = content_manager.page.locator('.memora-tree li[data-doctype="Memora Lesson"]').last
		expect(added).to_contain_text("درس جديد")
		expect(added).to_contain_text("Draft")
		game.subject.lesson_names.append(added.get_attribute("data-name"))
		assert value_of(LESSON, {"title": "درس جديد", "parent_topic": topic}, "is_published") == 0

	def test_a_subtree_is_unpublished_and_published_again_after_a_question(self, content_manager, game):
		open_tree(content_manager, game)
		for action, is_published in (("unpublish", 0), ("publish", 1)):
			node(content_manager, game.subject.name).hover()
			node(content_manager, game.subject.name).locator(f".{action}").click()
			dialog(content_manager).locator(".btn-primary").click()
			state = "Published" if is_published else "Draft"
			expect(node(content_manager, game.lessons[0])).to_contain_text(state)
			content_manager.settle()
			assert value_of(LESSON, game.lessons[0], "is_published") == is_published

	def test_without_a_subject_the_page_asks_for_one(self, admin):
		admin.open("/app/memora-content")
		expect(admin.page.locator(".memora-tree")).to_contain_text("Choose a subject.")

	def test_the_form_of_a_subject_leads_to_its_tree(self, content_manager, game):
		pages.open_form(content_manager, SUBJECT, game.subject.name)
		press(content_manager, "Content Tree")
		expect(node(content_manager, game.lessons[0])).to_be_visible()
