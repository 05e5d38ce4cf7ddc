"""Dropping a node between its siblings: the order becomes the wanted one, and little else changes."""

from hypothesis import given
from hypothesis import strategies as st

from memora.services.content_order import MAX_SORT_ORDER, new_sort_orders

SIBLINGS = st.dictionaries(
	st.text("abcdef", min_size=1, max_size=3), st.integers(0, MAX_SORT_ORDER), min_size=1, max_size=8
)


@given(SIBLINGS, st.data())
def test_the_nodes_stand_as_they_were_dropped(sort_orders, data):
	names = sorted(sort_orders, key=lambda name: (sort_orders[name], name))
	moved = data.draw(st.sampled_from(names))
	names.remove(moved)
	names.insert(data.draw(st.integers(0, len(names))), moved)
	changed = new_sort_orders(names, moved, sort_orders)
	after = {**sort_orders, **changed}
	assert sorted(after, key=lambda name: (after[name], name)) == names
	assert all(0 <= order <= MAX_SORT_ORDER for order in after.values())


def test_where_there_is_room_only_the_moved_node_changes():
	assert new_sort_orders(["a", "c", "b"], "c", {"a": 10, "b": 20, "c": 30}) == {"c": 15}
	assert new_sort_orders(["b", "a"], "a", {"a": 10, "b": 20}) == {"a": 30}


def test_siblings_of_one_number_are_numbered_anew():
	assert new_sort_orders(["b", "a", "c"], "b", {"a": 0, "b": 0, "c": 0}) == {"b": 10, "a": 20, "c": 30}
