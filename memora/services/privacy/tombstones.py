"""Who was erased, known only to somebody who asks about a certain user.

A tombstone is HMAC-SHA-256 of the user's name under the site's `encryption_key`, with the time of the erasure. It lies
in Memora Tombstone and in a file of the site's private folder, because a restored backup replaces the whole database; each
is filled up from the other. Without the key no tombstone can be matched any more: `made_with_another_key` counts those.

A user who is newer than his tombstone has signed up again, and is left alone.
"""

import hashlib
import hmac
import os
from datetime import datetime
from pathlib import Path

import frappe
from frappe.utils.password import get_encryption_key
from memora.utils import clock

FILE_NAME = "memora_tombstones"


def name_of(user_id: str) -> str:
	return _keyed(f"memora-tombstone:{user_id.strip().lower()}")


def key_check() -> str:
	"""Names the key without telling it."""
	return _keyed("memora-tombstone-key")[:16]


def _keyed(text: str) -> str:
	return hmac.new(get_encryption_key().encode(), text.encode(), hashlib.sha256).hexdigest()


def put(user_id: str) -> datetime:
	"""Set the user's tombstone, and commit it. Returns since when it stands (naive UTC), also when it stood already."""
	name = name_of(user_id)
	erased_at = read_all().get(name)
	if erased_at is None or is_newer(user_id, erased_at):
		erased_at = clock.utc_now()
	_append_to_file([(name, erased_at, key_check())])
	_write_rows([(name, erased_at, key_check())])
	frappe.db.commit()  # from here on the erasure goes on, whatever dies
	return erased_at


def is_newer(user_id: str, erased_at: datetime) -> bool:
	"""Whether the user has signed up after the erasure. Tombstones know whole seconds, a row's creation is finer."""
	created = clock.from_site_time(frappe.db.get_value("User", user_id, "creation"))
	return created is not None and created.replace(microsecond=0) > erased_at


def read_all() -> dict[str, datetime]:
	"""Name of a tombstone -> when it was set, naive UTC; those of the site's key, from the table and the file."""
	return {name: erased_at for name, erased_at, key in merge() if key == key_check()}


def made_with_another_key() -> int:
	return sum(key != key_check() for _, _, key in merge())


def merge() -> list[tuple[str, datetime, str]]:
	"""Fill up the table from the file and the file from the table. Returns all, once each, in the caller's transaction."""
	in_file, in_table = _newest(_read_file()), _newest(_read_rows())
	newest = _newest([*in_file.values(), *in_table.values()])
	_write_rows([row for name, row in newest.items() if in_table.get(name) != row])
	_append_to_file([row for name, row in newest.items() if in_file.get(name) != row])
	return list(newest.values())


def _newest(rows: list[tuple[str, datetime, str]]) -> dict[str, tuple[str, datetime, str]]:
	return {row[0]: row for row in sorted(rows, key=lambda row: row[1])}


def _read_rows() -> list[tuple[str, datetime, str]]:
	rows = frappe.db.sql("select name, erased_at, key_check from `tabMemora Tombstone`")
	return [(name, clock.from_site_time(erased_at), key) for name, erased_at, key in rows]


def _write_rows(rows: list[tuple[str, datetime, str]]) -> None:
	for name, erased_at, key in rows:
		at = clock.to_site_time(erased_at)
		frappe.db.sql(
			"""insert into `tabMemora Tombstone` (name, owner, modified_by, creation, modified, erased_at, key_check)
			values (%(name)s, 'Administrator', 'Administrator', %(at)s, %(at)s, %(at)s, %(key)s)
			on duplicate key update erased_at = greatest(erased_at, values(erased_at)), key_check = values(key_check)""",
			{"name": name, "at": at, "key": key},
		)


def path() -> Path:
	return Path(frappe.get_site_path("private", FILE_NAME))


def _read_file() -> list[tuple[str, datetime, str]]:
	"""A line that was torn by a crash tells nothing; its tombstone is in no table either, or comes from there."""
	if not path().exists():
		return []
	lines = (line.split() for line in path().read_text(encoding="ascii", errors="replace").splitlines())
	return [
		(parts[0], datetime.fromisoformat(parts[1]), parts[2])
		for parts in lines
		if [len(part) for part in parts] == [64, 19, 16]
	]


def _append_to_file(rows: list[tuple[str, datetime, str]]) -> None:
	"""One write at the end of the file, on disk when this returns. The line break before it ends what was torn."""
	if not rows:
		return
	text = "".join(f"\n{name} {clock.iso(erased_at)} {key}\n" for name, erased_at, key in rows)
	descriptor = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
	try:
		os.write(descriptor, text.encode())
		os.fsync(descriptor)
	finally:
		os.close(descriptor)
