"""A worker that imports a file and is killed on its way: `python -m tests.site.dying_import RUN MOMENT`.

MOMENT: "first save", "last save", "before commit", "after commit", or "never". One that is never killed waits a moment
before its commit, so that a second one meets it.
"""

import os
import signal
import sys
import time

import frappe
from memora.services.content_sheet import importer, runs

MOMENTS = ("first save", "last save", "before commit", "after commit")
PAUSE_SECONDS = 1


def die() -> None:
	os.kill(os.getpid(), signal.SIGKILL)


def die_at(moment: str) -> None:
	save, commit = importer._Saver._save, frappe.db.commit
	saved = []

	def dying_save(saver, step):
		name = save(saver, step)
		saved.append(name)
		if moment == "first save" or (moment == "last save" and len(saved) == saver._total):
			die()
		return name

	def dying_commit():
		if moment == "before commit":
			die()
		time.sleep(PAUSE_SECONDS if moment == "never" else 0)
		commit()
		if moment == "after commit":
			die()

	importer._Saver._save = dying_save
	frappe.db.commit = dying_commit


def main(run_id: str, moment: str) -> None:
	frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=os.environ["MEMORA_SITES_PATH"])
	frappe.connect()
	die_at(moment)
	runs.execute(run_id)


if __name__ == "__main__":
	main(*sys.argv[1:])
