"""What people write into titles: shown as the text it is, in the direction that its letters have."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

import frappe
from tests.desk import pages

# Frappe leaves tags out of a title in lists and headings, and shows them where the title is written.
SCRIPT = "Algebra <script>window.wasHere = 1</script><img src='x' onerror='window.wasHere = 1'>"
ARABIC = "العلوم"
ENGLISH = "Science"
INK = 128  # of 255: darker is a letter, lighter the field it stands on


def give_title(game, title):
	# Past the document's own sanitiser: what reached the table by any other way is shown safely too.
	frappe.db.set_value("Memora Subject", game.subject.name, "title", title)
	frappe.db.commit()


def test_a_script_in_a_title_is_shown_as_text_in_the_list_and_in_the_form(admin, game):
	give_title(game, SCRIPT)
	rows = pages.open_list(admin, "Memora Subject")
	expect(rows.locator(".list-row .list-subject a")).to_contain_text(["Algebra"])
	form = pages.open_form(admin, "Memora Subject", game.subject.name)
	expect(pages.field(form, "title")).to_have_value(SCRIPT)
	expect(pages.heading(admin)).to_contain_text("Algebra")
	assert admin.page.evaluate("window.wasHere") is None


def test_a_script_in_the_title_of_a_link_is_shown_as_text_wherever_it_is_linked_to(admin, game):
	give_title(game, SCRIPT)
	player = game.add_player()
	frappe.db.set_value("Memora Academic Plan", game.plan.name, "title", SCRIPT)
	frappe.db.commit()
	progress = frappe.db.get_value("Memora Structure Progress", {"player": player.user}, "name")
	linking = {
		"Memora Track": game.subject.track_names[0],
		"Memora Lesson": game.lessons[0],
		"Memora Structure Progress": progress,
		"Memora Player Profile": player.name,
		"Memora Academic Plan": game.plan.name,
	}
	for doctype, name in linking.items():
		pages.open_list(admin, doctype)
		assert admin.page.evaluate("window.wasHere") is None, f"list of {doctype}"
		pages.open_form(admin, doctype, name)
		assert admin.page.evaluate("window.wasHere") is None, f"form of {doctype}"


@pytest.mark.parametrize("who", ["admin", "arabic_admin"])
@pytest.mark.parametrize(("title", "side"), [(ARABIC, "right"), (ENGLISH, "left")])
def test_a_title_stands_at_the_side_where_its_language_begins(who, title, side, game, request):
	window = request.getfixturevalue(who)
	give_title(game, title)
	form = pages.open_form(window, "Memora Subject", game.subject.name)
	title_field = pages.field(form, "title")
	expect(title_field).to_have_value(title)
	title_field.blur()
	assert side_of_ink(title_field.screenshot()) == side


def side_of_ink(picture: bytes) -> str:
	"""Return the half of a text field's picture that holds all its letters, else "both"."""
	image = Image.open(io.BytesIO(picture)).convert("L")
	margin = 4  # the border, which is no letter
	inner = image.crop((margin, margin, image.width - margin, image.height - margin))
	left, _, right, _ = inner.point(lambda value: 255 if value < INK else 0).getbbox()
	if right <= inner.width / 2:
		return "left"
	return "right" if left >= inner.width / 2 else "both"
