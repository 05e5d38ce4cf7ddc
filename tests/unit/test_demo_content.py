"""The demo content is what its files' description says: complete, of every kind, and in two languages."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "memora" / "demo_content"
SUBJECTS = [
	json.loads((FOLDER / f"{key}.json").read_text("utf-8")) for key in ("mathematics", "arabic", "science")
]
PLANS = json.loads((FOLDER / "plans.json").read_text("utf-8"))
PEOPLE = json.loads((FOLDER / "people.json").read_text("utf-8"))
CHILDREN = ("tracks", "units", "topics", "lessons")
NUMBER = (int, float)


def nodes(subject, level=None):
	"""The nodes of a subject, or of one level of it, in tree order."""
	found = [("subject", subject)]
	for position, (_, node) in enumerate(found):
		below = [(key, child) for key in CHILDREN for child in node.get(key, ())]
		found[position + 1 : position + 1] = below
	return [node for kind, node in found if level in (None, kind)]


LESSONS = [lesson for subject in SUBJECTS for lesson in nodes(subject, "lessons")]
STAGES = [stage for lesson in LESSONS for stage in lesson["stages"]]


def stages_of(stage_type):
	return [stage["config"] for stage in STAGES if stage["type"] == stage_type]


def is_arabic(text):
	return any("\u0600" <= letter <= "\u06ff" for letter in text)


def test_there_are_about_120_lessons_with_titles_of_their_own():
	assert len(LESSONS) == 120
	for subject in SUBJECTS:
		titles = [lesson["title"] for lesson in nodes(subject, "lessons")]
		assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject["key"])
def test_every_node_has_a_title_and_a_description(subject):
	for node in nodes(subject):
		assert node["title"].strip() == node["title"] != ""
		assert node["description"].strip() == node["description"] != ""


def test_every_lesson_has_two_stages_or_more_each_with_its_time_and_weight():
	for lesson in LESSONS:
		assert len(lesson["stages"]) >= 2
	for stage in STAGES:
		assert stage["target_time"] > 0
		assert stage["weight"] > 0


def test_linear_and_free_parts_stand_at_every_level():
	assert {subject["is_linear"] for subject in SUBJECTS} == {0, 1}
	for level in ("tracks", "units", "topics"):
		assert {node["is_linear"] for subject in SUBJECTS for node in nodes(subject, level)} == {0, 1}


def test_arabic_subjects_are_arabic_and_hold_latin_beside_it():
	arabic = [subject for subject in SUBJECTS if subject["language"] == "ar"]
	assert len(arabic) == 2
	for subject in arabic:
		texts = [node[field] for node in nodes(subject) for field in ("title", "description")]
		assert sum(map(is_arabic, texts)) >= len(texts) - 2
		assert any(
			is_arabic(text) and any(letter.isascii() and letter.isalpha() for letter in text)
			for text in texts
		)


def test_captions_follow_each_other_within_their_video():
	assert stages_of("Video")
	for config in stages_of("Video"):
		ends = [0]
		for caption in config["captions"]:
			assert caption["text"]
			assert caption["start"] == ends[-1] < caption["end"] <= config["duration_seconds"]
			ends.append(caption["end"])


def test_texts_hold_markdown():
	assert all(config["markdown"].strip() for config in stages_of("Text"))
	assert any("**" in config["markdown"] for config in stages_of("Text"))


def test_the_right_answer_of_every_choice_is_among_its_options():
	choices = [question for config in stages_of("Quiz") for question in config["questions"]]
	choices += [config for config in stages_of("Question") if config["kind"] == "single_choice"]
	assert len(choices) > 40
	for choice in choices:
		assert len(set(choice["options"])) == len(choice["options"]) >= 2
		assert 0 <= choice["correct"] < len(choice["options"])
		assert choice["explanation"]


def test_a_quiz_can_be_passed():
	for config in stages_of("Quiz"):
		assert 1 <= config["pass_score"] <= len(config["questions"])


def test_questions_of_every_kind_have_an_answer_of_their_kind():
	answers = {
		"single_choice": lambda config: type(config["correct"]) is int,
		"true_false": lambda config: type(config["correct"]) is bool,
		"numeric": lambda config: type(config["correct"]) in NUMBER,
		"text": lambda config: all(config["accepted"]),
	}
	configs = stages_of("Question")
	assert {config["kind"] for config in configs} == set(answers)
	for config in configs:
		assert answers[config["kind"]](config), config


def test_interactive_stages_of_every_kind_hold_their_data():
	whole = {
		"match_pairs": lambda data: all(len(pair) == 2 and all(pair) for pair in data["pairs"]),
		"put_in_order": lambda data: len(set(data["items"])) == len(data["items"]) >= 3,
		"sort_into_groups": lambda data: all(group["name"] and group["members"] for group in data["groups"]),
		"fill_the_gaps": lambda data: data["text"].count("{}") == len(data["answers"]) >= 1,
		"number_line": lambda data: (
			(data["correct"] - data["from"]) % data["step"] == 0
			and data["from"] <= data["correct"] <= data["to"]
		),
	}
	configs = stages_of("Interactive")
	assert {config["kind"] for config in configs} == set(whole)
	for config in configs:
		assert config["instruction"]
		assert whole[config["kind"]](config["data"]), config


def test_two_plans_of_different_grades_share_one_subject():
	first, second = PLANS["plans"]
	assert first["grade"] != second["grade"]
	assert set(first["subjects"]) & set(second["subjects"]) == {"arabic"}


def test_overrides_of_every_action_name_nodes_of_their_plan():
	keys = {subject["key"]: {node.get("key") for node in nodes(subject)} for subject in SUBJECTS}
	for plan in PLANS["plans"]:
		known = set().union(*(keys[subject] for subject in plan["subjects"]))
		assert {override["target"] for override in plan["overrides"]} <= known
	assert {override["action"] for plan in PLANS["plans"] for override in plan["overrides"]} == {
		"Hide",
		"Set Free",
		"Set Sold Separately",
		"Set Access Level",
		"Set Linear",
	}


def test_each_student_follows_another_plan():
	assert {student["plan"] for student in PEOPLE["students"]} == {plan["key"] for plan in PLANS["plans"]}


def test_classmates_have_names_of_both_languages_and_an_address_of_their_own():
	people = [*PEOPLE["students"], PEOPLE["admin"], *PEOPLE["classmates"]]
	assert len({person["email"] for person in people}) == len({person["key"] for person in people}) == 27
	assert {is_arabic(classmate["display_name"]) for classmate in PEOPLE["classmates"]} == {True, False}
	assert all("password" not in classmate for classmate in PEOPLE["classmates"])


def test_classmates_follow_both_plans_on_none_one_or_two_devices():
	assert {classmate["plan"] for classmate in PEOPLE["classmates"]} == {
		plan["key"] for plan in PLANS["plans"]
	}
	assert {len(classmate["devices"]) for classmate in PEOPLE["classmates"]} == {0, 1, 2}


def test_who_has_a_past_has_a_device_and_played_within_four_weeks():
	for classmate in PEOPLE["classmates"]:
		past = classmate["past"]
		assert bool(past) == bool(classmate["devices"])
		if past:
			assert 27 >= past["first_day"] >= past["last_day"] >= 0
			assert 1 <= past["days_in_ten"] <= 10
			assert past["lessons"] >= 1
