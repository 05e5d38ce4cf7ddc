"""By which words a person is found in texts, and where one of them begins and ends.

Pure. `ann@x.org` must be found in addresses, in JSON, in mails and behind an escaped line break, and never inside
`joann@x.org`. The pattern is understood by Python and by MariaDB.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

_BEGIN = r"(?:(?<![\w.%+-])|(?<=\\[nrt])|(?<=[%=][0-9A-Fa-f]{2}))"
_END = r"(?![\w-])(?!\.\w)"


def pattern(words: Iterable[str]) -> str:
	"""A regular expression that finds any of these words, as written and as a part of an address.

	Raises:
		ValueError: there is no word, or an empty one.
	"""
	longest_first = sorted(forms(words), key=lambda form: (-len(form), form))
	return f"{_BEGIN}(?:{'|'.join(map(re.escape, longest_first))}){_END}"


def forms(words: Iterable[str]) -> set[str]:
	"""The words as they stand in texts and in addresses."""
	found = {form for word in words for form in (word, quote(word, safe=""))}
	if not all(found) or not found:
		raise ValueError("a person cannot be found by an empty word")
	return found


def compile_text(words: Iterable[str]) -> re.Pattern[str]:
	return re.compile(pattern(words), re.IGNORECASE)


def compile_bytes(words: Iterable[str]) -> re.Pattern[bytes]:
	return re.compile(pattern(words).encode(), re.IGNORECASE)
