"""One player in Desk: what his form shows and does, for System Managers alone.

What changes something is a POST. Every call is an entry of the player's audit trail, with who made it and whether it
succeeded.
"""

# Annotations stay text, or Frappe 15 would turn values into what `validators` must not take.
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import frappe
from memora.api import caller
from memora.api.audit import log_security_event
from memora.api.guards import rate_limit
from memora.services import device_auth, player_admin, reconciliation, session_manager, xp_adjustments
from memora.services.player_admin import Player
from memora.utils import validators

AUDIT_EVENT = "player_administration"


def of_a_player(endpoint: Callable) -> Callable:
	"""Let System Managers call; the endpoint gets the Player whose profile `player` names. Every call is on record.

	Raises:
		InvalidInput: there is no such profile.
	"""

	@functools.wraps(endpoint)
	def call(player: Any = None, **arguments):
		frappe.only_for("System Manager")
		found = player_admin.find_player(validators.parse_id(player, "player"))
		result = "failure"
		try:
			reply = endpoint(found, **arguments)
			result = "success"
		finally:
			log_security_event(AUDIT_EVENT, found.user, None, caller.path(), result, by=frappe.session.user)
		return reply

	return call


@frappe.whitelist(methods=["GET"])
@rate_limit()
@of_a_player
def overview(player: Player) -> dict:
	"""What the form of the profile `player` shows: devices, session, wallet, progress, last awards.

	Returns as `services.player_admin.overview`.
	"""
	return player_admin.overview(player)


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def add_device(player: Player, device_id: str | None = None, device_name: str | None = None) -> dict:
	"""Authorize one more device, two at most. Returns {"devices_authorized": 2}"""
	device_auth.add_authorized_device(player.profile, device_id, device_name)
	return {"devices_authorized": device_auth.count_devices(player.profile)}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def remove_device(player: Player, device_id: str | None = None) -> dict:
	"""Take a device away, and end the player's session. Returns {"devices_authorized": 1}"""
	device_auth.remove_authorized_device(player.profile, device_id)
	return {"devices_authorized": device_auth.count_devices(player.profile)}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def end_session(player: Player) -> dict:
	"""Log the player out, wherever he is. Without a live session nothing happens. Returns {"status": "ended"}"""
	session_manager.invalidate_session(player.user)
	return {"status": "ended"}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def enrol_in_plan(player: Player, plan_id: str | None = None) -> dict:
	"""Make a published plan the player's current one, with all its subjects. Returns {"plan_id": "PLAN-001"}"""
	plan_id = validators.parse_id(plan_id, "plan_id")
	player_admin.enrol(player, plan_id)
	return {"plan_id": plan_id}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30)
@of_a_player
def adjust_xp(
	player: Player,
	xp_amount: int | str | None = None,
	reason: str | None = None,
	client_event_id: str | None = None,
) -> dict:
	"""Give XP, or take it with a negative amount, up to a million. The ledger keeps the reason and who it was.

	Returns {"xp_awarded": -50, "new_total_xp": 150, "event_id": "...", "duplicate": False}
	"""
	client_event_id = validators.parse_optional(validators.parse_uuid4, client_event_id, "client_event_id")
	return xp_adjustments.adjust_xp(player.user, xp_amount, reason, client_event_id)


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=30)
@of_a_player
def compare(player: Player) -> dict:
	"""What is told about the player, compared with his ledger. Changes nothing.

	Returns {"findings": [{"player", "kind", "subject", "found", "expected", "repaired", "seq"}]}, see
	`services.comparison.Finding`
	"""
	return {"findings": reconciliation.reconcile_player(player.user)}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30)
@of_a_player
def repair(player: Player) -> dict:
	"""Put right what differs and can be proven; `repaired` of each finding tells. Returns as `compare`"""
	return {"findings": reconciliation.reconcile_player(player.user, repair=True)}
