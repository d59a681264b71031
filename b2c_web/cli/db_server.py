"""`flask db-server`: the private PostgreSQL of this installation, for a person."""

import os
import shutil
import sys
from pathlib import Path

import click

from b2c_web import db_places as places
from b2c_web.db_server import DatabaseServer, DatabaseServerError, own_server


class _PlainErrors(click.Group):
    """Shows what went wrong with the server as a message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DatabaseServerError as error:
            raise click.ClickException(str(error)) from error


@click.group("db-server", cls=_PlainErrors)
def db_server_cli() -> None:
    """The database server that comes with the application."""


@db_server_cli.command()
def start() -> None:
    """Start it, and make its data when there is none."""
    server = _ours()
    if server:
        server.start()
        click.echo(_sentence(server))


@db_server_cli.command()
def stop() -> None:
    """Stop it; open connections end."""
    server = _ours()
    if server:
        server.stop()
        click.echo(_sentence(server))


@db_server_cli.command()
def status() -> None:
    """Say whether it runs and where it lives. Exit code 3 when it is stopped."""
    server = _ours()
    if server:
        click.echo(_sentence(server))
        sys.exit(0 if server.status().running else 3)


@db_server_cli.command()
def url() -> None:
    """Print the address that any PostgreSQL client can connect with."""
    click.echo(_client_url())
    server = _ours(quiet=True)
    if server and not server.status().running:
        click.echo("It is stopped; `flask db-server start` starts it.", err=True)


@db_server_cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on it; further ARGUMENTS go to psql."""
    server = _ours(quiet=True)
    if server and not server.status().running:
        raise DatabaseServerError("The database server is stopped; `flask db-server start` starts it.")
    program = _psql_program()
    os.execv(program, [program, _client_url(), *arguments])  # noqa: S606 - psql takes over this terminal


def _ours(*, quiet: bool = False) -> DatabaseServer | None:
    if not os.environ.get("DATABASE_URL"):
        return own_server()
    if not quiet:
        click.echo("DATABASE_URL is set: that database is not ours to start or stop.", err=True)
    return None


def _client_url() -> str:
    given = os.environ.get("DATABASE_URL")
    return given.replace("postgresql+psycopg://", "postgresql://", 1) if given else own_server().client_url()


def _sentence(server: DatabaseServer) -> str:
    now = server.status()
    if not now.running:
        return f"stopped; data in {now.base}" if now.version else f"never started; data will be in {now.base}"
    running = f"running: PostgreSQL {now.version}, process {now.pid} of user {now.user}"
    return f"{running}, data in {now.base}\n{now.url}"


def _psql_program() -> str:
    bundled: Path = places.find_programs() / "psql"
    program = str(bundled) if bundled.is_file() else shutil.which("psql")
    if not program:
        raise DatabaseServerError("No psql found. Install one (Debian: postgresql-client) and try again.")
    return program


commands = [db_server_cli]


commands = [db_server_cli]
