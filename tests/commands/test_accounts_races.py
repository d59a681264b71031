"""Races in pairs: first the race with the guard off, then that the guard stops it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from b2c_web.accounts import commands, hooks, limits
from b2c_web.accounts.models import Address, CredentialAttempt, LoginCode, User
from b2c_web.db import command_transaction
from b2c_web.errors import DomainError
from b2c_web.flask_extensions import db
from b2c_web.hooks import HookList
from tests.factories import make_customer

HOME = "203.0.113.0/24"
MARA = "mara@example.org"


def together(app: Flask, times: int, act: Callable[[Barrier], Any]) -> Counter[Any]:
    """What `times` threads got from `act`, all begun together, each with its own connection."""
    barrier = Barrier(times)

    def run(_n: int) -> Any:
        with app.app_context():
            barrier.wait()
            try:
                return act(barrier)
            except DomainError as refusal:
                return refusal.code

    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(run, range(times)))


@pytest.fixture
def code(committed_app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """The code that was mailed to Mara."""
    recording = HookList("accounts.code_made")
    codes: list[str] = []
    recording.add(lambda mail: codes.append(mail.code))
    monkeypatch.setattr(hooks, "code_made", recording)
    with committed_app.app_context():
        commands.request_code(MARA, "de", HOME)
    return codes[0]


def count_one(_barrier: Barrier, *, guarded: bool) -> str:
    with command_transaction():
        if guarded:
            limits.serialise(MARA, HOME)
        limits.count_attempt("TEST", MARA, HOME, per_subject=1, per_network=1)
        if not guarded:
            _barrier.wait()
    return "passed"


def test_without_the_guard_two_attempts_pass_a_limit_of_one(committed_app: Flask) -> None:
    assert together(committed_app, 2, lambda barrier: count_one(barrier, guarded=False)) == {"passed": 2}


def test_with_it_one_passes(committed_app: Flask) -> None:
    seen = together(committed_app, 6, lambda barrier: count_one(barrier, guarded=True))
    assert seen == {"passed": 1, "too_many": 5}
    with committed_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(CredentialAttempt)) == 1


def test_reading_then_writing_the_tries_would_give_two_for_one(committed_app: Flask, code: str) -> None:
    def guess(barrier: Barrier) -> str:
        with command_transaction():
            left = db.session.scalar(select(LoginCode.tries_left).where(LoginCode.email == MARA)) or 0
            barrier.wait()
            db.session.execute(update(LoginCode).where(LoginCode.email == MARA).values(tries_left=left - 1))
        return "guessed"

    assert together(committed_app, 2, guess) == {"guessed": 2}
    with committed_app.app_context():
        assert db.session.scalar(select(LoginCode.tries_left)) == 4


def test_however_many_guess_together_they_have_five_tries(committed_app: Flask, code: str) -> None:
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    seen = together(committed_app, 12, lambda _barrier: commands.enter_code(MARA, wrong, HOME, "de"))
    assert seen == {"code_wrong": 4, "code_over": 8}
    with committed_app.app_context():
        assert db.session.scalar(select(LoginCode.tries_left)) == 0


def test_one_code_entered_twice_at_once_signs_in_once(committed_app: Flask, code: str) -> None:
    seen = together(committed_app, 6, lambda _barrier: commands.enter_code(MARA, code, HOME, "de").email)
    assert seen == {MARA: 1, "code_over": 5}
    with committed_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_one_place_entered_many_times_at_once_is_kept_once_and_is_the_default(committed_app: Flask) -> None:
    with committed_app.app_context():
        user_id = make_customer().id
        db.session.commit()

    def add(_barrier: Barrier) -> str:
        user = db.session.get_one(User, user_id)
        commands.add_address(user, street="Am Beispielweg 12", postal_code="44137", city="Dortmund")
        return "added"

    assert together(committed_app, 4, add) == {"added": 4}
    with committed_app.app_context():
        assert [row.is_default for row in db.session.scalars(select(Address))] == [True]
