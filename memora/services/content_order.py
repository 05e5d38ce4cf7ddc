"""Which sort_order puts a node where an editor dropped it, with as few other nodes changed as can be. Pure.

Order is by sort_order, then by name, so a place between two siblings of one sort_order has no number of its own: then
all of them are numbered anew.
"""

from collections.abc import Mapping, Sequence

STEP = 10
MAX_SORT_ORDER = 1_000_000


def new_sort_orders(names: Sequence[str], moved: str, sort_orders: Mapping[str, int]) -> dict[str, int]:
	"""{name: new sort_order} of the nodes that have to change for `names` to be the order.

	Args:
		names: all siblings in the wanted order, the moved one among them.
		sort_orders: those of the others, as they are.
	"""
	at = names.index(moved)
	below = sort_orders[names[at - 1]] if at else -1
	above = sort_orders[names[at + 1]] if at + 1 < len(names) else below + 2 * STEP
	between = (below + above) // 2 if at + 1 < len(names) else max(below, 0) + STEP
	if below < between < above and between <= MAX_SORT_ORDER:
		return {moved: between}
	numbered = {name: index * STEP for index, name in enumerate(names, 1)}
	return {name: order for name, order in numbered.items() if name == moved or sort_orders[name] != order}
