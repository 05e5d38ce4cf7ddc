"""Sites of the bench: made, set up, migrated and filled. Needs the servers to run."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from devbench import commands, frappe_source, layout, progress, python_env, services
from devbench.layout import ADMIN_PASSWORD, Bench
from devbench.system_packages import find

SITE_SETUP = Path(__file__).with_name("site_setup.py")
# Frappe refuses the sixty-first new user of an hour; tests make more.
TEST_SETTINGS = {"allow_tests": 1, "pause_scheduler": 1, "throttle_user_limit": 100_000}


def bench_argv(bench: Bench, *arguments: str) -> list[str]:
	return [str(bench.python), "-m", "frappe.utils.bench_helper", "frappe", *arguments]


def ensure_demo_site(bench: Bench, ports: dict[str, int], name: str) -> bool:
	"""Bring the demo site up to date; return whether code or schema changed under it."""
	changed = _ensure_site(bench, ports, name, {"host_name": f"http://{layout.HOST}:{ports['web']}"})
	app = bench.checkout / "memora"
	content = sorted(path for path in (app / "demo_content").rglob("*") if path.is_file())
	demo = [*sorted(app.glob("demo*.py")), *content, bench.config / "ports.json"]
	progress.once(
		bench,
		f"demo-{name}",
		progress.files_fingerprint(demo),
		"Demo content and students",
		lambda: _bench(
			bench,
			"demo",
			"The demo content could not be loaded.",
			"--site",
			name,
			"execute",
			"memora.demo.load",
		),
	)
	return changed


def ensure_test_site(bench: Bench, ports: dict[str, int], name: str) -> bool:
	"""Bring a test site up to date: tests allowed, nothing scheduled behind a test's back, any number of users."""
	return _ensure_site(bench, ports, name, TEST_SETTINGS)


def _ensure_site(bench: Bench, ports: dict[str, int], name: str, own_settings: dict) -> bool:
	schema = _schema_fingerprint(bench)
	created = progress.once(
		bench, f"site-{name}", "made", f"Site {name}", lambda: _create(bench, ports, name)
	)
	if created:
		progress.mark_done(bench, f"schema-{name}", schema)
	settings = {**own_settings, "memora_dev_s3": services.s3_settings(bench, ports, bucket_name(name))}
	progress.once(
		bench,
		f"settings-{name}",
		progress.fingerprint(
			[json.dumps(settings, sort_keys=True), progress.files_fingerprint([SITE_SETUP])]
		),
		f"Settings of {name}",
		lambda: _configure(bench, name, settings),
	)
	migrated = progress.once(
		bench,
		f"schema-{name}",
		schema,
		f"Site {name} migrated",
		lambda: _bench(
			bench,
			f"migrate-{name}",
			"The migration failed.",
			"--site",
			name,
			"migrate",
			"--skip-search-index",
		),
	)
	return created or migrated


def bucket_name(site: str) -> str:
	return services.PUBLIC_BUCKET_PREFIX + site.replace(".", "-").removeprefix(services.PUBLIC_BUCKET_PREFIX)


def _schema_fingerprint(bench: Bench) -> str:
	"""Return a digest of all that `migrate` acts upon: Frappe, DocTypes, patches, hooks."""
	app = bench.checkout / "memora"
	definitions = sorted(path for folder in ("memora", "fixtures") for path in (app / folder).rglob("*.json"))
	files = [*definitions, app / "patches.txt", app / "hooks.py"]
	source = str(bench.frappe_path or frappe_source.WHEEL_SHA256)
	return progress.fingerprint([source, progress.files_fingerprint(files)])


def _create(bench: Bench, ports: dict[str, int], name: str) -> None:
	"""Make a site from nothing; what an interrupted attempt left behind is thrown away."""
	database = f"site_{progress.fingerprint([name])[:12]}"
	shutil.rmtree(bench.sites / name, ignore_errors=True)
	for step in ("settings", "schema", "demo"):
		progress.forget(bench, f"{step}-{name}")
	_forget_keys(ports, database)
	_bench(
		bench,
		f"new-site-{name}",
		"The site could not be made.",
		*("new-site", name, "--db-name", database, "--admin-password", ADMIN_PASSWORD, "--force"),
		*("--install-app", "memora"),
	)


def _forget_keys(ports: dict[str, int], database: str) -> None:
	"""Delete a thrown-away site's keys, or its successor of the same name would believe them."""
	script = "for _, key in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', key) end"
	for name in ("redis_cache", "redis_queue"):
		redis = [find("redis-cli") or "redis-cli", "-h", layout.HOST, "-p", str(ports[name])]
		subprocess.run([*redis, "eval", script, "0", f"{database}|*"], check=True, capture_output=True)


def _configure(bench: Bench, name: str, settings: dict) -> None:
	path = bench.sites / name / "site_config.json"
	layout.write_json(path, {**layout.read_json(path), **settings})
	commands.run(
		[str(bench.python), "-m", "devbench.site_setup", name],
		bench.logs / f"settings-{name}.log",
		f"Site {name} could not be set up.",
		cwd=bench.sites,
		env=python_env.environment(bench),
	)


def _bench(bench: Bench, log_name: str, advice: str, *arguments: str) -> None:
	commands.run(
		bench_argv(bench, *arguments),
		bench.logs / f"{log_name}.log",
		advice,
		cwd=bench.sites,
		env=python_env.environment(bench),
	)
