"""`flask schema`: is the database what the models and the data model's page ask for?"""

import sys

import click
from flask.cli import with_appcontext

from b2c_web.cli.schema_checks import Section, validate_schema

WORDS = 24


@click.group("schema")
def schema_cli() -> None:
    """The tables and what holds them together."""


@schema_cli.command()
@with_appcontext
def validate() -> None:
    """Say what the database lacks (tables, columns, values, constraints, indexes, migrations). Exit 1 if anything."""
    sections = validate_schema()
    for line in report(sections):
        click.echo(line)
    sys.exit(1 if any(section.missing for section in sections) else 0)


def report(sections: list[Section]) -> list[str]:
    """One line for each kind of thing with how many are there, then every single one that is missing."""
    lines = [f"{section.name:<{WORDS}} {section.found} of {section.wanted}" for section in sections]
    missing = [line for section in sections for line in section.missing]
    if not missing:
        return [*lines, "The database is what the models ask for."]
    return [*lines, "", *(f"missing: {line}" for line in missing), f"{len(missing)} missing"]


commands = [schema_cli]
