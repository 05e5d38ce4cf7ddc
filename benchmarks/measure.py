"""benchmarks/run inside the bench's environment: connect to the site, run the sections, print and keep the table."""

import importlib
import os
import sys
import time

import frappe
from benchmarks import machine, options, report

PAGE = machine.ROOT / "docs" / "performance.md"


def main(arguments: list[str]) -> int:
	chosen = options.parse(arguments)
	sites = os.environ["MEMORA_SITES_PATH"]
	os.chdir(sites)  # Frappe looks for its logs beside the current folder
	frappe.init(site=os.environ["MEMORA_TEST_SITE"], sites_path=sites)
	frappe.connect()
	try:
		facts, sections = machine.facts(chosen), []
		for name in chosen.sections:
			began = time.monotonic()
			sections += importlib.import_module(f"benchmarks.{name}").run(chosen)
			_say(f"  {time.monotonic() - began:6.1f} s  {name}")
		text = report.markdown(sections, facts)
		_say(f"\n{text}\n\n{report.summary(sections)}")
		if chosen.write:
			PAGE.write_text(report.replaced(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
	finally:
		frappe.db.rollback()
		frappe.destroy()
	return 0


def _say(text: str) -> None:
	sys.stdout.write(text + "\n")
	sys.stdout.flush()


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
