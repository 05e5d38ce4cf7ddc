"""A worker that is killed at one step of publishing: `python -m tests.site.cdn_export.dying_publish STEP before|after`."""

import os
import signal
import sys

import frappe
from memora.services.cdn_export import (
	batch_processor,
	build_lock,
	content_repository,
	local_publisher,
	local_storage,
	plan_publisher,
	publish_queue,
	sync_log,
)

STEPS = {
	"lease": (publish_queue, "lease"),
	"lock": (build_lock.BuildLock, "acquire"),
	"claim": (sync_log, "claim"),
	"read": (content_repository, "load_plan"),
	"build": (plan_publisher, "build"),
	"write": (local_storage, "write_files"),
	"publish": (local_publisher, "publish"),
	"close": (sync_log, "close_with_success"),
	"unlock": (build_lock.BuildLock, "release"),
	"release": (publish_queue, "release"),
}
MOMENTS = [(step, moment) for step in STEPS for moment in ("before", "after")]


def die_at(step: str, moment: str) -> None:
	owner, name = STEPS[step]
	original = getattr(owner, name)

	def wrapped(*args, **kwargs):
		if moment == "before":
			os.kill(os.getpid(), signal.SIGKILL)
		result = original(*args, **kwargs)
		os.kill(os.getpid(), signal.SIGKILL)
		return result

	setattr(owner, name, wrapped)


def main(step: str, moment: str) -> None:
	frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=os.environ["MEMORA_SITES_PATH"])
	frappe.connect()
	die_at(step, moment)
	batch_processor.process_queue()


if __name__ == "__main__":
	main(*sys.argv[1:])
