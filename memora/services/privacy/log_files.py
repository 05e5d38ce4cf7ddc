"""A person's traces in log files: the bench's and the site's, those that were rotated too.

Words are overwritten where they stand, by as many asterisks. The file keeps its length and its inode, so the processes
that are writing into it notice nothing. Compressed files, which nobody writes into, are replaced.

Only files of this machine are reached: docs/privacy.md says what that asks of a bench on several. A file that the worker
may not write, as where a supervisor opens the logs as root, is told in the Error Log and holds nothing up.
"""

import gzip
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import frappe
from memora.services.privacy import identity

BLOCK_BYTES = 1_000_000
# Longer than any word, with room for what is looked at before and behind it.
OVERLAP_BYTES = 2000
ERROR_TITLE = "Log Files Cannot Be Cleaned"


class _Words(NamedTuple):
	"""forms: in lower case. To look for them first is ten times faster than the pattern, and most blocks hold none."""

	forms: list[bytes]
	pattern: re.Pattern[bytes]

	def are_in(self, text: bytes) -> bool:
		lower = text.lower()
		return any(form in lower for form in self.forms)


def forget(words: Collection[str]) -> int:
	"""Overwrite the words in all log files. Returns how many were found; safe to run twice."""
	forms = [form.lower().encode() for form in identity.forms(words)]
	wanted = _Words(forms, identity.compile_bytes(words))
	found, unwritable = 0, []
	for path in _log_files():
		try:
			found += _overwrite(path, wanted)
		except FileNotFoundError:
			continue  # rotated just now: settling looks again
		except PermissionError:
			unwritable.append(path.name)
	if unwritable:
		frappe.log_error(title=ERROR_TITLE, message="\n".join(unwritable))
	return found


def _log_files() -> Iterator[Path]:
	for folder in (
		Path(frappe.local.sites_path).resolve().parent / "logs",
		Path(frappe.get_site_path("logs")),
	):
		yield from sorted(path for path in folder.glob("*log*") if path.is_file() and not path.is_symlink())


def _overwrite(path: Path, words: _Words) -> int:
	if path.suffix == ".gz":
		return _replace_compressed(path, words.pattern)
	with path.open("rb") as file:
		found = {
			(block_at + match.start(), block_at + match.end())
			for block_at, block in _blocks(file)
			if words.are_in(block)
			for match in words.pattern.finditer(block)
		}
	if found:
		with path.open("r+b") as file:
			for begin, end in found:
				os.pwrite(file.fileno(), b"*" * (end - begin), begin)
	return len(found)


def _blocks(file) -> Iterator[tuple[int, bytes]]:
	"""(offset, bytes); each block begins with the end of the one before."""
	begin, block = 0, file.read(BLOCK_BYTES)
	while block:
		yield begin, block
		rest = block[-OVERLAP_BYTES:]
		more = file.read(BLOCK_BYTES)
		begin += len(block) - len(rest)
		block = rest + more if more else b""


def _replace_compressed(path: Path, pattern: re.Pattern[bytes]) -> int:
	content, found = pattern.subn(b"***", gzip.decompress(path.read_bytes()))
	if found:
		beside = path.with_name(f"{path.name}.tmp")
		beside.write_bytes(gzip.compress(content))
		beside.replace(path)
	return found
