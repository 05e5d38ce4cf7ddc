"""Telling the system managers that publishing needs a person: Error Log, Desk's notifications, and e-mail where one is set up.

All of it is rows in the caller's transaction (e-mails wait in Frappe's queue), so an alert is sent exactly when what it is
about is committed.
"""

from collections.abc import Sequence

import frappe
from frappe.utils import escape_html
from frappe.utils.user import get_system_managers
from memora.utils import logs

ADMINISTRATOR = "Administrator"  # Frappe does not count him among the system managers
MAX_SUBJECT_LENGTH = 140


def tell_system_managers(title: str, subject: str, lines: Sequence[str]) -> None:
	"""Alert every enabled System Manager.

	Args:
		title: of the Error Log entry.
		lines: plain text, one problem each.
	"""
	subject = subject[:MAX_SUBJECT_LENGTH]
	frappe.log_error(title=title, message="\n".join([subject, *lines]))
	managers = get_system_managers(only_name=True)
	content = "<br>".join(map(escape_html, lines))
	for user in (*managers, ADMINISTRATOR):
		_notify(user, escape_html(subject), content)
	if managers:
		_send_mail(managers, subject, content)


def _notify(user: str, subject: str, content: str) -> None:
	notification = {
		"doctype": "Notification Log",
		"type": "Alert",
		"for_user": user,
		"subject": subject,
		"email_content": content,
	}
	frappe.get_doc(notification).insert(ignore_permissions=True)


def _send_mail(managers: Sequence[str], subject: str, content: str) -> None:
	try:
		frappe.sendmail(recipients=list(managers), subject=subject, message=content)
	except frappe.OutgoingEmailError:
		frappe.clear_last_message()
		logs.get_logger().info("no alert was mailed: the site has no outgoing e-mail account")
