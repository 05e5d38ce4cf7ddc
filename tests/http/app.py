"""A student's phone: plain HTTP against the bench's web server, with its cookies and its device id."""

import os
import random
import uuid

import requests


class App:
	"""One app on one device. Replies are `requests.Response` objects."""

	timeout_seconds = 30

	def __init__(self, device_id: str | None = None):
		self.device_id = device_id or str(uuid.uuid4())
		self.http = requests.Session()
		self.http.headers.update(
			{
				"X-Frappe-Site-Name": os.environ["MEMORA_TEST_SITE"],
				"Accept": "application/json",
				# Each app has an address of its own, or the tests of one minute would share a login limit.
				"X-Forwarded-For": f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}",
			}
		)

	@property
	def sid(self) -> str | None:
		return self.http.cookies.get("sid")

	def request(self, verb: str, path: str, headers: dict | None = None, **kwargs) -> requests.Response:
		sent = {"X-Device-ID": self.device_id, **(headers or {})}
		sent = {name: value for name, value in sent.items() if value is not None}
		url = os.environ["MEMORA_WEB_URL"] + path
		return self.http.request(verb, url, headers=sent, timeout=self.timeout_seconds, **kwargs)

	def get(self, method: str, **params) -> requests.Response:
		return self.request("GET", f"/api/method/{method}", params=params)

	def post(self, method: str, **body) -> requests.Response:
		return self.request("POST", f"/api/method/{method}", json=body)

	def login(self, usr: str, pwd: str, **more) -> requests.Response:
		return self.post("memora.api.player.login", usr=usr, pwd=pwd, **more)


def message_of(response: requests.Response):
	"""What the endpoint returned, inside Frappe's envelope."""
	assert response.status_code == 200, (response.status_code, response.text[:500])
	return response.json()["message"]


def refusal(response: requests.Response) -> tuple[int, str]:
	"""The status and the error's name."""
	return response.status_code, response.json().get("exc_type")
