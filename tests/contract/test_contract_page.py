"""docs/contract.md lists every promise of the documentation once, with the test that proves it."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.contract import documentation
from tests.contract.pending import PENDING

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contract.md"
HEADINGS = {"Documented", "---"}
LATER = "later"
KEYS_ARE_CHECKED_HERE = "tests/contract/test_documented_names.py"
SIGNATURES = documentation.signatures()


class Row(NamedTuple):
	documented: str
	place: str
	test: str

	@property
	def promise(self) -> str:
		return self.place if self.place in SIGNATURES else self.documented


def rows() -> list[Row]:
	lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
	cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
	return [Row(*row) for row in cells if row[0] not in HEADINGS]


def proven_rows() -> list[Row]:
	return [row for row in rows() if row.test != LATER]


def test_every_promise_is_listed_exactly_once():
	assert sorted(row.promise for row in rows()) == sorted(documentation.promises())


def test_every_function_is_listed_with_its_documented_signature():
	for row in rows():
		if row.place in SIGNATURES:
			assert row.documented == SIGNATURES[row.place]


def test_exactly_what_is_pending_is_listed_as_later():
	assert {row.promise for row in rows() if row.test == LATER} == set(PENDING)


@pytest.mark.parametrize("row", proven_rows(), ids=lambda row: row.promise)
def test_the_test_that_is_named_exists_and_names_what_it_proves(row):
	text = (ROOT / row.test).read_text(encoding="utf-8")
	if row.place in SIGNATURES and row.test == KEYS_ARE_CHECKED_HERE:
		assert row.place in {function for function, _ in documentation.REDIS_KEYS}
	elif row.place in SIGNATURES:
		assert row.place.rsplit(".", 1)[1] in text
	elif row.promise.startswith("DocType "):
		assert row.promise.removeprefix("DocType ") in text
