"""Static analysis in an environment of its own: semgrep's requirements would fight Frappe's."""

from __future__ import annotations

import sys
from pathlib import Path

from devbench import commands, progress, python_env
from devbench.layout import Bench


def programs(bench: Bench) -> Path:
	"""Return the folder with bandit and semgrep, installing them the first time (400 MB).

	Raises:
		BenchError: the registry does not answer.
	"""
	listed = bench.checkout / "dev" / "requirements-lint.txt"
	env = bench.home / "lint-env"

	def work():
		commands.run(
			[sys.executable, "-m", "venv", "--clear", str(env)], bench.logs / "venv-lint.log", "venv failed."
		)
		commands.run(
			[str(env / "bin" / "python"), "-m", "pip", "install", "--requirement", str(listed)],
			bench.logs / "pip-lint.log",
			python_env.REGISTRY_ADVICE.format("the programs of the static analysis"),
		)

	progress.once(bench, "lint-env", progress.files_fingerprint([listed]), "Static analysis", work)
	return env / "bin"
