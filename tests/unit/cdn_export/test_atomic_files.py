"""Atomic files: all or nothing, readable by the web server, and never outside their folder."""

import os
import threading
import time

import pytest

from memora.services.cdn_export import atomic_files


@pytest.fixture
def base(tmp_path):
	folder = tmp_path / "content"
	folder.mkdir()
	return folder


def everything_below(folder):
	return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_files_are_written_readable_for_the_web_server_whatever_the_umask(base):
	umask = os.umask(0o077)
	try:
		atomic_files.write_files(base, {"plans/P/a.json": b"1", "lessons/b.json": b"2"})
	finally:
		os.umask(umask)
	assert everything_below(base) == ["lessons/b.json", "plans/P/a.json"]
	for path, mode in {"plans": 0o755, "plans/P": 0o755, "plans/P/a.json": 0o644}.items():
		assert (base / path).stat().st_mode & 0o777 == mode, path


def test_many_files_are_written_and_read_back(base):
	files = {f"lessons/{number}.json": b"%d" % number for number in range(100)}
	atomic_files.write_files(base, files)
	assert atomic_files.read_files(base, list(files)) == files
	assert everything_below(base) == sorted(files)


def test_a_file_that_is_not_there_reads_as_none(base):
	assert atomic_files.read_file(base, "plans/P/a.json") is None
	assert atomic_files.read_files(base, ["lessons/x.json"]) == {"lessons/x.json": None}


def test_a_rename_that_fails_gives_every_file_its_old_bytes_back(base):
	atomic_files.write_files(base, {"a.json": b"old a", "b.json": b"old b"})
	(base / "c.json").mkdir()
	(base / "c.json" / "occupied").write_bytes(b"")
	with pytest.raises(OSError, match=r"c\.json"):
		atomic_files.write_files(
			base, {"a.json": b"new a", "new.json": b"new", "c.json": b"c", "b.json": b"new b"}
		)
	assert everything_below(base) == ["a.json", "b.json", "c.json/occupied"]
	assert (base / "a.json").read_bytes() == b"old a"
	assert (base / "b.json").read_bytes() == b"old b"


def test_a_file_that_cannot_be_staged_changes_nothing(base):
	atomic_files.write_files(base, {"a.json": b"old"})
	long_name = "x" * 300 + ".json"
	with pytest.raises(OSError, match="File name too long"):
		atomic_files.write_files(base, {"a.json": b"new", long_name: b"2"})
	assert everything_below(base) == ["a.json"]
	assert (base / "a.json").read_bytes() == b"old"


@pytest.mark.parametrize("path", ["../x.json", "/tmp/x.json", "plans/../../x.json", "plans/.x.json"])
def test_a_path_out_of_the_folder_is_refused_for_reading_writing_and_deleting(base, path):
	for action in (
		lambda: atomic_files.write_files(base, {path: b""}),
		lambda: atomic_files.read_file(base, path),
		lambda: atomic_files.delete_file(base, path),
	):
		with pytest.raises(ValueError, match="cannot name a published file"):
			action()
	assert everything_below(base) == []


def test_a_symlink_out_of_the_folder_is_not_followed(base, tmp_path):
	outside = tmp_path / "outside"
	outside.mkdir()
	(base / "plans").symlink_to(outside)
	with pytest.raises(ValueError, match="outside the content folder"):
		atomic_files.write_files(base, {"plans/a.json": b"1"})
	assert everything_below(outside) == []


def test_deleting_removes_the_file_and_the_folders_it_leaves_empty(base):
	atomic_files.write_files(base, {"plans/P/search/S.json": b"1", "lessons/a.json": b"2"})
	assert atomic_files.delete_file(base, "plans/P/search/S.json") is True
	assert atomic_files.delete_file(base, "plans/P/search/S.json") is False
	assert [path.name for path in base.iterdir()] == ["lessons"]


def test_leftovers_of_a_killed_write_are_swept_after_an_hour_and_are_no_content(base):
	atomic_files.write_files(base, {"plans/P/a.json": b"1"})
	old = base / "plans/P" / f"a.json.{'0' * 16}.tmp"
	young = base / "plans/P" / f"a.json.{'1' * 16}.old"
	for leftover in (old, young):
		leftover.write_bytes(b"half")
	os.utime(old, (time.time() - 7200,) * 2)
	assert list(atomic_files.list_files(base, "plans/P")) == ["plans/P/a.json"]
	assert atomic_files.sweep_leftovers(base, "plans/P") == 1
	assert everything_below(base) == ["plans/P/a.json", f"plans/P/a.json.{'1' * 16}.old"]
	assert atomic_files.sweep_leftovers(base, "nothing/here") == 0


def test_a_reader_during_a_hundred_writes_always_gets_a_whole_file(base):
	contents = [bytes([number]) * 50_000 for number in range(100)]
	atomic_files.write_files(base, {"a.json": contents[0]})
	seen, stop = [], threading.Event()

	def read():
		while not stop.is_set():
			seen.append(atomic_files.read_file(base, "a.json"))

	reader = threading.Thread(target=read)
	reader.start()
	for content in contents:
		atomic_files.write_files(base, {"a.json": content})
	stop.set()
	reader.join()
	assert seen
	assert all(content in contents for content in seen)
