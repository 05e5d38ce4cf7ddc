"""The demo's students and its admin: made, and deleted with what they did.

People whose password is told are made as the form makes a user. Classmates are there to be counted: nobody can log in as
one, so they have no more than the row of a user. A form would clear Frappe's caches for each of them.
"""

import json

import frappe
from frappe.sessions import clear_sessions
from frappe.utils.password import update_password
from memora import demo_past
from memora.demo_parts import Made, delete, insert, load_part
from memora.utils import redis_keys, redis_store

STUDENT = "Memora Student"
# A classmate's play is recorded apart from him, since each lesson is committed by itself. It goes with him.
PAST_PART = "past of "


def load_people(people: dict, plans: dict[str, str]) -> list[str]:
	"""The people of people.json.

	Args:
		plans: key -> name.

	Returns:
		The e-mail addresses of those who can log in.
	"""
	for student in people["students"]:
		_load_user(student, [STUDENT])
	_load_user(people["admin"], people["admin"]["roles"])
	for student in people["students"]:
		load_part(f"player {student['key']}", lambda student=student: [_insert_player(student, plans)])
	return [person["email"] for person in (*people["students"], people["admin"])]


def load_classmates(classmates: list[dict], plans: dict[str, str]) -> int:
	"""Students who have played before today. Call it when the plans are published. Returns how many there are."""
	for classmate in classmates:
		part = f"classmate {classmate['key']}"
		user, player = load_part(part, lambda classmate=classmate: _insert_classmate(classmate, plans))
		if classmate["past"] and frappe.db.exists(player.doctype, player.name):
			load_part(
				f"{PAST_PART}{classmate['key']}",
				lambda classmate=classmate, user=user, player=player: _play(classmate, user.name, player),
			)
	demo_past.settle()
	return len(classmates)


def _load_user(person: dict, roles: list[str]) -> None:
	load_part(f"user {person['key']}", lambda: [_insert_user(person, roles)])


def _insert_user(person: dict, roles: list[str]) -> Made:
	name = insert("User", _user_fields(person, roles))
	# Past the form, where a site's password policy would refuse a password that is made to be told.
	update_password(name, person["password"])
	return Made("User", name)


def _user_fields(person: dict, roles: list[str]) -> dict:
	return {
		"email": person["email"],
		"first_name": person["first_name"],
		"send_welcome_email": 0,
		# Else a System User until the roles are looked at, and a site's first one becomes System Manager.
		"user_type": "Website User",
		"roles": [{"role": role} for role in roles],
	}


def _insert_player(student: dict, plans: dict[str, str], devices: list[dict] | None = None) -> Made:
	plan = plans[student["plan"]]
	fields = {"user": student["email"], "display_name": student["display_name"], "current_plan": plan}
	fields.update(
		frappe.db.get_value("Memora Academic Plan", plan, ["grade", "stream", "season"], as_dict=True)
	)
	fields["authorized_devices"] = devices or []
	return Made("Memora Player Profile", insert("Memora Player Profile", fields))


def _insert_classmate(classmate: dict, plans: dict[str, str]) -> list[Made]:
	user = _insert_bare_user(classmate)
	with demo_past.before_first_day(classmate):
		return [user, _insert_player(classmate, plans, demo_past.devices(classmate))]


def _insert_bare_user(classmate: dict) -> Made:
	user = frappe.new_doc("User")
	user.update({**_user_fields(classmate, [STUDENT]), "full_name": classmate["display_name"]})
	user.name = user.email
	user.set_user_and_timestamp()
	user.set_parent_in_children()
	for document in (user, *user.get_all_children()):
		document.db_insert()
	return Made("User", user.name)


def _play(classmate: dict, user: str, player: Made) -> list[Made]:
	demo_past.play(classmate, user)
	return [player]


def delete_player(profile: str) -> None:
	"""Delete a student with what he did, in MariaDB and in Redis. The ledger is append only, so past its controller."""
	user = frappe.db.get_value("Memora Player Profile", profile, "user")
	if not user:
		return  # an admin has deleted it; rows without a player are somebody else's
	subjects = frappe.get_all("Memora Structure Progress", filters={"player": user}, pluck="subject")
	for wallet in frappe.get_all("Memora Player Wallet", filters={"player": profile}, pluck="name"):
		delete("Memora Player Wallet", wallet)
	frappe.db.delete("Memora Structure Progress", {"player": user})
	redis_store.delete(
		redis_keys.get_wallet_key(user),
		redis_keys.get_last_played_at_synced_key(user),
		*(redis_keys.get_progress_key(user, subject) for subject in subjects),
		*(redis_keys.get_best_hearts_key(user, subject) for subject in subjects),
	)
	redis_store.remove_members(redis_keys.get_pending_wallet_sync_key(), user)
	redis_store.remove_members(
		redis_keys.get_dirty_progress_key(), *(json.dumps([user, subject]) for subject in subjects)
	)
	delete("Memora Player Profile", profile)
	# Last: that the profile's session ended is on record as well.
	frappe.db.delete("Memora Interaction Log", {"player": user})


def delete_user(user: str) -> None:
	"""Delete a user with what Frappe keeps beside him: sessions, contact, settings, shares, defaults."""
	clear_sessions(user=user, force=True)
	for contact in frappe.get_all("Contact", filters={"user": user}, pluck="name"):
		delete("Contact", contact)
	delete("Notification Settings", user)
	frappe.db.delete("DocShare", {"user": user})
	frappe.defaults.clear_default(parent=user)
	# User.on_trash of early version 15 refuses every deletion on a site whose only System Manager is Administrator.
	delete("User", user, ignore_on_trash=True)
	frappe.clear_cache(user=user)
