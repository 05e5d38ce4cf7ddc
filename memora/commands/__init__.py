"""`bench --site SITE memora ...`: one module for each group of commands.

Services are imported when a command runs: bench loads this package for every one of its own commands.
"""

import click

from memora.commands import content, inspect, openapi, publishing, recovery


@click.group("memora")
def memora():
	"""Memora's own commands."""


memora.add_command(publishing.publish)
memora.add_command(publishing.health)
memora.add_command(inspect.inspect)
memora.add_command(content.import_subject)
memora.add_command(content.export_subject)
memora.add_command(openapi.openapi)
memora.add_command(recovery.rebuild)
memora.add_command(recovery.reconcile)

commands = [memora]
