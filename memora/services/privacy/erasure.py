"""The steps of an erasure, and the job that takes up those that were interrupted or whose player came back.

 1. tombstone        committed first: whatever dies later, the job below finds the user by it and begins again
 2. lock out         disabled, sessions ended, copies of the gate dropped; committed
 3. log files        while it is still known which devices were his
 4. player rows      profile, devices, wallet, progress, and every text that names one of them; one transaction, under
                     the locks that devices, sessions and awards are written under, so that none is written afterwards
 5. ledger           into the daily totals, some weeks a transaction
 6. Redis
 7. Frappe's own     redacts and renames the user, one transaction with a search of all texts (deletion_request)
 8. settling         an hour later, when late jobs and mails are through, the last traces (settle)

Each step is safe to run twice and finds its work by what is still there.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from itertools import repeat

import frappe
from frappe import _, throw
from frappe.sessions import clear_sessions
from frappe.utils.password import delete_all_passwords_for
from memora.exceptions import InvalidInput, StoreUnavailable
from memora.services import gate_copies, interaction_log, recovery
from memora.services.privacy import copies, daily_totals, identity, log_files, tombstones, traces
from memora.utils import clock, logs, named_locks, transactions

REQUEST = "Personal Data Deletion Request"
# Jobs that were under way and the mail that tells the player are through by then.
SETTLING = timedelta(hours=1)
# MariaDB takes a moment to notice that the holder of a lock was killed.
LOCK_NAME = "erasure"
LOCK_WAIT_SECONDS = 5
STANDARD_USERS = ("Administrator", "Guest")
ERASED = "erased"
PLAYER_TABLES = (
	"tabMemora Player Profile",
	"tabMemora Authorized Device",
	"tabMemora Player Wallet",
	"tabMemora Structure Progress",
	"tabMemora Interaction Log",
)
FAILED_TITLE = "Erasure Failed"
LOST_KEY_TITLE = "Erasures Cannot Be Repeated"

_COMING_BACK = """
select name from `tabUser` where name not in %(standard)s
union select player from `tabMemora Structure Progress`
union select distinct player from `tabMemora Interaction Log` where player is not null
"""


def erase_player(user_id: str) -> None:
	"""Steps 1 to 6. Commits; run it again after any failure.

	Raises:
		InvalidInput: the user is one of Frappe's own.
		StoreUnavailable: Redis did not answer; everything before is done.
	"""
	if user_id in STANDARD_USERS:
		throw(_("{0} cannot be erased.").format(user_id), InvalidInput)
	tombstones.put(user_id)
	_lock_out(user_id)
	own_ids = _own_ids(user_id)
	log_files.forget([user_id, *own_ids])
	_delete_player_rows(user_id, own_ids)
	daily_totals.fold_player(user_id)
	copies.forget(user_id, [user_id, *own_ids])


def _lock_out(user_id: str) -> None:
	"""Past the document: saving a User would queue a job that writes his name into the address book again."""
	frappe.db.sql("select name from `tabMemora Player Profile` where user = %s for update", user_id)
	frappe.db.set_value("User", user_id, {"enabled": 0, "api_key": None, "reset_password_key": None})
	frappe.db.sql("update `tabMemora Player Profile` set active_session_hash = null where user = %s", user_id)
	delete_all_passwords_for("User", user_id)
	clear_sessions(user_id, force=True)
	gate_copies.drop(user_id)
	frappe.db.commit()  # from here on every request of his is refused


def _own_ids(user_id: str) -> list[str]:
	"""Random ids that stand for him: of his rows, and of devices that are nobody else's by now."""
	profile = frappe.db.get_value("Memora Player Profile", {"user": user_id})
	rows = frappe.db.sql_list(
		"""select name from `tabMemora Player Profile` where user = %(user)s
		union select name from `tabMemora Player Wallet` where player = %(profile)s
		union select name from `tabMemora Structure Progress` where player = %(user)s""",
		{"user": user_id, "profile": profile},
	)
	devices = {
		*frappe.get_all("Memora Authorized Device", filters={"parent": profile or ""}, pluck="device_id"),
		*interaction_log.device_ids_of(user_id),
	}
	shared = _devices_of_others(devices, profile)
	return sorted({*rows, *devices} - shared)


def _devices_of_others(device_ids: Collection[str], profile: str | None) -> set[str]:
	others = frappe.get_all(
		"Memora Authorized Device",
		filters={"device_id": ["in", [*device_ids, ""]], "parent": ["!=", profile or ""]},
		pluck="device_id",
	)
	return set(others)


def _delete_player_rows(user_id: str, own_ids: Collection[str]) -> None:
	with transactions.fresh_transaction():
		frappe.db.sql("select name from `tabMemora Player Profile` where user = %s for update", user_id)
		recovery.lock_wallet(user_id)
		_delete_files_of(user_id)
		if own_ids:
			traces.forget(own_ids, ERASED, spared=PLAYER_TABLES)
		frappe.db.sql(
			"""delete profile, device, wallet from `tabMemora Player Profile` profile
			left join `tabMemora Authorized Device` device on device.parent = profile.name
			left join `tabMemora Player Wallet` wallet on wallet.player = profile.name
			where profile.user = %s""",
			user_id,
		)
		frappe.db.sql("delete from `tabMemora Structure Progress` where player = %s", user_id)
		gate_copies.drop(user_id)
		frappe.db.commit()  # nobody is a player by this name any more, so no award and no copy can follow


def _delete_files_of(user_id: str) -> None:
	"""Pictures of the user and his profile, and what was made for him to download. Gone from the disk as well."""
	downloads = frappe.get_all("Personal Data Download Request", filters={"user": user_id}, pluck="name")
	profiles = frappe.get_all("Memora Player Profile", filters={"user": user_id}, pluck="name")
	for doctype, names in (
		("User", [user_id]),
		("Memora Player Profile", profiles),
		("Personal Data Download Request", downloads),
	):
		attached = {"attached_to_doctype": doctype, "attached_to_name": ["in", [*names, ""]]}
		for file in frappe.get_all("File", filters=attached, pluck="name"):
			frappe.delete_doc("File", file, force=True, ignore_permissions=True, delete_permanently=True)
		# They tell the names of the files, and those his.
		frappe.db.delete("Comment", {"reference_doctype": doctype, "reference_name": ["in", [*names, ""]]})
	frappe.db.delete("Personal Data Download Request", {"user": user_id})


# --- What was interrupted, and what came back ---------------------------------------------------------------------


def take_up() -> dict:
	"""Go on with every erasure that is not complete, and erase again whom a restored backup brought back.

	Scheduled every hour, and run after every migration.

	Returns:
		{"erased": players, "settled": requests, "errors": players and requests that wait for the next run}

	Raises:
		StoreUnavailable: Redis did not answer; everything that was not done yet waits for the next run.
	"""
	with alone(LOCK_WAIT_SECONDS) as is_alone:
		if not is_alone:
			return {"erased": 0, "settled": 0, "errors": 0}
		erased = list(map(_attempt, repeat(_erase_again), list(_tombstoned())))
		_report_lost_keys()
		frappe.db.commit()  # tombstones that the file knew, and the report
		settled = list(map(_attempt, repeat(settle), _unsettled()))
	return {
		"erased": erased.count(True),
		"settled": settled.count(True),
		"errors": (erased + settled).count(None),
	}


def alone(wait_seconds: int) -> contextlib.AbstractContextManager[bool]:
	"""Keep other erasures of the site out, and say whether that could be done."""
	return named_locks.held(LOCK_NAME, wait_seconds)


def _attempt(step: Callable, subject: str | dict) -> bool | None:
	"""What the step returns; None where it failed, and one failure keeps nobody else waiting."""
	try:
		return step(subject)
	except StoreUnavailable:
		raise
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title=FAILED_TITLE)
		frappe.db.commit()  # the next one's transaction must not take the report back
		return None


def _erase_again(user_id: str) -> bool:
	request = _open_request(user_id)
	if request:
		request.erase()
	else:
		erase_player(user_id)
	return True


def after_migrate() -> None:
	try:
		take_up()
	except StoreUnavailable:
		logs.get_logger().warning("erasures wait for the scheduler: the store does not answer")


def _tombstoned() -> Iterator[str]:
	"""Users whose rows are older than their tombstone. Those with a newer account signed up again."""
	erased = tombstones.read_all()
	if not erased:
		return
	for user_id in frappe.db.sql_list(_COMING_BACK, {"standard": STANDARD_USERS}):
		erased_at = erased.get(tombstones.name_of(user_id))
		if erased_at and not tombstones.is_newer(user_id, erased_at):
			yield user_id


def _open_request(user_id: str):
	"""The request under which Frappe anonymises the user; a new one for who came back. None without a user."""
	if not frappe.db.exists("User", user_id):
		return None
	name = frappe.db.get_value(REQUEST, {"email": user_id, "status": "Pending Approval"})
	if name:
		return frappe.get_doc(REQUEST, name)
	request = frappe.get_doc({"doctype": REQUEST, "email": user_id, "status": "Pending Approval"})
	# Past the document's hooks: they would ask him by mail whether he wants it.
	request.set_new_name()
	request.db_insert()
	return request


def _report_lost_keys() -> None:
	lost = tombstones.made_with_another_key()
	if lost and not frappe.db.exists("Error Log", {"method": LOST_KEY_TITLE}):
		frappe.log_error(
			title=LOST_KEY_TITLE,
			message=f"{lost} tombstones were made with another encryption_key than the site has now. "
			"Put the old key back into the site config, or erase by hand whom a backup brought back.",
		)


# --- The last traces ------------------------------------------------------------------------------------------------


def _unsettled() -> list[dict]:
	"""Requests that are carried out and still know of whom."""
	return frappe.db.sql(
		f"select name, email, modified from `tab{REQUEST}` where status = 'Deleted' and email <> name",
		as_dict=True,
	)


def settle(request: dict) -> bool:
	"""Remove what came after the erasure, and at last the address from the request. False: it is too early.

	Args:
		request: name, email and modified of a request that was carried out.
	"""
	user_id = request["email"]
	if clock.to_site_time(clock.utc_now()) < request["modified"] + SETTLING:
		return False
	_delete_mails_about(user_id, request["name"])
	if not frappe.db.exists("User", user_id):  # else he has signed up again, and this is the new account's
		delete_contacts_of(user_id)
	copies.forget(user_id, [user_id])
	log_files.forget([user_id])
	frappe.db.set_value(REQUEST, request["name"], "email", request["name"], update_modified=False)
	frappe.db.commit()  # each by itself: the next one may fail
	return True


def _delete_mails_about(user_id: str, request_name: str) -> None:
	"""Mails to him, whose address Frappe has replaced by the request's name, and those that tell about him."""
	mails = frappe.db.sql_list(
		"""select name from `tabEmail Queue` where message regexp %(pattern)s
		union select parent from `tabEmail Queue Recipient` where recipient in %(addresses)s""",
		{"pattern": f"(?i){identity.pattern([user_id])}", "addresses": (user_id, request_name)},
	)
	frappe.db.delete("Email Queue Recipient", {"parent": ["in", [*mails, ""]]})
	frappe.db.delete("Email Queue", {"name": ["in", [*mails, ""]]})


def delete_contacts_of(user_id: str) -> None:
	"""Frappe keeps an address book entry for each user, and leaves full name and telephone numbers in it."""
	contacts = frappe.db.sql_list(
		"select name from `tabContact` where user = %(user)s or email_id = %(user)s", {"user": user_id}
	)
	for doctype in ("Contact Email", "Contact Phone", "Dynamic Link"):
		frappe.db.delete(doctype, {"parenttype": "Contact", "parent": ["in", [*contacts, ""]]})
	frappe.db.delete("Contact", {"name": ["in", [*contacts, ""]]})
