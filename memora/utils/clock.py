"""The one place that asks what time it is.

Days are UTC days and times in replies are UTC ISO 8601 seconds without a zone; Datetime columns hold Frappe's
site time. Tests, and the demo's past, stop the clock with `freeze`; tests move that of other processes through
`failpoints`.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone

_frozen_at: contextvars.ContextVar[datetime | None] = contextvars.ContextVar("memora_frozen_at", default=None)
_moved_by: contextvars.ContextVar[timedelta] = contextvars.ContextVar("memora_moved_by", default=timedelta(0))


def utc_now() -> datetime:
	"""The current UTC time, naive, in whole seconds."""
	return (
		_frozen_at.get() or datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0) + _moved_by.get()
	)


def utc_today() -> date:
	return utc_now().date()


def unix_seconds() -> int:
	return int(utc_now().replace(tzinfo=timezone.utc).timestamp())


def iso(moment: datetime | None) -> str | None:
	"""`YYYY-MM-DDTHH:MM:SS`, or None for nothing yet."""
	return moment.replace(microsecond=0).isoformat() if moment else None


def to_site_time(moment: datetime | None) -> datetime | None:
	"""A naive UTC time as the naive site time that Datetime columns hold."""
	if moment is None:
		return None
	return moment.replace(tzinfo=timezone.utc).astimezone(_site_zone()).replace(tzinfo=None)


def from_site_time(moment: datetime | None) -> datetime | None:
	"""The naive UTC time of a Datetime column's value."""
	if moment is None:
		return None
	return moment.replace(tzinfo=_site_zone()).astimezone(timezone.utc).replace(tzinfo=None)


def _site_zone():
	from zoneinfo import ZoneInfo

	from memora.utils import compat

	return ZoneInfo(compat.site_time_zone())


@contextlib.contextmanager
def freeze(moment: datetime) -> Iterator[None]:
	"""Stop the clock at a naive UTC time for the current context. For tests and the demo."""
	token = _frozen_at.set(moment)
	try:
		yield
	finally:
		_frozen_at.reset(token)


def move(seconds: int) -> None:
	"""Let the rest of the current context see the time as so many seconds later. For tests."""
	_moved_by.set(timedelta(seconds=seconds))
