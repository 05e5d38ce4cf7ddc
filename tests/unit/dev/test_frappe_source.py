"""Where Frappe comes from: names put back, a wrong wheel refused, Git hosts avoided."""

import zipfile

import pytest
from devbench import frappe_source
from devbench.errors import BenchError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
	("replaced", "upstream"),
	[
		("import criscostack.utils", "import frappe.utils"),
		("Criscostack Framework", "Frappe Framework"),
		("CRISCOSTACK_VERSION", "FRAPPE_VERSION"),
		("criscoerp and Criscoerp and CriscoERP", "erpnext and ERPNext and ERPNext"),
		("Crisco Technologies", "Frappe Technologies"),
		("utils/brik_helper.py", "utils/bench_helper.py"),
	],
)
def test_each_replaced_name_becomes_upstreams(replaced, upstream):
	assert frappe_source.restore_names(replaced) == upstream


@given(st.text())
def test_names_once_put_back_stay_as_they_are(text):
	restored = frappe_source.restore_names(text)
	assert frappe_source.restore_names(restored) == restored or any(
		name in restored for name in frappe_source.NAMES
	)


@pytest.mark.parametrize("content", [b"\x89PNG\0criscostack", b"criscostack \xff\xfe"])
def test_files_that_are_no_text_keep_every_byte(content):
	assert frappe_source.restore_content(content) == content


def test_a_wheel_with_another_hash_is_refused_and_thrown_away(tmp_path):
	wheel = tmp_path / "criscostack-1.0.0-py3-none-any.whl"
	wheel.write_bytes(b"something else")
	with pytest.raises(BenchError, match=r"not the pinned dc58aaf2.*FRAPPE_PATH"):
		frappe_source.require_pinned(wheel)
	assert not wheel.exists()


def test_unpacking_renames_folders_files_and_content_and_leaves_the_metadata_out(tmp_path):
	wheel = make_wheel(tmp_path, {"criscostack/utils/brik_helper.py": "import criscostack\n"})
	(tmp_path / "frappe.new").mkdir()
	(tmp_path / "frappe.new" / "left-over").touch()
	frappe_source.unpack(wheel, tmp_path / "frappe")
	files = [
		path.relative_to(tmp_path / "frappe") for path in (tmp_path / "frappe").rglob("*") if path.is_file()
	]
	assert [str(path) for path in files] == ["frappe/utils/bench_helper.py"]
	assert (tmp_path / "frappe" / files[0]).read_text() == "import frappe\n"
	assert not (tmp_path / "frappe.new").exists()


def test_the_wheels_requirements_are_those_without_an_extra(tmp_path):
	wheel = make_wheel(tmp_path, {})
	assert frappe_source.wheel_requirements(wheel, (3, 11)) == ["bleach[css]~=6.0.0", "pydantic==2.0"]


def test_on_python_312_a_requirement_that_does_not_know_it_is_replaced_by_the_next_release(tmp_path):
	wheel = make_wheel(tmp_path, {})
	assert frappe_source.wheel_requirements(wheel, (3, 12)) == ["bleach[css]~=6.0.0", "pydantic~=2.7.0"]


@pytest.mark.parametrize("python_version", [(3, 10), (3, 12)])
def test_the_gunicorn_that_idle_connections_deafen_is_replaced_on_every_python(tmp_path, python_version):
	wheel = make_wheel(tmp_path, {}, requires="gunicorn~=20.1.0")
	assert "gunicorn>=21,<24" in frappe_source.wheel_requirements(wheel, python_version)


def make_wheel(folder, files, requires="bleach[css]~=6.0.0"):
	wheel = folder / "some.whl"
	metadata = (
		f"Metadata-Version: 2.1\nName: criscostack\nRequires-Dist: {requires}\n"
		'Requires-Dist: pydantic==2.0\nRequires-Dist: faker; extra == "test"\n\nRequires-Dist: not this, a text\n'
	)
	with zipfile.ZipFile(wheel, "w") as archive:
		archive.writestr("criscostack-1.0.0.dist-info/METADATA", metadata)
		for name, text in files.items():
			archive.writestr(name, text)
	return wheel


def test_a_checkouts_requirements_come_without_comments_and_without_git_hosts():
	pyproject = """[project]
name = "frappe"
dependencies = [
    # core dependencies
    "Click~=8.1.7",
    "gunicorn @ git+https://example.com/gunicorn@2f5b49",
    "bleach[css]~=6.0.0",
]

[tool.bench.dev-dependencies]
"coverage" = "~=6.5.0"
"""
	assert frappe_source.checkout_requirements(pyproject) == [
		"Click~=8.1.7",
		"gunicorn>=21,<24",
		"bleach[css]~=6.0.0",
	]


def test_an_unknown_git_requirement_becomes_the_registrys_package_of_that_name():
	assert frappe_source.from_registry("Some.Thing[fast] @ git+https://example.com/x@1") == "Some.Thing[fast]"


def test_a_pyproject_without_dependencies_is_refused_with_advice():
	with pytest.raises(BenchError, match="version-14 or version-15"):
		frappe_source.checkout_requirements("[project]\n")
