"""What is known of one player, the truth in MariaDB beside the copy in Redis. Reads only, and loads no copy.

For `bench memora inspect` and, through `memora.utils.diagnostics`, for `bench console`. Each answer is

	{"about": str, "truth": {name: value}, "copy": {name: value} | None, "copy_state": "loaded" | "not loaded" |
	 "no answer", "agrees": bool | None, "facts": {name: value}}

`truth` and `copy` have the same names; `agrees` is None where there is no copy, which is no fault: the next request loads
it. `facts` is what else a person asks next. No session id is shown, and of its hash only the beginning.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import frappe
from frappe import _
from memora.exceptions import InvalidInput, StoreUnavailable
from memora.services import gate_copies, player_copies, recovery
from memora.services.cdn_export import content_paths, local_storage
from memora.services.gate_copies import GateFacts
from memora.services.progress_engine import bits, structure_loader
from memora.services.recovery import Progress, Wallet
from memora.utils import clock, redis_keys, redis_store

LAST_PLAY = "last_played_at"
HASH_SHOWN = 12
EVENTS_SHOWN = 5
LOADED, NOT_LOADED, NO_ANSWER = "loaded", "not loaded", "no answer"


def inspect_wallet(user_id: str) -> dict[str, Any]:
	"""XP, streak and the place in the ledger. Facts: the row that reports read, and whether it waits to be synced.

	Raises:
		InvalidInput: there is no such player.
	"""
	profile = _profile_of(user_id)
	row = frappe.db.get_value(
		"Memora Player Wallet", {"player": profile}, ["total_xp", "synced_through"], as_dict=True
	)
	copy, state = _copy_or_state(lambda: player_copies.peek(user_id).wallet)
	truth = recovery.read_wallet(user_id)
	return _answer(
		f"wallet of {user_id}",
		_wallet_values(truth),
		_wallet_values(copy) if copy else None,
		state,
		{
			"row": f"{row.total_xp} XP, as of ledger row {row.synced_through or 0} of {truth.seq}",
			"waits to be synced": _is_waiting(
				user_id, redis_keys.get_pending_wallet_sync_key(), redis_keys.get_syncing_wallets_key()
			),
		},
	)


def inspect_progress(user_id: str, subject_id: str) -> dict[str, Any]:
	"""Passed lessons, best hearts and XP in one subject. Facts: the row, the structure file, faulty bit positions.

	Raises:
		InvalidInput: there is no such player, or no such subject.
	"""
	_profile_of(user_id)
	if not frappe.db.exists("Memora Subject", subject_id):
		frappe.throw(_("There is no subject {0}.").format(subject_id), InvalidInput)
	lessons = frappe.get_all(
		"Memora Lesson", filters={"subject": subject_id}, fields=["name", "bit_index"], order_by="bit_index"
	)
	copy, state = _copy_or_state(lambda: player_copies.peek(user_id, subject_id).progress)
	truth = recovery.read_progress(user_id, subject_id)
	return _answer(
		f"progress of {user_id} in {subject_id}",
		_progress_values(truth, lessons),
		_progress_values(copy, lessons) if copy else None,
		state,
		{
			"row": _progress_row(user_id, subject_id),
			"waits to be synced": _is_waiting(
				json.dumps([user_id, subject_id]), redis_keys.get_dirty_progress_key()
			),
			"structure file": _structure_file(subject_id),
			"faulty bit positions": _faulty_positions(lessons),
		},
	)


def inspect_session(user_id: str) -> dict[str, Any]:
	"""The live session. Facts: the sessions that Frappe has of the user, and his last security events.

	Raises:
		InvalidInput: there is no such player.
	"""
	_profile_of(user_id)
	truth, copy, state = _gate_of(user_id)
	return _answer(
		f"session of {user_id}",
		_session_values(truth),
		_session_values(copy) if copy else None,
		state,
		{
			"sessions in Frappe": _frappe_sessions(user_id, truth.session_hash),
			"last events": _events(user_id),
		},
	)


def inspect_devices(user_id: str) -> dict[str, Any]:
	"""The authorized devices. Facts: their names and since when.

	Raises:
		InvalidInput: there is no such player.
	"""
	profile = _profile_of(user_id)
	truth, copy, state = _gate_of(user_id)
	known = sorted({*truth.device_ids, *(copy.device_ids if copy else ())})
	rows = frappe.get_all(
		"Memora Authorized Device",
		filters={"parent": profile, "parenttype": "Memora Player Profile"},
		fields=["device_id", "device_name", "added_on"],
		order_by="idx",
	)
	return _answer(
		f"devices of {user_id}",
		_device_values(truth, known),
		_device_values(copy, known) if copy else None,
		state,
		{row.device_id: f"{row.device_name}, since {_utc(row.added_on)} UTC" for row in rows},
	)


def _answer(
	about: str,
	truth: Mapping[str, Any],
	copy: Mapping[str, Any] | None,
	state: str,
	facts: Mapping[str, Any],
) -> dict[str, Any]:
	return {
		"about": about,
		"truth": truth,
		"copy": copy,
		"copy_state": state,
		"agrees": None if copy is None else _agree(truth, copy),
		"facts": facts,
	}


def _agree(truth: Mapping[str, Any], copy: Mapping[str, Any]) -> bool:
	"""The last play alone may be later in the copy: the row hears of a login only at the next sync."""
	return all(
		copy[name] == value or (name == LAST_PLAY and (copy[name] or "") > (value or ""))
		for name, value in truth.items()
	)


def _profile_of(user_id: str) -> str:
	profile = frappe.db.get_value("Memora Player Profile", {"user": user_id})
	if not profile:
		frappe.throw(_("There is no player {0}.").format(user_id), InvalidInput)
	return profile


def _copy_or_state(read: Callable[[], Any]) -> tuple[Any, str]:
	"""The copy, or None and why there is none."""
	try:
		copy = read()
	except StoreUnavailable:
		return None, NO_ANSWER
	return copy, NOT_LOADED if copy is None else LOADED


def _is_waiting(member: str, *keys: str) -> bool | str:
	try:
		return any(member in redis_store.members(key) for key in keys)
	except StoreUnavailable:
		return NO_ANSWER


# --- Wallet and progress ---------------------------------------------------------------------------------------


def _wallet_values(wallet: Wallet) -> dict[str, Any]:
	return {
		"total_xp": wallet.total_xp,
		"current_streak": wallet.current_streak,
		"last_success_date": wallet.last_success_date and wallet.last_success_date.isoformat(),
		LAST_PLAY: clock.iso(wallet.last_played_at),
		"ledger row": wallet.seq,
	}


def _progress_values(progress: Progress, lessons: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
	on = bits.indexes_on(progress.bitmap)
	return {
		"bits": ", ".join(map(str, sorted(on))),
		"passed": ", ".join(row["name"] for row in lessons if row["bit_index"] in on),
		"best_hearts": ", ".join(
			f"{lesson}: {hearts}" for lesson, hearts in sorted(progress.best_hearts.items())
		),
		"total_xp_earned": progress.total_xp_earned,
	}


def _progress_row(user_id: str, subject_id: str) -> str:
	row = frappe.db.get_value(
		"Memora Structure Progress",
		{"player": user_id, "subject": subject_id},
		["completion_percentage", "last_synced_at", "synced_through"],
		as_dict=True,
	)
	if not row:
		return "none"
	synced = f"synced at {_utc(row.last_synced_at)} UTC" if row.last_synced_at else "never synced"
	return f"{row.completion_percentage} %, as of ledger row {row.synced_through or 0}, {synced}"


def _structure_file(subject_id: str) -> str:
	try:
		structure = local_storage.read_content_file(content_paths.structure_path(subject_id))
	except ValueError:
		return "damaged: publish a plan with the subject"
	if structure is None:
		return "missing: the next request writes it"
	return f"{structure_loader.count_total_lessons(structure)} lessons"


def _faulty_positions(lessons: Iterable[Mapping[str, Any]]) -> str:
	"""Lessons without a place of their own. The database keeps places unique, so only a damaged table has any."""
	counts = Counter(row["bit_index"] for row in lessons)
	faulty = [row["name"] for row in lessons if row["bit_index"] < 0 or counts[row["bit_index"]] > 1]
	return ", ".join(faulty) or "none"


# --- Session and devices ---------------------------------------------------------------------------------------


def _gate_of(user_id: str) -> tuple[GateFacts, GateFacts | None, str]:
	copy, state = _copy_or_state(lambda: gate_copies.peek(user_id))
	return gate_copies.read_truth(user_id), copy, state


def _session_values(facts: GateFacts) -> dict[str, Any]:
	return {
		"session": facts.session_hash and f"{facts.session_hash[:HASH_SHOWN]}...",
		"device": facts.session_device,
		"started": facts.session_started,
	}


def _device_values(facts: GateFacts, known: Iterable[str]) -> dict[str, str]:
	return {device: "authorized" if device in facts.device_ids else "-" for device in known}


def _frappe_sessions(user_id: str, live_hash: str | None) -> str:
	session_ids = frappe.db.sql_list("select sid from `tabSessions` where user = %s", user_id)
	is_there = live_hash in map(gate_copies.hash_session_id, session_ids)
	return f"{len(session_ids)}, {'the live one among them' if is_there else 'none of them live'}"


def _events(user_id: str) -> str:
	rows = frappe.get_all(
		"Memora Interaction Log",
		filters={"player": user_id, "seq": ["is", "not set"], "interaction_type": ["!=", "duplicate"]},
		fields=["interaction_type", "created_at"],
		order_by="name desc",
		limit_page_length=EVENTS_SHOWN,
	)
	return ", ".join(f"{row.interaction_type} {_utc(row.created_at)}" for row in rows) or "none"


def _utc(moment) -> str | None:
	return clock.iso(clock.from_site_time(moment))
