"""`flask staff`: the first people of an installation, and new passwords for those who forgot theirs."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select

from b2c_web.accounts.models import STAFF_ROLES, WORKSHOP_ROLES, Role, User
from b2c_web.accounts.staff import add_staff, set_staff_password
from b2c_web.errors import DomainError
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Workshop

PASSWORD = click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)


@contextmanager
def plain_refusals() -> Iterator[None]:
    """What a command refuses is shown as one line."""
    try:
        yield
    except DomainError as refusal:
        raise click.ClickException(str(refusal.message)) from refusal


def staff_by(email: str) -> User:
    """The member of staff with this address."""
    user = db.session.scalar(select(User).where(func.lower(User.email) == email.lower(), User.role.in_(STAFF_ROLES)))
    if user is None:
        raise click.ClickException("Nobody on the staff has this address.")
    return user


@click.group("staff")
def staff_cli() -> None:
    """The people who work with the application."""


@staff_cli.command()
@click.argument("email")
@click.option("--role", type=click.Choice(sorted(STAFF_ROLES)), required=True)
@click.option("--name", prompt=True)
@click.option("--workshop", help="Part of the workshop's name; for all roles but ADMIN.")
@PASSWORD
@with_appcontext
def add(email: str, role: str, name: str, workshop: str | None, password: str) -> None:
    """Add a member of staff who signs in with EMAIL and a password."""
    workshop_id = None
    if Role(role) in WORKSHOP_ROLES:
        found = db.session.scalars(
            select(Workshop.id).where(Workshop.name.icontains(workshop or "", autoescape=True)).limit(2)
        ).all()
        if len(found) != 1:
            raise click.ClickException("--workshop must name exactly one workshop.")
        workshop_id = found[0]
    with plain_refusals():
        add_staff(email=email, name=name, role=Role(role), workshop_id=workshop_id, password=password)
    click.echo(f"{email} may sign in as {role}.")


@staff_cli.command()
@click.argument("email")
@PASSWORD
@with_appcontext
def password(email: str, password: str) -> None:
    """Set a new password for the member of staff with EMAIL; all their sessions end."""
    user = staff_by(email)
    with plain_refusals():
        set_staff_password(user.id, password)
    click.echo(f"{user.email} has a new password; all sessions ended.")


commands = [staff_cli]
