"""`flask payments`: our records of money beside the payment provider's, for a person."""

import sys
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext

from b2c_web.payments.commands import reconcile
from b2c_web.payments.gateway import PaymentProviderError


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


commands = [payments_cli]
