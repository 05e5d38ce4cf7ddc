"""A subject's spreadsheet in Desk: the menu of the content tree, and the dialog that imports a file."""

import pytest
from playwright.sync_api import expect

import frappe
from memora.services.content_sheet import outline, subject_reader, template, workbooks
from tests import factories
from tests.desk.test_content_desk import dialog, node, open_tree
from tests.site.test_content_sheet import remove_subject

SCRIPT = "<script>window.wasHere = 1</script><img src='x' onerror='window.wasHere = 1'>"
PATIENCE = 60_000  # the bench's one worker may be busy
SUBJECT, LESSON = "Memora Subject", "Memora Lesson"


def choose_from_menu(window, label):
	window.page.locator(".page-actions:visible .menu-btn-group button").first.click()
	window.page.locator(
		".menu-btn-group:visible .dropdown-menu a", has=window.page.get_by_text(label, exact=True)
	).click()


def preview(window, rows, name="subject.csv"):
	"""Choose a file of these rows in the open dialog, and have it looked at."""
	chosen = {"name": name, "mimeType": "text/csv", "buffer": workbooks.write_csv(rows)}
	dialog(window).locator("input[type=file]").set_input_files(chosen)
	dialog(window).get_by_role("button", name="Preview").click()
	expect(note(window)).to_be_visible(timeout=PATIENCE)


def note(window):
	return dialog(window).locator(".memora-note")


@pytest.fixture
def new_titles():
	"""Titles of subjects that a test imports; they go with it."""
	titles = []
	yield titles
	frappe.db.rollback()
	for name in frappe.get_all(SUBJECT, filters={"title": ("in", titles)}, pluck="name"):
		remove_subject(name)


def test_a_new_subject_is_previewed_imported_and_shown(content_manager, new_titles):
	root = template.arabic_example()
	root.title = factories.unique("اللغة")
	new_titles.append(root.title)
	content_manager.open("/app/memora-content")
	choose_from_menu(content_manager, "Import Subject")
	preview(content_manager, outline.write(root))
	expect(note(content_manager)).to_contain_text(f"{root.title} would be a new subject:")
	assert not frappe.get_all(SUBJECT, filters={"title": root.title})
	dialog(content_manager).get_by_role("button", name="Import").click()
	expect(note(content_manager)).to_contain_text(f"{root.title} is imported.", timeout=PATIENCE)
	dialog(content_manager).locator(".btn-primary", has_text="Close").click()
	frappe.db.rollback()
	(name,) = frappe.get_all(SUBJECT, filters={"title": root.title}, pluck="name")
	expect(node(content_manager, name)).to_contain_text(root.title)


def test_what_would_change_is_counted_and_a_title_is_shown_as_text(content_manager, game):
	root = subject_reader.read_subject(game.subject.name)
	root.title = f"{root.title} {SCRIPT}"
	first, second = root.children[0].children[0].children[0].children
	first.values["base_xp"], second.title = 25, SCRIPT
	open_tree(content_manager, game)
	choose_from_menu(content_manager, "Import Subject")
	preview(content_manager, outline.write(root), name=f"{SCRIPT.replace('/', '')}.csv")
	expect(note(content_manager)).to_contain_text(root.title)
	rows = dialog(content_manager).locator("tbody tr")
	assert [row.split("\t") for row in rows.all_inner_texts()] == [
		["Subject", "0", "1", "0"],
		["Tracks", "0", "0", "1"],
		["Units", "0", "0", "1"],
		["Topics", "0", "0", "1"],
		["Lessons", "0", "2", "0"],
	]
	assert content_manager.page.evaluate("window.wasHere") is None
	frappe.db.rollback()
	assert frappe.db.get_value(LESSON, game.lessons[0], "base_xp") == 10


def test_what_is_wrong_is_listed_by_row_and_column_and_nothing_can_be_imported(content_manager, game):
	open_tree(content_manager, game)
	choose_from_menu(content_manager, "Import Subject")
	rows = [["Subject", "Track", "Published"], [SCRIPT, "", "perhaps"], ["", "T", "No"], ["", "T", ""]]
	preview(content_manager, rows)
	expect(note(content_manager)).to_contain_text("2 problems are in the way. Nothing was changed.")
	listed = dialog(content_manager).locator(".memora-problems tbody tr").all_inner_texts()
	assert [row.split("\t")[:2] for row in listed] == [["2", "Published"], ["4", "Track"]]
	assert dialog(content_manager).get_by_role("button", name="Import").count() == 0
	assert content_manager.page.evaluate("window.wasHere") is None


def test_a_file_that_is_there_already_offers_no_import(content_manager, game):
	open_tree(content_manager, game)
	choose_from_menu(content_manager, "Import Subject")
	preview(content_manager, outline.write(subject_reader.read_subject(game.subject.name)))
	expect(note(content_manager)).to_contain_text("All of this is there already.")
	assert dialog(content_manager).get_by_role("button", name="Import").count() == 0


@pytest.mark.parametrize(
	("label", "name"),
	[
		("Export Subject", "{}.xlsx"),
		("Export Subject as CSV", "{}.csv"),
		("Download Template", "memora-subject-template.xlsx"),
	],
)
def test_the_menu_saves_files_that_can_be_read(content_manager, game, label, name):
	open_tree(content_manager, game)
	with content_manager.page.expect_download() as download:
		choose_from_menu(content_manager, label)
	saved = download.value
	assert saved.suggested_filename == name.format(game.subject.name)
	table = workbooks.read_table(saved.suggested_filename, saved.path().read_bytes())
	assert tuple(table[0]) == outline.HEADERS


def test_without_a_subject_there_is_nothing_to_export(admin):
	admin.open("/app/memora-content")
	choose_from_menu(admin, "Export Subject")
	expect(dialog(admin)).to_contain_text("Choose a subject before exporting it.")
