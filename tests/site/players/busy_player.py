"""A player at work: `python -m tests.site.players.busy_player USER LESSON...` prints how many awards were paid."""

import os
import sys
from datetime import timedelta

import frappe
from memora.services.progress_engine import completion
from memora.services.progress_engine.award import PROGRESS_POLICY
from memora.utils import clock
from tests.factories import new_uuid
from tests.site.players.wallets import MORNING

ROUNDS = 15


def main(user: str, *lessons: str) -> None:
	frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=os.environ["MEMORA_SITES_PATH"])
	frappe.connect()
	paid = 0
	for day in range(2, 2 + ROUNDS):
		for lesson in lessons:
			with clock.freeze(MORNING + timedelta(days=day)):
				outcome = completion.complete_lesson(user, lesson, 3, PROGRESS_POLICY, new_uuid())
			paid += not outcome["duplicate"]
	sys.stdout.write(str(paid))


if __name__ == "__main__":
	main(*sys.argv[1:])
