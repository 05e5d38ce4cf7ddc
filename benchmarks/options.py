"""The command line of benchmarks/run. Pure."""

from __future__ import annotations

import argparse

SECTIONS = ("requests", "service_calls", "batches", "export", "scale", "peers")


def parse(arguments: list[str]) -> argparse.Namespace:
	"""sections: names, all of them where none is given; quick, write: bool; ledger_rows: int."""
	parser = argparse.ArgumentParser(
		prog="benchmarks/run", description="Measure Memora beside what it is compared with, in one table."
	)
	parser.add_argument(
		"sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all without one"
	)
	parser.add_argument(
		"--quick", action="store_true", help="small and few: shows that everything runs, not how fast"
	)
	parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
	parser.add_argument(
		"--scale",
		type=int,
		default=0,
		metavar="ROWS",
		dest="ledger_rows",
		help="first fill the ledger up to so many rows, such as 10000000",
	)
	options = parser.parse_args(arguments)
	unknown = [name for name in options.sections if name not in SECTIONS]
	if unknown:
		parser.error(f"no such section: {', '.join(unknown)}")
	options.sections = options.sections or list(SECTIONS)
	return options
