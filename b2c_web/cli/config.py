"""`flask config`: what the application was told, and what it would do without being told."""

import os
from collections.abc import Mapping

import click

from b2c_web.config import SETTINGS, Setting

HEADINGS = ("", "name", "value", "unit", "default", "meaning")
CHANGED = "*"


@click.group("config")
def config_cli() -> None:
    """The settings, all of them from the environment."""


@config_cli.command()
@click.option("--changed", is_flag=True, help="Only what differs from the default.")
def show(changed: bool) -> None:
    """Print every setting with its value, unit, default and meaning. A star marks what differs from the default."""
    rows = [_row(setting, os.environ) for setting in SETTINGS]
    shown = [row for row in rows if not changed or row[0]]
    for line in _table([HEADINGS, *shown]):
        click.echo(line)
    click.echo(f"\n{len(rows)} settings, {sum(bool(row[0]) for row in rows)} differ from the default ({CHANGED})")


def _row(setting: Setting, environ: Mapping[str, str]) -> tuple[str, ...]:
    text = environ.get(setting.name, setting.default).strip()
    mark = CHANGED if text != setting.default else ""
    default = _shown(setting.default, hide=False)
    return mark, setting.name, _shown(text, hide=setting.secret), setting.unit, default, setting.meaning


def _shown(text: str, *, hide: bool) -> str:
    if not text:
        return "(empty)"
    return "(hidden)" if hide else text


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their widest cell; the last one, the meaning, runs free."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


commands = [config_cli]
