"""What the README and docs/ name is there: links, commands, modules, files. And what an app meets is in docs/api.md."""

import ast
import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SCRIPT = re.compile(r"(?<![\w/])(?:\./)?((?:dev|\.ci)/[a-z]+)\b(?![/.\w-])")
DOTTED_NAME = re.compile(r"(?<![\w@./-])memora(?:\.[A-Za-z_]\w*)+(?!\w|\.\w)")
BENCH_COMMAND = re.compile(r"\bbench (?:--site \S+ )?memora ((?:[a-z-]+\|?)+)")
PATH = re.compile(
	r"(?<![\w/.{-])((?:memora|tests|docs|dev|schemas|services|patches)/[\w/.-]*\w/?)(?![\w{*<])"
)
SITES = {"memora.localhost"}
# docs/contract.md alone lists what is still to come too, and a heading may have nothing else below it.
CONTRACT = ROOT / "docs" / "contract.md"
TO_COME = re.compile(r"\A#|\|\s*later\s*\|\s*\Z|\*\(later\)\*")
BLOCK_START = re.compile(r"^(?=[|#]|- |$)", re.MULTILINE)


def text_of(page: Path) -> str:
	"""A page; the contract without its headings, and without table rows and list items that are still to come."""
	text = page.read_text(encoding="utf-8")
	if page != CONTRACT:
		return text
	return "".join(block for block in BLOCK_START.split(text) if not TO_COME.search(block))


def anchors(page: Path) -> set[str]:
	"""The page's headings as a forge names them in addresses."""
	kept = (
		re.sub(r"[^\w\- ]", "", heading.lower())
		for heading in HEADING.findall(page.read_text(encoding="utf-8"))
	)
	return {heading.replace(" ", "-") for heading in kept}


def broken_links(page: Path, text: str) -> list[str]:
	return [link for link in LINK.findall(text) if "://" not in link and not leads_somewhere(page, link)]


def leads_somewhere(page: Path, link: str) -> bool:
	path, _, anchor = link.partition("#")
	target = page.parent / path if path else page
	return target.exists() and (not anchor or anchor in anchors(target))


def missing_scripts(text: str) -> list[str]:
	return [
		name
		for name in SCRIPT.findall(text)
		if not ((ROOT / name).is_dir() or os.access(ROOT / name, os.X_OK))
	]


def unknown_names(text: str) -> list[str]:
	return [name for name in DOTTED_NAME.findall(text) if name not in SITES and not is_defined(name)]


def is_defined(name: str) -> bool:
	"""Whether a dotted name is a package, a module, or something that a module defines or imports."""
	path, parts = ROOT, name.split(".")
	while parts and (path / parts[0]).is_dir():
		path /= parts.pop(0)
	if not parts:
		return True
	module = (path / parts.pop(0)).with_suffix(".py")
	return module.is_file() and has_member(ast.parse(module.read_text(encoding="utf-8")), parts)


def has_member(scope: ast.AST, names: list[str]) -> bool:
	if not names:
		return True
	first, *others = names
	found = [node for node in getattr(scope, "body", []) if first in names_bound_by(node)]
	return any(has_member(node, others) for node in found)


def names_bound_by(statement: ast.stmt) -> set[str]:
	if isinstance(statement, ast.FunctionDef | ast.ClassDef):
		return {statement.name}
	if isinstance(statement, ast.Import | ast.ImportFrom):
		return {alias.asname or alias.name for alias in statement.names}
	if isinstance(statement, ast.Assign):
		return {target.id for target in statement.targets if isinstance(target, ast.Name)}
	return set()


def bench_commands() -> set[str]:
	"""The commands of `bench memora`, as the modules of memora/commands name them."""
	modules = (ROOT / "memora" / "commands").glob("*.py")
	sources = (module.read_text(encoding="utf-8") for module in modules)
	return {name for source in sources for name in re.findall(r"@click\.command\(\"([\w-]+)\"", source)}


def unknown_commands(text: str) -> list[str]:
	named = {command for found in BENCH_COMMAND.findall(text) for command in found.split("|")}
	return sorted(named - bench_commands())


def missing_paths(text: str) -> list[str]:
	"""Paths from the root, or for short from the package."""
	return [
		path
		for path in PATH.findall(text)
		if not ((ROOT / path).exists() or (ROOT / "memora" / path).exists())
	]


def page_name(page: Path) -> str:
	return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page):
	assert broken_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_of_the_checkout_is_there_to_run(page):
	assert missing_scripts(text_of(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_dotted_name_is_defined(page):
	assert unknown_names(text_of(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_bench_command_exists(page):
	assert unknown_commands(text_of(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_path_exists(page):
	assert missing_paths(text_of(page)) == []


def test_what_is_not_there_is_found_in_a_page():
	page = ROOT / "README.md"
	assert broken_links(
		page, "[a](docs/api.md#errors) [b](docs/none.md) [c](docs/api.md#none) [d](#none)"
	) == [
		"docs/none.md",
		"docs/api.md#none",
		"#none",
	]
	assert missing_scripts("`./dev/start`, `./dev/restart`") == ["dev/restart"]
	assert unknown_names(
		"memora.api.player.login, memora.api.player.log_on, memora.none, memora.localhost"
	) == [
		"memora.api.player.log_on",
		"memora.none",
	]
	assert unknown_commands("bench --site SITE memora publish PLAN, bench memora publish|unpublish") == [
		"unpublish"
	]
	assert missing_paths("memora/api/player.py, services/none.py, schemas/, tests/unit/none") == [
		"services/none.py",
		"tests/unit/none",
	]


def endpoints() -> list[str]:
	"""The dotted names of all whitelisted functions of memora/api."""
	return [
		f"memora.api.{path.stem}.{node.name}"
		for path in sorted((ROOT / "memora" / "api").glob("*.py"))
		for node in ast.parse(path.read_text(encoding="utf-8")).body
		if isinstance(node, ast.FunctionDef)
		and any(ast.unparse(decorator).startswith("frappe.whitelist") for decorator in node.decorator_list)
	]


OPERATIONS = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
PUBLISHERS = ["System Manager", "Memora Content Manager"]


def line_of(path: str) -> tuple[str, str]:
	"""What the second and the last cell of an endpoint's line on docs/api.md have to say."""
	verbs = OPERATIONS[path]
	told = next(iter(verbs.values()))
	roles = told.get("x-roles", [])
	who = ["publishers"] if roles == PUBLISHERS else roles
	limit = told.get("x-rate-limit")
	unit = {60: "min", 3600: "h"}[limit["seconds"]] if limit else ""
	calls = f"{limit['calls']} / {unit}" if limit else ""
	return ", ".join([" or ".join(verb.upper() for verb in verbs), *who]), calls


def errors() -> list[str]:
	"""The errors that an app can be answered with: all but the tree's root."""
	tree = ast.parse((ROOT / "memora" / "exceptions.py").read_text(encoding="utf-8"))
	return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name != "MemoraError"]


@pytest.mark.parametrize("endpoint", endpoints())
def test_every_endpoint_is_a_line_of_the_api_page(endpoint):
	assert f"| `{endpoint}` |" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", OPERATIONS)
def test_a_line_of_the_api_page_says_of_verb_role_and_limit_what_the_code_says(path):
	name = path.rsplit("/", 1)[1]
	page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
	[cells] = [line.split("|")[2:-1] for line in page.splitlines() if line.startswith(f"| `{name}` |")]
	callers, calls = line_of(path)
	assert cells[0].strip() == callers
	assert cells[2].strip().startswith(calls)


@pytest.mark.parametrize("error", errors())
def test_every_error_is_explained_on_the_api_page(error):
	assert re.search(
		rf"^\| [^|]*`{error}`", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE
	)
