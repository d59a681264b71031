"""To come."""

import click

commands: list[click.Command] = []
