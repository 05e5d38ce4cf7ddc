"""Frappe for the bench: upstream's code out of a wheel of the PyPI registry, or a checkout of yours.

The registry has no Frappe under that name, but it carries its develop branch of August 2023
(the 15.0 line just before its release) as `criscostack 1.0.0`, with the names replaced.
Putting the names back gives upstream's files. The wheel is pinned by its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from pathlib import Path

from devbench.errors import BenchError
from devbench.layout import Bench

WHEEL_REQUIREMENT = "criscostack==1.0.0"
WHEEL_SHA256 = "dc58aaf29c59b7666edc953596e5b31f77d7286b2ed6b14c6a205b217c210349"
NAMES = {
	"criscostack": "frappe",
	"Criscostack": "Frappe",
	"CRISCOSTACK": "FRAPPE",
	"criscoerp": "erpnext",
	"Criscoerp": "ERPNext",
	"CriscoERP": "ERPNext",
	"Crisco": "Frappe",
	"brik": "bench",
}
_NAME = re.compile("|".join(sorted(NAMES, key=len, reverse=True)))
GIT_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?\s*@\s*git\+")
# What the Git-hosted forks are forks of; upstream's release of the same line works as well here.
REPLACEMENTS = {"gunicorn": "gunicorn>=21,<24", "rq": "rq>=1.11,<1.16"}
# A thread of the gunicorn that the wheel asks for waits without end on a connection that a browser opened ahead of its
# needs: eight of those and the server is deaf. Upstream runs a fork without this fault.
FIRST_SOUND = {"gunicorn": REPLACEMENTS["gunicorn"]}
# The wheel asks for releases of 2023 that know no Python 3.12; these are the next that do.
FIRST_FOR_PYTHON_312 = {
	"hiredis": "hiredis~=2.3.2",
	"Pillow": "Pillow~=10.3.0",
	"pydantic": "pydantic~=2.7.0",
	"RestrictedPython": "RestrictedPython~=7.0",
}


def restore_names(text: str) -> str:
	return _NAME.sub(lambda match: NAMES[match[0]], text)


def restore_content(content: bytes) -> bytes:
	"""Return a file's content with the names put back; what is no UTF-8 text stays as it is."""
	if b"\0" in content:
		return content
	try:
		return restore_names(content.decode()).encode()
	except UnicodeDecodeError:
		return content


def require_pinned(wheel: Path) -> None:
	"""Refuse, and delete, a wheel that is not the one that was compared with upstream."""
	digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
	if digest != WHEEL_SHA256:
		wheel.unlink()
		raise BenchError(
			f"{wheel.name} has the SHA-256 {digest}, not the pinned {WHEEL_SHA256}; it was thrown away. "
			"Run again; if it stays so, the registry serves another file: use FRAPPE_PATH=/a/checkout/of/frappe."
		)


def unpack(wheel: Path, target: Path) -> None:
	"""Write the wheel's Python package below `target` under upstream's names."""
	new = target.with_name(target.name + ".new")
	shutil.rmtree(new, ignore_errors=True)
	with zipfile.ZipFile(wheel) as archive:
		for member in archive.infolist():
			if member.is_dir() or ".dist-info/" in member.filename:
				continue
			path = new / restore_names(member.filename)
			path.parent.mkdir(parents=True, exist_ok=True)
			path.write_bytes(restore_content(archive.read(member)))
	shutil.rmtree(target, ignore_errors=True)
	new.rename(target)


def link_checkout(bench: Bench) -> None:
	link = bench.apps / "frappe"
	link.unlink(missing_ok=True)
	link.symlink_to(bench.frappe_path)


def wheel_requirements(wheel: Path, python_version: tuple[int, int]) -> list[str]:
	"""Return the requirements that the wheel declares, without those of its extras."""
	with zipfile.ZipFile(wheel) as archive:
		name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
		lines = archive.read(name).decode().split("\n\n")[0].splitlines()
	found = [line.split(":", 1)[1].strip() for line in lines if line.startswith("Requires-Dist:")]
	kept = [requirement for requirement in found if "extra ==" not in requirement]
	newer = {**FIRST_SOUND, **(FIRST_FOR_PYTHON_312 if python_version >= (3, 12) else {})}
	return [newer.get(re.match(r"[\w.-]+", requirement)[0], requirement) for requirement in kept]


def checkout_requirements(pyproject: str) -> list[str]:
	"""Return the `dependencies` of a checkout's pyproject.toml, none of them from a Git host.

	Read by hand: Python 3.10 has no TOML parser, and the list holds one quoted string a line.
	"""
	block = re.search(r"^dependencies = \[\n(.*?)^\]", pyproject, re.DOTALL | re.MULTILINE)
	if not block:
		raise BenchError(
			"This checkout's pyproject.toml lists no dependencies. Use a version-14 or version-15 checkout."
		)
	quoted = re.findall(r'^\s*"([^"]+)"', block[1], re.MULTILINE)
	return [from_registry(requirement) for requirement in quoted]


def from_registry(requirement: str) -> str:
	"""Return a requirement that a package registry can fulfil."""
	match = GIT_REQUIREMENT.match(requirement)
	if not match:
		return requirement
	return REPLACEMENTS.get(match["name"].lower(), match["name"] + (match["extras"] or ""))
