"""`bench --site SITE memora ...`: one module for each group of commands.

Services are imported when a command runs: bench loads this package for every one of its own commands.
"""

import click

from memora.commands import publishing


@click.group("memora")
def memora():
	"""Memora's own commands."""


memora.add_command(publishing.publish)

commands = [memora]
