"""Players who play over HTTP at the same time, and remember every answer that they got.

A call that got no answer, or a 5xx, may or may not have counted. Its player asks again with the same client_event_id until
he is told, as an app does; so in the end every play has one outcome that was acknowledged.
"""

import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

from tests.chaos import crowd
from tests.chaos.report import Line
from tests.committed import PASSWORD
from tests.http.app import App

PROGRESS, PLAYER, CLAIM = (
	"memora.api.progress.complete_lesson",
	"memora.api.player.complete_lesson",
	"memora.api.player.add_xp",
)
GET_WALLET, GET_PROGRESS = "memora.api.player.get_wallet", "memora.api.progress.get_progress"
READS = (GET_WALLET, GET_PROGRESS)
OK, ENDED, LIMITED = 200, 401, 429
SECONDS_TO_SETTLE = 150
SECONDS_TO_ANSWER = 120  # whoever gives up earlier does not know when his login will count after all


@dataclass
class Play:
	"""One event of an app. xp: what was acknowledged; None while nobody has told."""

	method: str
	body: dict
	event: str = field(default_factory=lambda: str(uuid.uuid4()))
	xp: int | None = None


class Journal:
	"""What all players' calls were answered: {("read" | "award" | "login", "200" | "503 StoreUnavailable" | ...): count}."""

	def __init__(self):
		self.counts: Counter = Counter()
		self.acknowledged = 0
		self.lock = threading.Lock()

	def note(self, method: str, answer: str) -> None:
		kind = "read" if method in READS else "login" if method.endswith("login") else "award"
		with self.lock:
			self.counts[kind, answer] += 1

	def answers(self, kind: str | None = None) -> Counter:
		found: Counter = Counter()
		for (of, answer), count in self.counts.items():
			if kind in (None, of):
				found[answer] += count
		return found


class SwarmPlayer:
	def __init__(self, profile, game, journal: Journal, seed: int):
		self.profile, self.game, self.journal = profile, game, journal
		self.chance = random.Random(seed)
		self.app = _new_app(profile.device_ids[0])
		self.sids: list[str] = []
		self.plays: list[Play] = []
		self.reached = 0  # the index of the first lesson that he has not passed
		self.contradictions: list[str] = []

	def turn(self) -> None:
		"""One call of the kinds that an app makes."""
		dice = self.chance.random()
		if dice < 0.5:
			self.play_lesson()
		elif dice < 0.55:
			self.send(self.remember(Play(CLAIM, {"xp_amount": self.chance.randint(1, 20)})))
		elif dice < 0.62 and self.plays:
			self.send(self.chance.choice(self.plays))  # what he sent before, once more
		elif dice < 0.64:
			self.log_in()
		else:
			self.read()

	def play_lesson(self) -> None:
		index = self.chance.randint(0, min(self.reached, len(self.game.lessons) - 1))
		lesson = self.game.lessons[index]
		if self.chance.random() < 0.7:
			play = Play(PROGRESS, {"lesson_id": lesson, "hearts": self.chance.randint(1, 5)})
		else:
			play = Play(PLAYER, {"lesson_id": lesson, "hearts_earned": self.chance.randint(1, 3)})
		self.remember(play)
		if self.chance.random() < 0.2:
			self.send_twice_at_once(play)
		else:
			self.send(play)
		if play.xp is not None and index == self.reached:
			self.reached += 1

	def remember(self, play: Play) -> Play:
		self.plays.append(play)
		return play

	def send_twice_at_once(self, play: Play) -> None:
		other = threading.Thread(target=self.send, args=(play, self.second_app()))
		other.start()
		self.send(play)
		other.join()

	def second_app(self) -> App:
		"""The same app and session on another connection."""
		app = _new_app(self.app.device_id)
		app.http.cookies.update({"sid": self.app.sid or ""})
		return app

	def read(self) -> None:
		if self.chance.random() < 0.5:
			self.call(GET_WALLET)
		else:
			self.call(GET_PROGRESS, {"subject_id": self.game.subject.name})

	def send(self, play: Play, app: App | None = None) -> bool:
		"""Whether the play was acknowledged."""
		reply = self.call(play.method, {**play.body, "client_event_id": play.event}, app)
		if reply is not None and reply.status_code not in (OK, ENDED, LIMITED) and reply.status_code < 500:
			self.contradictions.append(f"{play} was refused: {_answer(reply)}")
		if reply is None or reply.status_code != OK:
			return False
		told = reply.json()["message"]
		xp = told["xp"]["awarded"] if play.method == PLAYER else told.get("xp_earned", told.get("xp_awarded"))
		if play.xp not in (None, xp):
			self.contradictions.append(f"{play} was answered {xp}")
		if play.xp is None:
			self.journal.acknowledged += 1
		play.xp = xp
		return True

	def call(self, method: str, arguments: dict | None = None, app: App | None = None):
		"""The reply; None when none came, or it was a login's turn."""
		app = app or self.app
		try:
			reply = app.get(method, **(arguments or {})) if method in READS else app.post(method, **arguments)
		except requests.RequestException as error:
			self.journal.note(method, _silence(error))
			return None
		self.journal.note(method, _answer(reply))
		if reply.status_code == ENDED and app is self.app:
			self.log_in()
		return reply

	def log_in(self) -> bool:
		app = _new_app(self.app.device_id)
		try:
			reply = app.login(self.profile.user, PASSWORD)
		except requests.RequestException as error:
			self.journal.note("login", _silence(error))
			return False
		self.journal.note("login", _answer(reply))
		if reply.status_code != OK:
			return False
		self.app = app
		self.sids.append(app.sid)
		return True

	def settle(self) -> None:
		"""Ask about everything that nobody has told, until he is told; end with one session that he knows."""
		deadline = time.monotonic() + SECONDS_TO_SETTLE
		while not self.log_in():
			_pause_before(deadline, f"{self.profile.user} cannot log in")
		for play in self.plays:
			while play.xp is None and not self.contradictions and not self.send(play):
				_pause_before(deadline, f"{play} is never acknowledged")


def _new_app(device_id: str) -> App:
	"""An app that opens a connection for each call: one that idles as long as the server keeps it may end under a call."""
	app = App(device_id)
	app.http.headers["Connection"] = "close"
	app.timeout_seconds = SECONDS_TO_ANSWER
	return app


def _silence(error: requests.RequestException) -> str:
	return "timed out" if isinstance(error, requests.Timeout) else "no answer"


def _answer(reply: requests.Response) -> str:
	try:
		error = reply.json().get("exc_type")
	except ValueError:
		error = "no JSON"
	return f"{reply.status_code} {error or ''}".strip()


def _pause_before(deadline: float, failure: str) -> None:
	assert time.monotonic() < deadline, failure
	time.sleep(0.5)


class Swarm:
	"""Players of one game, each in a thread of his own, from `__enter__` until `__exit__`.

	Args:
		pause_seconds: the longest pause between two calls of a player.
	"""

	def __init__(self, game, players: int, pause_seconds: float = 0.4):
		self.game, self.pause_seconds = game, pause_seconds
		self.journal = Journal()
		crowd.fill_pool(players)
		self.players = [
			SwarmPlayer(game.add_player(), game, self.journal, number) for number in range(players)
		]
		self.stopped = threading.Event()
		self.errors: list[BaseException] = []

	def __enter__(self):
		self.threads = [threading.Thread(target=self._play, args=(player,)) for player in self.players]
		for thread in self.threads:
			thread.start()
		return self

	def __exit__(self, *error):
		self.stopped.set()
		for thread in self.threads:
			thread.join()

	def _play(self, player: SwarmPlayer) -> None:
		try:
			while not player.sids and not player.log_in() and not self.stopped.is_set():
				time.sleep(0.2)
			while not self.stopped.is_set():
				player.turn()
				self.stopped.wait(player.chance.random() * self.pause_seconds)
		except BaseException as error:
			self.errors.append(error)

	def log_in(self, at_once: int) -> None:
		"""Let the players in before they play; a password costs the server a tenth of a second."""
		with ThreadPoolExecutor(at_once) as pool:
			assert all(pool.map(SwarmPlayer.log_in, self.players))

	def play_for(self, seconds: float) -> None:
		time.sleep(seconds)

	def fill(self, line: Line) -> None:
		"""Tell the report what was called and answered."""
		line.answers, line.acknowledged = self.journal.answers(), self.journal.acknowledged

	def settle(self) -> None:
		"""After the play: every outcome is asked for."""
		assert self.errors == []
		threads = [threading.Thread(target=self._settle, args=(player,)) for player in self.players]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		assert self.errors == []

	def _settle(self, player: SwarmPlayer) -> None:
		try:
			player.settle()
		except BaseException as error:
			self.errors.append(error)
