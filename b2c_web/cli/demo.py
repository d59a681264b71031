"""`flask demo`: data to look at, and data to measure with."""

import sys
import time

import click
from flask import current_app
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from b2c_web.demo.bulk import Order, load_bulk
from b2c_web.demo.load import load_demo
from b2c_web.demo.logins import demo_logins
from b2c_web.demo.till import NoTillError
from b2c_web.schema_state import is_half_made


@click.group("demo")
def demo_cli() -> None:
    """Invented data. Never in production."""


@demo_cli.command()
@click.option("--workshops", type=click.IntRange(1, 2000), help="A big set: so many workshops.")
@click.option("--days", type=click.IntRange(1, 365), default=60, show_default=True, help="Big set: coming days.")
@click.option("--bookings", type=click.IntRange(0, 20_000_000), help="Big set: bookings in all.")
@click.option(
    "--history", is_flag=True, help="Big set: put the bookings into the past of the workshops that are there."
)
@click.option("--every-day", is_flag=True, help="Big set: open on weekends and holidays too.")
@click.option(
    "--past-day", type=click.IntRange(1, 5000), default=18, show_default=True, help="Big set: bookings of a past day."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, another set.")
@with_appcontext
def load(
    *,
    workshops: int | None,
    days: int,
    bookings: int | None,
    history: bool,
    every_day: bool,
    past_day: int,
    seed: int,
) -> None:
    """The demo (once); or, with --workshops or --bookings, a big set for measuring."""
    if current_app.config["B2C_ENV"] == "production":
        raise click.ClickException("This is a production installation: no invented data here.")
    if workshops is None and bookings is None:
        _load_demo(seed)
    else:
        _load_bulk(Order(workshops or 1, days, bookings or 0, history, every_day, seed, past_day))


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _load_demo(seed: int) -> None:
    began = time.monotonic()
    with _bar() as bar:
        task = bar.add_task("Bookings", total=None)
        try:
            loaded = load_demo(seed, lambda done, total: bar.update(task, completed=done, total=total))
        except NoTillError as error:
            raise click.ClickException(str(error)) from error
    if is_half_made(current_app.config["SQLALCHEMY_DATABASE_URI"]):
        raise click.ClickException("The demo data are only half made, by a load that was stopped. Empty the database.")
    if loaded is None:
        click.echo("There is data already: nothing was loaded.")
        return
    seconds = time.monotonic() - began
    click.echo(f"Demo loaded in {seconds:.1f} s: {loaded.customers} customers, {loaded.bookings} bookings.")
    for login in demo_logins():
        click.echo(f"  {login.role:<10}  {login.email:<26}  {login.password}")


def _load_bulk(order: Order) -> None:
    began = time.monotonic()
    with _bar() as bar:
        task = bar.add_task("Bookings", total=order.bookings)
        try:
            written = load_bulk(order, lambda portion: bar.update(task, advance=portion))
        except ValueError as error:
            raise click.ClickException(f"{error}.") from error
    click.echo(f"{written} bookings written in {time.monotonic() - began:.1f} s.")


commands = [demo_cli]
