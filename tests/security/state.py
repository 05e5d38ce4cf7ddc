"""What the database holds, to tell whether a request changed anything."""

import frappe

# Frappe notes here who came and what failed; refused requests may be noted.
JOURNALS = frozenset(
	{
		"tabSessions",
		"tabActivity Log",
		"tabError Log",
		"tabError Snapshot",
		"tabAccess Log",
		"tabView Log",
		"tabRoute History",
		"tabScheduled Job Log",
		"tabScheduled Job Type",
		"tabPrepared Report",
	}
)
LEDGER = "tabMemora Interaction Log"


def state(*but: str) -> dict[str, object]:
	"""{table: checksum of its rows}. Of the Interaction Log the awards only: refusals are noted in it."""
	frappe.db.rollback()
	known = {table for table in frappe.db.get_tables(cached=False) if not table.endswith("_id_seq")}
	tables = sorted(known - JOURNALS - {LEDGER, *but})
	rows = frappe.db.sql("checksum table " + ", ".join(f"`{table}`" for table in tables))
	found = {**{name.split(".", 1)[1]: checksum for name, checksum in rows}, LEDGER: _awards()}
	frappe.db.rollback()  # or a request that alters a table would wait for this transaction
	return found


def _awards() -> tuple:
	columns = (
		"name, player, seq, interaction_type, reference_id, interaction_data, xp_awarded, first_completion_of"
	)
	return frappe.db.sql(
		f"""select count(*), sum(crc32(concat_ws('|', {columns}))) from `{LEDGER}` where seq is not null"""
	)[0]


def changes(before: dict[str, object], *but: str) -> list[str]:
	"""The tables whose rows are not what they were."""
	after = state(*but)
	return sorted(name for name in {*before, *after} - {*but} if before.get(name) != after.get(name))
