"""Publishing in Desk: the page CDN Export Status, the form of CDN Settings, and CDN Sync Log."""

import json
import re

import pytest
from playwright.sync_api import expect

import frappe
from frappe.installer import update_site_config
from memora.services.cdn_export import build_lock, build_progress, state_store, sync_log
from memora.utils import redis_keys, redis_store
from tests import factories
from tests.desk import pages
from tests.site.cdn_export.publishing import forget_published

PAGE = "/app/cdn-export-status"
PLAN, LOG, SETTINGS = "Memora Academic Plan", "CDN Sync Log", "CDN Settings"
SCRIPT = "Grade <script>window.wasHere = 1</script><img src='x' onerror='window.wasHere = 1'>"
NOWHERE = "http://127.0.0.1:1"
SETTINGS_OF_A_NEW_SITE = {
	"enabled": 0,
	"storage_provider": "AWS S3",
	"local_fallback_mode": 1,
	**dict.fromkeys(("endpoint_url", "bucket_name", "access_key", "secret_key", "cdn_base_url"), ""),
	**dict.fromkeys(("cloudflare_zone_id", "cloudflare_api_token"), ""),
}


@pytest.fixture(autouse=True)
def nothing_published():
	"""Nothing queued, nothing wrong, nothing published, and no worker that would publish what a test queues."""
	forget_publishing()
	yield
	forget_publishing()
	redis_store.delete(redis_keys.get_publish_job_key())


def forget_publishing():
	frappe.db.rollback()
	for doctype in (LOG, "CDN Health Finding"):
		frappe.db.delete(doctype)
	frappe.db.delete("Notification Log", {"type": "Alert"})
	frappe.db.commit()
	forget_published()
	redis_store.set(redis_keys.get_publish_job_key(), "1", 600)


@pytest.fixture
def game(game):
	"""Making it has queued its plan."""
	forget_publishing()
	return game


@pytest.fixture
def cdn():
	"""Save CDN Settings with the bench's storage and other values; as on a new site afterwards."""
	yield lambda **values: save_settings(**{**storage(), "enabled": 1, "local_fallback_mode": 0, **values})
	save_settings(**SETTINGS_OF_A_NEW_SITE)


def storage():
	return {
		**frappe.conf.memora_dev_s3,
		"storage_provider": "Other S3",
		"cdn_base_url": "https://cdn.example.com",
	}


def save_settings(**values):
	frappe.db.rollback()
	settings = frappe.get_doc(SETTINGS)
	settings.update(values)
	settings.save()
	frappe.db.commit()
	forget_publishing()  # another target queues every plan


def fail(plan, reason="UploadFailed: the storage is away"):
	sync_log.queue([plan], "test")
	sync_log.close_with_failure(sync_log.claim(plan), reason)
	frappe.db.commit()


def give_up(plan, reason="UploadFailed: the storage is away"):
	sync_log.bury(plan, reason)
	frappe.db.commit()


def queue(*plans):
	sync_log.queue(plans, "test")
	frappe.db.commit()


def episodes(plan):
	frappe.db.rollback()
	return frappe.get_all(LOG, {"plan_id": plan}, ["status", "triggered_by"], order_by="creation")


def open_page(window):
	window.open(PAGE)
	expect(part(window, "history")).to_be_visible()
	return window.page


def part(window, name):
	return window.page.locator(f".cdn-export-status .cdn-{name}")


def press(window, label, inside=".page-head:visible"):
	window.page.locator(f"{inside} button:visible", has_text=label).click()


def press_in_menu(window, label):
	window.page.locator(".page-head:visible .menu-btn-group button").click()
	window.page.locator(".page-head:visible .menu-btn-group .menu-item-label", has_text=label).click()


def confirm(window):
	window.page.locator(".modal.show .btn-modal-primary").click()


def expect_told(window, text):
	expect(window.page.locator("#alert-container, .modal.show").filter(has_text=text).last).to_be_visible()


def choose_plan(window, plan):
	page = window.page
	page.locator(".page-form:visible [data-fieldname=plan] input").fill(plan)
	page.locator(".page-form:visible .awesomplete li", has_text=plan).first.click()
	expect(page.locator(".page-head:visible button", has_text="Publish Plan")).to_be_visible()


# --- What the page shows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["admin", "content_manager", "arabic_admin"])
def test_the_page_of_an_empty_system_says_that_there_is_nothing_to_see(who, request):
	window = request.getfixturevalue(who)
	open_page(window)
	for name in ("waiting", "health", "history"):
		expect(part(window, name)).to_be_visible()
	for name in ("building", "dead_letters", "failures"):
		expect(part(window, name)).to_be_hidden()
	assert part(window, "figures").locator(".cdn-figure-value").all_inner_texts()[:3] == ["0", "0", "0"]


def test_a_student_does_not_get_the_page(student):
	reply = student.page.context.request.get(
		"/api/method/frappe.desk.desk_page.getpage", params={"name": "cdn-export-status"}
	)
	assert reply.status == 403, reply.text()[:300]


def test_what_waits_what_failed_and_what_was_given_up_is_shown_with_its_reason(admin, game):
	other = factories.make_plan(subjects=[game.subject.name])
	fail("PLAN-GONE", "UploadFailed: the storage is away\nand this is the second line")
	give_up(game.plan.name, "InvalidContent: a lesson has no title")
	queue(other.name)
	open_page(admin)
	expect(part(admin, "waiting")).to_contain_text(other.title)
	expect(part(admin, "waiting")).to_contain_text("PLAN-GONE (deleted)")
	expect(part(admin, "waiting")).to_contain_text(re.compile(r"Retry 1 of 5 at \d\d:\d\d"))
	expect(part(admin, "dead_letters")).to_contain_text("InvalidContent: a lesson has no title")
	failures = part(admin, "failures")
	expect(failures.locator("tbody tr")).to_have_count(2)
	expect(failures.locator("pre")).to_be_hidden()
	failures.locator("summary").click()
	expect(failures.locator("pre")).to_contain_text("and this is the second line")
	assert part(admin, "figures").locator(".cdn-figure-value").all_inner_texts()[:3] == ["2", "0", "1"]
	frappe.db.delete(PLAN, {"name": other.name})
	frappe.db.delete("Memora Plan Subject", {"parent": other.name})
	frappe.db.commit()


def test_a_running_build_shows_how_far_it_is_and_a_killed_one_that_it_was_interrupted(admin, game):
	plan = game.plan.name
	with build_lock.plan_build_lock(plan) as lock:
		sync_log.claim(plan, "test")
		frappe.db.commit()
		lock.tell(build_progress.UPLOADING, 30, 120)
		open_page(admin)
		expect(part(admin, "building")).to_contain_text("uploading, 30 of 120 files")
		bar = part(admin, "building").locator(".progress-bar")
		assert "width: 25%" in bar.get_attribute("style")
		lock.tell(build_progress.UPLOADING, 90, 120)
		expect(part(admin, "building")).to_contain_text("uploading, 90 of 120 files")
	expect(part(admin, "building")).to_contain_text("was interrupted, and will be started again")


def test_scripts_in_titles_and_reasons_are_shown_as_the_text_they_are(admin, game):
	open_page(admin)
	choose_plan(admin, game.plan.name)
	frappe.db.set_value(PLAN, game.plan.name, "title", SCRIPT)
	give_up(game.plan.name, SCRIPT)
	expect(part(admin, "dead_letters").locator(".cdn-plan")).to_have_text(SCRIPT)
	expect(part(admin, "dead_letters").locator(".cdn-text")).to_have_text(SCRIPT)
	expect(part(admin, "history").locator("h5")).to_have_text(f"History of {SCRIPT}")
	press(admin, "Clear", ".cdn-dead_letters")
	dialog = admin.page.locator(".modal.show")
	expect(dialog.locator(".modal-body")).to_contain_text(SCRIPT)
	dialog.locator(".btn-modal-secondary").click()
	expect(dialog).to_have_count(0)
	press(admin, "Preview Changes")
	expect(dialog.locator(".modal-title")).to_contain_text(SCRIPT)
	assert admin.page.evaluate("window.wasHere") is None


def test_the_history_is_of_the_plan_that_is_chosen(admin, game):
	give_up(game.plan.name, "of this plan")
	give_up("PLAN-OTHER", "of another")
	open_page(admin)
	expect(part(admin, "history").locator("tbody tr")).to_have_count(2)
	choose_plan(admin, game.plan.name)
	expect(part(admin, "history").locator("tbody tr")).to_have_count(1)
	expect(part(admin, "history").locator("h5")).to_have_text(f"History of {game.plan.title}")


# --- How it keeps up -------------------------------------------------------------------------------------------


def overviews(window):
	"""A list that gets one entry for each time that the page asks, from now on."""
	asked = []
	window.page.on(
		"request", lambda request: asked.append(1) if "cdn_admin.overview" in request.url else None
	)
	return asked


def test_it_asks_again_by_itself_but_not_while_nobody_looks(admin, game):
	admin.page.clock.install()
	open_page(admin)
	queue(game.plan.name)
	admin.page.clock.fast_forward(5_000)
	expect(part(admin, "waiting")).to_contain_text(game.plan.title)
	set_hidden(admin, True)
	admin.settle()
	asked = overviews(admin)
	admin.page.clock.fast_forward(60_000)
	admin.settle()
	assert asked == []
	set_hidden(admin, False)
	admin.settle()
	assert len(asked) == 1


def set_hidden(window, hidden):
	"""As if another tab were in front, which a headless browser does not show its pages."""
	window.page.evaluate(
		"""hidden => {
			Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
			document.dispatchEvent(new Event("visibilitychange"));
		}""",
		hidden,
	)


def test_it_stops_asking_when_another_page_of_desk_is_opened(admin):
	admin.page.clock.install()
	open_page(admin)
	admin.go("List", LOG)
	asked = overviews(admin)
	admin.page.clock.fast_forward(60_000)
	admin.settle()
	assert asked == []


def test_it_says_so_while_the_server_does_not_answer_and_goes_on_afterwards(admin, game):
	admin.page.clock.install()
	open_page(admin)
	admin.page.context.set_offline(True)
	admin.page.clock.fast_forward(5_000)
	notice = part(admin, "notices").get_by_text("The server does not answer. This is how things stood at")
	expect(notice).to_be_visible()
	expect(part(admin, "history")).to_be_visible()
	admin.page.context.set_offline(False)
	admin.complaints.clear()
	queue(game.plan.name)
	admin.page.clock.fast_forward(5_000)
	expect(part(admin, "waiting")).to_contain_text(game.plan.title)
	expect(notice).to_be_hidden()


def test_it_works_without_redis_and_says_what_that_means(admin, game):
	give_up(game.plan.name)
	configure_servers("memora_redis_url", "redis://127.0.0.1:1")
	try:
		open_page(admin)
		expect(part(admin, "notices")).to_contain_text("Redis does not answer.")
		press(admin, "Retry", ".cdn-dead_letters")
		expect_told(admin, "will be tried again in a moment")
		expect(part(admin, "history")).to_contain_text("Success")
	finally:
		configure_servers("memora_redis_url", "None")


def configure_servers(key, value):
	"""Set a value of the site config for web server and workers, not for this process. "None" takes it out."""
	update_site_config(key, value)
	frappe.local.conf.pop(key, None)


# --- What its buttons do ---------------------------------------------------------------------------------------


def test_a_dead_letter_is_retried(content_manager, game):
	give_up(game.plan.name)
	open_page(content_manager)
	press(content_manager, "Retry", ".cdn-dead_letters")
	expect_told(content_manager, f"{game.plan.title} will be tried again in a moment.")
	expect(part(content_manager, "dead_letters")).to_be_hidden()
	expect(part(content_manager, "waiting")).to_contain_text(game.plan.title)
	assert [row.status for row in episodes(game.plan.name)] == ["Queued"]


def test_a_dead_letter_is_cleared_once_that_was_confirmed(content_manager, game):
	give_up(game.plan.name)
	open_page(content_manager)
	press(content_manager, "Clear", ".cdn-dead_letters")
	assert [row.status for row in episodes(game.plan.name)] == ["Dead Letter"]
	confirm(content_manager)
	expect(part(content_manager, "dead_letters")).to_be_hidden()
	assert [row.status for row in episodes(game.plan.name)] == ["Failed"]


def test_the_chosen_plan_is_previewed_and_published(content_manager, game):
	open_page(content_manager)
	expect(content_manager.page.locator("button:visible", has_text="Publish Plan")).to_have_count(0)
	choose_plan(content_manager, game.plan.name)
	press(content_manager, "Preview Changes")
	preview = content_manager.page.locator(".modal.show .memora-preview")
	expect(preview.locator(".memora-figure")).to_have_text(["7", "0", "0", "0", "6", "0"])
	expect(preview).to_contain_text(f"plans/{game.plan.name}/manifest.json")
	expect(preview.locator("tbody tr").first).to_contain_text("Not shown")
	confirm(content_manager)
	expect_told(content_manager, f"{game.plan.title} will be published in a moment.")
	[row] = episodes(game.plan.name)
	assert (row.status, row.triggered_by) == ("Queued", content_manager.page.evaluate("frappe.session.user"))


def test_all_published_plans_are_queued_once_that_was_confirmed(admin, game):
	open_page(admin)
	press(admin, "Publish All")
	assert episodes(game.plan.name) == []
	confirm(admin)
	expect_told(admin, "All published plans are queued.")
	assert [row.status for row in episodes(game.plan.name)] == ["Queued"]


def test_a_check_shows_what_is_wrong(admin, game):
	give_up(game.plan.name, "InvalidContent: no title")
	open_page(admin)
	expect(part(admin, "health")).not_to_contain_text("Given up")
	press(admin, "Check Now", ".cdn-health")
	expect(part(admin, "health")).to_contain_text("Given up")
	expect(part(admin, "health")).to_contain_text("InvalidContent: no title")


def test_a_repair_publishes_what_is_missing_in_the_background(admin, game):
	open_page(admin)
	press(admin, "Repair Files", ".cdn-health")
	confirm(admin)
	expect_told(admin, "What differs will be published anew.")
	expect(part(admin, "waiting")).to_contain_text(game.plan.title)
	admin.page.wait_for_function("document.querySelector('.cdn-checked').innerText.includes('just now')")
	assert state_store.read("health")["scanned_at"]


@pytest.mark.parametrize(("endpoint", "told"), [(None, "can be written."), (NOWHERE, "cannot be written: ")])
def test_the_connection_is_tested_from_the_page(admin, cdn, endpoint, told):
	cdn(**({"endpoint_url": endpoint} if endpoint else {}))
	open_page(admin)
	expect(part(admin, "notices")).to_contain_text(f"go to the bucket {storage()['bucket_name']}")
	press_in_menu(admin, "Test Connection")
	expect_told(admin, f"The bucket {storage()['bucket_name']} {told}")


def test_a_content_manager_is_not_led_to_settings_that_he_cannot_open(content_manager):
	open_page(content_manager)
	content_manager.page.locator(".page-head:visible .menu-btn-group button").click()
	labels = content_manager.page.locator(".page-head:visible .menu-item-label:visible").all_inner_texts()
	assert "CDN Sync Log" in labels
	assert SETTINGS not in labels


# --- CDN Settings ----------------------------------------------------------------------------------------------


def open_settings(window):
	window.open("/app/cdn-settings")
	return pages.expect_form(window, SETTINGS)


def shown(form, fieldname):
	return form.locator(f'[data-fieldname="{fieldname}"]').first.is_visible()


def test_settings_are_tested_only_after_they_were_saved(admin, cdn):
	cdn()
	form = open_settings(admin)
	pages.field(form, "cdn_base_url").fill("https://other.example.com")
	pages.field(form, "cdn_base_url").blur()
	press(admin, "Test Connection")
	expect_told(admin, "Save the settings before testing the connection.")
	admin.open("/app")
	open_settings(admin)
	press(admin, "Test Connection")
	expect_told(admin, f"The bucket {storage()['bucket_name']} can be written.")


def test_a_storage_that_does_not_answer_is_told_by_name(admin, cdn):
	cdn(endpoint_url=NOWHERE)
	open_settings(admin)
	press(admin, "Test Connection")
	expect_told(admin, f"The bucket {storage()['bucket_name']} cannot be written: ")


def test_fields_show_when_what_they_depend_on_is_chosen(admin):
	form = open_settings(admin)
	dependent = ("storage_provider", "bucket_name", "secret_key", "cdn_base_url", "cloudflare_zone_id")
	assert not any(shown(form, fieldname) for fieldname in dependent)
	expect(form.get_by_text("The CDN is off: published files stay on this server.")).to_be_visible()
	pages.field(form, "enabled").check()
	for fieldname in dependent:
		expect(form.locator(f'[data-fieldname="{fieldname}"]').first).to_be_visible()
	expect(form.get_by_text("While Local Fallback Mode is on, nothing is uploaded.")).to_be_visible()
	assert not shown(form, "cloudflare_api_token")
	pages.field(form, "cloudflare_zone_id").fill("023e105f")
	pages.field(form, "cloudflare_zone_id").blur()
	expect(form.locator('[data-fieldname="cloudflare_api_token"]').first).to_be_visible()


def test_no_reply_and_no_page_ever_holds_a_secret(admin, cdn):
	secrets = {"access_key": storage()["access_key"], "secret_key": storage()["secret_key"]}
	secrets["cloudflare_api_token"] = "token-that-nobody-sees"
	cdn(cloudflare_zone_id="023e105f", cloudflare_api_token=secrets["cloudflare_api_token"])
	bodies = []
	admin.page.on("response", lambda reply: bodies.append(reply.text()) if "/api/" in reply.url else None)
	form = open_settings(admin)
	pages.field(form, "cdn_base_url").fill("https://other.example.com")
	pages.field(form, "cdn_base_url").blur()
	press(admin, "Save")
	expect_told(admin, "Saved")
	admin.settle()
	docs = [doc for body in bodies for doc in json.loads(body).get("docs", ()) if doc["doctype"] == SETTINGS]
	assert [doc["cdn_base_url"] for doc in docs] == ["https://cdn.example.com", "https://other.example.com"]
	told = "\n".join([*bodies, admin.page.content(), *versions_of_settings()])
	typed = [pages.field(form, fieldname).input_value() for fieldname in secrets]
	for fieldname, secret in secrets.items():
		assert all(set(doc[fieldname]) == {"*"} for doc in docs), fieldname
		assert secret not in told, fieldname
		assert secret not in typed, fieldname
	assert frappe.get_doc(SETTINGS).get_password("secret_key") == secrets["secret_key"]


def versions_of_settings():
	frappe.db.rollback()
	return frappe.get_all("Version", {"ref_doctype": SETTINGS}, pluck="data")


# --- CDN Sync Log ----------------------------------------------------------------------------------------------


def test_the_log_tells_how_each_publish_ended_and_leads_to_its_plan(content_manager, game):
	fail("PLAN-WAITS")
	give_up("PLAN-GONE")
	queue(game.plan.name)
	rows = pages.open_list(content_manager, LOG)
	for plan, label in (
		("PLAN-WAITS", "Will be retried"),
		("PLAN-GONE", "Dead Letter"),
		(game.plan.name, "Queued"),
	):
		row = rows.locator(".list-row", has_text=plan)
		expect(row.locator(".indicator-pill", has_text=label).first).to_be_visible()
	rows.locator(".list-row", has_text=game.plan.name).locator("button:visible", has_text="Open Plan").click()
	pages.expect_form(content_manager, PLAN)
	assert content_manager.page.url.endswith(game.plan.name)
	content_manager.settle()  # before the plan goes


@pytest.mark.parametrize("is_there", [True, False])
def test_a_row_of_the_log_leads_to_its_plan_if_that_is_still_there(admin, game, is_there):
	plan = game.plan.name if is_there else "PLAN-GONE"
	queue(plan)
	pages.open_form(admin, LOG, frappe.db.get_value(LOG, {"plan_id": plan}))
	admin.settle()
	buttons = admin.page.locator(".page-head:visible button:visible", has_text="Open Plan")
	expect(buttons).to_have_count(int(is_there))
