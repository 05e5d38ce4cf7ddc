"""`bench --site SITE memora publish` and `health`."""

import sys
from collections.abc import Sequence

import click

import frappe
from frappe.commands import pass_context
from memora.commands.site import connected

WITHOUT_END = float("inf")  # an operator waits, and ends it when he likes


@click.command("publish")
@click.argument("plans", nargs=-1, metavar="[PLAN]...")
@click.option("--all", "all_plans", is_flag=True, help="Every published plan.")
@pass_context
def publish(context, plans: tuple[str, ...], all_plans: bool):
	"""Publish plans: build, validate and write their files, and upload them when the CDN is enabled.

	Ends with 1 when a plan could not be published.
	"""
	from memora.services.cdn_export import content_repository

	if bool(plans) == all_plans:
		raise click.UsageError("Name the plans to publish, or give --all.")
	with connected(context):
		done = _publish_each(plans or content_repository.published_plan_ids())
	sys.exit(0 if done else 1)


def _publish_each(plans: Sequence[str]) -> bool:
	"""Whether all went well. On a terminal a bar first and the lines after it; elsewhere each line at once."""
	if not sys.stdout.isatty():
		done = [_tell(*_publish(plan_id)) for plan_id in plans]
		return all(done)
	with click.progressbar(plans, label="Publishing", item_show_func=lambda plan_id: plan_id) as bar:
		outcomes = [_publish(plan_id) for plan_id in bar]
	done = [_tell(*outcome) for outcome in outcomes]
	return all(done)


def _tell(is_done: bool, line: str) -> bool:
	click.secho(line, fg=None if is_done else "red", err=not is_done)
	return is_done


def _publish(plan_id: str) -> tuple[bool, str]:
	"""Whether it went well, and a line about it."""
	from memora.services.cdn_export import batch_processor

	if not batch_processor.is_known_plan(plan_id):
		return False, f"{plan_id}: there is no such plan, and none was published."
	try:
		return True, _line(batch_processor.publish_plan(plan_id, "bench publish"))
	except Exception as error:
		# The command's outer loop: one plan's failure, whatever it is, must not stop the others.
		return False, f"{plan_id}: {error}"
	finally:
		frappe.db.commit()  # the log row of each plan stays, whatever happens to the next one


def _line(summary: dict) -> str:
	verified = {True: ", read back", False: ", not read back", None: ""}[summary["verified"]]
	return (
		f"{summary['plan_id']}: {summary['status']}, {summary['files']} files, {summary['written']} written, "
		f"{summary['uploaded']} uploaded{verified}, {summary['deleted']} deleted, {summary['seconds']} s"
	)


@click.command("health")
@click.option(
	"--scan", is_flag=True, help="Compare every plan's content, local files and files on the CDN too."
)
@click.option("--repair", is_flag=True, help="Have plans that differ published anew. With --scan.")
@pass_context
def health(context, scan: bool, repair: bool):
	"""Check publishing now, and tell what is wrong. Ends with 1 when something is."""
	from memora.services.cdn_export import health_checker

	if repair and not scan:
		raise click.UsageError("--repair goes with --scan.")
	with connected(context):
		health_checker.hourly_health_check()
		frappe.db.commit()  # what was found is told, whatever becomes of the scan
		if scan:
			click.echo(_scan_line(health_checker.daily_full_scan(repair, WITHOUT_END)))
			frappe.db.commit()
		known = health_checker.get_findings()["findings"]
	for found in known:
		place = f" {found['plan_id']}" if found["plan_id"] else ""
		click.secho(f"{found['problem']}{place}, since {found['since']} UTC: {found['detail']}", fg="red")
	if not known:
		click.echo("Nothing is wrong.")
	sys.exit(1 if known else 0)


def _scan_line(report: dict) -> str:
	return (
		f"{report['scanned']} of {report['plans']} plans scanned, {report['skipped']} are about to change or failed, "
		f"{len(report['repaired'])} queued to be repaired, {report['seconds']} s"
	)
