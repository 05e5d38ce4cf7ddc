"""Ports of a bench: chosen free once, remembered, never shared with another checkout.

They lie below the range from which the kernel takes ports for outgoing connections, so a
remembered port is not lost to a passing client. Every server binds to 127.0.0.1 only.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

from devbench.errors import BenchError
from devbench.layout import Bench, read_json, write_json

NAMES = (
	"web",
	"mariadb",
	"redis_cache",
	"redis_queue",
	"s3",
	"s3_grpc",
	"s3_master",
	"s3_master_grpc",
	"s3_volume",
	"s3_volume_grpc",
	"s3_filer",
	"s3_filer_grpc",
)
FIRST_PORT = 12000
BLOCK = 20
BLOCKS = 900


def number(text: str) -> int:
	"""Read a port as an option has it.

	Raises:
		ValueError: it is no number from 1 to 65535.
	"""
	port = int(text)
	if not 1 <= port <= 65535:
		raise ValueError(f"{port} is no port")
	return port


def is_free(port: int) -> bool:
	with socket.socket() as probe:
		probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		try:
			probe.bind(("127.0.0.1", port))
		except OSError:
			return False
		return True


def choose(home: Path, free: Callable[[int], bool] = is_free, skip: int = 0) -> dict[str, int]:
	"""Return a block of free ports, starting at a place derived from the bench's path.

	Args:
		skip: how many blocks to leave out, to move away from ports that are remembered but lost.
	"""
	start = int(hashlib.sha256(str(home).encode()).hexdigest(), 16)
	for step in range(skip, BLOCKS):
		base = FIRST_PORT + (start + step) % BLOCKS * BLOCK
		ports = {name: base + offset for offset, name in enumerate(NAMES)}
		if all(free(port) for port in ports.values()):
			return ports
	raise BenchError(
		"No free ports from 12000 to 30000 were found. Stop some of the programs that listen there."
	)


def load(bench: Bench, web_port: int | None = None, renew: bool = False) -> dict[str, int]:
	"""Return the remembered ports, else a choice that `remember` keeps once it is known to be free."""
	remembered = read_json(bench.config / "ports.json")
	ports = choose(bench.home, skip=1) if renew else remembered or choose(bench.home)
	return {**ports, "web": web_port} if web_port else ports


def remember(bench: Bench, ports: dict[str, int]) -> None:
	write_json(bench.config / "ports.json", ports)


def require_free(ports: dict[str, int], free: Callable[[int], bool] = is_free) -> None:
	"""Refuse to start servers on ports that somebody else holds.

	Raises:
		BenchError: names the first taken port and the option that chooses another.
	"""
	for name, port in ports.items():
		if not free(port):
			option = "--web-port NUMBER" if name == "web" else "--new-ports"
			raise BenchError(
				f"Port {port} ({name}) is taken by another program. "
				f"Stop that program, or choose another port: ./dev/start {option}"
			)
