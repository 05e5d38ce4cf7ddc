"""Runs inside the bench's environment: what a new site needs before anybody opens it.

python -m devbench.site_setup SITE        (in the folder `sites`)
"""

import sys

import boto3

import frappe
from frappe.utils import get_system_timezone
from frappe.utils.scheduler import toggle_scheduler


def set_up(site: str) -> None:
	frappe.init(site=site)
	frappe.connect()
	finish_setup_wizard()
	toggle_scheduler(not frappe.conf.pause_scheduler)
	frappe.db.commit()  # the end of this program's only transaction
	frappe.clear_cache()
	make_bucket(frappe.conf.memora_dev_s3)
	frappe.destroy()


def finish_setup_wizard() -> None:
	"""Leave out the wizard that a new site opens with, but answer what System Settings cannot be saved without."""
	for field, answer in (("language", "en"), ("time_zone", get_system_timezone()), ("setup_complete", 1)):
		if not frappe.db.get_single_value("System Settings", field):
			frappe.db.set_single_value("System Settings", field, answer)
	frappe.db.set_default("desktop:home_page", "workspace")


def make_bucket(settings: dict) -> None:
	client = boto3.client(
		"s3",
		endpoint_url=settings["endpoint_url"],
		aws_access_key_id=settings["access_key"],
		aws_secret_access_key=settings["secret_key"],
		region_name="us-east-1",
	)
	existing = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
	if settings["bucket_name"] not in existing:
		client.create_bucket(Bucket=settings["bucket_name"])


if __name__ == "__main__":
	set_up(sys.argv[1])
