"""An example of each kind of stage, and what its keys are for: what the form of a stage offers. Pure.

The rules are in `stage_config`; each template passes them. Templates hold no words, so that none is published unseen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PROMPT = ("prompt", "The question.")
_EXPLANATION = ("explanation", "What is shown after the answer.")
_OPTIONS = ("options", "The answers to choose from.")
_INSTRUCTION = ("instruction", "What the student is to do.")


@dataclass(frozen=True)
class StageTemplate:
	"""`kind` is None for a type of stage that has only one shape; `keys` pairs a key with what it is for."""

	stage_type: str
	kind: str | None
	config: Mapping[str, Any]
	keys: tuple[tuple[str, str], ...]


def _question(kind: str, config: Mapping[str, Any], *keys: tuple[str, str]) -> StageTemplate:
	whole = {"kind": kind, "prompt": "", **config, "explanation": ""}
	return StageTemplate("Question", kind, whole, (_PROMPT, *keys, _EXPLANATION))


def _interactive(kind: str, data: Mapping[str, Any], *keys: tuple[str, str]) -> StageTemplate:
	config = {"kind": kind, "instruction": "", "data": data}
	return StageTemplate("Interactive", kind, config, (_INSTRUCTION, *keys))


STAGE_TEMPLATES = (
	StageTemplate(
		"Video",
		None,
		{"url": "", "duration_seconds": 60, "captions": [{"start": 0, "end": 60, "text": ""}]},
		(
			("url", "Address of the video."),
			("duration_seconds", "Its length in seconds."),
			("captions", "What is shown below it, each from its start to its end (seconds)."),
		),
	),
	StageTemplate("Text", None, {"markdown": ""}, (("markdown", "The text, in Markdown."),)),
	StageTemplate(
		"Quiz",
		None,
		{
			"pass_score": 1,
			"questions": [{"prompt": "", "options": ["", ""], "correct": 0, "explanation": ""}],
		},
		(
			("pass_score", "Right answers that are needed to pass."),
			("questions", "Each with prompt, options, correct (which option, from 0) and explanation."),
		),
	),
	_question(
		"single_choice",
		{"options": ["", ""], "correct": 0},
		_OPTIONS,
		("correct", "Which option is right, counted from 0."),
	),
	_question("true_false", {"correct": True}, ("correct", "true or false.")),
	_question("numeric", {"correct": 0}, ("correct", "The number that is right.")),
	_question("text", {"accepted": [""]}, ("accepted", "Every answer that counts as right.")),
	_interactive("match_pairs", {"pairs": [["", ""], ["", ""]]}, ("data.pairs", "Pairs of left and right.")),
	_interactive("put_in_order", {"items": ["", ""]}, ("data.items", "The items in their right order.")),
	_interactive(
		"sort_into_groups",
		{"groups": [{"name": "", "members": [""]}, {"name": "", "members": [""]}]},
		("data.groups", "Each with its name and its members."),
	),
	_interactive(
		"fill_the_gaps",
		{"text": "{}", "answers": [""]},
		("data.text", "The text, with {} for each gap."),
		("data.answers", "What belongs into the gaps, in order."),
	),
	_interactive(
		"number_line",
		{"from": 0, "to": 10, "step": 1, "correct": 5},
		("data.from, data.to, data.step", "Where the line begins and ends, and how far its marks are apart."),
		("data.correct", "The number that is right."),
	),
)
