"""A player with traces everywhere, and a search for them that knows nothing of how they are erased."""

import json
import os
import re
from pathlib import Path
from unittest.mock import patch

import redis

import frappe
from frappe.utils.password import update_password
from memora.services import audit_trail, gate_copies, player_copies, xp_claims
from memora.services.privacy import erasure, tombstones
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import redis_store
from tests import factories
from tests.committed import PASSWORD, Game

TEXT_COLUMNS = """
select table_name, column_name from information_schema.columns
where table_schema = database() and data_type in ('char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext')
"""


def site_settings():
	"""Frappe queues mails only where it could send them, and lets only so many users be made in an hour."""
	settings = {"mail_server": "127.0.0.1", "mail_login": "memora@example.com", "mail_password": "none"}
	return patch.dict(frappe.local.conf, {**settings, "throttle_user_limit": 10_000})


class Person:
	"""`words`: everything that a search for him would ask for."""

	def __init__(self, game: Game):
		mark = factories.new_uuid()[:8]
		# A number that nothing else holds: moments and counters have ten digits too.
		number = f"79070{int(mark, 16):010}"
		self.first_name, self.last_name = f"Zafira{mark}", f"Quendish{mark}"
		self.user = factories.make_user(
			"Memora Student",
			first_name=self.first_name,
			last_name=self.last_name,
			mobile_no=f"+99 {number}",
		).name
		update_password(self.user, PASSWORD)
		self.display_name = f"Star{mark}"
		self.profile = factories.make_player(
			user=self.user, devices=("phone", "tablet"), current_plan=game.plan.name
		)
		self.profile.display_name = self.display_name
		self.profile.save(ignore_permissions=True)
		frappe.db.commit()
		self.device_ids = [row.device_id for row in self.profile.authorized_devices]
		self.words = [
			self.user,
			self.first_name,
			self.last_name,
			self.display_name,
			self.profile.name,
			number,
			*self.device_ids,
		]

	def play(self, game: Game) -> None:
		"""Two lessons and a claim, copies in Redis, a place in every queue, and lines in the logs."""
		for lesson in game.lessons[:2]:
			completion.complete_lesson(self.user, lesson, 5, PROGRESS_POLICY, factories.new_uuid())
		xp_claims.claim_xp(self.user, 30, factories.new_uuid())
		gate_copies.load(self.user)
		player_copies.read_progress(self.user, game.subject.name)
		audit_trail.write_to_file("device_refused", self.user, {"device_id": self.device_ids[0]})
		frappe.log_error(title="Test", message=json.dumps({"user": self.user}))
		redis_store.set("rate_limit:" + self.user + "@10.0.0.1:login", 1, 60)
		frappe.cache().hset("user_info", self.user, {"name": self.user})
		frappe.get_doc("User", self.user).add_comment("Comment", f"{self.user} called")
		frappe.db.commit()

	def ask_for_deletion(self):
		"""A request that he confirmed, as his link does."""
		request = frappe.get_doc({"doctype": erasure.REQUEST, "email": self.user}).insert(
			ignore_permissions=True
		)
		request.status = "Pending Approval"
		request.save(ignore_permissions=True)
		frappe.db.commit()
		return request


def found_in_database(words) -> set[str]:
	"""The tables that hold one of the words in any of their texts."""
	frappe.db.rollback()
	columns_by_table = {}
	for table, column in frappe.db.sql(TEXT_COLUMNS):
		columns_by_table.setdefault(table, []).append(f"convert(`{column}` using utf8mb4)")
	return {table for table, columns in columns_by_table.items() if _holds(table, columns, words)}


def _holds(table: str, columns: list[str], words) -> bool:
	text = f"concat_ws(' ', {', '.join(columns)}) collate utf8mb4_general_ci"
	tests = " or ".join([f"locate(%s, {text})"] * len(words))
	return bool(frappe.db.sql(f"select 1 from `{table}` where {tests} limit 1", words))


def found_in_redis(words) -> set[str]:
	"""Keys of this site, and jobs, on both servers whose name or content holds one of the words."""
	pattern = re.compile("|".join(map(re.escape, words)).encode(), re.IGNORECASE)
	found = set()
	for url in {frappe.conf.redis_cache, frappe.conf.redis_queue, redis_store.server_url()}:
		server = redis.Redis.from_url(url)
		for match in (f"{frappe.conf.db_name}|*", f"*{frappe.local.site}*", "rq:job:*"):
			for key in server.scan_iter(match=match, count=1000):
				if pattern.search(key + b"\n" + _content(server, key)):
					found.add(f"{url} {key.decode()}")
	return found


def _content(server: redis.Redis, key: bytes) -> bytes:
	readers = {
		b"string": server.get,
		b"hash": lambda key: b"\n".join(part for pair in server.hgetall(key).items() for part in pair),
		b"set": lambda key: b"\n".join(server.smembers(key)),
		b"list": lambda key: b"\n".join(server.lrange(key, 0, -1)),
		b"zset": lambda key: b"\n".join(server.zrange(key, 0, -1)),
	}
	reader = readers.get(server.type(key))
	return (reader(key) if reader else b"") or b""


def found_in_logs(words) -> set[str]:
	wanted = [word.lower().encode() for word in words]
	site_logs = Path(frappe.get_site_path("logs"))
	folders = (Path(os.environ["MEMORA_SITES_PATH"]).parent / "logs", site_logs)
	texts = {
		path.name: path.read_bytes().lower()
		for folder in folders
		for path in folder.iterdir()
		if path.is_file()
	}
	return {name for name, text in texts.items() if any(word in text for word in wanted)}


def forget_tombstone(user: str) -> None:
	"""As if he had never been erased, and without what an erasure leaves: users that Frappe counts as new ones."""
	frappe.db.rollback()
	frappe.db.sql("delete from `tabUser` where name = %s or name like 'deleted-user-%%'", user)
	name = tombstones.name_of(user)
	frappe.db.delete("Memora Tombstone", {"name": name})
	if tombstones.path().exists():
		kept = [line for line in tombstones.path().read_text().splitlines() if not line.startswith(name)]
		tombstones.path().write_text("\n".join(kept))
	frappe.db.commit()
