"""The shapes of all replies: what is in `message` of Frappe's envelope. Errors are in `memora.exceptions`."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from memora.api.values import (
	Address,
	ContentDoctype,
	Count,
	Day,
	Hearts,
	LessonId,
	Moment,
	NodeId,
	Path,
	Percent,
	PlanId,
	Seconds,
	SubjectId,
	Title,
	UserId,
	Uuid4,
	Xp,
)

# --- Logging in ------------------------------------------------------------------------------------------------


class CsrfToken(TypedDict, total=False):
	csrf_token: str


class LoggedIn(CsrfToken):
	"""csrf_token: only where the session has one; every POST then needs it in X-Frappe-CSRF-Token."""

	message: Literal["Logged in successfully"]
	session_id: str
	is_first_device: bool
	devices_authorized: Count
	plan_id: PlanId | None
	manifest_url: Address | None


class LoggedOut(TypedDict):
	message: Literal["Logged out successfully"]


class DeviceAuthorization(TypedDict):
	authorized: bool
	device_count: Count


class LiveSession(TypedDict):
	valid: bool
	session_id: str


class DeviceRegistered(TypedDict):
	message: Literal["Device registered successfully"]
	devices_authorized: Count


class DeviceRemoved(TypedDict):
	message: Literal["Device removed successfully"]
	devices_authorized: Count


# --- Playing ---------------------------------------------------------------------------------------------------

StreakAction = Literal["first_completion", "incremented", "maintained", "reset", "no_update"]


class Completion(TypedDict):
	"""duplicate: this play was paid before, and this is what was answered then."""

	duplicate: bool
	event_id: Uuid4
	unlocked_node_ids: list[NodeId]
	suggested_next_lesson_id: LessonId | None
	completion_percentage: Percent


class XpOfLesson(TypedDict):
	awarded: Xp
	new_total: Xp


class PlayerStreak(TypedDict):
	old_streak: Count
	new_streak: Count
	action: StreakAction
	last_success_date: Day | None


class PlayerCompletion(Completion):
	message: Literal["Lesson completed successfully"]
	xp: XpOfLesson
	streak: PlayerStreak


class Streak(TypedDict):
	old_streak: Count
	new_streak: Count
	streak_action: StreakAction
	last_success_date: Day | None


class ProgressCompletion(Completion):
	success: Literal[True]
	xp_earned: Xp
	new_total_xp: Xp
	is_first_completion: bool
	is_new_record: bool
	streak: Streak


class Wallet(TypedDict):
	"""streak_active: today or yesterday counts. Day and time are null while nothing was played."""

	total_xp: Xp
	current_streak: Count
	last_success_date: Day | None
	last_played_at: Moment | None
	streak_active: bool


class XpPaid(TypedDict):
	xp_awarded: Xp
	new_total_xp: Xp
	event_id: Uuid4
	duplicate: bool


class XpClaimed(XpPaid):
	message: Literal["XP awarded successfully"]


State = Literal["passed", "unlocked", "locked"]


class ProgressNodeExtras(TypedDict, total=False):
	best_hearts: Hearts
	children: list[ProgressNode]


class ProgressNode(ProgressNodeExtras):
	"""children: of all but lessons. best_hearts: of lessons that were finished. status: the same as unlock_state."""

	id: NodeId
	title: str | None
	type: Literal["subject", "track", "unit", "topic", "lesson"]
	status: State
	unlock_state: State


class Progress(TypedDict):
	subject_id: SubjectId
	root: ProgressNode
	completion_percentage: Percent
	total_xp_earned: Xp
	suggested_next_lesson_id: LessonId | None
	total_lessons: Count
	passed_lessons: Count


class WalletSync(TypedDict):
	message: Literal["Manual wallet sync completed"]
	force: bool
	synced: Count
	duration: Seconds
	errors: Count


# --- One player ------------------------------------------------------------------------------------------------


class Device(TypedDict):
	device_id: Uuid4
	device_name: str
	added_on: Moment | None


class SessionOfPlayer(TypedDict):
	device_id: Uuid4 | None
	device_name: str | None
	started_at: Moment | None


class WalletOfPlayer(TypedDict):
	"""truth: as MariaDB has it. copy: as Redis has it. agrees: null where there is nothing to compare."""

	truth: dict[str, Any]
	copy: dict[str, Any] | None
	copy_state: str
	agrees: bool | None
	streak_active: bool


class SubjectOfPlayer(TypedDict):
	subject: SubjectId
	title: str | None
	passed_lessons: Count
	total_lessons: Count
	completion_percentage: Percent
	total_xp_earned: Xp


class LedgerRow(TypedDict):
	seq: Count
	interaction_type: str
	reference_id: str | None
	title: str | None
	subject: SubjectId | None
	xp_awarded: Xp
	at: Moment
	reason: str | None
	by: UserId | None


class PlayerOverview(TypedDict):
	"""ledger: the last 20 awards, the newest first."""

	user: UserId
	max_devices: Count
	devices: list[Device]
	session: SessionOfPlayer | None
	wallet: WalletOfPlayer | None
	subjects: list[SubjectOfPlayer]
	ledger: list[LedgerRow]


class DevicesLeft(TypedDict):
	devices_authorized: Count


class SessionEnded(TypedDict):
	status: Literal["ended"]


class PlanNamed(TypedDict):
	plan_id: PlanId


class Difference(TypedDict):
	"""As `memora.services.comparison.Finding` tells."""

	player: UserId
	kind: str
	subject: SubjectId | None
	found: Any
	expected: Any
	repaired: bool
	seq: int | None


class Differences(TypedDict):
	findings: list[Difference]


# --- Publishing ------------------------------------------------------------------------------------------------

SyncStatus = Literal["Queued", "Processing", "Success", "Failed", "Dead Letter"]


class FailedPublish(TypedDict):
	plan_id: PlanId
	status: SyncStatus
	error_message: str | None
	retry_count: Count
	completed_at: Moment | None
	next_retry_at: Moment | None


class QueueStatus(TypedDict):
	"""fallback: Redis is away, and CDN Sync Log alone is the queue."""

	pending_plans: Count
	dead_letter_count: Count
	recent_failures: list[FailedPublish]
	last_processed: Moment | None
	processing: Count
	oldest_pending_seconds: Count
	next_retry_at: Moment | None
	fallback: bool


class Publish(TypedDict):
	"""A row of CDN Sync Log."""

	name: str
	plan_id: PlanId
	status: SyncStatus
	triggered_by: str | None
	started_at: Moment | None
	completed_at: Moment | None
	retry_count: Count
	next_retry_at: Moment | None
	files_uploaded: Count
	files_unchanged: Count
	files_deleted: Count
	bytes_uploaded: Count
	sync_verified: Literal[0, 1]
	error_message: str


class DeadLetter(TypedDict):
	plan_id: PlanId
	reason: str | None
	at: Moment | None


class WaitingPlan(TypedDict):
	"""next_retry_at: null for what is published as soon as a worker is free."""

	plan_id: PlanId
	since: Moment | None
	retry_count: Count
	next_retry_at: Moment | None


class BuildProgress(TypedDict):
	step: Literal["reading", "building", "writing", "uploading", "withdrawing"]
	done: Count
	total: Count


class Build(TypedDict):
	"""is_alive: false for a build that was killed; the next worker begins it again."""

	plan_id: PlanId
	started_at: Moment | None
	retry_count: Count
	is_alive: bool
	progress: BuildProgress | None


class HealthFinding(TypedDict):
	"""plan_id: empty where it concerns publishing as a whole."""

	problem: str
	plan_id: str
	detail: str
	since: Moment


class Health(TypedDict):
	findings: list[HealthFinding]
	checked_at: Moment | None
	scanned_at: Moment | None


class HealthCheck(TypedDict):
	"""told: how many findings are new."""

	checked_at: Moment
	findings: list[HealthFinding]
	told: Count


class Target(TypedDict):
	uploads: bool
	enabled: bool
	bucket: str | None
	address: str | None


class PublishingOverview(TypedDict):
	"""titles: of the plans that are named here."""

	queue: QueueStatus
	waiting: list[WaitingPlan]
	building: list[Build]
	dead_letters: list[DeadLetter]
	health: Health
	history: list[Publish]
	target: Target
	titles: dict[str, str]


class PlanQueued(TypedDict):
	status: Literal["queued"]
	plan_id: PlanId


class PlanCleared(TypedDict):
	status: Literal["cleared"]
	plan_id: PlanId


class PlansQueued(TypedDict):
	status: Literal["queued"]
	plans: list[PlanId]


class ScanStarted(TypedDict):
	status: Literal["started"]
	repair: bool


class AccessExtras(TypedDict, total=False):
	required_item: str
	is_sold_separately: bool
	parent_item_required: bool


class Access(AccessExtras):
	"""As published files have it."""

	is_published: bool
	access_level: str


class AccessChange(TypedDict):
	"""null: the plan does not show the node."""

	doctype: str
	id: NodeId
	title: str
	was: Access | None
	becomes: Access | None


class PreviewCounts(TypedDict):
	added: Count
	changed: Count
	removed: Count
	access_changes: Count


class Preview(TypedDict):
	"""Lists are cut at 200; counts has their length."""

	plan_id: PlanId
	action: Literal["publish", "withdraw", "nothing", "fail"]
	errors: list[str]
	counts: PreviewCounts
	unchanged: Count
	players: Count
	added: list[Path]
	changed: list[Path]
	removed: list[Path]
	access_changes: list[AccessChange]


class ConnectionFailure(TypedDict, total=False):
	error: str


class ConnectionTest(ConnectionFailure):
	status: Literal["success", "failed"]
	bucket: str | None


# --- Content ---------------------------------------------------------------------------------------------------


class ContentNodeExtras(TypedDict, total=False):
	stage_count: Count


class ContentNode(ContentNodeExtras):
	"""access: null where players are not shown the node. stage_count: of lessons."""

	doctype: ContentDoctype
	name: NodeId
	title: Title
	is_published: bool
	is_overridden: bool
	access: Access | None
	children: list[ContentNode]


class NodeAdded(TypedDict):
	name: NodeId


class NodeMoved(TypedDict):
	"""changed: name -> its new sort_order."""

	changed: dict[str, int]


class NodesChanged(TypedDict):
	changed: Count


class PlacedNode(TypedDict):
	doctype: ContentDoctype
	name: NodeId
	title: Title
	is_published: bool


class PlacedChild(PlacedNode):
	"""below: how many children it has itself."""

	below: Count


class ShowingPlan(TypedDict):
	"""What one plan makes of a node.

	access: null where its players are not shown the node; `reason` then says why, and `because_of` names the node that is
	unpublished or hidden. url: of the published file that tells of the node, null where there is none.
	"""

	name: PlanId
	title: Title
	is_published: bool
	has_subject: bool
	access: Access | None
	reason: Literal["no_subject", "unpublished", "hidden", "empty"] | None
	because_of: PlacedNode | None
	url: Address | None


class PlaceOfNode(TypedDict):
	"""path: from the subject down to the node. children: in order, cut at 200. plans: cut at 50, those with its subject
	first. The counts have all."""

	path: list[PlacedNode]
	child_doctype: ContentDoctype | None
	children: list[PlacedChild]
	children_count: Count
	plans: list[ShowingPlan]
	plans_count: Count


class LevelBelow(TypedDict):
	doctype: ContentDoctype
	count: Count


class PlanInTheWay(TypedDict):
	"""lists_it: the node is one of its subjects. actions: of its overrides of the node."""

	name: PlanId
	title: Title
	is_published: bool
	lists_it: bool
	actions: list[str]


class Breakage(TypedDict):
	"""What deleting a node would break. is_refused: something still needs it.

	players_passed: of a lesson, else null. players_with_progress: of a subject, else null.
	"""

	below: list[LevelBelow]
	plans: list[PlanInTheWay]
	players_passed: Count | None
	players_with_progress: Count | None
	is_refused: bool


class StageKey(TypedDict):
	"""key: one or several, with a comma between."""

	key: str
	about: str


class StageTemplate(TypedDict):
	"""kind: null for a type of stage that has only one shape. config: JSON."""

	stage_type: str
	kind: str | None
	config: str
	keys: list[StageKey]


class ConfigChecked(TypedDict):
	"""fault: a sentence, empty when nothing is wrong."""

	fault: str


class PublishedFile(TypedDict):
	path: Path
	kind: str
	url: Address


class PublishedFiles(TypedDict):
	"""files: cut at 500; count has all."""

	count: Count
	files: list[PublishedFile]


class ImportStarted(TypedDict):
	run_id: Uuid4


class ImportProblem(TypedDict):
	row: int | None
	column: str | None
	message: str


class ImportReport(TypedDict):
	"""counts: level -> how many are new, changed or unchanged, of stages new or removed. problems: the first hundred."""

	is_check: bool
	is_imported: bool
	subject: SubjectId | None
	title: str | None
	counts: dict[str, dict[str, int]]
	problem_count: Count
	problems: list[ImportProblem]


class ImportOutcome(TypedDict, total=False):
	done: Count
	total: Count
	message: str
	report: ImportReport


class ImportRun(ImportOutcome):
	"""message: of one that failed or was lost. report: of one that is done."""

	state: Literal["queued", "running", "done", "failed", "lost"]
	file_name: str
	is_check: bool


# --- Desk's workspace ------------------------------------------------------------------------------------------


class CardExtras(TypedDict, total=False):
	route: list[str]
	route_options: dict[str, Any]


class Card(CardExtras):
	"""route: only for who may go there."""

	value: Count
	fieldtype: Literal["Int"]


class Dataset(TypedDict):
	name: str
	values: list[int]


class Chart(TypedDict, total=False):
	"""Empty when there is nothing to show."""

	labels: list[str]
	datasets: list[Dataset]
