"""The one error of the bench: a line that says what happened and what to do."""


class BenchError(Exception):
	"""Shown to the developer as it is, without a traceback."""


def last_lines(text: str, count: int = 12) -> str:
	"""Return the end of a log, indented, to be shown below an error."""
	lines = [line for line in text.rstrip().splitlines() if line.strip()][-count:]
	return "\n".join(f"    {line}" for line in lines)
