"""The arrows between Memora's rooms, read from the imports and stated as sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "memora"

# These at least are pure. Any other module that says so in its docstring is held to it as well.
NAMED_PURE_MODULES = {
	"memora.services.streak",
	"memora.services.cdn_export.access_rules",
	"memora.services.cdn_export.file_builder",
	"memora.services.cdn_export.search_builder",
	"memora.services.progress_engine.award",
	"memora.services.progress_engine.bits",
	"memora.services.progress_engine.tally",
	"memora.services.progress_engine.tree",
	"memora.services.progress_engine.unlock_calculator",
	"memora.services.progress_engine.xp_calculator",
}
# The clock itself runs without Frappe; only a site's zone needs it. Bench loads the commands for each of its own.
HIDDEN_IMPORTS_WITH_A_REASON = ("memora.utils.clock._site_zone", "memora.commands.")
# What progress may take from publishing: the files that it wrote, never its queue.
OPEN_TO_PROGRESS = {"local_storage", "structure_export"}
# How old a file is, is asked of the clock that stamped it.
COMPARES_WITH_FILE_TIMES = {"memora.services.cdn_export.atomic_files"}

ASKS_THE_TIME = re.compile(
	r"datetime\.(now|utcnow|today)\(|date\.today\(|\btime\.time\(|\b(now_datetime|nowdate|nowtime|get_datetime_now)\("
)
WRITES_A_LEDGER_ROW = re.compile(
	r"insert\s+(ignore\s+)?into\s+`tabMemora Interaction Log`"
	r"|new_doc\(\s*[\"']Memora Interaction Log"
	r"|[\"']doctype[\"']:\s*[\"']Memora Interaction Log",
	re.IGNORECASE,
)


def module_name(path: Path) -> str:
	parts = path.relative_to(ROOT).with_suffix("").parts
	return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCE_BY_MODULE = {
	module_name(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
}
TREE_BY_MODULE = {name: ast.parse(source) for name, source in SOURCE_BY_MODULE.items()}


SAYS_IT_IS_PURE = {
	name
	for name, tree in TREE_BY_MODULE.items()
	if re.search(r"(^|\. )Pure[.:,]", ast.get_docstring(tree) or "", re.MULTILINE)
}


def imports(module: str) -> set[str]:
	"""Everything a module imports, anywhere in it; `from a import b` counts as `a` and as `a.b`."""
	found = set()
	for node in ast.walk(TREE_BY_MODULE[module]):
		if isinstance(node, ast.Import):
			found |= {alias.name for alias in node.names}
		elif isinstance(node, ast.ImportFrom):
			assert not node.level, f"{module} imports relatively; imports here are absolute"
			found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
	return found


def is_in(name: str, package: str) -> bool:
	return name == package or name.startswith(package + ".")


def modules_in(package: str) -> list[str]:
	return [name for name in TREE_BY_MODULE if is_in(name, package)]


def offenders(package: str, *forbidden: str) -> list[str]:
	"""Sentences "x imports y" for all that a package's modules must not import."""
	return [line for module in modules_in(package) for line in forbidden_imports(module, *forbidden)]


def forbidden_imports(module: str, *forbidden: str) -> list[str]:
	return [
		f"{module} imports {name}"
		for name in sorted(imports(module))
		if any(is_in(name, other) for other in forbidden)
	]


def importers(library: str) -> set[str]:
	return {module for module in TREE_BY_MODULE if any(is_in(name, library) for name in imports(module))}


def reachable(module: str) -> set[str]:
	"""The module and all of Memora's modules that importing it imports."""
	seen, waiting = set(), [module]
	while waiting:
		current = waiting.pop()
		if current in TREE_BY_MODULE and current not in seen:
			seen.add(current)
			waiting.extend(imports(current))
	return seen


def test_services_never_import_the_api():
	assert offenders("memora.services", "memora.api") == []


def test_utils_import_neither_services_nor_the_api():
	assert offenders("memora.utils", "memora.services", "memora.api", "memora.memora") == []


def test_controllers_never_import_the_api():
	assert offenders("memora.memora", "memora.api") == []


def test_nothing_but_the_api_and_what_describes_it_imports_the_api():
	outside = {module for module in importers("memora.api") if not is_in(module, "memora.api")}
	assert {module for module in outside if not is_in(module, "memora.openapi")} == set()


def test_endpoints_touch_no_redis_and_write_no_sql():
	endpoints = [name for name in modules_in("memora.api") if name != "memora.api.guards"]
	assert [line for name in endpoints for line in forbidden_imports(name, "memora.utils.redis_store")] == []
	assert [name for name in endpoints if re.search(r"frappe\.(db\.sql|qb)\b", SOURCE_BY_MODULE[name])] == []


@pytest.mark.parametrize("module", sorted(NAMED_PURE_MODULES | SAYS_IT_IS_PURE))
def test_a_pure_module_reaches_neither_frappe_nor_redis(module):
	assert module in TREE_BY_MODULE
	for name in reachable(module):
		assert forbidden_imports(name, "frappe", "redis", "rq") == []


def test_only_redis_store_talks_to_redis():
	assert importers("redis") == {"memora.utils.redis_store"}


@pytest.mark.parametrize(
	("library", "door"),
	[("boto3", "storage_client"), ("botocore", "storage_client"), ("requests", "cloudflare")],
)
def test_storage_and_cloudflare_have_one_door_each(library, door):
	assert importers(library) == {f"memora.services.cdn_export.{door}"}


def test_progress_reads_what_publishing_wrote_and_never_its_queue():
	export = "memora.services.cdn_export"
	allowed = {export} | {f"{export}.{name}" for name in OPEN_TO_PROGRESS}
	for module in modules_in("memora.services.progress_engine"):
		used = {name for name in imports(module) if is_in(name, export)}
		assert used <= allowed, f"{module} imports {used - allowed}"


def test_only_the_clock_asks_what_time_it_is():
	asking = {name for name, source in SOURCE_BY_MODULE.items() if ASKS_THE_TIME.search(source)}
	assert asking - {"memora.utils.clock"} - COMPARES_WITH_FILE_TIMES == set()


def test_only_the_interaction_log_service_writes_ledger_rows():
	writing = {name for name, source in SOURCE_BY_MODULE.items() if WRITES_A_LEDGER_ROW.search(source)}
	assert writing <= {"memora.services.interaction_log"}


def test_hooks_are_wiring_without_imports_or_calls():
	nodes = list(ast.walk(TREE_BY_MODULE["memora.hooks"]))
	assert not [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)]


def whitelisted_functions() -> Iterator[tuple[str, list[ast.expr]]]:
	for module, tree in TREE_BY_MODULE.items():
		for node in ast.walk(tree):
			if isinstance(node, ast.FunctionDef) and any(is_whitelist(each) for each in node.decorator_list):
				yield f"{module}.{node.name}", node.decorator_list


def is_whitelist(decorator: ast.expr) -> bool:
	return ast.unparse(decorator).startswith("frappe.whitelist")


def test_every_endpoint_declares_its_http_methods_in_its_outermost_decorator():
	for name, decorators in whitelisted_functions():
		assert is_whitelist(decorators[0]), f"{name} has another decorator outside whitelist"
		assert isinstance(decorators[0], ast.Call), f"{name} declares no HTTP methods"
		keywords = {keyword.arg for keyword in decorators[0].keywords}
		assert "methods" in keywords, f"{name} declares no HTTP methods"


def test_endpoints_live_in_the_api():
	assert [name for name, _ in whitelisted_functions() if not is_in(name, "memora.api")] == []


def functions_with_imports_inside() -> Iterator[str]:
	for module, tree in TREE_BY_MODULE.items():
		for function in ast.walk(tree):
			if isinstance(function, ast.FunctionDef) and any(
				isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function)
			):
				yield f"{module}.{function.name}"


def test_no_import_hides_inside_a_function():
	hidden = functions_with_imports_inside()
	assert [name for name in hidden if not name.startswith(HIDDEN_IMPORTS_WITH_A_REASON)] == []


def points_reached() -> list[str]:
	"""The names that the package gives to `failpoints.reach`."""
	return [
		ast.literal_eval(node.args[0])
		for tree in TREE_BY_MODULE.values()
		for node in ast.walk(tree)
		if isinstance(node, ast.Call) and ast.unparse(node.func) == "failpoints.reach"
	]


def test_every_failpoint_is_named_as_data_and_reached_in_one_place():
	named = next(
		ast.literal_eval(node.value)
		for node in TREE_BY_MODULE["memora.utils.failpoints"].body
		if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "POINTS"
	)
	assert sorted(points_reached()) == sorted(named)
