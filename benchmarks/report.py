"""Lines of the table: what was measured, beside what, and whether the target was met. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median, quantiles
from typing import NamedTuple

BEGIN, END = "<!-- table of benchmarks/run -->", "<!-- end of the table -->"
HEADINGS = ("Line", "Value", "Beside", "Ratio", "Target", "Met")


class Target(NamedTuple):
	"""A limit of the ratio or, with `of_value`, of the value itself."""

	limit: float
	at_least: bool = False
	of_value: bool = False

	def is_met(self, figure: float) -> bool:
		return figure >= self.limit if self.at_least else figure <= self.limit

	def text(self, unit: str) -> str:
		sign = "≥" if self.at_least else "≤"
		return f"{sign} {number(self.limit)} {unit if self.of_value else 'x'}".rstrip()


def at_most(limit: float, of_value: bool = False) -> Target:
	return Target(limit, False, of_value)


def at_least(limit: float, of_value: bool = False) -> Target:
	return Target(limit, True, of_value)


class Line(NamedTuple):
	"""One line.

	samples: the rounds' values in `unit`. beside: what it is compared with, and that one's values; where there are as
	many of them, each round is compared with its own.
	not_met: why the target is missed whatever was measured, such as a part that is not there yet.
	"""

	name: str
	samples: Sequence[float]
	unit: str
	beside: str = ""
	beside_samples: Sequence[float] = ()
	target: Target | None = None
	note: str = ""
	not_met: str = ""


class Section(NamedTuple):
	title: str
	lines: Sequence[Line]


def ratio(line: Line) -> float | None:
	if not line.beside_samples or not line.samples:
		return None
	if len(line.samples) == len(line.beside_samples):
		return median(value / floor for value, floor in zip(line.samples, line.beside_samples, strict=True))
	return median(line.samples) / median(line.beside_samples)


def is_met(line: Line) -> bool | None:
	"""None for a line without a target."""
	if line.target is None:
		return None
	figure = (median(line.samples) if line.samples else None) if line.target.of_value else ratio(line)
	return not line.not_met and figure is not None and line.target.is_met(figure)


def number(value: float) -> str:
	"""Three digits that count: 1,234 for many, 0.0123 for little."""
	if value == 0:
		return "0"
	if abs(value) >= 100:
		return f"{value:,.0f}"
	decimals = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3 if abs(value) >= 0.1 else 4
	return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def spread(samples: Sequence[float], unit: str = "") -> str:
	"""The median, and the quartiles where there are several values: "12.3 (11.9 to 12.8) ms"."""
	if not samples:
		return ""
	text = number(median(samples))
	if len(samples) > 1:
		low, _, high = quantiles(samples, n=4, method="inclusive")
		text += f" ({number(low)} to {number(high)})"
	return f"{text} {unit}".rstrip()


def cells(line: Line) -> tuple[str, ...]:
	"""As HEADINGS."""
	figure, met = ratio(line), is_met(line)
	return (
		f"{line.name}{f'; {line.note}' if line.note else ''}",
		spread(line.samples, line.unit),
		f"{line.beside} {spread(line.beside_samples, line.unit)}".strip(),
		"" if figure is None else f"{number(figure)} x",
		line.target.text(line.unit) if line.target else "",
		("" if met is None else "yes" if met else f"**no**{f': {line.not_met}' if line.not_met else ''}"),
	)


def markdown(sections: Iterable[Section], facts: Sequence[tuple[str, str]]) -> str:
	"""The whole report: what it ran on, and a table for each section."""
	parts = ["\n".join(f"- {name}: {value}" for name, value in facts)]
	for section in sections:
		rows = [HEADINGS, tuple("---" for _ in HEADINGS), *map(cells, section.lines)]
		table = "\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |" for row in rows)
		parts.append(f"### {section.title}\n\n{table}")
	return "\n\n".join(parts)


def summary(sections: Iterable[Section]) -> str:
	verdicts = [is_met(line) for section in sections for line in section.lines]
	judged = [verdict for verdict in verdicts if verdict is not None]
	return f"{sum(judged)} of {len(judged)} targets met"


def replaced(page: str, report: str) -> str:
	"""The page with this report between its marks.

	Raises:
		ValueError: the page has no such marks.
	"""
	before, begin, rest = page.partition(BEGIN)
	_, end, after = rest.partition(END)
	if not (begin and end):
		raise ValueError(f"the page lacks {BEGIN} or {END}")
	return f"{before}{BEGIN}\n\n{report}\n\n{END}{after}"
