"""The only door to Redis.

Logical keys go in (see `redis_keys`); the site's prefix is added here, so sites that share a Redis never meet.
Values are plain strings, integers and bytes. Every function raises StoreUnavailable when Redis does not answer,
and nothing else of Redis's own.

The server is `memora_redis_url` of the site config, else the bench's `redis_queue`: that one neither evicts nor is
flushed by `bench build`.
"""

import functools
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import redis
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job

import frappe
from frappe import _
from memora.exceptions import StoreUnavailable

CONNECT_TIMEOUT_SECONDS = 1
ANSWER_TIMEOUT_SECONDS = 3

_clients: dict[tuple, redis.Redis] = {}
_clients_lock = threading.Lock()

# KEYS[1] a lock, ARGV[1] the token of who may delete it.
_DELETE_IF_EQUALS = """
if redis.call("GET", KEYS[1]) == ARGV[1] then
	return redis.call("DEL", KEYS[1])
end
return 0
"""


def _typed_errors(command: Callable) -> Callable:
	@functools.wraps(command)
	def call(*args, **kwargs):
		try:
			return command(*args, **kwargs)
		except redis.exceptions.RedisError as error:
			raise StoreUnavailable(_("The store does not answer. Please try again in a moment.")) from error

	return call


def physical(key: str) -> str:
	"""The key as Redis holds it: `{db_name}|{logical}`."""
	return f"{frappe.local.conf.db_name}|{key}"


def server_url() -> str:
	return frappe.local.conf.get("memora_redis_url") or frappe.local.conf.redis_queue


def client() -> redis.Redis:
	"""The connection pool of this process and site's server."""
	identity = (os.getpid(), server_url(), *_queue_credentials().items())
	if identity not in _clients:
		with _clients_lock:
			_clients.setdefault(identity, _connect())
	return _clients[identity]


def _connect() -> redis.Redis:
	return redis.Redis.from_url(
		server_url(),
		socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
		socket_timeout=ANSWER_TIMEOUT_SECONDS,
		**_queue_credentials(),
	)


def _queue_credentials() -> dict[str, str]:
	"""The bench's own credentials for redis_queue, when it is the server and asks for them."""
	conf = frappe.local.conf
	if conf.get("memora_redis_url") or not conf.get("use_rq_auth"):
		return {}
	return {"username": conf.get("rq_username") or "", "password": conf.get("rq_password") or ""}


def _text(value: bytes | None) -> str | None:
	return None if value is None else value.decode()


# --- Strings ---------------------------------------------------------------------------------------------------


@_typed_errors
def get(key: str) -> str | None:
	return _text(client().get(physical(key)))


@_typed_errors
def set(key: str, value: str | int | bytes, ttl_seconds: int | None = None) -> None:
	client().set(physical(key), value, ex=ttl_seconds)


@_typed_errors
def set_if_absent(key: str, value: str, ttl_seconds: int) -> bool:
	"""Whether the key was free and is now ours."""
	return bool(client().set(physical(key), value, ex=ttl_seconds, nx=True))


@_typed_errors
def delete(*keys: str) -> int:
	"""Delete the keys and return how many were there."""
	return client().delete(*map(physical, keys)) if keys else 0


def delete_if_equals(key: str, value: str) -> bool:
	"""Delete a lock only while it still carries our token."""
	return bool(run_script(_DELETE_IF_EQUALS, [key], [value]))


@_typed_errors
def exists(key: str) -> bool:
	return bool(client().exists(physical(key)))


@_typed_errors
def expire(key: str, ttl_seconds: int) -> bool:
	"""Whether the key was there to be given the lifetime."""
	return bool(client().expire(physical(key), ttl_seconds))


@_typed_errors
def ttl(key: str) -> int:
	"""Seconds left, -1 without an end, -2 without a key."""
	return client().ttl(physical(key))


# --- Sets ------------------------------------------------------------------------------------------------------


@_typed_errors
def add_members(key: str, *members_: str) -> int:
	return client().sadd(physical(key), *members_) if members_ else 0


@_typed_errors
def remove_members(key: str, *members_: str) -> int:
	return client().srem(physical(key), *members_) if members_ else 0


@_typed_errors
def members(key: str) -> frozenset[str]:
	return frozenset(member.decode() for member in client().smembers(physical(key)))


@_typed_errors
def scores(key: str) -> dict[str, float]:
	"""Member -> score of a sorted set."""
	return {
		member.decode(): score for member, score in client().zrange(physical(key), 0, -1, withscores=True)
	}


# --- Hashes ----------------------------------------------------------------------------------------------------


@_typed_errors
def get_hash(key: str) -> dict[str, str]:
	return {field.decode(): value.decode() for field, value in client().hgetall(physical(key)).items()}


@_typed_errors
def set_hash(key: str, mapping: Mapping[str, str | int]) -> None:
	client().hset(physical(key), mapping=dict(mapping))


# --- Scripts ---------------------------------------------------------------------------------------------------


@_typed_errors
def run_script(script: str, keys: Iterable[str], args: Iterable[Any]) -> Any:
	"""Run Lua atomically: one round trip, a second one only the first time a server sees the script.

	Replies come as Redis gives them: bytes, integers, lists, None.
	"""
	return _registered(script)(keys=[physical(key) for key in keys], args=list(args), client=client())


@functools.lru_cache(maxsize=64)
def _registered(script: str):
	# Registering needs a client only to guess the encoding; the one that runs it is given on each call.
	return redis.Redis().register_script(script)


@_typed_errors
def keys_matching(pattern: str) -> list[str]:
	"""Logical names of the site's keys that match a pattern. Walks the keyspace in steps: for diagnosis and tests."""
	prefix = physical("")
	return sorted(
		key.decode()[len(prefix) :] for key in client().scan_iter(match=physical(pattern), count=1000)
	)


# --- Frappe's own use of Redis -----------------------------------------------------------------------------------


@_typed_errors
def enqueue(method: str, **options: Any) -> None:
	"""`frappe.enqueue`, with the typed error when the queue's Redis does not answer."""
	frappe.enqueue(method, **options)


@_typed_errors
def forget_in_frappes_cache(words: re.Pattern[bytes]) -> int:
	"""Delete what Frappe caches of this site and holds one of the words: whole keys, fields of hashes. Returns how many."""
	cache = frappe.cache()
	return sum(_forget(cache, key, words) for key in list(cache.scan_iter(match=physical("*"), count=1000)))


def _forget(cache: redis.Redis, key: bytes, words: re.Pattern[bytes]) -> int:
	# Unbound: Frappe's own methods would add the prefix again and unpickle.
	kind = redis.Redis.type(cache, key)
	if kind == b"hash" and not words.search(key):
		fields = [
			field
			for field, value in redis.Redis.hgetall(cache, key).items()
			if words.search(field) or words.search(value)
		]
		return redis.Redis.hdel(cache, key, *fields) if fields else 0
	return redis.Redis.delete(cache, key) if words.search(key + b"\n" + _content(cache, key, kind)) else 0


def _content(cache: redis.Redis, key: bytes, kind: bytes) -> bytes:
	if kind == b"string":
		return redis.Redis.get(cache, key) or b""
	if kind == b"set":
		return b"\n".join(redis.Redis.smembers(cache, key))
	if kind == b"list":
		return b"\n".join(redis.Redis.lrange(cache, key, 0, -1))
	return b""


@_typed_errors
def forget_ended_jobs(words: re.Pattern[str]) -> int:
	"""Delete this site's background jobs that have ended and whose arguments or errors hold one of the words."""
	server = redis.Redis.from_url(frappe.local.conf.redis_queue, **_queue_credentials())
	ended = 0
	for key in server.scan_iter(match="rq:job:*", count=1000):
		try:
			job = Job.fetch(key.decode().split(":", 2)[2], connection=server)
			arguments = job.kwargs
		except (NoSuchJobError, DeserializationError, ValueError, redis.ResponseError):
			continue  # gone meanwhile, no job (a set of dependents), or nothing that can be read as one
		is_ours = arguments.get("site") == frappe.local.site
		if is_ours and (job.is_finished or job.is_failed) and words.search(f"{arguments!r} {job.exc_info}"):
			job.delete()
			ended += 1
	return ended
