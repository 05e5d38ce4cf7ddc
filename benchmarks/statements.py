"""Ways to write thousands of wallets, side by side with the one behind `wallet_sync._bulk_update_wallets`.

Each takes the same updates, in chunks, and commits each chunk.
"""

from collections.abc import Callable, Sequence

import frappe
from memora.services import wallet_sync
from memora.services.sync_queue import chunk_list

COLUMNS = ("total_xp", "current_streak", "last_success_date", "last_played_at", "synced_through")


def case(updates: Sequence[dict]) -> None:
	"""One UPDATE with a CASE for each column."""
	assignments, values = [], []
	for column in COLUMNS:
		branches = " ".join(["when %s then %s"] * len(updates))
		assignments.append(f"{column} = case name {branches} end")
		for update in updates:
			values += [update["name"], update[column]]
	names = [update["name"] for update in updates]
	frappe.db.sql(
		f"update `tabMemora Player Wallet` set {', '.join(assignments)} where name in ({_marks(names)})",
		values + names,
	)


def on_duplicate_key(updates: Sequence[dict]) -> None:
	"""INSERT ... ON DUPLICATE KEY UPDATE, which would insert a wallet that is gone."""
	rows = ", ".join([f"({_marks(('name', *COLUMNS))})"] * len(updates))
	settings = ", ".join(f"{column} = values({column})" for column in COLUMNS)
	frappe.db.sql(
		f"insert into `tabMemora Player Wallet` (name, {', '.join(COLUMNS)}) values {rows} on duplicate key update {settings}",
		_values(updates),
	)


def temporary_table(updates: Sequence[dict]) -> None:
	"""The new figures into a temporary table, and one joined UPDATE that neither lowers nor goes back."""
	frappe.db.sql(
		"""create temporary table if not exists fresh_wallets (name varchar(140) collate utf8mb4_unicode_ci primary key,
		total_xp int, current_streak int, last_success_date date, last_played_at datetime(6), synced_through int)
		engine = memory"""
	)
	frappe.db.sql("delete from fresh_wallets")
	rows = ", ".join([f"({_marks(('name', *COLUMNS))})"] * len(updates))
	frappe.db.sql(f"insert into fresh_wallets values {rows}", _values(updates))
	settings = ", ".join(f"wallet.{column} = fresh.{column}" for column in COLUMNS)
	frappe.db.sql(
		f"""update fresh_wallets fresh straight_join `tabMemora Player Wallet` wallet on wallet.name = fresh.name
		set {settings} where wallet.synced_through <= fresh.synced_through and wallet.total_xp <= fresh.total_xp"""
	)


WAYS: dict[str, tuple[int, Callable[[Sequence[dict]], None]]] = {
	"CASE, 500 a statement": (500, case),
	"CASE, 100 a statement": (100, case),
	"INSERT ... ON DUPLICATE KEY, 500 a statement": (500, on_duplicate_key),
	"temporary table and joined UPDATE, 500 a chunk": (500, temporary_table),
	"ours: UPDATE joined with a derived table, 500 a statement": (500, wallet_sync._bulk_update_wallets),
}


def write_all(way: str, updates: Sequence[dict]) -> None:
	chunk, write = WAYS[way]
	for part in chunk_list(updates, chunk):
		write(part)
		frappe.db.commit()  # as the sync does, chunk by chunk


def _marks(values: Sequence) -> str:
	return ", ".join(["%s"] * len(values))


def _values(updates: Sequence[dict]) -> list:
	return [update[column] for update in updates for column in ("name", *COLUMNS)]
