"""`flask ronja`: what happens to replacement cars away from any booking."""

import uuid
from collections.abc import Iterator
from datetime import datetime

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select

from b2c_web.bookings.models import Booking, RonjaReservation
from b2c_web.clock import now_utc
from b2c_web.config import ZONE
from b2c_web.dispatch import ronjas
from b2c_web.dispatch.doubts import holders
from b2c_web.errors import DomainError
from b2c_web.flask_extensions import db
from b2c_web.workshops.commands import set_ronja_status
from b2c_web.workshops.models import RonjaVehicle, VehicleStatus
from b2c_web.workshops.servicing import note_service

OUT = (VehicleStatus.MAINTENANCE, VehicleStatus.OUT_OF_SERVICE)
NO_BOOKING = uuid.UUID(int=0)


@click.group("ronja")
def ronja_cli() -> None:
    """The replacement cars."""


@ronja_cli.command()
@click.argument("plate")
@click.option("--mileage", type=int, required=True, help="What the Ronja shows now, in km.")
@click.option("--next-km", type=int, required=True, help="The mileage by which its next service is due.")
@click.option("--next-on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day by which it is due.")
@with_appcontext
def serviced(plate: str, mileage: int, next_km: int, next_on: datetime) -> None:
    """The service of the Ronja with PLATE was done: it is planned again. Also corrects its mileage."""
    ronja = _with_plate(plate)
    was = ronja.mileage
    try:
        note_service(ronja.id, mileage, next_km, next_on.date())
    except DomainError as refusal:
        option = f"--{refusal.details['field'].replace('_', '-')}: " if "field" in refusal.details else ""
        raise click.ClickException(f"{option}{refusal.message}") from refusal
    click.echo(
        f"{ronja.license_plate}: {was} km -> {mileage} km, next service at {next_km} km or on {next_on:%Y-%m-%d}"
    )
    if ronja.status in OUT:
        click.echo(f"It stays out of planning: its state is {ronja.status.value}.")


@ronja_cli.command()
@click.argument("plate")
@click.argument(
    "status", type=click.Choice([*(one.value for one in OUT), "AVAILABLE"], case_sensitive=False), metavar="STATUS"
)
@with_appcontext
def status(plate: str, status: str) -> None:
    """The Ronja with PLATE leaves planning: STATUS is MAINTENANCE or OUT_OF_SERVICE. AVAILABLE brings it back.

    What it is promised for stays, and is said with the Ronjas that are free instead.
    """
    ronja, wanted = _with_plate(plate), VehicleStatus(status)
    holder = holders([ronja.id], NO_BOOKING).get(ronja.id)
    if holder and wanted is VehicleStatus.AVAILABLE:
        wanted = VehicleStatus.IN_USE
        click.echo(f"A customer has it ({holder.number}): it is planned again, and AVAILABLE when it is home.")
    was = ronja.status
    try:
        set_ronja_status(ronja.id, wanted)
    except DomainError as refusal:
        raise click.ClickException(str(refusal.message)) from refusal
    click.echo(f"{ronja.license_plate}: {was.value} -> {wanted.value}")
    for line in _promises(ronja) if wanted in OUT else ():
        click.echo(line)


def _with_plate(plate: str) -> RonjaVehicle:
    query = select(RonjaVehicle).where(func.lower(RonjaVehicle.license_plate) == plate.strip().lower())
    ronja = db.session.scalars(query).one_or_none()
    if ronja is None:
        raise click.ClickException(f"PLATE: no Ronja has {plate}.")
    return ronja


def _promises(ronja: RonjaVehicle) -> Iterator[str]:
    """Each promise that stands against it, and what a dispatcher can choose instead on the trip's page."""
    begin, end = func.lower(RonjaReservation.during), func.upper(RonjaReservation.during)
    rows = select(RonjaReservation.booking_id, begin, end).where(RonjaReservation.ronja_id == ronja.id, end > now_utc())
    for booking_id, *times in db.session.execute(rows.order_by(begin)):
        booking = db.session.get_one(Booking, booking_id)
        out, home = (f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}" for at in times)
        yield f"  {booking.number}  {out} to {home}  {_instead(booking)}"


def _instead(booking: Booking) -> str:
    if not ronjas.may_change(booking):
        return "a jockey or the customer has it"
    free = [one.ronja.license_plate for one in ronjas.choices(booking) if one.is_possible and not one.is_reserved]
    return f"instead: {', '.join(free)}" if free else "no other one is free then"


commands = [ronja_cli]
