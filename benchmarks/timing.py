"""Timing in this process."""

import time
import tracemalloc
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
	began = time.perf_counter()
	work()
	return time.perf_counter() - began


def per_call_ms(work: Callable[[], object], rounds: int, seconds_a_round: float) -> list[float]:
	"""Milliseconds of one call: for each round the mean of as many calls as fit into it."""
	work()  # warm
	samples = []
	for _ in range(rounds):
		calls, began = 0, time.perf_counter()
		while (elapsed := time.perf_counter() - began) < seconds_a_round:
			work()
			calls += 1
		samples.append(elapsed / calls * 1000)
	return samples


def interleaved(works: list[Callable[[], object]], rounds: int, seconds_a_round: float) -> list[list[float]]:
	"""As `per_call_ms` for several, one after the other in each round, so that a busy moment meets them all."""
	samples = [[] for _ in works]
	for _ in range(rounds):
		for own, work in zip(samples, works, strict=True):
			own += per_call_ms(work, 1, seconds_a_round)
	return samples


def peak_bytes(work: Callable[[], object]) -> int:
	"""The most memory that the work's own objects took at a time."""
	tracemalloc.start()
	try:
		work()
		return tracemalloc.get_traced_memory()[1]
	finally:
		tracemalloc.stop()
