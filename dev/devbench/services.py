"""What runs in a bench: each server's configuration, command line and proof that it answers.

Order of start is order of the lists below; they end in the opposite order.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devbench import desk, layout, mariadb, python_env
from devbench.layout import DEMO_SITE, HOST, Bench, read_secrets, write_json, write_text
from devbench.system_packages import find

WEB_WORKERS = 2
WEB_THREADS = 4
RELOAD_SIGNAL = signal.SIGHUP  # gunicorn: new worker processes, the old ones finish what they do
END_SIGNAL = signal.SIGTERM
# SeaweedFS closes its volumes within a second; its filer then waits for clients that never leave.
SECONDS_TO_END = {"mariadb": 30, "s3": 2}
# Buckets of this prefix are world-readable, as a content bucket behind a CDN is; others are not.
PUBLIC_BUCKET_PREFIX = "memora-"


@dataclass(frozen=True)
class Service:
	"""One process: how to start it, how to know that it serves, how long it may take to end."""

	name: str
	title: str
	argv: list[str]
	cwd: Path
	env: dict[str, str]
	answers: Callable[[], bool]

	@property
	def seconds_to_end(self) -> float:
		return SECONDS_TO_END.get(self.name, 15)


def infrastructure(bench: Bench, ports: dict[str, int]) -> list[Service]:
	return [
		_mariadb(bench, ports),
		_redis(bench, "redis_cache", ports["redis_cache"], "Redis (cache)"),
		_redis(bench, "redis_queue", ports["redis_queue"], "Redis (queue)"),
		_s3(bench, ports),
	]


def applications(bench: Bench, ports: dict[str, int]) -> list[Service]:
	return [
		_web(bench, ports["web"]),
		_frappe(bench, "worker", "RQ worker"),
		_frappe(bench, "schedule", "Scheduler"),
	]


def write_configuration(bench: Bench, ports: dict[str, int]) -> None:
	secrets = read_secrets(bench)
	mariadb.write_configuration(bench, ports["mariadb"], secrets["mariadb_root_password"])
	_write_redis_configuration(bench, ports)
	_write_s3_configuration(bench, secrets)
	_write_bench_configuration(bench, ports, secrets)


def _write_bench_configuration(bench: Bench, ports: dict[str, int], secrets: dict) -> None:
	cache, queue = (f"redis://{HOST}:{ports[name]}" for name in ("redis_cache", "redis_queue"))
	common = {
		"db_host": HOST,
		"db_port": ports["mariadb"],
		"root_login": "root",
		"root_password": secrets["mariadb_root_password"],
		"redis_cache": cache,
		"redis_queue": queue,
		"redis_socketio": cache,
		"webserver_port": ports["web"],
		"default_site": DEMO_SITE,
		"developer_mode": 0,
		"serve_default_site": True,
		"background_workers": 1,
		"gunicorn_workers": WEB_WORKERS,
	}
	write_json(bench.sites / "common_site_config.json", common)
	write_text(bench.sites / "apps.txt", "frappe\nmemora\n")
	# Frappe's pages look here for their bundles; without built ones the pages come unstyled.
	for name in ("assets.json", "assets-rtl.json"):
		if not (bench.sites / "assets" / name).exists():
			write_text(bench.sites / "assets" / name, "{}\n")
	desk.link_assets(bench)
	layout.link(bench.sites / "assets" / "memora", bench.checkout / "memora" / "public")


# --- MariaDB ---


def _mariadb(bench: Bench, ports: dict[str, int]) -> Service:
	argv = mariadb.command_line(bench)
	return Service(
		"mariadb", "MariaDB", argv, bench.data, dict(os.environ), lambda: mariadb.greets(ports["mariadb"])
	)


# --- Redis ---

REDIS_COMMON = """bind {host}
port {port}
dir {folder}
daemonize no
save ""
"""
REDIS_CACHE = """appendonly no
maxmemory 256mb
maxmemory-policy allkeys-lru
"""
REDIS_QUEUE = """appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


def _write_redis_configuration(bench: Bench, ports: dict[str, int]) -> None:
	for name, own in (("redis_cache", REDIS_CACHE), ("redis_queue", REDIS_QUEUE)):
		folder = bench.data / name
		folder.mkdir(exist_ok=True)
		common = REDIS_COMMON.format(host=HOST, port=ports[name], folder=folder)
		write_text(bench.config / f"{name}.conf", common + own)


def _redis(bench: Bench, name: str, port: int, title: str) -> Service:
	argv = [find("redis-server") or "redis-server", str(bench.config / f"{name}.conf")]
	return Service(name, title, argv, bench.data, dict(os.environ), lambda: _pongs(port))


def _pongs(port: int) -> bool:
	try:
		with socket.create_connection((HOST, port), timeout=2) as connection:
			connection.sendall(b"PING\r\n")
			return connection.recv(7) == b"+PONG\r\n"
	except OSError:
		return False


# --- S3 ---


def s3_settings(bench: Bench, ports: dict[str, int], bucket_name: str) -> dict[str, str]:
	"""Return what a client of the bench's S3 needs; the site config carries it as `memora_dev_s3`."""
	secrets = read_secrets(bench)
	return {
		"endpoint_url": f"http://{HOST}:{ports['s3']}",
		"access_key": secrets["s3_access_key"],
		"secret_key": secrets["s3_secret_key"],
		"bucket_name": bucket_name,
	}


def _write_s3_configuration(bench: Bench, secrets: dict) -> None:
	credentials = {"accessKey": secrets["s3_access_key"], "secretKey": secrets["s3_secret_key"]}
	identities = [
		{
			"name": "bench",
			"credentials": [credentials],
			"actions": ["Admin", "Read", "List", "Tagging", "Write"],
		},
		{"name": "anonymous", "actions": [f"Read:{PUBLIC_BUCKET_PREFIX}*"]},
	]
	path = bench.config / "s3.json"
	write_text(path, json.dumps({"identities": identities}, indent=1))
	path.chmod(0o600)


def _s3(bench: Bench, ports: dict[str, int]) -> Service:
	folder = bench.data / "s3"
	folder.mkdir(exist_ok=True)
	argv = [str(bench.env / "bin" / "weed"), "-logtostderr=true", "server", "-s3", f"-dir={folder}"]
	argv += [f"-ip={HOST}", f"-ip.bind={HOST}", "-master.volumeSizeLimitMB=64", "-volume.max=0"]
	argv += ["-master.telemetry=false", "-master.electionTimeout=500ms", "-volume.preStopSeconds=0"]
	argv += [f"-s3.config={bench.config / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
	for server in ("master", "volume", "filer"):
		argv += [
			f"-{server}.port={ports[f's3_{server}']}",
			f"-{server}.port.grpc={ports[f's3_{server}_grpc']}",
		]
	argv += [f"-s3.port={ports['s3']}", f"-s3.port.grpc={ports['s3_grpc']}"]
	return Service(
		"s3",
		"S3 (SeaweedFS)",
		argv,
		folder,
		dict(os.environ),
		lambda: _answers_http(ports["s3"], "/"),
	)


def _answers_http(port: int, path: str) -> bool:
	connection = http.client.HTTPConnection(HOST, port, timeout=5)
	try:
		connection.request("GET", path)
		return connection.getresponse().status < 500
	except (OSError, http.client.HTTPException):
		return False
	finally:
		connection.close()


# --- Frappe ---


def _web(bench: Bench, port: int) -> Service:
	argv = [str(bench.python), "-m", "gunicorn", "devbench.web:application", f"--bind={HOST}:{port}"]
	argv += [f"--workers={WEB_WORKERS}", f"--threads={WEB_THREADS}", "--worker-class=gthread"]
	argv += ["--timeout=120", "--graceful-timeout=10", "--keep-alive=5"]
	argv += ["--worker-tmp-dir=/dev/shm"] if os.access("/dev/shm", os.W_OK) else []
	env = python_env.environment(bench)
	return Service(
		"web", "Web server", argv, bench.sites, env, lambda: _answers_http(port, "/api/method/ping")
	)


def _frappe(bench: Bench, command: str, title: str) -> Service:
	argv = [str(bench.python), "-m", "frappe.utils.bench_helper", "frappe", command]
	argv += ["--queue", "short,default,long"] if command == "worker" else []
	# These two open no port: that they stay alive is all there is to ask for.
	return Service(command, title, argv, bench.sites, python_env.environment(bench), lambda: True)
