"""Files below a base folder that change at once or not at all.

New bytes are staged beside their target, flushed to disk together, and renamed in the given order: a reader gets
either the old file or the new one. When a rename fails, the files renamed before it get their old bytes back, the last
one first.
Paths are relative and may not leave the base folder, also not through a symlink. Knows nothing of sites or plans.
"""

import ctypes
import os
import re
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memora.services.cdn_export.content_paths import safe_path

FILE_MODE, FOLDER_MODE = 0o644, 0o755  # the web server is another user
MANY_FILES = 32  # from here one flush of the filesystem is cheaper than one a file
LEFTOVER_AGE_SECONDS = 3600
_LEFTOVER = re.compile(r".+\.[0-9a-f]{16}\.(tmp|old)")


@dataclass(frozen=True)
class _Staged:
	target: Path
	temporary: Path
	kept: Path  # the old file's second name until all files are in place


def locate(base: Path, path: str) -> Path:
	"""The absolute place of a relative path.

	Raises:
		ValueError: it lies outside the base folder.
	"""
	target = base / safe_path(path)
	if not target.parent.resolve().is_relative_to(base.resolve()):
		raise ValueError(f"{path!r} lies outside the content folder")
	return target


def write_files(base: Path, files: Mapping[str, bytes]) -> None:
	"""Replace these files, the last one last. Nothing has changed when it raises.

	Raises:
		OSError: a file could not be written or renamed.
		ValueError: a path lies outside the base folder.
	"""
	write_in_order(base, list(files.items()))


def write_in_order(base: Path, steps: Sequence[tuple[str, bytes]]) -> None:
	"""As `write_files`; a path may come more than once."""
	targets = _locate_all(base, [path for path, _ in steps])
	for folder in {target.parent for target in targets}:
		_make_folder(folder)
	staged: list[_Staged] = []
	try:
		for target, (_, content) in zip(targets, steps, strict=True):
			staged.append(_name_stage(target))
			_write_stage(staged[-1].temporary, content)
		_flush(base, [item.temporary for item in staged])
		_switch(staged)
	except BaseException:
		for item in staged:
			item.temporary.unlink(missing_ok=True)
		raise
	_flush_folders({item.target.parent for item in staged})


def _locate_all(base: Path, paths: Iterable[str]) -> list[Path]:
	"""As `locate`, looking at each folder once."""
	folders: dict[str, Path] = {}
	targets = []
	for path in paths:
		folder, _, name = safe_path(path).rpartition("/")
		if folder not in folders:
			folders[folder] = locate(base, path).parent
		targets.append(folders[folder] / name)
	return targets


def _make_folder(folder: Path) -> None:
	"""Make a folder and its parents readable by the web server, whatever the umask."""
	if folder.is_dir():
		return
	_make_folder(folder.parent)
	folder.mkdir(exist_ok=True)
	folder.chmod(FOLDER_MODE)


def _name_stage(target: Path) -> _Staged:
	token = secrets.token_hex(8)
	return _Staged(
		target, target.with_name(f"{target.name}.{token}.tmp"), target.with_name(f"{target.name}.{token}.old")
	)


def _write_stage(temporary: Path, content: bytes) -> None:
	with open(temporary, "xb") as file:
		os.fchmod(file.fileno(), FILE_MODE)
		file.write(content)


def _flush(base: Path, written: list[Path]) -> None:
	if len(written) >= MANY_FILES and _flush_filesystem(base):
		return
	for path in written:
		_flush_path(path)


def _flush_filesystem(base: Path) -> bool:
	"""Flush all of the filesystem in one call; False where the platform has no such call."""
	syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
	if syncfs is None:
		return False
	descriptor = os.open(base, os.O_RDONLY)
	try:
		return syncfs(descriptor) == 0
	finally:
		os.close(descriptor)


def _flush_path(path: Path) -> None:
	descriptor = os.open(path, os.O_RDONLY)
	try:
		os.fsync(descriptor)
	finally:
		os.close(descriptor)


def _flush_folders(folders: Iterable[Path]) -> None:
	for folder in folders:
		_flush_path(folder)


def _switch(staged: list[_Staged]) -> None:
	touched: list[_Staged] = []
	kept: list[_Staged] = []
	try:
		for item in staged:
			if _keep_old(item):
				kept.append(item)
			touched.append(item)
			os.replace(item.temporary, item.target)
	except OSError:
		for item in reversed(touched):
			_restore(item)
		raise
	finally:
		for item in kept:
			item.kept.unlink(missing_ok=True)


def _keep_old(item: _Staged) -> bool:
	"""Whether there was an old file to keep."""
	try:
		os.link(item.target, item.kept)
	except FileNotFoundError:
		return False
	return True


def _restore(item: _Staged) -> None:
	if item.kept.exists():
		os.replace(item.kept, item.target)
	elif not item.temporary.exists():
		item.target.unlink(missing_ok=True)


def read_file(base: Path, path: str) -> bytes | None:
	"""The file's bytes, None when there is none."""
	return _read(locate(base, path))


def read_files(base: Path, paths: Collection[str]) -> dict[str, bytes | None]:
	"""{path: bytes, or None when there is none}"""
	return dict(zip(paths, map(_read, _locate_all(base, paths)), strict=True))


def _read(target: Path) -> bytes | None:
	try:
		with open(target, "rb") as file:
			return file.read()
	except FileNotFoundError:
		return None


def delete_file(base: Path, path: str) -> bool:
	"""Delete the file and folders it leaves empty; whether there was one."""
	target = locate(base, path)
	try:
		target.unlink()
	except FileNotFoundError:
		return False
	folder = target.parent
	while folder != base and not any(folder.iterdir()):
		folder.rmdir()
		folder = folder.parent
	return True


def list_files(base: Path, folder: str) -> Iterator[str]:
	"""Relative paths of the files below a folder, without what an interrupted write has left."""
	for path in sorted(locate(base, f"{folder}/x").parent.rglob("*")):
		if path.is_file() and not _LEFTOVER.fullmatch(path.name):
			yield path.relative_to(base).as_posix()


def sweep_leftovers(base: Path, folder: str) -> int:
	"""Delete what interrupted writes left in a folder over an hour ago, and say how many files that were."""
	oldest = time.time() - LEFTOVER_AGE_SECONDS
	leftovers = [
		entry.path
		for entry in _entries(locate(base, f"{folder}/x").parent)
		if _LEFTOVER.fullmatch(entry.name) and entry.stat().st_mtime < oldest
	]
	for path in leftovers:
		os.unlink(path)
	return len(leftovers)


def _entries(folder: Path) -> list[os.DirEntry]:
	return list(os.scandir(folder)) if folder.is_dir() else []
