"""What one would write first with Frappe's documents: the reference beside which Memora's own way stands.

It has DocTypes of its own, since Memora's would check what a plain one does not. It keeps no promise of Memora's: two
calls at once lose XP, a retry pays twice, and nothing is locked or unlocked.
"""

import json
from collections.abc import Mapping, Sequence

import frappe
from frappe.utils import now_datetime, nowdate

WALLET, PROGRESS, LOG = "Bench Wallet", "Bench Progress", "Bench Log"
FIELDS = {
	WALLET: (("player", "Data", 1), ("total_xp", "Int", 0), ("last_success_date", "Date", 0)),
	PROGRESS: (("player", "Data", 1), ("subject", "Data", 1), ("passed", "Long Text", 0)),
	LOG: (("player", "Data", 1), ("lesson", "Data", 1), ("xp", "Int", 0), ("played_at", "Datetime", 0)),
}


def ensure_doctypes() -> None:
	for name, fields in FIELDS.items():
		if frappe.db.exists("DocType", name):
			continue
		columns = [
			{"fieldname": field, "fieldtype": kind, "label": field.title(), "search_index": is_indexed}
			for field, kind, is_indexed in fields
		]
		frappe.get_doc(
			{"doctype": "DocType", "name": name, "module": "Memora", "custom": 1, "fields": columns}
		).insert()


def complete_lesson(user: str, subject: str, lesson: str, hearts: int) -> dict:
	"""A document loaded and saved for everything that changes: wallet, progress, log."""
	wallet, progress = _own(WALLET, player=user), _own(PROGRESS, player=user, subject=subject)
	passed = json.loads(progress.passed or "[]")
	xp = frappe.get_doc("Memora Lesson", lesson).base_xp + 2 * hearts
	if lesson not in passed:
		xp += 5
		passed.append(lesson)
	progress.passed = json.dumps(passed)
	progress.save(ignore_permissions=True)
	wallet.total_xp = (wallet.total_xp or 0) + xp
	wallet.last_success_date = nowdate()
	wallet.save(ignore_permissions=True)
	frappe.get_doc(
		{"doctype": LOG, "player": user, "lesson": lesson, "xp": xp, "played_at": now_datetime()}
	).insert(ignore_permissions=True)
	frappe.db.commit()  # as Frappe does at the end of a POST
	return {"xp_earned": xp, "new_total_xp": wallet.total_xp}


def _own(doctype: str, **names: str):
	found = frappe.db.exists(doctype, names)
	return frappe.get_doc(doctype, found) if found else frappe.get_doc({"doctype": doctype, **names})


def get_progress(user: str, subject: str) -> list[dict]:
	"""The tree by `get_all`, level by level, and one query a lesson for whether it was passed."""
	tracks = _children("Memora Track", "parent_subject", subject)
	for track in tracks:
		track.units = _children("Memora Unit", "parent_track", track.name)
		for unit in track.units:
			unit.topics = _children("Memora Topic", "parent_unit", unit.name)
			for topic in unit.topics:
				topic.lessons = _children("Memora Lesson", "parent_topic", topic.name)
				for lesson in topic.lessons:
					lesson.passed = bool(frappe.db.exists(LOG, {"player": user, "lesson": lesson.name}))
	return tracks


def _children(doctype: str, parent_field: str, parent: str) -> list:
	return frappe.get_all(doctype, {parent_field: parent}, ["name", "title"], order_by="sort_order")


def sync_wallets(updates: Sequence[Mapping]) -> None:
	"""set_value for each wallet."""
	for update in updates:
		figures = {name: value for name, value in update.items() if name != "name"}
		frappe.db.set_value("Memora Player Wallet", update["name"], figures)
	frappe.db.commit()  # the sync's own end
