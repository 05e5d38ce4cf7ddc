"""An import in the background, and how far it is.

The file and the state are in Redis for an hour, and nothing depends on them: what an import did is in the database,
whole or not at all, and a check of the same file tells which. While it runs, the worker holds a named lock of the
database, so that a run whose worker was killed is seen to have ended. There is no telling whether it was killed before
or after its commit, so the state says to check the file again.
"""

import base64
import contextlib
import json
import time
import uuid
from typing import Any

import frappe
from frappe import _
from memora.exceptions import MemoraError, StoreUnavailable
from memora.services.content_sheet import importer
from memora.utils import named_locks, redis_store
from memora.utils.redis_keys import get_content_import_key, get_content_upload_key

QUEUED, RUNNING, DONE, FAILED, LOST = "queued", "running", "done", "failed", "lost"
KEPT_SECONDS = 3600
TELL_EVERY_SECONDS = 1
ERROR_TITLE = "Content Import Error"


def start(file_name: str, content: bytes, is_check: bool) -> str:
	"""Have a worker import a file, or check it, in the name of the user. Returns the run's id.

	Raises:
		StoreUnavailable: no job can be started.
	"""
	run_id = str(uuid.uuid4())
	redis_store.set(get_content_upload_key(run_id), base64.b64encode(content).decode(), KEPT_SECONDS)
	_show(run_id, user=frappe.session.user, file_name=file_name, is_check=is_check, state=QUEUED)
	redis_store.enqueue(f"{__name__}.{execute.__name__}", queue="long", run_id=run_id)
	return run_id


def status(run_id: str) -> dict[str, Any]:
	"""{"state": "queued" | "running" | "done" | "failed" | "lost", "is_check", "file_name", "done", "total",
	"report": see `importer.Report.to_dict`, once it is done, "message": once it has failed}

	Raises:
		frappe.DoesNotExistError: no such run of this user is known (any more).
		StoreUnavailable: nothing is known at the moment.
	"""
	shown = _read(run_id)
	if _is_lost(run_id, shown):
		shown = _read(run_id)  # it may have ended just now
		if shown["state"] in (QUEUED, RUNNING):
			message = _(
				"The worker was stopped. Check the file again: what was imported is shown as unchanged."
			)
			shown = {**shown, "state": LOST, "message": message}
	return {name: value for name, value in shown.items() if name != "user"}


def _is_lost(run_id: str, shown: dict[str, Any]) -> bool:
	"""Whether no worker will go on with it: its file is taken, and nobody holds its lock."""
	if shown["state"] not in (QUEUED, RUNNING) or redis_store.exists(get_content_upload_key(run_id)):
		return False
	return not named_locks.is_held(run_id)


def _read(run_id: str) -> dict[str, Any]:
	told = redis_store.get(get_content_import_key(run_id))
	shown = json.loads(told) if told else {}
	if shown.get("user") != frappe.session.user:
		frappe.throw(_("Nothing is known of this import any more."), frappe.DoesNotExistError)
	return shown


def execute(run_id: str) -> None:
	"""The job. Its file is taken from Redis, so that a job that is run twice does nothing the second time."""
	with named_locks.held(run_id):
		upload = redis_store.get(get_content_upload_key(run_id))
		told = redis_store.get(get_content_import_key(run_id))
		if upload is None or told is None or not redis_store.delete(get_content_upload_key(run_id)):
			return
		run = _Run(run_id, json.loads(told))
		run.tell(0, 0)
		run.end(**_outcome(run, base64.b64decode(upload)))


class _Run:
	def __init__(self, run_id: str, shown: dict[str, Any]):
		self._run_id = run_id
		self._told_at = 0.0
		self.shown = shown

	def tell(self, done: int, total: int) -> None:
		"""Cheap: call it often."""
		if not done or time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
			self._told_at = time.monotonic()
			self.end(state=RUNNING, done=done, total=total)

	def end(self, **news: Any) -> None:
		self.shown.update(news)
		# What was done is done, whether somebody can be told or not.
		with contextlib.suppress(StoreUnavailable):
			_show(self._run_id, **self.shown)


def _show(run_id: str, **shown: Any) -> None:
	redis_store.set(get_content_import_key(run_id), json.dumps(shown), KEPT_SECONDS)


def _outcome(run: _Run, content: bytes) -> dict[str, Any]:
	try:
		report = importer.import_sheet(run.shown["file_name"], content, run.shown["is_check"], run.tell)
		return {"state": DONE, "report": report.to_dict()}
	except MemoraError as error:
		return {"state": FAILED, "message": str(error)}
	except Exception:
		# The job's outer loop: whoever waits is told, and the log has the rest.
		frappe.db.rollback()
		frappe.log_error(title=ERROR_TITLE)
		return {
			"state": FAILED,
			"message": _("The import failed and changed nothing. The Error Log says why."),
		}
