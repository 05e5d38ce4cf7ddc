"""A player's progress in a subject, as one reads it: the tree with its states, percent, XP and the next lesson.

Reads the structure file, the player's copies and his plan's overrides. Writes nothing.
"""

from collections.abc import Mapping

import frappe
from memora.services import enrollment, player_copies
from memora.services.progress_engine import structure_loader, tally
from memora.services.progress_engine.tree import child_key, is_topic, lessons_of, type_of
from memora.services.progress_engine.unlock_calculator import compute_node_states

# What an app needs to draw progress over the published files; everything else it knows from those.
REPLY_FIELDS = ("id", "title", "status", "unlock_state")


def compute_progress(subject_id: str, user_id: str | None = None, plan_id: str | None = None) -> dict:
	"""The progress of a player in a subject, as his plan shows it.

	Args:
		user_id: the session's user when left out.
		plan_id: the player's current plan when left out.

	Returns:
		{"subject_id", "root", "completion_percentage": 45.5, "total_xp_earned": 500,
		 "suggested_next_lesson_id": str | None, "total_lessons": 100, "passed_lessons": 45}
		root and every node below it: id, title, type, status, unlock_state, and children on containers, best_hearts
		on lessons that were finished.

	Raises:
		NotEnrolled: the subject is not the player's.
		SubjectNotFound, a FileNotFoundError: no such subject is published.
	"""
	user_id = user_id or frappe.session.user
	# The subject's own name: MariaDB finds it by any case, while files and Redis would keep one copy for each.
	subject_id, overrides = enrollment.playable_subject(user_id, subject_id, plan_id)
	structure = _load_and_validate_structure(subject_id, overrides)
	copies = player_copies.read_progress(user_id, subject_id)
	states = compute_node_states(structure, copies.bitmap, user_id, subject_id)
	passed_lessons, total_lessons = _count_passed_lessons(states), len(lessons_of(states))
	return {
		"subject_id": subject_id,
		"root": _ensure_structure_has_children(states, copies.best_hearts),
		"completion_percentage": _calculate_completion_percentage(passed_lessons, total_lessons),
		"total_xp_earned": copies.total_xp_earned,
		"suggested_next_lesson_id": find_next_lesson(states),
		"total_lessons": total_lessons,
		"passed_lessons": passed_lessons,
	}


def _load_and_validate_structure(subject_id: str, overrides: Mapping[str, Mapping] | None = None) -> dict:
	"""The subject's tree as a plan shows it. Loading validates: a tree that comes back is whole."""
	return structure_loader.load_playable_structure(subject_id, overrides or {})


def _ensure_structure_has_children(structure: dict, best_hearts: Mapping[str, int] | None = None) -> dict:
	"""A copy of the tree as replies show it: `type` on every node, children under `children`, few other fields."""
	reply = _reply_node(structure, type_of(structure))
	children = structure[child_key(structure)]
	if is_topic(structure):
		reply["children"] = [_reply_lesson(lesson, best_hearts or {}) for lesson in children]
	else:
		reply["children"] = [_ensure_structure_has_children(child, best_hearts) for child in children]
	return reply


def _reply_lesson(lesson: dict, best_hearts: Mapping[str, int]) -> dict:
	reply = _reply_node(lesson, "lesson")
	if lesson["id"] in best_hearts:
		reply["best_hearts"] = best_hearts[lesson["id"]]
	return reply


def _reply_node(node: dict, node_type: str) -> dict:
	reply = {field: node[field] for field in REPLY_FIELDS if field in node}
	reply["type"] = node_type
	return reply


def _count_passed_lessons(structure: dict) -> int:
	return tally.count_passed_lessons(structure)


def _calculate_completion_percentage(passed_lessons: int, total_lessons: int) -> float:
	return tally.completion_percentage(passed_lessons, total_lessons)


def _get_total_xp_earned(player_id: str, subject_id: str) -> int:
	"""All XP that the player's lessons in this subject have earned."""
	return player_copies.read_progress(player_id, subject_id).total_xp_earned


def find_next_lesson(structure: dict) -> str | None:
	"""The first unlocked lesson in tree order, looking into no locked container; None when there is none."""
	return tally.find_next_lesson(structure)
