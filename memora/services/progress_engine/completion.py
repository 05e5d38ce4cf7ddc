"""Completing a lesson: the one way in which a lesson pays. Both endpoints are thin faces of it.

The order of steps, and what remains when the process dies after each:

1. Lock the wallet row: the player's mutex. Two calls of one player are decided one after the other. (Nothing.)
2. Ask the ledger: its last seq, and whether this play was paid already. (Nothing.)
3. Check: the lesson is visible to the player, he is enrolled. (Nothing.)
4. Read the copies as they stand at the last seq, loading them where they do not, and mark them in flight with the new
   seq, in one script. (True copies with a mark: after five seconds they are a miss and loaded anew.)
5. Check: the lesson is unlocked. A refusal takes the mark back. (As in 4.)
6. INSERT one ledger row. Its unique keys have the last word; what they refuse takes the mark back. (Rolled back by
   MariaDB; the mark, as in 4.)
7. COMMIT: from here the award is true. (The mark makes the copy a miss; the next read loads the award.)
8. Bring the copies forward, which clears the mark. (Nothing is missing.)
"""

import uuid
from datetime import date, datetime, timedelta
from typing import NamedTuple

import frappe
from frappe import _
from memora.exceptions import (
	IdempotencyConflict,
	InvalidInput,
	LessonLocked,
	LessonNotFound,
	NotEnrolled,
)
from memora.services import enrollment, entitlement, interaction_log, wallet_awards
from memora.services.interaction_log import History, Play
from memora.services.player_copies import Award, LessonAward
from memora.services.progress_engine import award, structure_loader, unlock_calculator
from memora.services.progress_engine.award import XpPolicy
from memora.services.progress_engine.outline import Outline
from memora.services.recovery import Wallet
from memora.services.wallet_awards import AwardInFlight
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
	"""A lesson that the player may complete. outline: of the subject's tree as his plan shows it.

	bit_index: the lesson's place now. The node has the one that was published last.
	"""

	subject_id: str
	node: dict
	outline: Outline
	bit_index: int


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
	# Either way, for a clock may be set back: hours of plays must not become duplicates of later ones.
	if last is None or abs(clock.utc_now() - last.at) > SAME_PLAY_WINDOW:
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
	with wallet_awards.award_in_flight(completion.user_id, history, lesson.subject_id) as pending:
		now = clock.utc_now()
		outcome = _decide(completion, lesson, pending, history.was_completed, now)
		_commit(completion, lesson, pending, outcome, now)
	return outcome


def _decide(
	completion: Completion, lesson: _Lesson, pending: AwardInFlight, was_completed: bool, now: datetime
) -> dict:
	wallet, progress = pending.wallet, pending.progress
	states = unlock_calculator.node_states(lesson.outline, progress.bitmap)
	_require_unlocked(lesson, states)
	before = award.Before(
		wallet.total_xp,
		wallet.current_streak,
		wallet.last_success_date,
		progress.bitmap,
		progress.best_hearts,
		was_completed,
	)
	outcome = award.decide(
		lesson.outline, states, lesson.node, completion.hearts, before, completion.policy, now
	)
	return {**outcome, "event_id": str(uuid.uuid4())}


def _figures(outcome: dict) -> tuple[int, int, date | None]:
	run = outcome["streak"]
	day = run["last_success_date"]
	return outcome["new_total_xp"], run["new_streak"], date.fromisoformat(day) if day else None


def _playable_lesson(completion: Completion) -> _Lesson:
	playable = enrollment.playable_subject_of_lesson(completion.user_id, completion.lesson_id)
	outline = structure_loader.load_playable_structure(playable.subject_id, playable.overrides).outline
	node = outline.lesson(completion.lesson_id)
	if node is None:
		frappe.throw(_("There is no lesson {0}.").format(completion.lesson_id), LessonNotFound)
	_require_entitled(completion.user_id, playable.plan_id, outline, node["id"])
	return _Lesson(playable.subject_id, node, outline, playable.bit_index)


def _require_entitled(user_id: str, plan_id: str | None, outline: Outline, lesson_id: str) -> None:
	if entitlement.has_opinions() and entitlement.refuses_lesson(
		user_id, plan_id, outline.path_to(lesson_id)
	):
		frappe.throw(_("You are not enrolled in this lesson."), NotEnrolled)


def _require_unlocked(lesson: _Lesson, states: list[str]) -> None:
	lesson_id = lesson.node["id"]
	if states[lesson.outline.position_by_lesson[lesson_id]] == unlock_calculator.LOCKED:
		frappe.throw(_("Lesson {0} is still locked.").format(lesson_id), LessonLocked)


def _commit(
	completion: Completion, lesson: _Lesson, pending: AwardInFlight, outcome: dict, now: datetime
) -> None:
	"""Steps 6 to 8."""
	is_passed = completion.hearts > 0
	best_hearts = max(completion.hearts, pending.progress.best_hearts.get(completion.lesson_id, 0))
	bit_index = lesson.bit_index if is_passed else None
	pending.commit(
		Award(
			Wallet(pending.seq, *_figures(outcome), now),
			LessonAward(
				lesson.subject_id, completion.lesson_id, bit_index, best_hearts, outcome["xp_awarded"]
			),
		),
		interaction_log.LESSON_COMPLETION if is_passed else interaction_log.LESSON_FAILED,
		xp_awarded=outcome["xp_awarded"],
		event_id=outcome["event_id"],
		data={"at": clock.iso(now), "hearts": completion.hearts, "outcome": outcome},
		reference_id=completion.lesson_id,
		subject=lesson.subject_id,
		first_completion_of=completion.lesson_id if outcome["is_first_completion"] else None,
		client_event_id=completion.client_event_id,
	)
