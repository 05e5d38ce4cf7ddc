"""A player's progress in a subject, as one reads it: the tree with its states, percent, XP and the next lesson.

Reads the structure file, the player's copies and his plan's overrides. Writes nothing.
"""

from collections.abc import Iterator, Mapping

import frappe
from memora.services import enrollment, player_copies
from memora.services.enrollment import NO_OVERRIDES, PlanOverrides
from memora.services.progress_engine import structure_loader, tally
from memora.services.progress_engine.outline import SubjectStructure
from memora.services.progress_engine.tree import child_key, is_topic, lessons_of, type_of, walk
from memora.services.progress_engine.unlock_calculator import node_states


def compute_progress(subject_id: str, user_id: str | None = None, plan_id: str | None = None) -> dict:
	"""The progress of a player in a subject, as his plan shows it.

	Args:
		user_id: the session's user when left out.
		plan_id: the player's current plan when left out; another one only where the site allows it to him.

	Returns:
		{"subject_id", "root", "completion_percentage": 45.5, "total_xp_earned": 500,
		 "suggested_next_lesson_id": str | None, "total_lessons": 100, "passed_lessons": 45}
		root and every node below it: id, title, type, status, unlock_state, and children on containers, best_hearts
		on lessons that were finished.

	Raises:
		NotEnrolled: the subject is not the player's.
		InvalidInput: the plan is not the player's.
		SubjectNotFound, a FileNotFoundError: no such subject is published.
	"""
	user_id = user_id or frappe.session.user
	# The subject's own name: MariaDB finds it by any case, while files and Redis would keep one copy for each.
	playable = enrollment.playable_subject(user_id, subject_id, plan_id)
	subject_id = playable.subject_id
	structure = _load_and_validate_structure(subject_id, playable.overrides)
	outline = structure.outline
	copies = player_copies.read_progress(user_id, subject_id)
	states = node_states(outline, copies.bitmap)
	state_by_lesson = outline.state_by_lesson(states)
	passed_lessons, total_lessons = tally.count_passed_lessons(state_by_lesson), len(state_by_lesson)
	return {
		"subject_id": subject_id,
		"root": _reply_tree(structure, iter(states), copies.best_hearts),
		"completion_percentage": tally.completion_percentage(passed_lessons, total_lessons),
		"total_xp_earned": copies.total_xp_earned,
		"suggested_next_lesson_id": tally.find_next_lesson(state_by_lesson),
		"total_lessons": total_lessons,
		"passed_lessons": passed_lessons,
	}


def _load_and_validate_structure(
	subject_id: str, overrides: PlanOverrides = NO_OVERRIDES
) -> SubjectStructure:
	"""The subject's tree as a plan shows it. Loading validates: a tree that comes back is whole."""
	return structure_loader.load_playable_structure(subject_id, overrides)


def _reply_tree(node: dict, states: Iterator[str], best_hearts: Mapping[str, int]) -> dict:
	"""A container and all below it as replies show them: what an app needs to draw progress over the published files."""
	state, children = next(states), node[child_key(node)]
	reply = {
		"id": node["id"],
		"title": node.get("title"),
		"status": state,
		"unlock_state": state,
		"type": type_of(node),
	}
	if is_topic(node):
		reply["children"] = _reply_lessons(children, states, best_hearts)
	else:
		reply["children"] = [_reply_tree(child, states, best_hearts) for child in children]
	return reply


def _reply_lessons(lessons: list[dict], states: Iterator[str], best_hearts: Mapping[str, int]) -> list[dict]:
	"""Spelled out in one loop: nearly all nodes of a subject are lessons."""
	replies = []
	for lesson in lessons:
		lesson_id, state = lesson["id"], next(states)
		reply = {
			"id": lesson_id,
			"title": lesson["title"],
			"status": state,
			"unlock_state": state,
			"type": "lesson",
		}
		if lesson_id in best_hearts:
			reply["best_hearts"] = best_hearts[lesson_id]
		replies.append(reply)
	return replies


# --- The documented parts, for trees that carry their states -----------------------------------------------------


def _ensure_structure_has_children(structure: dict) -> dict:
	"""The tree as replies show it: `type` on every node, children under `children`, few other fields."""
	return _reply_tree(structure, (node.get("status") for node in walk(structure)), {})


def _count_passed_lessons(structure: dict) -> int:
	return tally.count_passed_lessons(_state_by_lesson(structure))


def _calculate_completion_percentage(passed_lessons: int, total_lessons: int) -> float:
	return tally.completion_percentage(passed_lessons, total_lessons)


def _get_total_xp_earned(player_id: str, subject_id: str) -> int:
	"""All XP that the player's lessons in this subject have earned."""
	return player_copies.read_progress(player_id, subject_id).total_xp_earned


def find_next_lesson(structure: dict) -> str | None:
	"""The first unlocked lesson in tree order; None when there is none."""
	return tally.find_next_lesson(_state_by_lesson(structure))


def _state_by_lesson(structure: dict) -> dict[str, str]:
	return {lesson["id"]: lesson["status"] for lesson in lessons_of(structure)}
