"""JSON objects in text fields: what is stored can be read, published and compared."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.utils.json_text import normalise_object, parse_object

json_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
	lambda children: (
		st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
	),
	max_leaves=10,
)
json_objects = st.dictionaries(st.text(max_size=5), json_values, max_size=4)


@pytest.mark.parametrize("nothing", [None, "", "  \n", "{}", {}])
def test_nothing_is_an_empty_object(nothing):
	assert parse_object(nothing) == {}
	assert normalise_object(nothing) == "{}"


def test_text_is_kept_as_its_author_wrote_it():
	written = '{\n  "question": "٢ + ٢؟",\n  "answers": [3, 4]\n}'
	assert normalise_object(f"  {written}\n") == written


@given(json_objects)
def test_an_object_comes_back_the_same_from_its_text_and_from_itself(value):
	assert parse_object(json.dumps(value)) == value
	assert parse_object(normalise_object(value)) == value


@pytest.mark.parametrize(
	("value", "reason"),
	[
		("[1, 2]", "must be a JSON object"),
		('"text"', "must be a JSON object"),
		([1, 2], "must be a JSON object"),
		(7, "must be a JSON object"),
		("{'a': 1}", "not valid JSON"),
		('{"a": 1,}', "not valid JSON"),
		('{"a": NaN}', "no JSON number"),
		('{"a": -Infinity}', "no JSON number"),
		({"a": float("nan")}, "not valid JSON"),
		({"a": object()}, "not valid JSON"),
		('{"a": "\\ud800"}', "lone surrogate"),
		("[" * 100_000, "nested too deeply"),
	],
)
def test_what_cannot_be_published_is_refused_with_its_reason(value, reason):
	with pytest.raises(ValueError, match=reason):
		parse_object(value)


@given(st.text(max_size=50))
def test_any_text_is_an_object_or_a_value_error_and_what_passes_can_be_encoded(text):
	try:
		stored = normalise_object(text)
	except ValueError:
		return
	stored.encode()
	assert isinstance(json.loads(stored), dict)
