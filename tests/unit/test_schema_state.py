"""What a start asks the database, and what it does then."""

import threading
import time

import pytest

from b2c_web import schema_state
from b2c_web.db_server import DatabaseServer
from b2c_web.schema_state import NoDatabaseError
from tests.conftest import make_app


def test_knows_an_unmigrated_an_empty_and_a_lost_database(
    database_server: DatabaseServer, template_database: str
) -> None:
    fresh = database_server.url("postgres")
    assert not schema_state.schema_is_current(fresh)
    assert schema_state.is_empty(fresh)
    migrated = database_server.url(template_database)
    assert schema_state.schema_is_current(migrated)
    assert schema_state.is_empty(migrated)
    with pytest.raises(NoDatabaseError, match="DATABASE_URL does not answer"):
        schema_state.is_empty(database_server.url("no-such-database"))


def test_waits_for_the_database_and_brings_it_to_the_newest_schema(database_server: DatabaseServer) -> None:
    url = database_server.url("comes_later")
    app = make_app(url)

    def come() -> None:
        time.sleep(0.3)
        database_server.create_database("comes_later")

    later = threading.Thread(target=come)
    later.start()
    schema_state.bring_up(app, patience_seconds=30)
    later.join()
    assert schema_state.schema_is_current(url)
    schema_state.bring_up(app, patience_seconds=0)  # nothing is left to do
    database_server.drop_database("comes_later")


def test_does_not_wait_for_ever(database_server: DatabaseServer) -> None:
    with pytest.raises(NoDatabaseError, match="never_comes"):
        schema_state.bring_up(make_app(database_server.url("never_comes")), patience_seconds=0.2)
