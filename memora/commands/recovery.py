"""`bench --site SITE memora rebuild` and `bench --site SITE memora reconcile`."""

import contextlib
import json
import sys
from collections.abc import Iterator

import click

import frappe
from frappe.commands import pass_context
from memora.commands.site import connected


@click.command("rebuild")
@click.argument("user", required=False)
@click.option("--from-ledger", is_flag=True, help="Take nothing from the rows, read the whole ledger.")
@click.option(
	"--after", default="", metavar="USER", help="Go on after this user, where a run was interrupted."
)
@pass_context
def rebuild(context, user: str | None, from_ledger: bool, after: str):
	"""Write the wallet and progress rows of USER, or of all players, anew, and drop their copies in Redis."""
	from memora.services import rebuild as service

	with connected(context):
		if user:
			players = service.rebuild_players([user], from_ledger)
		else:
			players = 0
			with _progress("Rebuilding", service.count_players(after)) as bar, _resumable(after) as place:
				for place.user, count in service.rebuild_all(from_ledger, after):
					players += count
					bar.update(count)
	if user and not players:
		_refuse(f"{user} is no player.")
	click.echo(f"Rebuilt {players} {'player' if players == 1 else 'players'}.")


@click.command("reconcile")
@click.argument("user", required=False)
@click.option("--repair", is_flag=True, help="Put right what can be proven.")
@click.option(
	"--after", default="", metavar="USER", help="Go on after this user, where a run was interrupted."
)
@pass_context
def reconcile(context, user: str | None, repair: bool, after: str):
	"""Compare USER, or all players, with the ledger: rows, copies in Redis, and the ledger with itself.

	Ends with 1 when something was found and not repaired.
	"""
	from memora.services import rebuild as service
	from memora.services import reconciliation

	findings = []
	with connected(context):
		if user:
			if not frappe.db.exists("Memora Player Profile", {"user": user}):
				_refuse(f"{user} is no player.")
			findings = reconciliation.reconcile_player(user, repair)
		else:
			with _progress("Comparing", service.count_players(after)) as bar, _resumable(after) as place:
				for chunk in reconciliation.reconcile_all(repair, after):
					place.user = chunk.last_user
					findings += chunk.findings
					bar.update(chunk.players)
	for line in _table(findings):
		click.echo(line)
	sys.exit(0 if all(finding["repaired"] for finding in findings) else 1)


def _progress(label: str, length: int):
	"""A bar in a terminal, its label alone elsewhere."""
	return click.progressbar(length=length, label=label, file=sys.stderr)


class _Place:
	def __init__(self, user: str):
		self.user = user


@contextlib.contextmanager
def _resumable(after: str) -> Iterator[_Place]:
	"""Say where to go on when the run is interrupted; whole chunks are done."""
	place = _Place(after)
	try:
		yield place
	except BaseException:
		if place.user:
			click.secho(f"\nInterrupted. Go on with --after {place.user}", fg="red", err=True)
		raise


def _refuse(message: str) -> None:
	click.secho(message, fg="red", err=True)
	sys.exit(1)


def _table(findings: list[dict]) -> Iterator[str]:
	if not findings:
		yield "Nothing differs from the ledger."
		return
	rows = [("PLAYER", "WHAT", "WHERE", "FOUND", "EXPECTED", "REPAIRED"), *map(_cells, findings)]
	widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
	for row in rows:
		yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
	repaired = sum(finding["repaired"] for finding in findings)
	yield f"{len(findings)} found, {repaired} repaired."


def _cells(finding: dict) -> tuple[str, ...]:
	place = finding["subject"] or (f"row {finding['seq']}" if finding["seq"] else "")
	return (
		finding["player"],
		finding["kind"],
		place,
		_text(finding["found"]),
		_text(finding["expected"]),
		"yes" if finding["repaired"] else "no",
	)


def _text(value) -> str:
	return "-" if value is None else json.dumps(value, ensure_ascii=False)
