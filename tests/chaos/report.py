"""What each disturbance did to the calls that were under way: the table of docs/reliability.md."""

from collections import Counter
from dataclasses import dataclass, field

HEADINGS = (
	"Disturbance",
	"Calls",
	"Awards acknowledged",
	"Refused or unanswered",
	"Kills",
	"Recovery, s",
	"Files read",
)


@dataclass
class Line:
	"""recoveries: seconds from each kill until its successor answered."""

	what: str
	answers: Counter = field(default_factory=Counter)
	acknowledged: int = 0
	kills: int = 0
	recoveries: list[float] = field(default_factory=list)
	files_read: int = 0

	def cells(self) -> tuple[str, ...]:
		refused = ", ".join(
			f"{count} x {answer}" for answer, count in self.answers.most_common() if answer != "200"
		)
		slowest = f"{max(self.recoveries):.1f}" if self.recoveries else ""
		counts = (
			sum(self.answers.values()),
			self.acknowledged,
			refused,
			self.kills,
			slowest,
			self.files_read,
		)
		return self.what, *(str(count or "") for count in counts)


lines: list[Line] = []


def line(what: str) -> Line:
	"""A new line of the table, to be filled in while the disturbance goes on."""
	lines.append(Line(what))
	return lines[-1]


def as_markdown() -> list[str]:
	rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(line.cells() for line in lines)]
	return ["| " + " | ".join(row) + " |" for row in rows]
