"""How search text is folded. docs/cdn-files.md shows the rule and these examples to app developers."""

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.cdn_export.search_folding import fold

PAGE = Path(__file__).parents[3] / "docs" / "cdn-files.md"
EXAMPLES = re.findall(r"^\| `(.+?)` \| `(.+?)` \| fold", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_shows_examples():
	assert len(EXAMPLES) >= 8


@pytest.mark.parametrize(("text", "folded"), EXAMPLES)
def test_an_example_of_the_page_is_folded_as_it_says(text, folded):
	assert fold(text) == folded


@pytest.mark.parametrize("alef", "اأإآٱ")
def test_every_alef_is_one_letter(alef):
	assert fold(alef) == "ا"


@pytest.mark.parametrize("mark", [chr(code) for code in (*range(0x064B, 0x0660), 0x0670, 0x0640)])
def test_tashkeel_and_tatweel_go(mark):
	assert fold(f"م{mark}د") == "مد"


@given(st.text())
def test_folding_twice_is_folding_once(text):
	assert fold(fold(text)) == fold(text)


@given(st.text())
def test_a_folded_text_has_no_marks_no_capitals_and_single_spaces(text):
	folded = fold(text)
	assert not [character for character in folded if unicodedata.category(character) == "Mn"]
	assert folded == folded.lower()
	assert folded == " ".join(folded.split())


@given(st.text(), st.text())
def test_spelling_and_case_make_no_difference(first, second):
	assert fold(unicodedata.normalize("NFC", first)) == fold(unicodedata.normalize("NFD", first))
	assert fold(f"{first} {second}") == fold(f"  {first}\n{second} ")
