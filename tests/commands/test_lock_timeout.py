"""Every connection waits so long for a lock, and no longer."""

from typing import Any

import pytest
from sqlalchemy import text

from b2c_web.accounts.models import User
from b2c_web.db import command_transaction, connect_args
from b2c_web.errors import Busy
from b2c_web.flask_extensions import db


def test_a_command_that_waits_too_long_for_a_row_ends_as_busy(
    committed_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with committed_app.app_context():
        assert db.session.scalar(text("SHOW lock_timeout")) == f"{committed_app.config['LOCK_TIMEOUT_MS'] // 1000}s"
        db.session.add(User(email="rosa.ahorn@example.org", name="Rosa Ahorn"))
        db.session.commit()
        monkeypatch.setitem(committed_app.config, "LOCK_TIMEOUT_MS", 100)
        with db.engine.connect() as somebody, pytest.raises(Busy), command_transaction():
            somebody.execute(text("SELECT 1 FROM users FOR UPDATE"))
            db.session.execute(text("UPDATE users SET name = 'R. Ahorn'"))


def test_the_options_of_the_address_stay() -> None:
    url = "postgresql+psycopg://b2c@db/b2c?options=-csearch_path%3Dcars"
    assert connect_args(url, lock_timeout_ms=700)["options"] == "-csearch_path=cars -c lock_timeout=700"
    assert connect_args("postgresql+psycopg://b2c@db/b2c", lock_timeout_ms=700)["options"] == "-c lock_timeout=700"
