"""The jobs that changes of content start by themselves.

Tests hold them back: a worker of the bench would publish a test's plans while the test looks at them. What is queued
stays queued until the test processes it.
"""

import contextlib

from memora.services.cdn_export import publish_queue

_start_job = publish_queue.start_job
_asked_for = []


def hold_back() -> None:
	publish_queue.start_job = lambda: _asked_for.append("job")


@contextlib.contextmanager
def counted():
	"""The list that gets one entry for each job that something asks for inside the block."""
	_asked_for.clear()
	yield _asked_for


@contextlib.contextmanager
def started_for_real():
	publish_queue.start_job = _start_job
	try:
		yield
	finally:
		hold_back()
