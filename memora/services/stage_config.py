"""What the config of a lesson's stage holds, by the stage's type: the rules alone. Pure.

docs/content-editors.md lists the shapes for people, `stage_templates` holds an example of each. An app may keep more in
a config than is known here: unknown keys, unknown kinds and null are let through, and every known key may be missing.
Indexes count from 0.
"""

from collections.abc import Callable, Mapping
from typing import Any

from memora.utils import json_text

Check = Callable[[Any, str], None]
Rule = Callable[[Mapping[str, Any], str], None]

GAP = "{}"


def normalise(stage_type: str, value: Any) -> str:
	"""The text to store for a config that came as JSON or as a dict, see `json_text.normalise_object`.

	Raises:
		ValueError: a sentence without full stop: "Config is not valid JSON (... line 2 column 5 ...)", or
			"Config: questions[1].correct must be ...".
	"""
	try:
		text = json_text.normalise_object(value)
	except ValueError as error:
		raise ValueError(f"Config {error}") from None
	try:
		check_config(stage_type, json_text.parse_object(text))
	except ValueError as error:
		raise ValueError(f"Config: {error}") from None
	return text


def check_config(stage_type: str, config: Mapping[str, Any]) -> None:
	"""Look at every key that this type of stage knows.

	Raises:
		ValueError: a sentence without full stop that names the key.
	"""
	_check_language(config, "")
	check = _CHECK_BY_TYPE.get(stage_type)
	if check:
		check(config, "")


# --- Pieces ----------------------------------------------------------------------------------------------------


def _refuse(path: str, wish: str):
	raise ValueError(f"{path or 'it'} must {wish}")


def _at(path: str, key: str) -> str:
	return f"{path}.{key}" if path else key


def _is_number(value: Any) -> bool:
	return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any, path: str) -> None:
	if not isinstance(value, str):
		_refuse(path, "be text")


def _words(value: Any, path: str) -> None:
	"""What an answer is made of: text, or a number."""
	if not isinstance(value, str) and not _is_number(value):
		_refuse(path, "be text or a number")


def _number(value: Any, path: str) -> None:
	if not _is_number(value):
		_refuse(path, "be a number")


def _not_negative(value: Any, path: str) -> None:
	if not _is_number(value) or value < 0:
		_refuse(path, "be a number from 0 upwards")


def _step(value: Any, path: str) -> None:
	if not _is_number(value) or value <= 0:
		_refuse(path, "be a number above 0")


def _whole(value: Any, path: str) -> None:
	if not isinstance(value, int) or isinstance(value, bool) or value < 0:
		_refuse(path, "be a whole number from 0 upwards")


def _option(value: Any, path: str) -> None:
	"""What can be chosen: text, a number, or an app's own object (with a picture, say)."""
	if not isinstance(value, Mapping):
		_words(value, path)


def _choice(value: Any, path: str) -> None:
	"""Which option is right: its index, or as an app names it."""
	if not isinstance(value, str):
		_whole(value, path)


def _boolean(value: Any, path: str) -> None:
	if not isinstance(value, bool):
		_refuse(path, "be true or false")


def _list_of(check: Check, *, least: int = 0) -> Check:
	def check_list(value: Any, path: str) -> None:
		if not isinstance(value, list):
			_refuse(path, "be a list")
		if len(value) < least:
			_refuse(path, f"have {least} or more entries")
		for index, entry in enumerate(value):
			check(entry, f"{path}[{index}]")

	return check_list


def _object(checks: Mapping[str, Check], *rules: Rule) -> Check:
	"""An object whose known keys are checked where they are given; the rules follow once each of them is right alone."""

	def check_object(value: Any, path: str) -> None:
		if not isinstance(value, Mapping):
			_refuse(path, "be an object in braces")
		for key, check in checks.items():
			if value.get(key) is not None:
				check(value[key], _at(path, key))
		for rule in rules:
			rule(value, path)

	return check_object


def _by_kind(common: Mapping[str, Check], check_by_kind: Mapping[str, Check]) -> Check:
	"""An object that says by its `kind` what else it holds."""
	check_common = _object(common)

	def check_kind(value: Any, path: str) -> None:
		check_common(value, path)
		check = check_by_kind.get(value.get("kind"))
		if check:
			check(value, path)

	return check_kind


def _pair(value: Any, path: str) -> None:
	if not isinstance(value, list) or len(value) != 2:
		_refuse(path, "be a list of two: [left, right]")
	for index, side in enumerate(value):
		_words(side, f"{path}[{index}]")


# --- Rules over several keys -----------------------------------------------------------------------------------


def _both(value: Mapping[str, Any], *keys: str) -> bool:
	return all(value.get(key) is not None for key in keys)


def _caption_ends_after_its_start(caption: Mapping[str, Any], path: str) -> None:
	if _both(caption, "start", "end") and caption["end"] <= caption["start"]:
		_refuse(_at(path, "end"), f"be after start ({caption['start']})")


def _captions_end_with_the_video(video: Mapping[str, Any], path: str) -> None:
	if not _both(video, "captions", "duration_seconds"):
		return
	for index, caption in enumerate(video["captions"]):
		if _both(caption, "end") and caption["end"] > video["duration_seconds"]:
			limit = f"be at most duration_seconds ({video['duration_seconds']})"
			_refuse(_at(path, f"captions[{index}].end"), limit)


def _correct_is_an_option(question: Mapping[str, Any], path: str) -> None:
	if not _both(question, "correct", "options"):
		return
	count = len(question["options"])
	if not isinstance(question["correct"], str) and question["correct"] >= count:
		_refuse(_at(path, "correct"), f"be the index of one of the {count} options")


def _enough_questions_to_pass(quiz: Mapping[str, Any], path: str) -> None:
	if not _both(quiz, "pass_score", "questions"):
		return
	count = len(quiz["questions"])
	if quiz["pass_score"] > count:
		_refuse(_at(path, "pass_score"), f"be at most the number of questions ({count})")


def _an_answer_for_each_gap(task: Mapping[str, Any], path: str) -> None:
	if not _both(task, "text", "answers"):
		return
	gaps, answers = task["text"].count(GAP), len(task["answers"])
	if gaps != answers:
		_refuse(_at(path, "answers"), f"have one entry for each {GAP} in text ({gaps}, not {answers})")


def _correct_lies_on_the_line(line: Mapping[str, Any], path: str) -> None:
	if _both(line, "from", "to") and line["to"] <= line["from"]:
		_refuse(_at(path, "to"), f"be above from ({line['from']})")
	if _both(line, "from", "to", "correct") and not line["from"] <= line["correct"] <= line["to"]:
		_refuse(_at(path, "correct"), f"be from {line['from']} to {line['to']}")


# --- The shapes ------------------------------------------------------------------------------------------------

_check_language = _object({"language": _text})

_CAPTION = _object(
	{"start": _not_negative, "end": _not_negative, "text": _text}, _caption_ends_after_its_start
)
_CHOICE = {"prompt": _text, "options": _list_of(_option), "correct": _choice, "explanation": _text}
_QUESTION = _object(_CHOICE, _correct_is_an_option)
_GROUP = _object({"name": _words, "members": _list_of(_words)})

_QUESTION_KINDS = {
	"single_choice": _QUESTION,
	"true_false": _object({"correct": _boolean}),
	"numeric": _object({"correct": _number}),
	"text": _object({"accepted": _list_of(_words, least=1)}),
}
_DATA_BY_KIND = {
	"match_pairs": _object({"pairs": _list_of(_pair)}),
	"put_in_order": _object({"items": _list_of(_words)}),
	"sort_into_groups": _object({"groups": _list_of(_GROUP)}),
	"fill_the_gaps": _object({"text": _text, "answers": _list_of(_words)}, _an_answer_for_each_gap),
	"number_line": _object(
		{"from": _number, "to": _number, "step": _step, "correct": _number}, _correct_lies_on_the_line
	),
}
_INTERACTIVE_KINDS = {kind: _object({"data": check}) for kind, check in _DATA_BY_KIND.items()}

_CHECK_BY_TYPE = {
	"Video": _object(
		{"url": _text, "duration_seconds": _not_negative, "captions": _list_of(_CAPTION)},
		_captions_end_with_the_video,
	),
	"Text": _object({"markdown": _text}),
	"Quiz": _object({"pass_score": _whole, "questions": _list_of(_QUESTION)}, _enough_questions_to_pass),
	"Question": _by_kind({"kind": _text, "prompt": _text, "explanation": _text}, _QUESTION_KINDS),
	"Interactive": _by_kind({"kind": _text, "instruction": _text}, _INTERACTIVE_KINDS),
}
