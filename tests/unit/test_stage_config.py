"""What a stage's config may hold, by type: known keys are checked, everything else is the app's own."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.stage_config import check_config, normalise
from memora.services.stage_templates import STAGE_TEMPLATES

ROOT = Path(__file__).parents[2]
TYPES = ("Video", "Text", "Quiz", "Question", "Interactive")
KINDS = {
	"Question": ["single_choice", "true_false", "numeric", "text"],
	"Interactive": ["match_pairs", "put_in_order", "sort_into_groups", "fill_the_gaps", "number_line"],
}

json_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
	lambda children: (
		st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
	),
	max_leaves=10,
)
words = st.text(max_size=10) | st.integers()


@st.composite
def questions(draw):
	options = draw(st.lists(words, min_size=1, max_size=5))
	return {
		"prompt": draw(st.text()),
		"options": options,
		"correct": draw(st.integers(0, len(options) - 1)),
		"explanation": draw(st.text()),
	}


@st.composite
def right_configs(draw):
	"""(type, a config that follows all rules, with keys of an app's own)"""
	stage_type, config = draw(
		st.one_of(
			questions().map(lambda question: ("Question", {"kind": "single_choice", **question})),
			st.lists(questions(), max_size=4).map(
				lambda asked: ("Quiz", {"questions": asked, "pass_score": len(asked)})
			),
			st.lists(words, max_size=4).map(
				lambda answers: (
					"Interactive",
					{"kind": "fill_the_gaps", "data": {"text": "a {} " * len(answers), "answers": answers}},
				)
			),
		)
	)
	own = draw(st.dictionaries(st.text(max_size=8).map("own_{}".format), json_values, max_size=2))
	return stage_type, {**config, **own}


def refusal_of(stage_type, config):
	try:
		check_config(stage_type, config)
	except ValueError as error:
		return str(error)
	return ""


@given(right_configs())
def test_what_follows_the_rules_passes_with_keys_of_an_apps_own(stage_type_and_config):
	stage_type, config = stage_type_and_config
	check_config(stage_type, config)
	assert json.loads(normalise(stage_type, config)) == config


@given(questions(), st.integers(0, 100))
def test_an_index_past_the_options_is_always_refused_and_says_how_many_there_are(question, beyond):
	count = len(question["options"])
	question["correct"] = count + beyond
	wanted = rf"^questions\[0\]\.correct must be the index of one of the {count} options$"
	with pytest.raises(ValueError, match=wanted):
		check_config("Quiz", {"questions": [question]})


@given(st.sampled_from((*TYPES, "Game", None)), st.dictionaries(st.text(max_size=8), json_values, max_size=3))
def test_any_object_passes_or_is_refused_with_one_sentence(stage_type, config):
	assert re.search(r"^$| must (be|have) ", refusal_of(stage_type, config))


@given(st.sampled_from(STAGE_TEMPLATES), st.data())
def test_a_value_of_any_sort_at_any_key_is_taken_or_refused_by_that_keys_name(template, data):
	config = json.loads(json.dumps(template.config))
	inner = config["data"] if template.stage_type == "Interactive" and data.draw(st.booleans()) else config
	key = data.draw(st.sampled_from(sorted(inner)))
	inner[key] = data.draw(json_values)
	assert re.search(r"^$|^[\w.\[\]]+ must ", refusal_of(template.stage_type, config))


@pytest.mark.parametrize("stage_type", [*TYPES, "Game", None, ""])
def test_nothing_and_what_only_the_app_knows_is_allowed(stage_type):
	for config in (
		{},
		{"steps": [{"x": 1}]},
		{"kind": "origami", "data": 7},
		{"url": None, "questions": None},
		{"questions": [{"options": [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}], "correct": "b"}]},
	):
		check_config(stage_type, config)


@pytest.mark.parametrize("template", STAGE_TEMPLATES, ids=lambda each: f"{each.stage_type} {each.kind}")
def test_every_template_follows_the_rules_and_explains_its_keys(template):
	check_config(template.stage_type, template.config)
	explained = {key.partition(".")[0] for keys, _about in template.keys for key in keys.split(", ")}
	assert explained | {"kind"} == {*template.config, "kind"}


def test_every_type_and_kind_has_one_template():
	kinds = [(stage_type, kind) for stage_type in TYPES for kind in KINDS.get(stage_type, [None])]
	assert [(template.stage_type, template.kind) for template in STAGE_TEMPLATES] == kinds


def test_the_page_for_editors_lists_every_key_of_every_template():
	page = (ROOT / "docs" / "content-editors.md").read_text(encoding="utf-8")
	for template in STAGE_TEMPLATES:
		line = next(line for line in page.splitlines() if line.startswith(f"| {line_name(template)} |"))
		for keys, _about in template.keys:
			for key in keys.split(", "):
				assert f"`{key.removeprefix('data.')}`" in line, (key, line)


def line_name(template):
	return f"{template.stage_type}, `{template.kind}`" if template.kind else template.stage_type


WRONG = [
	("Video", {"url": 7}, "url must be text"),
	("Video", {"duration_seconds": -1}, "duration_seconds must be a number from 0 upwards"),
	("Video", {"duration_seconds": True}, "duration_seconds must be a number"),
	("Video", {"captions": {}}, "captions must be a list"),
	("Video", {"captions": ["Hello"]}, r"captions\[0\] must be an object in braces"),
	("Video", {"captions": [{"start": 5, "end": 5}]}, r"captions\[0\]\.end must be after start \(5\)"),
	(
		"Video",
		{"duration_seconds": 9, "captions": [{"end": 10}]},
		r"captions\[0\]\.end must be at most duration_seconds \(9\)",
	),
	("Text", {"markdown": ["# A"]}, "markdown must be text"),
	("Text", {"language": 1}, "language must be text"),
	("Quiz", {"pass_score": 1.5}, "pass_score must be a whole number from 0 upwards"),
	("Quiz", {"pass_score": 1, "questions": []}, r"pass_score must be at most the number of questions \(0\)"),
	("Quiz", {"questions": [{}, {"options": "a, b"}]}, r"questions\[1\]\.options must be a list"),
	("Quiz", {"questions": [{"options": [["a"]]}]}, r"questions\[0\]\.options\[0\] must be text or a number"),
	("Quiz", {"questions": [{"correct": 0.5}]}, r"questions\[0\]\.correct must be a whole number"),
	("Question", {"kind": 3}, "kind must be text"),
	(
		"Question",
		{"kind": "single_choice", "options": ["a", "b"], "correct": 2},
		"correct must be the index of one of the 2 options",
	),
	("Question", {"kind": "true_false", "correct": 1}, "correct must be true or false"),
	("Question", {"kind": "numeric", "correct": "4"}, "correct must be a number"),
	("Question", {"kind": "text", "accepted": []}, "accepted must have 1 or more entries"),
	("Question", {"prompt": {"en": "?"}}, "prompt must be text"),
	("Interactive", {"instruction": 1}, "instruction must be text"),
	("Interactive", {"kind": "put_in_order", "data": []}, "data must be an object in braces"),
	(
		"Interactive",
		{"kind": "match_pairs", "data": {"pairs": [["a"]]}},
		r"data\.pairs\[0\] must be a list of two",
	),
	(
		"Interactive",
		{"kind": "sort_into_groups", "data": {"groups": [{"members": "a"}]}},
		r"data\.groups\[0\]\.members must be a list",
	),
	(
		"Interactive",
		{"kind": "fill_the_gaps", "data": {"text": "{} and {}", "answers": ["a"]}},
		r"data\.answers must have one entry for each \{\} in text \(2, not 1\)",
	),
	("Interactive", {"kind": "number_line", "data": {"step": 0}}, r"data\.step must be a number above 0"),
	(
		"Interactive",
		{"kind": "number_line", "data": {"from": 3, "to": 3}},
		r"data\.to must be above from \(3\)",
	),
	(
		"Interactive",
		{"kind": "number_line", "data": {"from": 0, "to": 10, "correct": 11}},
		r"data\.correct must be from 0 to 10",
	),
]


@pytest.mark.parametrize(("stage_type", "config", "sentence"), WRONG)
def test_what_is_wrong_is_said_with_the_key_and_the_reason(stage_type, config, sentence):
	with pytest.raises(ValueError, match=f"^{sentence}"):
		check_config(stage_type, config)


@pytest.mark.parametrize(
	("value", "sentence"),
	[
		('{"url": "a",\n "b" 1}', r"^Config is not valid JSON \(Expecting ':' delimiter: line 2 column 6"),
		([1], "^Config must be a JSON object$"),
		({"url": math.inf}, "^Config is not valid JSON"),
		('{"url": 1}', "^Config: url must be text$"),
	],
)
def test_broken_json_is_told_by_line_and_column_and_a_wrong_key_by_its_name(value, sentence):
	with pytest.raises(ValueError, match=sentence):
		normalise("Video", value)


def test_a_config_of_the_demo_content_follows_the_rules():
	found = 0
	for name in ("arabic", "mathematics", "science"):
		content = json.loads((ROOT / f"memora/demo_content/{name}.json").read_text(encoding="utf-8"))
		for stage in stages_of(content):
			check_config(stage["type"], stage["config"])
			found += 1
	assert found > 100


def stages_of(node):
	yield from node.get("stages", ())
	for children in ("tracks", "units", "topics", "lessons"):
		for child in node.get(children, ()):
			yield from stages_of(child)
