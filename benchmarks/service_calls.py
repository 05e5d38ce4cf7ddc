"""Service calls in this process, warm: what a request pays beyond Frappe's own cycle."""

from __future__ import annotations

import frappe
from benchmarks import content, people, timing
from benchmarks.report import Line, Section, at_most
from memora.services import device_auth, gate_copies, player_copies, session_manager
from memora.services.progress_engine import bitmap_manager, progress_computer
from memora.services.progress_engine.outline import outline_of
from memora.services.progress_engine.unlock_calculator import compute_node_states, node_states
from memora.utils import redis_store

LESSONS = (1000, 10_000)
FULL, QUICK = (9, 0.3), (3, 0.05)  # rounds, seconds of each
TARGET_MS = {1000: 1, 10_000: 10}
PLAN = f"{content.PREFIX}-PLAN-SERVICE-CALLS"


def run(options) -> list[Section]:
	effort = QUICK if options.quick else FULL
	student = _prepare()
	lines = [
		*_redis_lines(student, effort),
		*_unlock_lines(effort),
		*_reply_lines(student, effort),
		*_memory_lines(),
	]
	return [Section("Service calls, warm", lines)]


def _prepare() -> str:
	for lessons in LESSONS:
		content.ensure(lessons)
	if not frappe.db.exists("Memora Academic Plan", PLAN):
		content.add_plan(PLAN, [content.subject_id(lessons) for lessons in LESSONS])
	people.ensure_users("reader", 1, PLAN)
	for lessons in LESSONS:
		people.pass_half("reader", lessons)
	frappe.db.commit()  # copies are loaded in a transaction of their own
	player_copies.drop(people.user("reader", 0))  # of an earlier run
	return people.user("reader", 0)


def _redis_lines(student: str, effort: tuple[int, float]) -> list[Line]:
	device, sid = people.device_id(0), "0" * 56
	subject = content.subject_id(LESSONS[0])

	def by_their_documented_names():
		device_auth.is_device_authorized(student, device)
		session_manager.validate_session(student, sid)

	def gate():
		return gate_copies.read(student, device).session_hash == gate_copies.hash_session_id(sid)

	works = {
		"device and session verified, as the gate does": (gate, 0.5),
		"is_device_authorized and validate_session": (by_their_documented_names, 0.5),
		"get_bitmap": (lambda: bitmap_manager.get_bitmap(student, subject), 0.2),
	}
	floor, *samples = timing.interleaved(
		[lambda: redis_store.get("nothing"), *(work for work, _ in works.values())], *effort
	)
	lines = [
		Line(name, own, "ms", "one GET", floor, at_most(limit, of_value=True))
		for (name, (_, limit)), own in zip(works.items(), samples, strict=True)
	]
	bitmap = bytes(125)
	for name, work in (
		("set_bit", lambda: bitmap_manager.set_bit(bitmap, 777)),
		("check_bit", lambda: bitmap_manager.check_bit(bitmap, 777)),
	):
		lines.append(Line(name, timing.per_call_ms(work, *effort), "ms", target=at_most(0.2, of_value=True)))
	return lines


def linear_structure(lessons: int) -> dict:
	"""A tree in memory, linear at every level: ten lessons a topic, five topics a unit, five units a track."""
	topics = [
		_node("topic", start, lessons=[_lesson(index) for index in range(start, min(start + 10, lessons))])
		for start in range(0, lessons, 10)
	]
	units = [_node("unit", start, topics=topics[start : start + 5]) for start in range(0, len(topics), 5)]
	tracks = [_node("track", start, units=units[start : start + 5]) for start in range(0, len(units), 5)]
	return {"type": "subject", **_node("subject", 0, tracks=tracks)}


def _node(kind: str, index: int, **children) -> dict:
	return {"id": f"{kind}-{index}", "title": f"{kind} {index}", "is_linear": True, **children}


def _lesson(index: int) -> dict:
	return {"id": f"lesson-{index}", "title": f"Lesson {index}", "bit_index": index, "base_xp": 10}


def half_passed(lessons: int) -> bytes:
	return ((1 << lessons // 2) - 1).to_bytes((lessons + 7) // 8, "little")


def _unlock_lines(effort: tuple[int, float]) -> list[Line]:
	lines = []
	for lessons in LESSONS:
		structure, bitmap = linear_structure(lessons), half_passed(lessons)
		outline = outline_of(structure)
		states, single, copies = timing.interleaved(
			[
				lambda outline=outline, bitmap=bitmap: node_states(outline, bitmap),
				lambda structure=structure, bitmap=bitmap: _single_pass(structure, bitmap),
				lambda structure=structure, bitmap=bitmap: compute_node_states(structure, bitmap),
			],
			*effort,
		)
		limit = at_most(TARGET_MS[lessons], of_value=True)
		lines += [
			Line(f"node_states, {lessons:,} lessons", states, "ms", "a plain single pass", single, limit),
			Line(
				f"compute_node_states, {lessons:,} lessons",
				copies,
				"ms",
				"a plain single pass",
				single,
				limit,
			),
		]
	return lines


def _single_pass(structure: dict, bitmap: bytes) -> list[str]:
	"""What one would write first: one loop over all lessons, their containers left out."""
	states, open_ = [], True
	for track in structure["tracks"]:
		for unit in track["units"]:
			for topic in unit["topics"]:
				for lesson in topic["lessons"]:
					index = lesson["bit_index"]
					if bitmap[index >> 3] >> (index & 7) & 1:
						states.append("passed")
					else:
						states.append("unlocked" if open_ else "locked")
						open_ = False
	return states


def _reply_lines(student: str, effort: tuple[int, float]) -> list[Line]:
	lines = []
	for lessons in LESSONS:
		subject = content.subject_id(lessons)

		def reply(subject=subject):
			return progress_computer.compute_progress(subject, student)

		def serialised(reply=reply):
			return frappe.as_json({"message": reply()}, indent=None)

		computed, whole = timing.interleaved([reply, serialised], *effort)
		lines += [
			Line(f"compute_progress, {lessons:,} lessons", computed, "ms"),
			Line(f"the same with its reply as JSON, {len(serialised()):,} bytes", whole, "ms"),
		]
	return lines


def _memory_lines() -> list[Line]:
	"""Bytes a lesson at three sizes: the same at each where memory is linear."""
	sizes = (1000, 10_000, 100_000)
	per_lesson = []
	for lessons in sizes:
		outline, bitmap = outline_of(linear_structure(lessons)), half_passed(lessons)
		peak = timing.peak_bytes(lambda outline=outline, bitmap=bitmap: node_states(outline, bitmap))
		per_lesson.append(peak / lessons)
	return [
		Line(
			f"node_states, memory a lesson at {lessons:,} lessons",
			[found],
			"bytes",
			f"at {sizes[0]:,} lessons",
			[per_lesson[0]],
			at_most(1.5),
		)
		for lessons, found in zip(sizes, per_lesson, strict=True)
	]
