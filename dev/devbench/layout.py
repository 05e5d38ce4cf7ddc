"""Where a bench keeps its things, and what it remembers about itself.

One checkout has one bench in `.bench/`, and one more in `.bench/frappe-<hash>/` for every
checkout of Frappe given as FRAPPE_PATH. They share nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from devbench.errors import BenchError

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
DEMO_SITE = "memora.localhost"
TEST_SITE = "test.memora.localhost"
ADMIN_PASSWORD = "admin"


@dataclass(frozen=True)
class Bench:
	checkout: Path
	home: Path
	frappe_path: Path | None = None

	@property
	def env(self) -> Path:
		return self.home / "env"

	@property
	def python(self) -> Path:
		return self.env / "bin" / "python"

	@property
	def apps(self) -> Path:
		return self.home / "apps"

	@property
	def sites(self) -> Path:
		return self.home / "sites"

	@property
	def config(self) -> Path:
		return self.home / "config"

	@property
	def data(self) -> Path:
		return self.home / "data"

	@property
	def logs(self) -> Path:
		return self.home / "logs"

	@property
	def run(self) -> Path:
		return self.home / "run"

	def make_folders(self) -> None:
		for folder in (self.apps, self.sites / "assets", self.config, self.data, self.logs, self.run):
			folder.mkdir(parents=True, exist_ok=True)


def locate(environ: dict) -> Bench:
	"""Return the bench that the environment asks for (FRAPPE_PATH, or this checkout's own)."""
	home = CHECKOUT / ".bench"
	given = environ.get("FRAPPE_PATH")
	if not given:
		return Bench(CHECKOUT, home)
	frappe_path = Path(given).expanduser().resolve()
	if not (frappe_path / "frappe" / "hooks.py").is_file():
		raise BenchError(
			f"FRAPPE_PATH={given} is no checkout of Frappe. Name a folder that holds frappe/hooks.py."
		)
	digest = hashlib.sha256(str(frappe_path).encode()).hexdigest()[:8]
	return Bench(CHECKOUT, home / f"frappe-{digest}", frappe_path)


def site_names(environ: dict) -> tuple[str, str]:
	"""Return (demo site, test site)."""
	return DEMO_SITE, environ.get("MEMORA_TEST_SITE") or TEST_SITE


def read_json(path: Path, default=None):
	try:
		return json.loads(path.read_text())
	except FileNotFoundError:
		return default


def write_json(path: Path, value) -> None:
	"""Write a file whole: a reader or an interruption never sees half of it."""
	write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def link(link: Path, target: Path) -> None:
	"""Let a link lead to the target, whether there was a link before or not."""
	if link.is_symlink() and os.readlink(link) == str(target):
		return
	link.unlink(missing_ok=True)
	link.symlink_to(target)


def write_text(path: Path, text: str) -> None:
	new = path.with_name(f"{path.name}.{os.getpid()}.new")
	new.write_text(text)
	new.replace(path)


def read_secrets(bench: Bench) -> dict:
	"""Return this bench's passwords and keys, chosen once.

	{"mariadb_root_password": str, "s3_access_key": str, "s3_secret_key": str}
	"""
	path = bench.config / "secrets.json"
	chosen = read_json(path)
	if chosen is None:
		chosen = {
			"mariadb_root_password": secrets.token_hex(12),
			"s3_access_key": secrets.token_hex(10),
			"s3_secret_key": secrets.token_hex(20),
		}
		write_json(path, chosen)
		path.chmod(0o600)
	return chosen
