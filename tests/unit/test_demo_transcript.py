"""How ./dev/demo shows what it sees: abridged but never altered, passwords covered, Arabic kept in its place."""

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev"))

from demo_day import transcript
from demo_day.day import expect_equal
from demo_day.errors import NotAsDocumented

values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.text(max_size=30),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
	max_leaves=8,
)


class Terminal(io.StringIO):
	def isatty(self):
		return True


@given(values)
def test_laid_out_json_is_still_the_same_json(value):
	assert json.loads("\n".join(transcript.layout(value))) == value


def test_short_json_stands_on_one_line_and_long_json_on_many():
	assert transcript.layout({"xp": 35}) == ['{"xp": 35}']
	assert len(transcript.layout({"text": "long " * 30, "xp": 35})) == 4


def test_a_long_list_ends_with_how_many_are_left_out():
	assert transcript.abridged([1, 2, 3, 4, 5]) == [1, 2, "… 3 more"]
	assert transcript.abridged([1, 2]) == [1, 2]


def test_a_large_table_shows_its_first_entries():
	shown = transcript.abridged({f"LESSON-{number}": number for number in range(40)})
	assert shown == {"LESSON-0": 0, "LESSON-1": 1, "…": "38 more"}


def test_a_long_text_and_a_deep_branch_are_cut():
	assert transcript.abridged("x" * 500) == "x" * 89 + "…"
	assert transcript.abridged({"a": {"b": [1]}}, depth=1) == {"a": "{…}"}


def test_passwords_and_sessions_are_covered():
	body = {"usr": "salma", "pwd": "demo-student-1", "message": {"session_id": "34bd7bd476e6"}}
	assert transcript.abridged(body) == {
		"usr": "salma",
		"pwd": "demo****",
		"message": {"session_id": "34bd****"},
	}


def test_a_refusal_is_told_by_its_type_and_words():
	words = json.dumps([json.dumps({"message": "Lesson LESSON-040 is still locked."})])
	envelope = {"exc_type": "LessonLocked", "exc": "Traceback ...", "_server_messages": words}
	assert transcript.readable(envelope) == {
		"exc_type": "LessonLocked",
		"words": ["Lesson LESSON-040 is still locked."],
	}


@pytest.mark.parametrize(
	("text", "expected"),
	[("اللغة العربية", True), ("الماء H₂O", True), ("Mathematics ½", False), ("", False)],
)
def test_arabic_is_told_from_latin(text, expected):
	assert transcript.is_right_to_left(text) is expected


def test_arabic_stands_between_isolates_on_a_terminal_only():
	screen, file = Terminal(), io.StringIO()
	for stream in (screen, file):
		transcript.Transcript(stream).found("العلوم")
	assert "\u2068العلوم\u2069" in screen.getvalue()
	assert file.getvalue() == "    = العلوم\n"


def test_steps_are_counted_in_the_last_line():
	stream = io.StringIO()
	day = transcript.Transcript(stream)
	day.begin_step("Log in")
	day.begin_step("Log out")
	day.end()
	assert stream.getvalue().splitlines()[-1] == "2 steps, all as documented."


def test_an_answer_that_differs_says_what_was_found_and_expected():
	with pytest.raises(NotAsDocumented, match="total_xp is 70, expected 35"):
		expect_equal(70, 35, "total_xp")
