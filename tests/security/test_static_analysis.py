"""What bandit and the rules of dev/lint find in the code. Each finding that stays has its reason here."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from devbench import layout, lint

pytestmark = pytest.mark.long

ROOT = layout.CHECKOUT
RULES = ROOT / "dev" / "lint" / "semgrep"
# Importing subprocess, and starting a program without a shell: what a bench does, from arguments of its own.
NO_FINDINGS = "B404,B603"
NAMES_OF_OURS = "names of tables and columns, and clauses, are constants of the module; values are parameters"
ACCEPTED = {
	("B105", "dev/devbench/layout.py"): "the development site's password is in the README",
	("B105", "memora/api/login_guard.py"): "the name of a method",
	("B105", "memora/demo.py"): "an empty field",
	("B105", "memora/services/privacy/erasure.py"): "a link that is taken away",
	("B105", "memora/services/stage_templates.py"): "the score that passes a quiz",
	(
		"B108",
		"dev/devbench/mariadb.py",
	): "a socket's path must be short; the folder is checked by MariaDB itself",
	("B108", "dev/devbench/services.py"): "gunicorn makes its own file there",
	("B311", "memora/demo_past.py"): "a demo's play, the same each time",
	("B606", "dev/devbench/cli.py"): "bench becomes Frappe's program",
	("B607", "dev/devbench/system_packages.py"): "whether there is a sudo at all",
	("B608", "dev/devbench/mariadb.py"): "the password is one that the bench made, of letters and digits",
	**{
		("B608", f"memora/{path}.py"): NAMES_OF_OURS
		for path in (
			"services/cdn_export/content_repository",
			"services/cdn_export/dependency_resolver",
			"services/cdn_export/findings",
			"services/cdn_export/sync_log",
			"services/comparison",
			"permissions",
			"services/content_admin",
			"services/content_admin_plans",
			"services/content_deletion",
			"services/content_places",
			"services/content_sheet/subject_reader",
			"services/dashboard",
			"services/gate_copies",
			"services/interaction_log",
			"services/privacy/erasure",
			"services/privacy/traces",
			"services/progress_engine/migration",
			"services/progress_engine/snapshot_syncer",
			"services/rebuild",
			"utils/diagnostics",
		)
	},
}


@pytest.fixture(scope="module")
def programs() -> Path:
	return lint.programs(layout.Bench(ROOT, Path(os.environ["MEMORA_BENCH"])))


def run(*arguments) -> subprocess.CompletedProcess:
	return subprocess.run([*map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300)


def semgrep(programs: Path, *arguments) -> subprocess.CompletedProcess:
	"""Without telling anybody, and without asking what is new."""
	return run(
		programs / "semgrep",
		"scan",
		"--metrics=off",
		"--disable-version-check",
		"--no-git-ignore",
		*arguments,
	)


def test_bandit_finds_nothing_but_what_has_its_reason(programs):
	report = json.loads(
		run(
			*(programs / "bandit", "--quiet", "--format", "json", "--skip", NO_FINDINGS),
			*("--exclude", "dev/lint", "--recursive", "memora", "dev"),
		).stdout
	)
	assert report["errors"] == []
	found = {(finding["test_id"], finding["filename"]) for finding in report["results"]}
	assert found - {*ACCEPTED} == set(), "new findings"
	assert {*ACCEPTED} - found == set(), "reasons without a finding"


def test_the_rules_of_frappe_apps_are_kept(programs):
	answer = semgrep(
		programs, "--json", "--exclude", "dev/lint", "--config", RULES / "frappe.yml", "memora", "dev"
	)
	report = json.loads(answer.stdout)
	assert report["errors"] == []
	found = [(one["check_id"], one["path"], one["start"]["line"]) for one in report["results"]]
	assert found == []
	assert len(report["paths"]["scanned"]) > 200


def test_each_rule_finds_what_it_is_for_and_leaves_the_rest(programs):
	answer = run(programs / "semgrep", "scan", "--test", "--metrics=off", RULES)
	assert answer.returncode == 0, answer.stdout + answer.stderr
	assert "All tests passed" in answer.stdout
