"""Somebody who works in Desk, over HTTP."""

import frappe
from frappe.utils.password import update_password
from memora.utils import redis_store
from tests import factories
from tests.committed import PASSWORD, forget_user
from tests.http.app import App, message_of


def open_desk(test, role: str) -> App:
	"""An app of a new user with this role, logged in; `app.user` is his name. He goes with the test."""
	app = App()
	app.device_id = None
	app.user = factories.make_user(role).name
	update_password(app.user, PASSWORD)
	frappe.db.commit()
	test.addCleanup(_forget, app.user)
	# Or a login that was limited would make a guest of him, whom everything is refused.
	message_of(app.request("POST", "/api/method/login", json={"usr": app.user, "pwd": PASSWORD}))
	return app


def _forget(user: str) -> None:
	frappe.db.rollback()
	forget_user(user)
	frappe.db.commit()
	redis_store.delete(*redis_store.keys_matching(f"*{user}*"))
