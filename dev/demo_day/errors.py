"""What ends the day early."""

from __future__ import annotations


class DayEnded(Exception):
	"""Base of what is told to the reader in a line instead of a traceback."""


class NotAsDocumented(DayEnded):
	"""An answer differs from what the documentation says."""


class Unreachable(DayEnded):
	def __init__(self, address: str, error: Exception):
		super().__init__(f"no server answers at {address} ({error}). Start one: ./dev/start --detach")
