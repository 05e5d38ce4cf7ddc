"""benchmarks/run outside the bench's environment: bring the bench up with a site of its own, then measure there.

Standard library only. Servers that nobody else uses end with the run, as with ./dev/test.
"""

from __future__ import annotations

import os
import subprocess
import sys

from devbench import layout, system_packages, testing
from devbench.errors import BenchError

from benchmarks import options

SITE = "bench.memora.localhost"


def main(arguments: list[str]) -> int:
	"""Run it; return the exit code."""
	options.parse(arguments)  # a wrong name is told before anything starts
	bench = layout.locate(dict(os.environ))

	def prepare(chosen: dict[str, int]) -> dict[str, str]:
		generator = system_packages.ensure_load_generator(bench)
		return {**testing.test_environment(bench, chosen, SITE), "MEMORA_WRK": generator}

	try:
		with testing.serving(bench, SITE, prepare) as env:
			argv = [str(bench.python), "-m", "benchmarks.measure", *arguments]
			return subprocess.run(argv, cwd=bench.checkout, env=env, check=False).returncode
	except BenchError as error:
		sys.stderr.write(f"benchmarks/run: {error}\n")
		return 1
	except KeyboardInterrupt:
		sys.stderr.write("benchmarks/run: interrupted\n")
		return 130
