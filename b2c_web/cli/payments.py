"""`flask payments`: our records of money beside the payment provider's, for a person."""

import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import NoResultFound

from b2c_web.cli.staff import plain_refusals, staff_by
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments.commands import reconcile, record_refund_outside, retry_capture, retry_refund
from b2c_web.payments.gateway import PaymentProviderError
from b2c_web.payments.models import Refund


@click.group("payments")
def payments_cli() -> None:
    """Money: what we know and what the payment provider knows."""


@payments_cli.command("reconcile")
@click.option("--fix", is_flag=True, help="Mend what is safe; what only a person can decide stays listed.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Compare from this day on (UTC). Default: two days.")
@with_appcontext
def reconcile_cli(fix: bool, since: datetime | None) -> None:
    """List every difference between our payments and the provider's. Exit code 1 when some remain, 2 without answer."""
    try:
        found = reconcile(fix=fix, since=since.replace(tzinfo=UTC) if since else None)
    except PaymentProviderError as error:
        click.echo(f"The payment provider does not answer: {error}", err=True)
        sys.exit(2)
    for difference in found:
        click.echo(str(difference))
    remaining = sum(1 for difference in found if not difference.mended)
    click.echo(f"{len(found)} differences, {len(found) - remaining} mended, {remaining} remaining")
    sys.exit(1 if remaining else 0)


@payments_cli.command("retry-refund")
@click.argument("refund_id", type=uuid.UUID)
@with_appcontext
def retry_refund_cli(refund_id: uuid.UUID) -> None:
    """Make a failed refund once more; the worker does it. Exit code 1 when it did not fail, or the money is gone."""
    _again(lambda: _told(refund_id, retry_refund(refund_id)))


@payments_cli.command("retry-capture")
@click.argument("payment_id", type=uuid.UUID)
@with_appcontext
def retry_capture_cli(payment_id: uuid.UUID) -> None:
    """Take held money once more whose capture was given up; the worker does it. Exit code 1 when it is not held."""
    _again(lambda: retry_capture(payment_id).state.value)


@payments_cli.command("refunded-outside")
@click.argument("refund_id", type=uuid.UUID)
@click.option("--by", required=True, help="Address of the member of staff who gave the money back.")
@click.option("--note", required=True, help="How it went back, and when: the transfer's reference, say.")
@with_appcontext
def refunded_outside_cli(refund_id: uuid.UUID, by: str, note: str) -> None:
    """Write down that a failed refund was made past the provider. Exit code 1 when it did not fail, or was made."""
    with plain_refusals():
        _again(lambda: _told(refund_id, record_refund_outside(staff_by(by), refund_id, note)))


def _told(failed_id: uuid.UUID, made: Refund) -> str:
    """What was made in place of a failed refund, and how much less that is."""
    less = db.session.get_one(Refund, failed_id).amount_cents - made.amount_cents
    rest = f"; {less / 100:.2f} EUR less than had failed, since no more is owed or left" if less else ""
    return f"{made.state.value} {made.amount_cents / 100:.2f} EUR{rest}"


def _again(act: Callable[[], str]) -> None:
    try:
        click.echo(act())
    except (Conflict, NotFound, NoResultFound) as refusal:
        click.echo(f"Nothing to do: {type(refusal).__name__}. Is the id right, and is the money still there?", err=True)
        sys.exit(1)
    except PaymentProviderError as error:
        click.echo(f"The payment provider does not answer: {error}", err=True)
        sys.exit(2)


commands = [payments_cli]
