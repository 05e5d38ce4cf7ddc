"""The pure parts of benchmarks/: judging lines, the table, the load model, the command line, prepared requests."""

import pytest

from benchmarks import load, load_model, options, report
from benchmarks.report import Line, Section, at_least, at_most


def test_each_round_is_compared_with_its_own_floor():
	# A machine that was busy in the second round says nothing about the ratio.
	line = Line("call", [2, 20, 2.2], "ms", "floor", [1, 10, 1])
	assert report.ratio(line) == 2


def test_medians_are_compared_where_the_rounds_are_not_the_same():
	assert report.ratio(Line("call", [1, 2, 3], "ms", "floor", [4])) == 0.5


@pytest.mark.parametrize(
	("target", "met"),
	[
		(at_most(1.5), True),
		(at_most(1.4), False),
		(at_least(1.5), True),
		(at_least(1.6), False),
		(at_most(15, of_value=True), True),
		(at_most(14, of_value=True), False),
		(None, None),
	],
)
def test_a_target_limits_the_ratio_or_the_value(target, met):
	assert report.is_met(Line("call", [15], "ms", "floor", [10], target)) is met


def test_what_is_not_there_is_not_met_and_says_why():
	line = Line("304", (), "", target=at_most(1), not_met="there is no ETag yet")
	assert report.is_met(line) is False
	assert report.cells(line)[-1] == "**no**: there is no ETag yet"


@pytest.mark.parametrize(
	("value", "text"),
	[(0, "0"), (0.01234, "0.0123"), (0.5, "0.5"), (1.256, "1.26"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_a_number_has_three_digits_that_count(value, text):
	assert report.number(value) == text


def test_several_rounds_show_their_quartiles():
	assert report.spread([1, 2, 3, 4, 5], "ms") == "3 (2 to 4) ms"
	assert report.spread([3], "ms") == "3 ms"


def test_the_table_goes_between_the_marks_of_the_page_and_replaces_the_last_one():
	page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
	once = report.replaced(page, "new")
	assert once == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
	assert report.replaced(once, "new") == once


def test_a_page_without_marks_is_refused():
	with pytest.raises(ValueError, match="the page lacks"):
		report.replaced("nothing", "new")


def test_a_bar_in_a_name_breaks_no_row():
	text = report.markdown([Section("A", [Line("a|b", [1], "s")])], [("Date", "today")])
	assert text.splitlines()[-1] == "| a¦b | 1 s |  |  |  |  |"


def test_the_summary_counts_lines_with_a_target_only():
	lines = [
		Line("a", [1], "s", target=at_most(2, of_value=True)),
		Line("b", [3], "s", target=at_most(2, of_value=True)),
		Line("c", [1], "s"),
	]
	assert report.summary([Section("A", lines)]) == "1 of 2 targets met"


def test_the_load_model_is_the_same_read_forwards_and_backwards():
	sent = load_model.requests_a_second(load_model.CONCURRENT_STUDENTS)
	assert load_model.students_for(sent) == pytest.approx(load_model.CONCURRENT_STUDENTS)
	assert sum(load_model.shares().values()) == pytest.approx(1)


def test_all_sections_run_where_none_is_named():
	assert options.parse([]).sections == list(options.SECTIONS)
	assert options.parse(["export", "--quick"]).sections == ["export"]


def test_an_unknown_section_is_refused_by_name(capsys):
	with pytest.raises(SystemExit):
		options.parse(["exports"])
	assert "no such section: exports" in capsys.readouterr().err


def test_a_prepared_request_is_what_goes_over_the_wire():
	request = load.raw_request("POST", "/api/x", "site.localhost", {"X-Device-ID": "7"}, {"hearts": 4})
	head, body = request.split(b"\r\n\r\n")
	assert head.split(b"\r\n") == [
		b"POST /api/x HTTP/1.1",
		b"Host: site.localhost",
		b"Accept: application/json",
		b"X-Device-ID: 7",
		b"Content-Type: application/json",
		b"Content-Length: 13",
	]
	assert body == b'{"hearts": 4}'


@pytest.mark.parametrize(
	("told", "prepared", "message"),
	[
		(
			{"refused": 1, "broken": 0, "requests": 9, "sent": 9, "refusal": "429 too many"},
			None,
			"429 too many",
		),
		({"refused": 0, "broken": 2, "requests": 9, "sent": 9, "refusal": ""}, None, "2 connections broke"),
		({"refused": 0, "broken": 0, "requests": 0, "sent": 0, "refusal": ""}, None, "of 0 answers"),
		({"refused": 0, "broken": 0, "requests": 9, "sent": 9, "refusal": ""}, 8, "only 8 were prepared"),
	],
)
def test_a_round_that_was_refused_or_ran_out_measures_nothing(told, prepared, message):
	with pytest.raises(load.Refused, match=message):
		load.require_answered(told, prepared)
