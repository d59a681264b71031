"""`flask ronja`: what happens to replacement cars away from any booking."""

from datetime import datetime

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select

from b2c_web.errors import DomainError
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import RonjaVehicle
from b2c_web.workshops.servicing import note_service


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
    query = select(RonjaVehicle).where(func.lower(RonjaVehicle.license_plate) == plate.strip().lower())
    ronja = db.session.scalars(query).one_or_none()
    if ronja is None:
        raise click.ClickException(f"PLATE: no Ronja has {plate}.")
    was = ronja.mileage
    try:
        note_service(ronja.id, mileage, next_km, next_on.date())
    except DomainError as refusal:
        option = f"--{refusal.details['field'].replace('_', '-')}: " if "field" in refusal.details else ""
        raise click.ClickException(f"{option}{refusal.message}") from refusal
    click.echo(
        f"{ronja.license_plate}: {was} km -> {mileage} km, next service at {next_km} km or on {next_on:%Y-%m-%d}"
    )
    if ronja.status in ("MAINTENANCE", "OUT_OF_SERVICE"):
        click.echo(f"It stays out of planning: its state is {ronja.status.value}.")


commands = [ronja_cli]
