"""Text as search compares it: without tashkeel, tatweel, accents and case, one form of each Arabic letter. Pure.

An app folds what a student types by the same rule, which docs/cdn-files.md states with examples. Changing the rule
changes what published apps must do.
"""

import re
import unicodedata

# Marks (tashkeel, hamza above and below, accents) and invisible format characters go.
_DROPPED_CATEGORIES = ("Mn", "Me", "Cf")
_TATWEEL = "ـ"
_ONE_FORM = {
	"ٱ": "ا",  # alef wasla; the others lose their hamza or madda as a mark
	"ى": "ي",
	"ی": "ي",
	"ة": "ه",
	"ک": "ك",
	"ς": "σ",
	**{chr(0x0660 + digit): str(digit) for digit in range(10)},
	**{chr(0x06F0 + digit): str(digit) for digit in range(10)},
}
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


class _FoldedCharacters(dict):
	"""What becomes of each character, found once."""

	def __missing__(self, code: int) -> str:
		character = chr(code)
		if character == _TATWEEL or unicodedata.category(character) in _DROPPED_CATEGORIES:
			folded = ""
		else:
			folded = _ONE_FORM.get(character, character)
		self[code] = folded
		return folded


_FOLDED = _FoldedCharacters()


def fold(text: str) -> str:
	"""The text as search compares it. Folding it again changes nothing."""
	if not text.isascii():
		text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).lower()).translate(_FOLDED)
	return _SPACES.sub(" ", text.lower()).strip()
