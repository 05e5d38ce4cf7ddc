"""The form of a player: what an administrator sees of him, and that each button does what it says."""

import pytest
from playwright.sync_api import expect

import frappe
from memora.services import session_manager
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import redis_keys, redis_store
from tests import committed, factories
from tests.committed import Game, ledger_of
from tests.desk import pages

PROFILE = "Memora Player Profile"
SCRIPT = "<script>window.wasHere = 1</script><img src='x' onerror='window.wasHere = 1'>"
ARABIC = "هاتف سلمى"
ASK_FOR_OVERVIEW = """async (player) => {
	const reply = await fetch(`/api/method/memora.api.player_admin.overview?player=${player}`);
	return { status: reply.status, body: await reply.text() };
}"""


@pytest.fixture(scope="module")
def world():
	"""Content that no test changes."""
	world = Game()
	yield world
	world.remove()


@pytest.fixture
def player(world):
	"""A player with one finished lesson, on a phone with an Arabic name."""
	player = world.add_player(devices=(ARABIC,))
	completion.complete_lesson(player.user, world.lessons[0], 5, PROGRESS_POLICY)
	yield player
	frappe.db.rollback()
	committed.forget_player(player)  # his user serves the next test
	frappe.db.commit()
	world.players.remove(player)


class Form:
	def __init__(self, window, player):
		self.window, self.page, self.player = window, window.page, player
		pages.open_form(window, PROFILE, player.name)
		expect(self.section("ledger")).to_be_visible()

	def section(self, name):
		return self.page.locator(f".memora-player-{name}:visible")

	def press(self, label):
		self.page.locator(".page-head:visible").get_by_role("button", name=label, exact=True).click()

	def dialog(self, title):
		"""The open dialog of this title, when it has come to rest."""
		dialog = self.page.locator(".modal.show", has_text=title)
		expect(dialog).to_be_visible()
		self.window.settle()
		return dialog

	def fill(self, dialog, **values):
		for fieldname, value in values.items():
			field = dialog.locator(f'[data-fieldname="{fieldname}"] input')
			field.fill(value)
			self.window.settle()  # Frappe selects a number's text a moment after its field was entered
			field.blur()
			self.window.settle()  # and takes a value over a moment after its field was left

	def submit(self, dialog, label):
		pages.press_in(dialog, dialog.locator(".modal-footer").get_by_role("button", name=label, exact=True))

	def confirm(self):
		self.submit(self.page.locator(".modal.show").last, "Yes")

	def expect_done(self, message):
		expect(self.page.locator("#alert-container")).to_contain_text(message)
		self.window.settle()

	def profile(self):
		frappe.db.rollback()
		return frappe.get_doc(PROFILE, self.player.name)


@pytest.fixture
def form(admin, player):
	return Form(admin, player)


def rows_of(section):
	return section.locator("tbody tr")


def test_the_form_shows_wallet_devices_progress_and_ledger(form):
	wallet = form.section("wallet")
	expect(wallet).to_contain_text("Copy and ledger agree")
	expect(rows_of(wallet).filter(has_text="Total XP").locator("td")).to_have_text(["Total XP", "35", "35"])
	expect(form.section("devices").locator("bdi")).to_have_text(ARABIC)
	expect(form.section("devices")).to_contain_text("Not logged in")
	progress = form.section("progress")
	expect(progress).to_contain_text("1 of 2 lessons")
	expect(progress.locator(".progress-bar")).to_have_attribute("style", "width: 50%")
	expect(rows_of(form.section("ledger"))).to_have_count(1)
	expect(form.section("ledger")).to_contain_text("Lesson completed")
	expect(form.section("ledger").locator("td").last).to_have_text("+35")


def test_a_copy_that_differs_is_shown_beside_the_truth_found_and_repaired(form):
	redis_store.set_hash(redis_keys.get_wallet_key(form.player.user), {"total_xp": "7"})
	form.window.page.reload()
	wallet = form.section("wallet")
	expect(wallet).to_contain_text("Copy and ledger differ")
	expect(rows_of(wallet).filter(has_text="Total XP").locator("td")).to_have_text(["Total XP", "35", "7"])
	form.press("Compare With Ledger")
	findings = form.dialog("Differences From the Ledger")
	expect(findings).to_contain_text("wallet_copy")
	form.submit(findings, "Repair")
	form.confirm()
	repaired = form.page.locator(".modal.show", has_text="Repaired")
	pages.close(repaired)
	expect(form.section("wallet")).not_to_contain_text("differ")
	form.window.settle()
	form.press("Compare With Ledger")
	expect(form.page.locator(".modal.show")).to_contain_text("Rows, copies and ledger of this player agree.")


def test_xp_is_adjusted_with_a_reason_that_the_ledger_keeps(form):
	form.press("Adjust XP")
	dialog = form.dialog("Adjust XP")
	form.fill(dialog, xp_amount="-5", reason=SCRIPT)
	form.submit(dialog, "Adjust XP")
	form.expect_done("The player has 30 XP now.")
	expect(dialog).to_be_hidden()
	assert [(row.interaction_type, row.xp_awarded) for row in ledger_of(form.player)] == [
		("lesson_completion", 35),
		("adjustment", -5),
	]
	latest = rows_of(form.section("ledger")).first
	expect(latest).to_contain_text(SCRIPT)
	expect(latest).to_contain_text("by Administrator")
	assert form.page.evaluate("window.wasHere") is None


def test_an_adjustment_that_is_refused_can_be_corrected_in_its_dialog(form):
	form.press("Adjust XP")
	dialog = form.dialog("Adjust XP")
	form.fill(dialog, xp_amount="-36", reason="Given twice")
	form.submit(dialog, "Adjust XP")
	refused = form.page.locator(".msgprint-dialog.show, .modal.show").filter(has_text="has only 35 XP")
	expect(refused).to_be_visible()
	form.window.settle()
	assert any("status 417" in complaint for complaint in form.window.complaints)
	form.window.complaints.clear()
	pages.close(refused)
	expect(refused).to_be_hidden()
	form.fill(dialog, xp_amount="-35")
	form.submit(dialog, "Adjust XP")
	form.expect_done("The player has 0 XP now.")
	assert len(ledger_of(form.player)) == 2


def test_a_device_is_added_and_removed(form):
	devices, tablet = form.section("devices"), factories.new_uuid()
	devices.get_by_role("button", name="Add Device").click()
	dialog = form.dialog("Add Device")
	form.fill(dialog, device_id=tablet, device_name=SCRIPT)
	form.submit(dialog, "Add Device")
	form.expect_done("The device may be used now.")
	expect(rows_of(devices)).to_have_count(2)
	expect(rows_of(devices).last).to_contain_text(tablet)
	expect(devices.get_by_role("button", name="Add Device")).to_have_count(0)
	devices.locator(f'[data-device="{tablet}"]').click()
	form.confirm()
	form.expect_done("The device was removed.")
	expect(rows_of(devices)).to_have_count(1)
	assert [row.device_id for row in form.profile().authorized_devices] == form.player.device_ids
	assert form.page.evaluate("window.wasHere") is None


def test_the_session_is_shown_and_ended(form):
	session_manager.create_session(form.player.user, form.player.device_ids[0], "a-session")
	form.page.reload()
	devices = form.section("devices")
	expect(devices).to_contain_text("Logged in")
	expect(devices).to_contain_text("In use")
	devices.get_by_role("button", name="End Session").click()
	form.confirm()
	form.expect_done("The session was ended.")
	expect(devices).to_contain_text("Not logged in")
	assert form.profile().active_session_hash is None


def test_a_player_is_enrolled_in_another_plan(form, world):
	plan = factories.make_plan(subjects=[world.subject.name])
	frappe.db.commit()
	try:
		form.press("Enrol in Plan")
		dialog = form.dialog("Enrol in Plan")
		dialog.locator('[data-fieldname="plan_id"] input').press_sequentially(plan.name)
		dialog.locator(".awesomplete li", has_text=plan.title).first.click()
		form.window.settle()
		form.submit(dialog, "Enrol in Plan")
		form.expect_done(f"The player learns by {plan.name} now.")
		assert form.profile().current_plan == plan.name
	finally:
		remove_plan(form.player, plan.name)


def remove_plan(player, plan):
	frappe.db.rollback()
	frappe.db.set_value(PROFILE, player.name, "current_plan", None)
	for doctype, column in (
		("Memora Plan Subject", "parent"),
		("Memora Academic Plan", "name"),
		("CDN Sync Log", "plan_id"),
	):
		frappe.db.delete(doctype, {column: plan})
	frappe.db.commit()


def test_changes_that_are_not_saved_are_not_lost_to_a_button(form):
	name = pages.field(form.page.locator(f'[data-page-route="{PROFILE}"] .form-layout'), "display_name")
	name.fill("سلمى")
	name.blur()
	form.press("Adjust XP")
	expect(form.page.locator(".modal.show")).to_contain_text("Save your changes first.")
	expect(name).to_have_value("سلمى")


def test_names_of_subjects_and_lessons_are_shown_as_the_text_that_they_are(admin, game):
	frappe.db.set_value("Memora Subject", game.subject.name, "title", SCRIPT)
	frappe.db.set_value("Memora Lesson", game.lessons[0], "title", SCRIPT)
	player = game.add_player()
	completion.complete_lesson(player.user, game.lessons[0], 5, PROGRESS_POLICY)
	frappe.db.commit()
	form = Form(admin, player)
	expect(form.section("progress").locator("bdi")).to_have_text(SCRIPT)
	expect(form.section("ledger").locator("bdi")).to_have_text(SCRIPT)
	assert admin.page.evaluate("window.wasHere") is None


def test_the_form_reads_from_right_to_left_in_arabic(arabic_admin, player):
	form = Form(arabic_admin, player)
	table, cell = form.section("wallet").locator("table"), form.section("wallet").locator("td").first
	assert cell.bounding_box()["x"] > table.bounding_box()["x"] + table.bounding_box()["width"] / 2


def test_wallet_progress_and_log_lead_to_the_player(form):
	player, window = form.player, form.window
	wallet = frappe.db.get_value("Memora Player Wallet", {"player": player.name})
	progress = frappe.db.get_value("Memora Structure Progress", {"player": player.user})
	entry = frappe.db.get_value("Memora Interaction Log", {"player": player.user, "seq": 1})
	pages.open_form(window, "Memora Player Wallet", wallet)
	form.press("Player")
	expect(form.section("wallet")).to_be_visible()
	for doctype, name in (("Memora Structure Progress", progress), ("Memora Interaction Log", entry)):
		pages.open_form(window, doctype, str(name))
		form.press("Player")
		row = window.page.locator(f'[data-page-route="List/{PROFILE}/List"] .list-row')
		expect(row).to_have_count(1)
		expect(row).to_contain_text(player.user)


def test_a_content_manager_opens_no_player_and_learns_nothing_about_him(content_manager, player):
	content_manager.open(f"/app/{pages.slug(PROFILE)}/{player.name}")
	expect(content_manager.page.locator(".modal.show")).to_contain_text("not found")
	assert player.user not in content_manager.page.content()
	asked = content_manager.page.evaluate(ASK_FOR_OVERVIEW, player.name)
	assert (asked["status"], player.user in asked["body"]) == (403, False)
	content_manager.settle()
	content_manager.complaints.clear()
