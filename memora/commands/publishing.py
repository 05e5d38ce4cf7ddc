"""`bench --site SITE memora publish`."""

import sys

import click

import frappe
from frappe.commands import get_site, pass_context


@click.command("publish")
@click.argument("plans", nargs=-1, metavar="[PLAN]...")
@click.option("--all", "all_plans", is_flag=True, help="Every published plan.")
@pass_context
def publish(context, plans: tuple[str, ...], all_plans: bool):
	"""Publish plans: build, validate and write their files, and upload them when the CDN is enabled."""
	from memora.services.cdn_export import content_repository

	if bool(plans) == all_plans:
		raise click.UsageError("Name the plans to publish, or give --all.")
	frappe.init(site=get_site(context))
	frappe.connect()
	try:
		failed = [plan for plan in plans or content_repository.published_plan_ids() if not _publish(plan)]
	finally:
		frappe.destroy()
	sys.exit(1 if failed else 0)


def _publish(plan_id: str) -> bool:
	from memora.services.cdn_export import batch_processor
	from memora.services.cdn_export.errors import PublishError

	if not batch_processor.is_known_plan(plan_id):
		click.secho(f"{plan_id}: there is no such plan, and none was published.", fg="red", err=True)
		return False
	try:
		summary = batch_processor.publish_plan(plan_id, "bench publish")
	except (PublishError, OSError) as error:
		click.secho(f"{plan_id}: {error}", fg="red", err=True)
		return False
	else:
		click.echo(_line(summary))
		return True
	finally:
		frappe.db.commit()  # the log row of each plan stays, whatever happens to the next one


def _line(summary: dict) -> str:
	verified = {True: ", read back", False: ", not read back", None: ""}[summary["verified"]]
	return (
		f"{summary['plan_id']}: {summary['status']}, {summary['files']} files, {summary['written']} written, "
		f"{summary['uploaded']} uploaded{verified}, {summary['deleted']} deleted, {summary['seconds']} s"
	)
