"""First code of every command: refuse an unsuitable Python before anything newer is parsed.

This file keeps to a syntax that old interpreters read, so that they can say what is wrong.
"""

import shutil
import sys

OLDEST = (3, 10)
NEWEST = (3, 12)
CANDIDATES = ("python3.11", "python3.12", "python3.10")


def main(command):
	if not OLDEST <= sys.version_info[:2] <= NEWEST:
		reason = unsuitable_python(sys.version_info, command, shutil.which)
		sys.stderr.write(f"dev/{command}: {reason}\n")
		sys.exit(1)
	from devbench import cli

	sys.exit(cli.run(command, sys.argv[1:]))


def unsuitable_python(version, command, which):
	"""Return the line that says which Python is needed and how to use one that is there."""
	what = f"Python {version[0]}.{version[1]} does not run Frappe, 3.10, 3.11 or 3.12 is needed."
	for name in CANDIDATES:
		if which(name):
			return f"{what} Run it with one: {name} dev/{command}"
	return what + " Install one, for example: apt-get install python3.11"
