"""`bench --site SITE memora inspect`: the truth in MariaDB beside the copy in Redis.

Ends with 1 where the names mean nothing or where truth and copy differ, so that a script can ask.
"""

import sys
from collections.abc import Mapping
from typing import Any

import click

from frappe.commands import pass_context
from memora.commands.site import connected

NAMES = {
	"wallet": ("USER",),
	"progress": ("USER", "SUBJECT"),
	"session": ("USER",),
	"devices": ("USER",),
	"queue": (),
}
NOTHING = "-"
GAP = "  "
VERDICTS = {
	True: "They agree.",
	False: "They differ.",
}
STATES = {
	"not loaded": "Redis has no copy; the next request loads it.",
	"behind": "Redis is rewritten when the next plan is taken.",
	"no answer": "Redis does not answer.",
}


@click.command("inspect")
@click.argument("what", type=click.Choice(list(NAMES)))
@click.argument("names", nargs=-1, metavar="[USER [SUBJECT]]")
@pass_context
def inspect(context, what: str, names: tuple[str, ...]):
	"""What is known of a player, or of the publishing queue: MariaDB beside Redis.

	\b
	inspect wallet USER             XP, streak, place in the ledger
	inspect progress USER SUBJECT   passed lessons, best hearts, XP
	inspect session USER            the live session, the last security events
	inspect devices USER            the authorized devices
	inspect queue                   what waits to be published, and what was given up
	"""
	if len(names) != len(NAMES[what]):
		raise click.UsageError(" ".join(("Give: inspect", what, *NAMES[what])))
	with connected(context):
		sys.exit(_show(what, *names))


def _show(what: str, *names: str) -> int:
	"""Print the answer and return the exit code."""
	from memora.exceptions import InvalidInput
	from memora.utils import diagnostics

	try:
		answer = diagnostics.inspect(what, *names)
	except InvalidInput as error:
		click.secho(str(error), fg="red", err=True)
		return 1
	click.echo("\n".join(lines(answer)))
	return 1 if answer["agrees"] is False else 0


def lines(answer: Mapping[str, Any]) -> list[str]:
	"""The answer as a table for people."""
	copy = answer["copy"] or {}
	table = [("", "MariaDB", "Redis")]
	table += [(name, _text(value), _text(copy.get(name))) for name, value in answer["truth"].items()]
	widths = [max(len(row[column]) for row in table) for column in range(2)]
	rows = [
		GAP.join((name.ljust(widths[0]), truth.ljust(widths[1]), found)).rstrip()
		for name, truth, found in table
	]
	verdict = VERDICTS.get(answer["agrees"]) or STATES[answer["copy_state"]]
	facts = [f"{name}: {_text(value)}" for name, value in answer["facts"].items()]
	return [answer["about"], *rows, verdict, *facts]


def _text(value: Any) -> str:
	if isinstance(value, bool):
		return "yes" if value else "no"
	return NOTHING if value in (None, "") else str(value)
