"""Ways through Desk that several tests go, each ending when the page shows what it is for."""

from playwright.sync_api import Locator, expect

from tests.desk.window import Window

CONTENT_MANAGER = "Memora Content Manager"


def slug(doctype: str) -> str:
	return doctype.lower().replace(" ", "-")


def open_list(window: Window, doctype: str) -> Locator:
	"""Open a DocType's list, whole, and return its part that holds the rows."""
	window.open(f"/app/{slug(doctype)}")
	rows = window.page.locator(f'[data-page-route="List/{doctype}/List"] .frappe-list')
	expect(rows).to_be_visible()
	return rows


def open_new_form(window: Window, doctype: str) -> Locator:
	window.go(slug(doctype), "new")
	return expect_form(window, doctype)


def open_form(window: Window, doctype: str, name: str) -> Locator:
	window.open(f"/app/{slug(doctype)}/{name}")
	return expect_form(window, doctype)


def expect_form(window: Window, doctype: str) -> Locator:
	form = window.page.locator(f'[data-page-route="{doctype}"] .form-layout')
	expect(form).to_be_visible()
	return form


def press(window: Window, label: str) -> None:
	window.page.locator(".page-actions:visible button", has_text=label).first.click()


def dialog(window: Window) -> Locator:
	"""The dialog on top."""
	return window.page.locator(".modal.show .modal-content").last


def press_in(dialog: Locator, button: Locator) -> None:
	"""Press a button that ends a dialog. Bootstrap does not hide one that still fades in, which no person is quick enough
	to notice."""
	expect(dialog).to_be_visible()
	dialog.page.wait_for_function(
		"!$('.modal.show').get().some(each => ($(each).data('bs.modal') || {})._isTransitioning)"
	)
	button.click()


def close(dialog: Locator) -> None:
	press_in(dialog, dialog.locator(".btn-modal-close"))
	expect(dialog).to_be_hidden()


def heading(window: Window) -> Locator:
	return window.page.locator(".page-head:visible .title-text")


def field(form: Locator, fieldname: str) -> Locator:
	"""The place where a field's value is typed."""
	return form.locator(f'[data-fieldname="{fieldname}"] .input-with-feedback').first
