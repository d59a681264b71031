"""`flask capacity`: the days and windows that can be booked."""

from datetime import timedelta

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.commands import roll_on
from b2c_web.workshops.models import Workshop


@click.group("capacity")
def capacity_cli() -> None:
    """What the workshops can take on."""


@capacity_cli.command()
@click.option("--workshop", "name", help="Only workshops whose name contains this.")
@click.option("--days", type=click.IntRange(1, 730), help="How far ahead, from today. Default: the calendar's horizon.")
@with_appcontext
def generate(name: str | None, days: int | None) -> None:
    """Add the days and windows that are missing, and the jockeys' usual shifts on them. May run at any time."""
    query = select(Workshop.id, Workshop.name).where(Workshop.is_active).order_by(Workshop.name)
    if name:
        query = query.where(Workshop.name.icontains(name, autoescape=True))
    found = db.session.execute(query).all()
    if not found:
        raise click.ClickException("No active workshop fits.")
    last = today_in(ZONE) + timedelta(days=days) if days else None
    for workshop_id, workshop_name in found:
        made = roll_on(workshop_id, last)
        click.echo(f"{workshop_name}: {len(made.open_days)} new days with {made.windows} windows")
        for day, holiday in made.holidays.items():
            click.echo(f"  {day}: closed, {holiday}")


commands = [capacity_cli]
