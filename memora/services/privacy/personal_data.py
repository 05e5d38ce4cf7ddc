"""Everything that Memora holds about one user, for Frappe's Personal Data Download: his own, and readable.

Left out: hashes of session ids, and who else had to do with a row (an administrator's address is not the player's data).
"""

import json

import frappe
from memora.services import recovery
from memora.services.progress_engine import bits

DOCTYPE = "Memora Personal Data"
# Who acted, in the details of audit entries.
_OTHERS_DETAILS = ("by",)

_PROFILE = """
select name, user, display_name, avatar, current_plan, grade, stream, season, creation
from `tabMemora Player Profile` where user = %s
"""
_DEVICES = """
select device.device_id, device.device_name, device.added_on from `tabMemora Authorized Device` device
join `tabMemora Player Profile` profile on profile.name = device.parent where profile.user = %s order by device.idx
"""
_PROGRESS = """
select progress.subject, subject.title, progress.completion_percentage, progress.enrolled_directly
from `tabMemora Structure Progress` progress left join `tabMemora Subject` subject on subject.name = progress.subject
where progress.player = %s order by progress.subject
"""
_LESSONS = "select name, title, bit_index from `tabMemora Lesson` where subject = %s order by bit_index"
_LOG = """
select interaction_type, reference_id, subject, created_at, seq, xp_awarded, client_event_id, event_id, interaction_data
from `tabMemora Interaction Log` where player = %s and seq is {} null order by name
"""


def is_known(user_id: str) -> bool:
	"""Whether any row of Memora is about the user."""
	return any(
		frappe.db.exists(doctype, {field: user_id})
		for doctype, field in (
			("Memora Player Profile", "user"),
			("Memora Structure Progress", "player"),
			("Memora Interaction Log", "player"),
		)
	)


def read(user_id: str) -> dict:
	wallet = recovery.read_wallet(user_id)
	return {
		"doctype": DOCTYPE,
		"name": user_id,
		"user": user_id,
		"profile": _rows(_PROFILE, user_id),
		"devices": _rows(_DEVICES, user_id),
		"wallet": wallet._asdict() if wallet else None,
		"progress": [_progress(user_id, row) for row in _rows(_PROGRESS, user_id)],
		"awards": _log(user_id, "not"),
		"audit_trail": _log(user_id, ""),
	}


def _rows(query: str, *values: str) -> list[dict]:
	return frappe.db.sql(query, values, as_dict=True)


def _progress(user_id: str, row: dict) -> dict:
	progress = recovery.read_progress(user_id, row["subject"])
	lessons = [
		{"lesson": lesson.name, "title": lesson.title, "best_hearts": progress.best_hearts.get(lesson.name)}
		for lesson in _rows(_LESSONS, row["subject"])
		if lesson.bit_index >= 0 and bits.check_bit(progress.bitmap, lesson.bit_index)
	]
	return {**row, "total_xp_earned": progress.total_xp_earned, "passed_lessons": lessons}


def _log(user_id: str, null: str) -> list[dict]:
	return [
		{**row, "interaction_data": _own_details(row["interaction_data"])}
		for row in _rows(_LOG.format(null), user_id)
	]


def _own_details(text: str) -> dict:
	return {key: value for key, value in json.loads(text).items() if key not in _OTHERS_DETAILS}
