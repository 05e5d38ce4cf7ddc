"""Paths of published files: what each names, and that none can leave its folder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memora.services.cdn_export import content_paths as paths


@pytest.mark.parametrize(
	("path", "kind", "node_id"),
	[
		("plans/PLAN-1/manifest.json", "manifest", "manifest"),
		("plans/PLAN-1/SUBJ-1_h.json", "hierarchy", "SUBJ-1"),
		("plans/PLAN-1/SUBJ-1_b.json", "bitmap", "SUBJ-1"),
		("plans/PLAN-1/TOPIC-1.json", "topic", "TOPIC-1"),
		("plans/PLAN-1/search_index.json", "search_index", "search_index"),
		("plans/PLAN-1/search/SUBJ-1.json", "search_shard", "SUBJ-1"),
		("lessons/LESSON-1.json", "lesson", "LESSON-1"),
		("SUBJ-1.json", "subject_structure", "SUBJ-1"),
	],
)
def test_a_path_tells_its_kind_and_its_node(path, kind, node_id):
	assert (paths.kind_of(path), paths.node_id_of(path)) == (kind, node_id)
	assert paths.safe_path(path) == path
	assert paths.is_uploaded(path) is (kind != "subject_structure")


@pytest.mark.parametrize("path", ["", "a.txt", "lessons/a/b.json", "plans/P/search/x/y.json", "other/x.json"])
def test_other_paths_are_no_published_files(path):
	assert paths.kind_of(path) is None
	assert not paths.is_uploaded(path)


@pytest.mark.parametrize(
	"path",
	["../x.json", "/etc/passwd", "plans/../../x", "plans//x.json", "a\\b.json", "a\x00.json", ".x.json", ""],
)
def test_a_path_that_climbs_or_hides_is_refused_by_name(path):
	with pytest.raises(ValueError, match="cannot name a published file"):
		paths.safe_path(path)


@given(st.text(max_size=12))
def test_an_id_makes_one_step_of_a_path_or_is_refused(node_id):
	try:
		path = paths.lesson_path(node_id)
	except ValueError:
		return
	assert path.split("/") == ["lessons", f"{node_id}.json"]
	assert node_id not in ("", ".", "..")
