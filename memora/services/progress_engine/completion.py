"""Completing a lesson: the one way in which a lesson pays. Both endpoints are thin faces of it.

The order of steps, and what remains when the process dies after each:

1. Lock the wallet row: the player's mutex. Two calls of one player are decided one after the other. (Nothing.)
2. Ask the ledger: its last seq, and whether this play was paid already. (Nothing.)
3. Check: the lesson is visible to the player, he is enrolled, it is unlocked. (Nothing.)
4. Read the copies as they stand at the last seq, loading them where they do not. (True copies.)
5. Mark the copies in flight with the new seq. (A mark: the copy is a miss after five seconds.)
6. INSERT one ledger row. Its unique keys have the last word. (Rolled back by MariaDB; the mark, as in 5.)
7. COMMIT: from here the award is true. (The mark makes the copy a miss; the next read loads the award.)
8. Bring the copies forward, which clears the mark. (Nothing is missing.)
"""

import uuid
from datetime import date, timedelta
from typing import NamedTuple

import frappe
from frappe import _
from memora.exceptions import (
	IdempotencyConflict,
	InvalidInput,
	LessonLocked,
	LessonNotFound,
)
from memora.services import enrollment, interaction_log, player_copies, wallet_awards
from memora.services.interaction_log import History, Play
from memora.services.player_copies import Award, LessonAward
from memora.services.progress_engine import award, structure_loader, unlock_calculator
from memora.services.progress_engine.award import XpPolicy
from memora.services.recovery import Progress, Wallet
from memora.utils import clock

SAME_PLAY_WINDOW = timedelta(seconds=10)


class Completion(NamedTuple):
	"""One request to complete a lesson, as it came in and was validated."""

	user_id: str
	lesson_id: str
	hearts: int
	policy: XpPolicy
	client_event_id: str | None


class _Lesson(NamedTuple):
	"""A lesson that the player may complete. structure: the subject's tree as his plan shows it."""

	subject_id: str
	node: dict
	structure: dict


def complete_lesson(
	user_id: str, lesson_id: str, hearts: int, policy: XpPolicy, client_event_id: str | None = None
) -> dict:
	"""Record one finished lesson and pay its XP, exactly once.

	Args:
		client_event_id: UUID v4 of the app's own event; the same id never pays twice.

	Returns:
		The outcome (`award.decide`), with `event_id`, and `duplicate`: True where this play was paid before.

	Raises:
		NoPlayerProfile, LessonNotFound, NotEnrolled, LessonLocked: nothing was counted.
		IdempotencyConflict: the client_event_id stands for another play.
		StoreUnavailable: Redis did not answer; nothing was counted.
	"""
	completion = Completion(user_id, lesson_id, hearts, policy, client_event_id)
	with wallet_awards.players_mutex(user_id, client_event_id, lesson_id) as history:
		paid_before = _same_play(completion, history)
		if paid_before is None:
			return {**_award(completion, history), "duplicate": False}
		if completion.client_event_id and not history.same_event:
			_remember_event(completion, paid_before)
	return {**paid_before.data["outcome"], "duplicate": True}


def extras(outcome: dict) -> dict:
	"""What both endpoints add to their documented reply."""
	return {
		key: outcome[key]
		for key in (
			"duplicate",
			"event_id",
			"unlocked_node_ids",
			"suggested_next_lesson_id",
			"completion_percentage",
		)
	}


def refuse_without_hearts(user_id: str, lesson_id: str) -> None:
	"""Log a lesson that was lost, and refuse to count it.

	Raises:
		InvalidInput: always.
	"""
	interaction_log.append_event(user_id, interaction_log.LESSON_FAILED, {"hearts": 0}, lesson_id)
	frappe.db.commit()  # the refusal that follows rolls the request back; the attempt must stay on record
	frappe.throw(_("No hearts: the lesson does not count."), InvalidInput)


def _same_play(completion: Completion, history: History) -> Play | None:
	"""The paid play that this call repeats: by its client_event_id, else by lesson and time."""
	if history.same_event:
		_require_same_body(completion, history.same_event)
		return history.same_event
	last = history.last_play
	if last and last.lesson_id != completion.lesson_id:  # MariaDB compares without case and accents
		return None
	if last is None or clock.utc_now() - last.at > SAME_PLAY_WINDOW:
		return None
	# Two different ids say that the player really finished the lesson twice.
	return None if completion.client_event_id and last.client_event_id else last


def _remember_event(completion: Completion, paid_before: Play) -> None:
	"""Keep the id of a call that was a duplicate by its time: sent again next week, it still pays nothing."""
	interaction_log.append_event(
		completion.user_id,
		interaction_log.DUPLICATE,
		{**paid_before.data, "hearts": completion.hearts},
		completion.lesson_id,
		completion.client_event_id,
	)
	frappe.db.commit()  # before the caller is told that the id was dealt with


def _require_same_body(completion: Completion, play: Play) -> None:
	if (play.lesson_id, play.hearts) != (completion.lesson_id, completion.hearts):
		frappe.throw(
			_("client_event_id {0} was used for another completion.").format(completion.client_event_id),
			IdempotencyConflict,
		)


def _award(completion: Completion, history: History) -> dict:
	"""Steps 3 to 8, under the player's lock."""
	lesson = _playable_lesson(completion)
	wallet, progress = player_copies.read_for_award(completion.user_id, lesson.subject_id, history.last_seq)
	states = unlock_calculator.compute_node_states(lesson.structure, progress.bitmap)
	_require_unlocked(states, completion.lesson_id)
	before = award.Before(
		wallet.total_xp,
		wallet.current_streak,
		wallet.last_success_date,
		progress.bitmap,
		progress.best_hearts,
		history.was_completed,
	)
	seq, now = history.last_seq + 1, clock.utc_now()
	outcome = award.decide(states, lesson.node, completion.hearts, before, completion.policy, now)
	outcome["event_id"] = str(uuid.uuid4())

	wallet = Wallet(seq, *_figures(outcome), now)
	_commit(completion, Award(wallet, _lesson_award(completion, lesson, progress, outcome)), outcome)
	return outcome


def _figures(outcome: dict) -> tuple[int, int, date | None]:
	run = outcome["streak"]
	day = run["last_success_date"]
	return outcome["new_total_xp"], run["new_streak"], date.fromisoformat(day) if day else None


def _playable_lesson(completion: Completion) -> _Lesson:
	subject_id, overrides = enrollment.playable_subject_of_lesson(completion.user_id, completion.lesson_id)
	structure = structure_loader.load_playable_structure(subject_id, overrides)
	node = structure.lesson_by_id.get(completion.lesson_id)
	if node is None:
		frappe.throw(_("There is no lesson {0}.").format(completion.lesson_id), LessonNotFound)
	return _Lesson(subject_id, node, structure)


def _require_unlocked(states: dict, lesson_id: str) -> None:
	if unlock_calculator.find_node_by_id(states, lesson_id)["status"] == unlock_calculator.LOCKED:
		frappe.throw(_("Lesson {0} is still locked.").format(lesson_id), LessonLocked)


def _lesson_award(completion: Completion, lesson: _Lesson, progress: Progress, outcome: dict) -> LessonAward:
	best_hearts = max(completion.hearts, progress.best_hearts.get(completion.lesson_id, 0))
	bit_index = lesson.node["bit_index"] if completion.hearts > 0 else None
	return LessonAward(lesson.subject_id, completion.lesson_id, bit_index, best_hearts, outcome["xp_awarded"])


def _commit(completion: Completion, paid: Award, outcome: dict) -> None:
	"""Steps 5 to 8."""
	is_passed = completion.hearts > 0
	wallet_awards.commit_award(
		completion.user_id,
		paid,
		interaction_log.LESSON_COMPLETION if is_passed else interaction_log.LESSON_FAILED,
		xp_awarded=outcome["xp_awarded"],
		event_id=outcome["event_id"],
		data={"at": clock.iso(paid.wallet.last_played_at), "hearts": completion.hearts, "outcome": outcome},
		reference_id=completion.lesson_id,
		subject=paid.lesson.subject_id,
		first_completion_of=completion.lesson_id if outcome["is_first_completion"] else None,
		client_event_id=completion.client_event_id,
	)
