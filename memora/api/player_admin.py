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
from memora.api.guards import note, only_for, rate_limit
from memora.api.replies import (
	DevicesLeft,
	Differences,
	PlanNamed,
	PlayerOverview,
	SessionEnded,
	XpPaid,
)
from memora.api.values import AdjustedXp, ClientEventId, DeviceName, PlanId, ProfileId, Reason, Uuid4
from memora.services import device_auth, player_admin, reconciliation, session_manager, xp_adjustments
from memora.services.player_admin import Player
from memora.utils import validators

AUDIT_EVENT = "player_administration"


def of_a_player(endpoint: Callable) -> Callable:
	"""Let System Managers call; the endpoint gets the Player whose profile `player` names. Every call is on record.

	Raises:
		InvalidInput: there is no such profile.
	"""

	@only_for("System Manager")
	@functools.wraps(endpoint)
	def call(player: Any = None, **arguments):
		found = player_admin.find_player(validators.parse_id(player, "player"))
		result = "failure"
		try:
			reply = endpoint(found, **arguments)
			result = "success"
		finally:
			log_security_event(AUDIT_EVENT, found.user, None, caller.path(), result, by=frappe.session.user)
		return reply

	return note(call, of_a_player, arguments={"player": ProfileId})


@frappe.whitelist(methods=["GET"])
@rate_limit()
@of_a_player
def overview(player: Player) -> PlayerOverview:
	"""What the form of the profile `player` shows: devices, session, wallet, progress, last awards."""
	return player_admin.overview(player)


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def add_device(player: Player, device_id: Uuid4 = None, device_name: DeviceName = None) -> DevicesLeft:
	"""Authorize one more device, two at most.

	Raises:
		DeviceLimitReached: the player has two devices.
	"""
	device_auth.add_authorized_device(player.profile, device_id, device_name)
	return {"devices_authorized": device_auth.count_devices(player.profile)}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def remove_device(player: Player, device_id: Uuid4 = None) -> DevicesLeft:
	"""Take a device away, and end the player's session."""
	device_auth.remove_authorized_device(player.profile, device_id)
	return {"devices_authorized": device_auth.count_devices(player.profile)}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def end_session(player: Player) -> SessionEnded:
	"""Log the player out, wherever he is. Without a live session nothing happens."""
	session_manager.invalidate_session(player.user)
	return {"status": "ended"}


@frappe.whitelist(methods=["POST"])
@rate_limit()
@of_a_player
def enrol_in_plan(player: Player, plan_id: PlanId = None) -> PlanNamed:
	"""Make a published plan the player's current one, with all its subjects."""
	plan_id = validators.parse_id(plan_id, "plan_id")
	player_admin.enrol(player, plan_id)
	return {"plan_id": plan_id}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30)
@of_a_player
def adjust_xp(
	player: Player,
	xp_amount: AdjustedXp = None,
	reason: Reason = None,
	client_event_id: ClientEventId | None = None,
) -> XpPaid:
	"""Give XP, or take it with a negative amount, up to a million. The ledger keeps the reason and who it was.

	Raises:
		IdempotencyConflict: the client_event_id stands for something else.
		StoreUnavailable: nothing was counted.
	"""
	client_event_id = validators.parse_optional(validators.parse_uuid4, client_event_id, "client_event_id")
	return xp_adjustments.adjust_xp(player.user, xp_amount, reason, client_event_id)


@frappe.whitelist(methods=["GET"])
@rate_limit(max_requests=30)
@of_a_player
def compare(player: Player) -> Differences:
	"""What is told about the player, compared with his ledger. Changes nothing."""
	return {"findings": reconciliation.reconcile_player(player.user)}


@frappe.whitelist(methods=["POST"])
@rate_limit(max_requests=30)
@of_a_player
def repair(player: Player) -> Differences:
	"""Put right what differs and can be proven; `repaired` of each finding tells."""
	return {"findings": reconciliation.reconcile_player(player.user, repair=True)}
