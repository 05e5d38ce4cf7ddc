"""Runs in Kolibri's own environment: times its progress logging, prints one line of JSON.

KOLIBRI_HOME=FOLDER python kolibri_script.py ROUNDS
A resource that is begun and finished is two calls of the app: POST to begin a session, PUT with progress 1. They go
through Django's whole request cycle by its test client, without a network, into SQLite.
"""

import json
import sys
import time
import uuid

from kolibri.utils.main import initialize

initialize()

import kolibri  # noqa: E402
from django.test import Client  # noqa: E402
from kolibri.core.auth.models import Facility, FacilityUser  # noqa: E402
from kolibri.core.device.models import DeviceSettings  # noqa: E402


def log_in() -> Client:
	facility = Facility.objects.first() or Facility.objects.create(name="Bench")
	if not DeviceSettings.objects.exists():
		DeviceSettings.objects.create(is_provisioned=True, default_facility=facility)
	user = FacilityUser.objects.filter(username="bench").first()
	if user is None:
		user = FacilityUser.objects.create(username="bench", facility=facility)
	client = Client()
	client.force_login(user, backend="kolibri.core.auth.backends.FacilityUserBackend")
	return client


def finish_one(client: Client) -> tuple[float, float]:
	"""Milliseconds of the POST and of the PUT."""
	node = {name: uuid.uuid4().hex for name in ("node_id", "content_id", "channel_id")}
	began = time.perf_counter()
	begun = client.post(
		"/api/logger/trackprogress/", json.dumps({**node, "kind": "video"}), content_type="application/json"
	)
	middle = time.perf_counter()
	session = begun.json()["session_id"]
	ended = client.put(
		f"/api/logger/trackprogress/{session}/",
		json.dumps({"progress": 1.0, "time_spent_delta": 180.0}),
		content_type="application/json",
	)
	if not (ended.status_code == 200 and ended.json()["complete"]):
		raise RuntimeError(f"{ended.status_code} {ended.content[:300]}")
	return (middle - began) * 1000, (time.perf_counter() - middle) * 1000


def main(rounds: int) -> None:
	client = log_in()
	finish_one(client)  # warm
	times = [finish_one(client) for _ in range(rounds)]
	report = {
		"version": kolibri.__version__,
		"begin_ms": [begin for begin, _ in times],
		"finish_ms": [finish for _, finish in times],
	}
	sys.stdout.write(f"\n{json.dumps(report)}\n")


if __name__ == "__main__":
	main(int(sys.argv[1]))
