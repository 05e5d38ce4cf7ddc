"""One player as an administrator looks after him: everything that his form in Desk shows, and his plan.

Figures are told by MariaDB, the wallet's beside its Redis copy. Devices, the session, XP and the ledger are changed by
their own services.
"""

import json
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import frappe
from frappe import _
from memora.exceptions import InvalidInput
from memora.services import device_auth, enrollment, gate_copies, inspection, interaction_log, recovery
from memora.services.progress_engine import bits, snapshot_syncer, tally
from memora.services.streak import is_streak_active
from memora.utils import clock, transactions

LEDGER_ROWS_SHOWN = 20
WALLET_KEYS = ("truth", "copy", "copy_state", "agrees")


class Player(NamedTuple):
	"""profile: name of the Memora Player Profile. user: name of the User."""

	profile: str
	user: str


def find_player(profile: str) -> Player:
	"""The player of a Memora Player Profile.

	Raises:
		InvalidInput: there is no such profile.
	"""
	found = frappe.db.get_value("Memora Player Profile", profile, ["name", "user"])
	if not found:
		frappe.throw(_("There is no player profile {0}.").format(profile), InvalidInput)
	return Player(*found)


def overview(player: Player) -> dict:
	"""All that the player's form shows, in a fixed number of queries. Times are UTC.

	Returns:
		{"user": "...", "max_devices": 2,
		 "devices": [{"device_id", "device_name", "added_on"}],
		 "session": {"device_id", "device_name", "started_at"} | None,
		 "wallet": {"truth", "copy", "copy_state", "agrees", "streak_active"} | None, see `inspection`,
		 "subjects": [{"subject", "title", "passed_lessons", "total_lessons", "completion_percentage",
		               "total_xp_earned"}],
		 "ledger": [{"seq", "interaction_type", "reference_id", "title", "subject", "xp_awarded", "at", "reason",
		             "by"}], the last 20 awards, the newest first}
	"""
	devices = _devices(player)
	return {
		"user": player.user,
		"max_devices": device_auth.MAX_DEVICES_PER_PLAYER,
		"devices": devices,
		"session": _session(player, {device["device_id"]: device["device_name"] for device in devices}),
		"wallet": _wallet(player),
		"subjects": _subjects(player),
		"ledger": _ledger(player),
	}


def enrol(player: Player, plan_id: str) -> None:
	"""Make a published plan the player's current one. The same plan again enrols him in what it has gained.

	Part of the caller's transaction, under the profile's row lock: the plan and its progress rows come together.

	Raises:
		InvalidInput: there is no such plan, or it is not published.
	"""
	transactions.begin_fresh()
	profile = frappe.get_doc("Memora Player Profile", player.profile, for_update=True)
	plan = frappe.db.get_value("Memora Academic Plan", {"name": plan_id, "is_published": 1})
	if not plan:
		frappe.throw(_("There is no published plan {0}.").format(plan_id), InvalidInput)
	if profile.current_plan == plan:
		enrollment.enrol_in_plan(player.user, plan)
	else:
		profile.current_plan = plan
		profile.save(ignore_permissions=True)


def _devices(player: Player) -> list[dict]:
	rows = frappe.get_all(
		"Memora Authorized Device",
		filters={"parent": player.profile, "parenttype": "Memora Player Profile"},
		fields=["device_id", "device_name", "added_on"],
		order_by="idx",
	)
	return [{**row, "added_on": clock.iso(clock.from_site_time(row.added_on))} for row in rows]


def _session(player: Player, name_by_device: dict[str, str]) -> dict | None:
	gate = gate_copies.read_truth(player.user)
	if gate.session_hash is None:
		return None
	return {
		"device_id": gate.session_device,
		"device_name": name_by_device.get(gate.session_device),
		"started_at": gate.session_started,
	}


def _wallet(player: Player) -> dict | None:
	"""None for a player whose wallet was deleted."""
	if not frappe.db.exists("Memora Player Wallet", {"player": player.profile}):
		return None
	found = inspection.inspect_wallet(player.user)
	day = found["truth"]["last_success_date"]
	is_active = is_streak_active(date.fromisoformat(day) if day else None, clock.utc_today())
	return {**{key: found[key] for key in WALLET_KEYS}, "streak_active": is_active}


def _subjects(player: Player) -> list[dict]:
	"""The progress in the subjects of his plan, in its order, then in those that he has a row for."""
	subject_ids = _subject_ids(player)
	if not subject_ids:
		return []
	plan = enrollment.players_plans([player.user])[player.user]
	progress = recovery.read_progress_many([(player.user, subject_id) for subject_id in subject_ids])
	titles = _titles("Memora Subject", subject_ids)
	return [
		{
			"subject": subject_id,
			"title": titles.get(subject_id),
			**_lessons(
				progress[player.user, subject_id].bitmap, snapshot_syncer.visible_bits(subject_id, plan)
			),
			"total_xp_earned": progress[player.user, subject_id].total_xp_earned,
		}
		for subject_id in subject_ids
	]


def _subject_ids(player: Player) -> list[str]:
	plan_id = frappe.db.get_value("Memora Player Profile", player.profile, "current_plan")
	held = frappe.get_all(
		"Memora Plan Subject", filters={"parent": plan_id or ""}, pluck="subject", order_by="sort_order, idx"
	)
	rows = frappe.get_all(
		"Memora Structure Progress", filters={"player": player.user}, pluck="subject", order_by="subject"
	)
	return list(dict.fromkeys([*held, *rows]))


def _lessons(bitmap: bytes, visible: int) -> dict:
	passed, total = bits.count_set(bitmap, visible), visible.bit_count()
	return {
		"passed_lessons": passed,
		"total_lessons": total,
		"completion_percentage": tally.completion_percentage(passed, total),
	}


def _ledger(player: Player) -> list[dict]:
	awards = interaction_log.last_awards(player.user, LEDGER_ROWS_SHOWN)
	titles = _titles("Memora Lesson", {award.reference_id for award in awards if award.reference_id})
	return [_ledger_row(player, award, titles.get(award.reference_id)) for award in awards]


def _ledger_row(player: Player, award: dict, title: str | None) -> dict:
	return {
		"seq": award.seq,
		"interaction_type": award.interaction_type,
		"reference_id": award.reference_id,
		"title": title,
		"subject": award.subject,
		"xp_awarded": award.xp_awarded,
		"at": clock.iso(clock.from_site_time(award.created_at)),
		"reason": json.loads(award.interaction_data or "{}").get("reason"),
		"by": None if award.owner == player.user else award.owner,
	}


def _titles(doctype: str, names: Iterable[str]) -> dict[str, str]:
	if not names:
		return {}
	filters = {"name": ["in", sorted(names)]}
	return dict(frappe.get_all(doctype, filters=filters, fields=["name", "title"], as_list=True))
