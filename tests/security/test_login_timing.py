"""How long a refused login takes does not tell which accounts exist."""

from tests import factories
from tests.http.app import App, refusal
from tests.security.world import SecurityTestCase

ROUNDS = 15
# Without the hash for nobody's password it would be ten times as long. The quickest of each says what the code costs; what
# else the machine does is in all others.
MAX_RATIO = 4.0


class TestLoginTiming(SecurityTestCase):
	def seconds(self, usr: str) -> float:
		self.forget_limits()
		reply = App(self.app.device_id).login(usr, "wrong")
		self.assertEqual(refusal(reply), (401, "AuthenticationError"))
		self.replies.add(reply.json().get("message"))
		return reply.elapsed.total_seconds()

	def test_a_known_and_an_unknown_account_are_refused_in_the_same_words_and_time(self):
		self.replies = set()
		known, unknown = [], []
		for _ in range(ROUNDS):  # in turn, so that a slow moment of the machine meets both
			known.append(self.seconds(self.victim.user))
			unknown.append(self.seconds(f"{factories.unique('nobody').replace(' ', '')}@example.com"))
		ratio = min(known) / min(unknown)
		self.assertTrue(1 / MAX_RATIO < ratio < MAX_RATIO, (ratio, known, unknown))
		self.assertEqual(len(self.replies), 1, self.replies)
