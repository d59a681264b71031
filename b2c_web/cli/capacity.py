"""`flask capacity`: the days and windows that can be booked."""

from datetime import datetime, timedelta

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from b2c_web.bookings.availability import Question
from b2c_web.bookings.explaining import explanation
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.commands import roll_on, set_overbooking
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.travel import Point, locate, travel_times


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


@capacity_cli.command()
@click.option("--workshop", "name", default="", help="Part of the workshop's name; default: the first active one.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="First day; default: the first that can be booked.")
@click.option("--days", default=7, show_default=True, help="How many calendar days are filled together.")
@click.option("--plz", default="44137", show_default=True, help="Postal code that the customers live at.")
@click.option("--service", type=click.Choice(list(ServiceType)), default=ServiceType.INSPECTION, show_default=True)
@with_appcontext
def explain(name: str, day: datetime | None, days: int, plz: str, service: ServiceType) -> None:
    """The most concierge bookings a day can hold and what limits it; then each window and why it is blocked."""
    workshop, place = _active(name), locate(plz)
    if place is None:
        raise click.ClickException(f"Postal code {plz} is unknown.")
    minutes = travel_times().minutes(Point(workshop.lat, workshop.lng), place)
    first = day.date() if day else today_in(ZONE) + timedelta(days=2)
    question = Question(workshop.id, service, VehicleClass.MIDSIZE, True, minutes)
    click.echo(f"{workshop.name}, {service} for {plz} ({minutes} min one way)")
    for line in explanation(question, first, first + timedelta(days=days - 1)):
        click.echo(line)


@capacity_cli.command()
@click.argument("percent", type=click.IntRange(50, 300))
@click.option("--workshop", "name", default="", help="Part of the workshop's name; default: the first active one.")
@with_appcontext
def overbooking(percent: int, name: str) -> None:
    """Promise PERCENT of the trips that the jockeys' shifts hold, from today on: chains save minutes."""
    workshop = _active(name)
    before = workshop.jockey_overbooking_percent
    set_overbooking(workshop.id, percent)
    click.echo(f"{workshop.name}: {before} % -> {percent} %")


def _active(name: str) -> Workshop:
    query = select(Workshop).where(Workshop.is_active, Workshop.name.icontains(name, autoescape=True))
    workshop = db.session.scalars(query.order_by(Workshop.name)).first()
    if workshop is None:
        raise click.ClickException("No active workshop fits.")
    return workshop


commands = [capacity_cli]
