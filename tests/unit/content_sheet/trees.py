"""Subjects as a sheet may tell them: any text, any of the fields, any number of children."""

import itertools
import json

from hypothesis import strategies as st

from memora.services.content_sheet.columns import LESSON, STAGE, STAGE_TYPES, columns_of
from memora.services.content_sheet.matching import as_written
from memora.services.content_sheet.outline import Node

MAX_CHILDREN = 2
HARD_TEXTS = (
	"=1+1",
	"'=1+1",
	"''",
	"'Tis",
	"-5",
	"+a",
	"@x",
	"007",
	"1.50",
	"TRUE",
	"#REF!",
	"2026-01-27",
	"درس ١",
	'a,b;c"d"',
	"👩‍🚀",
	"_x000D_",
	"<b>x</b>",
)

_characters = st.characters(exclude_categories=["Cc", "Cs"])
titles = (
	st.one_of(st.sampled_from(HARD_TEXTS), st.text(_characters, min_size=1, max_size=140))
	.map(lambda text: text.strip() or "title")
	.filter(lambda text: as_written(text) == text)
)
texts = st.one_of(
	st.just(""),
	st.sampled_from(HARD_TEXTS),
	st.text(max_size=60),
	st.builds(
		lambda text, times: text * times, st.text(_characters, min_size=1, max_size=1), st.just(16_383)
	),
)
flags = st.integers(0, 1)
configs = st.dictionaries(
	st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=40)), max_size=3
).map(lambda config: json.dumps(config, ensure_ascii=False))
VALUES = {
	"description": texts,
	"required_item": titles,
	"color_code": st.sampled_from(["", "#fff", "#1f6feb"]),
	"base_xp": st.integers(0, 1000),
	"type": st.sampled_from(STAGE_TYPES),
	"weight": st.integers(0, 1_000_000),
	"target_time": st.integers(0, 86_400),
	"config": configs,
}


@st.composite
def subjects(draw, *, with_ids: bool = True) -> Node:
	"""A subject as the database has it: every field of a level has a value, and all but stages have an ID.

	Without IDs titles differ among siblings.
	"""
	return _node(draw, 0, itertools.count(1), with_ids)


def _node(draw, level: int, numbers, with_ids: bool) -> Node:
	values = {column.fieldname: draw(VALUES.get(column.fieldname, flags)) for column in columns_of(level)}
	node = Node(level, draw(titles), f"ID-{next(numbers)}" if with_ids and level != STAGE else "", values)
	if level < STAGE:
		unique = None if with_ids or level == LESSON else (lambda child: child.title)
		count = draw(st.integers(0, MAX_CHILDREN if level else 2))
		node.children = _distinct([_node(draw, level + 1, numbers, with_ids) for _ in range(count)], unique)
	for index, child in enumerate(node.children):
		child.sort_order = index * 10
	return node


def _distinct(nodes: list[Node], key) -> list[Node]:
	return list({key(node): node for node in nodes}.values()) if key else nodes


def as_told(node: Node) -> Node:
	"""What a sheet tells of a node: blank cells tell nothing, and no cell holds what XML has not."""
	values = {
		name: as_written(value) if isinstance(value, str) else value
		for name, value in node.values.items()
		if not isinstance(value, str) or as_written(value).strip()
	}
	return Node(node.level, node.title, node.id, values, [as_told(child) for child in node.children])
