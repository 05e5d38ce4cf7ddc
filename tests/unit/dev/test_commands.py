"""Every refusal is a line that says what happened and what to do; steps are done once."""

import ast
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from devbench import commands, entry, layout, progress, python_env, site, system_packages, testing
from devbench.errors import BenchError

CHECKOUT = Path(__file__).resolve().parents[3]
Version = namedtuple("Version", "major minor")


@pytest.fixture
def bench(tmp_path):
	bench = layout.Bench(CHECKOUT, tmp_path / ".bench")
	bench.make_folders()
	return bench


def test_an_old_python_is_refused_with_the_command_that_works():
	line = entry.unsuitable_python(Version(3, 9), "start", lambda name: name == "python3.12")
	assert line.startswith("Python 3.9 does not run Frappe")
	assert line.endswith("python3.12 dev/start")


def test_an_old_python_without_another_beside_it_says_what_to_install():
	line = entry.unsuitable_python(Version(3, 9), "start", lambda name: None)
	assert line.endswith("apt-get install python3.11")


@pytest.mark.parametrize(
	"file", ["start", "stop", "test", "bench", "devbench/__init__.py", "devbench/entry.py"]
)
def test_what_runs_before_the_version_check_parses_on_an_old_python(file):
	ast.parse((CHECKOUT / "dev" / file).read_text(), feature_version=(3, 6))


def test_the_bench_uses_the_standard_library_only():
	outside = {"web.py", "site_setup.py"}  # these run inside the bench's environment
	for path in (CHECKOUT / "dev" / "devbench").glob("*.py"):
		if path.name not in outside:
			assert imported_packages(path) <= {*sys.stdlib_module_names, "devbench"}, path.name


def imported_packages(path):
	nodes = list(ast.walk(ast.parse(path.read_text())))
	plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
	named = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
	return {name.split(".")[0] for name in plain + named}


def test_missing_servers_are_named_as_debian_packages_once_each():
	missing = system_packages.missing_packages(find=lambda program: None, has_venv=True)
	assert missing == ["mariadb-client", "mariadb-server", "redis-server"]


def test_a_python_without_venv_asks_for_debians_package_of_it():
	missing = system_packages.missing_packages(find=lambda program: "/usr/bin/" + program, has_venv=False)
	assert missing == [f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"]


def test_a_command_that_fails_shows_the_advice_and_the_end_of_its_log(tmp_path):
	log = tmp_path / "some.log"
	with pytest.raises(BenchError, match=r"(?s)Mend it\. The log .*some\.log ends with:\n    it broke"):
		commands.run([sys.executable, "-c", "print('it broke'); raise SystemExit(1)"], log, "Mend it.")


def test_a_folder_without_frappe_is_refused_by_name(tmp_path):
	with pytest.raises(BenchError, match=r"FRAPPE_PATH=.* is no checkout of Frappe"):
		layout.locate({"FRAPPE_PATH": str(tmp_path)})


def test_another_frappe_gets_a_bench_of_its_own(tmp_path):
	(tmp_path / "frappe").mkdir()
	(tmp_path / "frappe" / "hooks.py").touch()
	other, own = layout.locate({"FRAPPE_PATH": str(tmp_path)}), layout.locate({})
	assert other.home.parent == own.home
	assert other.frappe_path == tmp_path.resolve()


def test_programs_of_a_foreign_checkouts_bench_write_no_bytecode_into_it(bench):
	foreign = layout.Bench(bench.checkout, bench.home, Path("/some/frappe"))
	assert python_env.environment(foreign)["PYTHONPYCACHEPREFIX"].startswith(str(bench.home))
	assert "PYTHONPYCACHEPREFIX" not in python_env.environment(bench)


def test_a_step_is_done_once_and_again_when_what_it_is_made_from_changes(bench):
	done = []
	for made_from in ("a", "a", "b"):
		progress.once(bench, "step", made_from, "A step", lambda: done.append(1))
	assert len(done) == 2


def test_a_step_that_fails_is_not_marked_as_done(bench):
	def fail():
		raise BenchError("it broke")

	with pytest.raises(BenchError):
		progress.once(bench, "step", "a", "A step", fail)
	assert not progress.was_ever_done(bench, "step")


def test_secrets_are_chosen_once_and_readable_by_their_owner_only(bench):
	assert layout.read_secrets(bench) == layout.read_secrets(bench)
	assert (bench.config / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
	("name", "bucket"),
	[("memora.localhost", "memora-localhost"), ("test.memora.localhost", "memora-test-memora-localhost")],
)
def test_every_site_has_a_bucket_of_its_own_that_the_world_may_read(name, bucket):
	assert site.bucket_name(name) == bucket


@pytest.mark.parametrize(
	("arguments", "unit_only"),
	[
		([], False),
		(["-x"], False),
		(["tests/unit"], True),
		(["-q", "tests/unit/dev", "tests/unit/dev/test_ports.py::test_x"], True),
		(["tests/unit", "tests/contract"], False),
		(["tests"], False),
	],
)
def test_the_bench_is_left_alone_only_when_all_named_tests_are_unit_tests(monkeypatch, arguments, unit_only):
	monkeypatch.chdir(CHECKOUT)
	assert testing.only_unit_tests(CHECKOUT, arguments) is unit_only
