"""Login limits count the account that is attacked, however the attacker writes it."""

import frappe
from memora.utils import redis_keys, redis_store
from tests import factories
from tests.committed import PASSWORD
from tests.http.app import App, refusal
from tests.http.test_first_slice import HTTPTestCase

TOO_MANY = (429, "RateLimitExceeded")


class TestGuessingPasswords(HTTPTestCase):
	def test_another_way_of_writing_the_account_opens_no_second_count(self):
		user = self.player.user
		forms = [user, user.upper(), user.capitalize(), f"{user} ", user.replace("e", "é")]
		replies = [self.app.login(form, "wrong") for form in [*forms, user.swapcase()]]
		self.assertEqual([reply.status_code for reply in replies], [401] * 5 + [429])

	def test_codes_are_counted_against_the_account_of_their_login_whatever_is_beside_them(self):
		tmp_id = factories.unique("login")
		self.addCleanup(frappe.cache().delete, f"{tmp_id}_usr", f"{tmp_id}_pwd")
		frappe.cache().set(f"{tmp_id}_usr", self.player.user, ex=60)
		frappe.cache().set(f"{tmp_id}_pwd", "wrong", ex=60)
		replies = [
			self.app.post(
				"memora.api.player.login",
				tmp_id=tmp_id,
				otp=f"00000{n}",
				usr=factories.unique("nobody"),
				pwd=PASSWORD,
			)
			for n in range(6)
		]
		self.assertEqual([reply.status_code for reply in replies], [401] * 5 + [429])
		self.assertEqual(refusal(replies[-1]), TOO_MANY)

	def test_no_account_name_counts_against_an_address_or_against_another_account(self):
		school = "10.9.8.7"
		for account in (school, f"{self.player.user}@{school}"):
			App().login(account, "wrong")
		pupil = App(self.app.device_id)
		pupil.http.headers["X-Forwarded-For"] = school
		self.log_in(pupil)
		counts = {
			name: redis_store.get(redis_keys.get_rate_limit_key(identity, name))
			for identity, name in (
				(f"{self.player.user}@{school}", "login"),
				(self.player.user, "login_by_account"),
				(school, "login_by_address"),
			)
		}
		redis_store.delete(redis_keys.get_rate_limit_key(school, "login_by_address"))
		self.assertEqual(counts, {"login": "1", "login_by_account": "1", "login_by_address": "1"})
