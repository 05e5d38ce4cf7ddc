"""The steps of a student's day, and what each answer has to hold.

Every step names what it asks and states what it expects; the first answer that differs ends the day. The day can be
played again at any time: it takes the next lesson that the student has not passed, and plays the first one again when
there is none.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

from demo_day.errors import NotAsDocumented
from demo_day.http_client import Answer, Player
from demo_day.transcript import Transcript

DEVICE_NAME = "Demo phone"
# Not among any student's devices.
FOREIGN_DEVICE_ID = "0f9d3c6e-8a57-4b1e-b2f4-6c5d7e8f9a01"
HEARTS = 5
XP_A_HEART, FIRST_COMPLETION_XP, RECORD_XP = 2, 5, 10


def expect(is_so: bool, what: str) -> None:
	if not is_so:
		raise NotAsDocumented(what)


def expect_equal(found, expected, what: str) -> None:
	expect(found == expected, f"{what} is {found!r}, expected {expected!r}")


class Day:
	"""What the student's app remembers while the day goes on."""

	def __init__(self, player: Player, student: dict, transcript: Transcript):
		self.player = player
		self.student = student
		self.transcript = transcript

	def play(self) -> None:
		for step in self._steps():
			self.transcript.begin_step(step.__doc__)
			step()

	def _steps(self) -> list[Callable[[], None]]:
		return [
			self.log_in,
			self.read_manifest,
			self.read_manifest_from_web_server,
			self.read_wallet,
			self.read_progress,
			self.read_hierarchy,
			self.read_topic,
			self.read_lesson,
			self.try_locked_lesson,
			self.complete_lesson,
			self.tap_again,
			self.see_what_unlocked,
			self.read_wallet_again,
			self.check_streak,
			self.refuse_second_device,
			self.log_out,
			self.refuse_old_session,
		]

	# --- Morning: in, and what there is to learn ---

	def log_in(self) -> None:
		"""Log in on the student's own phone"""
		self.player.device_id = self.student["device_id"]
		answer = self._call("POST", "player.login", **self._credentials(), device_name=DEVICE_NAME)
		reply = answer.message
		expect_equal(reply["message"], "Logged in successfully", "the message")
		expect_equal(self.player.cookies.get("sid"), reply["session_id"], "the cookie sid")
		expect(1 <= reply["devices_authorized"] <= 2, "a student has one or two devices")
		expect(bool(reply["manifest_url"]), "the student follows no plan")
		self.plan_id, self.manifest_url = reply["plan_id"], reply["manifest_url"]
		self.session_id = reply["session_id"]
		first = "a first device, authorized now" if reply["is_first_device"] else "an authorized device"
		self.transcript.found(f"{self.student['display_name']} is in, on {first}")

	def read_manifest(self) -> None:
		"""The plan's manifest: what there is to learn, and where"""
		self.manifest_answer = self._read(self.manifest_url)
		self.manifest = self.manifest_answer.json
		expect_equal(self.manifest["plan_id"], self.plan_id, "plan_id")
		expect(bool(self.manifest["subjects"]), "the plan has no subject")
		titles = ", ".join(subject["title"] for subject in self.manifest["subjects"])
		self.transcript.found(f"{self.manifest['title']}: {titles}")

	def read_manifest_from_web_server(self) -> None:
		"""The same manifest from the web server's own copy"""
		answer = self._read(f"{self.player.base}/memora_content/{self._manifest_path}")
		expect(answer.body == self.manifest_answer.body, "both copies hold the same bytes")
		self.transcript.found("the same bytes")

	def read_wallet(self) -> None:
		"""The wallet before the lesson"""
		self.wallet = self._call("GET", "player.get_wallet").message
		self._tell_wallet()

	def read_progress(self) -> None:
		"""Where the student stands: the first subject with a lesson to do"""
		for subject in self.manifest["subjects"]:
			self._read_progress_of(subject)
			if self.progress["suggested_next_lesson_id"]:
				break
		else:
			self._read_progress_of(self.manifest["subjects"][0])
		self.lesson_id = self.progress["suggested_next_lesson_id"] or self._lessons()[0]["id"]
		self.lesson = self._find(self.lesson_id)
		self.is_first = self.lesson["unlock_state"] == "unlocked"
		kind = "next" if self.is_first else "all are passed, so once more"
		passed, total = self.progress["passed_lessons"], self.progress["total_lessons"]
		self.transcript.found(f"{passed} of {total} lessons passed; {kind}: {self.lesson['title']}")

	# --- The lesson's files ---

	def read_hierarchy(self) -> None:
		"""The subject's tracks, units and topics"""
		hierarchy = self._read_content(self.subject["hierarchy_url"])
		expect_equal(hierarchy["id"], self.subject["id"], "the subject's id")
		self.topics = {
			topic["id"]: topic
			for track in hierarchy["tracks"]
			for unit in track["units"]
			for topic in unit["topics"]
		}
		in_tree = {node["id"] for node in _walk(self.progress["root"]) if node["type"] == "topic"}
		expect_equal(
			set(self.topics), in_tree, "the topics of the published tree, against the progress tree,"
		)
		expect_equal(
			hierarchy["stats"]["total_lessons"], self.progress["total_lessons"], "the number of lessons"
		)
		self.transcript.found(f"{len(self.topics)} topics, {hierarchy['stats']['total_lessons']} lessons")

	def read_topic(self) -> None:
		"""The topic of the lesson"""
		bitmap = self._read_content(self.subject["bitmap_url"])
		place = bitmap["mappings"][self.lesson_id]
		topic = self._read_content(self.topics[place["topic_id"]]["topic_url"])
		lessons = {lesson["id"]: lesson for lesson in topic["lessons"]}
		expect(self.lesson_id in lessons, "the topic does not list the lesson")
		expect_equal(lessons[self.lesson_id]["bit_index"], place["bit_index"], "bit_index")
		self.lesson_url = lessons[self.lesson_id]["lesson_url"]
		self.transcript.found(f"{topic['parent']['unit_title']} / {topic['title']}: {len(lessons)} lessons")

	def read_lesson(self) -> None:
		"""The lesson itself, stage by stage"""
		lesson = self._read_content(self.lesson_url)
		expect_equal(lesson["id"], self.lesson_id, "the lesson's id")
		expect("access" not in lesson, "a lesson shared by plans holds no access block")
		places = [stage["idx"] for stage in lesson["stages"]]
		expect_equal(places, list(range(1, len(places) + 1)), "the order of the stages")
		for stage in lesson["stages"]:
			self.transcript.found(f"{stage['type']}: {stage['title']}")

	# --- Playing ---

	def try_locked_lesson(self) -> None:
		"""A lesson that is still locked is refused"""
		locked = [lesson for lesson in self._lessons() if lesson["unlock_state"] == "locked"]
		if not locked:
			self.transcript.found("nothing is locked any more in this subject")
			return
		self._refuse(
			"LessonLocked", 403, "POST", "progress.complete_lesson", lesson_id=locked[-1]["id"], hearts=HEARTS
		)
		self.transcript.found(f"not yet: {locked[-1]['title']}")

	def complete_lesson(self) -> None:
		"""The lesson is done, with all hearts left"""
		self.event_id = str(uuid.uuid4())
		self.completion_answer = self._complete()
		reply = self.completion = self.completion_answer.message
		expect(reply["success"] is True, "success is not true")
		expect_equal(reply["is_first_completion"], self.is_first, "is_first_completion")
		expect(reply["is_new_record"] or not self.is_first, "a first completion is a record")
		bonus = FIRST_COMPLETION_XP * reply["is_first_completion"] + RECORD_XP * reply["is_new_record"]
		base_xp = reply["xp_earned"] - HEARTS * XP_A_HEART - bonus
		expect(base_xp >= 0, f"{reply['xp_earned']} XP is less than hearts and bonuses alone")
		expect_equal(reply["new_total_xp"], self.wallet["total_xp"] + reply["xp_earned"], "new_total_xp")
		self.transcript.found(
			f"{reply['xp_earned']} XP: {base_xp} + {HEARTS} hearts x {XP_A_HEART} + {bonus} for first time and record"
		)

	def tap_again(self) -> None:
		"""The same tap once more, as a phone with a bad connection sends it: nothing is paid twice"""
		reply = self._complete().message
		expect(reply["duplicate"] is True, "duplicate is not true")
		for key in ("event_id", "xp_earned", "new_total_xp", "is_first_completion", "is_new_record"):
			expect_equal(reply[key], self.completion[key], key)
		self.transcript.found("the first answer again, marked as a duplicate")

	def see_what_unlocked(self) -> None:
		"""What the lesson unlocked"""
		before = {node["id"]: node["unlock_state"] for node in _walk(self.progress["root"])}
		self._read_progress_of(self.subject)
		expect_equal(self._find(self.lesson_id)["unlock_state"], "passed", "the lesson's state")
		unlocked = {
			node["id"]: node["title"]
			for node in _walk(self.progress["root"])
			if before[node["id"]] == "locked" and node["unlock_state"] != "locked"
		}
		expect_equal(set(self.completion["unlocked_node_ids"]), set(unlocked), "unlocked_node_ids")
		self.transcript.found(f"{self.progress['completion_percentage']} % done")
		for title in unlocked.values() or ["nothing: what comes next was open already"]:
			self.transcript.found(f"unlocked {title}")

	def read_wallet_again(self) -> None:
		"""The wallet after the lesson: paid once"""
		before = self.wallet
		self.wallet = self._call("GET", "player.get_wallet").message
		expect_equal(self.wallet["total_xp"], before["total_xp"] + self.completion["xp_earned"], "total_xp")
		self._tell_wallet()

	def check_streak(self) -> None:
		"""The streak: today counts, once"""
		streak = self.completion["streak"]
		today = parsedate_to_datetime(self.completion_answer.headers["Date"]).date().isoformat()
		expect_equal(streak["last_success_date"], today, "last_success_date (the server's UTC day)")
		expect_equal(self.wallet["current_streak"], streak["new_streak"], "the wallet's streak")
		expect_equal(self.wallet["last_success_date"], today, "the wallet's last_success_date")
		expect(
			streak["streak_action"] in ("first_completion", "incremented", "maintained", "reset"),
			f"streak_action is {streak['streak_action']!r}",
		)
		self.transcript.found(f"{streak['old_streak']} -> {streak['new_streak']} ({streak['streak_action']})")

	# --- Evening: who may not come in ---

	def refuse_second_device(self) -> None:
		"""The right password on an unknown device is refused, and sets no cookie"""
		stranger = Player(self.player.base, self.player.host, self.transcript.exchange, self.transcript.wait)
		stranger.device_id = FOREIGN_DEVICE_ID
		arguments = {**self._credentials(), "device_name": "Somebody's tablet"}
		answer = stranger.call("POST", "memora.api.player.login", arguments)
		self._expect_refusal(answer, "DeviceNotAuthorized", 403)
		expect(not stranger.cookies.get("sid"), "a refused login sets no session cookie")
		still = self._call("GET", "player.validate_session").message
		expect(still["valid"] is True, "the student's own session does not live on")
		self.transcript.found("refused; the student's own session lives on")

	def log_out(self) -> None:
		"""Log out"""
		reply = self._call("POST", "player.logout").message
		expect_equal(reply["message"], "Logged out successfully", "the message")
		self.transcript.found("out")

	def refuse_old_session(self) -> None:
		"""The old session is of no use to anybody"""
		answer = self.player.call("GET", "memora.api.player.get_wallet", cookies={"sid": self.session_id})
		self._expect_refusal(answer, "SessionReplaced", 401)
		self.transcript.found("refused")

	# --- Asking ---

	def _credentials(self) -> dict[str, str]:
		return {"usr": self.student["email"], "pwd": self.student["password"]}

	def _call(self, method: str, name: str, **arguments) -> Answer:
		answer = self.player.call(method, f"memora.api.{name}", arguments)
		expect(answer.status == 200, f"{name} answered {answer.status} {answer.error or ''}".rstrip())
		return answer

	def _refuse(self, error: str, status: int, method: str, name: str, **arguments) -> None:
		self._expect_refusal(self.player.call(method, f"memora.api.{name}", arguments), error, status)

	def _expect_refusal(self, answer: Answer, error: str, status: int) -> None:
		expect_equal((answer.status, answer.error), (status, error), "the refusal")

	def _complete(self) -> Answer:
		return self._call(
			"POST",
			"progress.complete_lesson",
			lesson_id=self.lesson_id,
			hearts=HEARTS,
			client_event_id=self.event_id,
		)

	def _read_progress_of(self, subject: dict) -> None:
		self.subject = subject
		self.progress = self._call("GET", "progress.get_progress", subject_id=subject["id"]).message
		expect_equal(self.progress["subject_id"], subject["id"], "subject_id")
		expect(0 <= self.progress["completion_percentage"] <= 100, "a percentage is between 0 and 100")

	@property
	def _manifest_path(self) -> str:
		return f"plans/{self.plan_id}/manifest.json"

	def _read_content(self, path: str) -> dict:
		"""A published file; paths in published files are relative to the root that the manifest lies under."""
		expect(self.manifest_url.endswith(self._manifest_path), "the manifest's address has another form")
		return self._read(self.manifest_url[: -len(self._manifest_path)] + path).json

	def _read(self, address: str) -> Answer:
		answer = self.player.read(address)
		expect(answer.status == 200, f"{address} answered {answer.status}")
		expect(answer.json is not None, f"{address} is no JSON")
		return answer

	def _lessons(self) -> list[dict]:
		return [node for node in _walk(self.progress["root"]) if node["type"] == "lesson"]

	def _find(self, node_id: str) -> dict:
		return next(node for node in _walk(self.progress["root"]) if node["id"] == node_id)

	def _tell_wallet(self) -> None:
		self.transcript.found(f"{self.wallet['total_xp']} XP, streak {self.wallet['current_streak']}")


def _walk(node: dict) -> Iterator[dict]:
	yield node
	for child in node.get("children", ()):
		yield from _walk(child)
