"""What failed for good is put before a person, once, with everything needed to do it again."""

import uuid
from typing import Any

import pytest
from flask import Flask
from procrastinate import App, RetryStrategy
from procrastinate.testing import InMemoryConnector
from sqlalchemy import text

from b2c_web import jobs
from b2c_web.flask_extensions import db
from b2c_web.notifications import hooks as notification_hooks
from b2c_web.operations.commands import collect_failed_jobs, record_failure
from b2c_web.operations.models import FailedOperation
from b2c_web.payments import hooks as payment_hooks
from tests.factories.messages import make_message


@pytest.fixture
def queue(app: Flask, monkeypatch: pytest.MonkeyPatch) -> App:
    """A queue in memory with two jobs only: one that always fails and is tried twice, and a periodic one."""
    monkeypatch.setattr(jobs, "_declared", {})
    monkeypatch.setattr(jobs, "_periodic", {})

    @jobs.job("test.fails", retry=RetryStrategy(max_attempts=1, wait=60))
    def fails(number: int) -> None:
        raise ArithmeticError(f"cannot count to {number}")

    @jobs.periodic("test.beat", cron="0 0 29 2 *")
    def beat() -> None:
        raise ArithmeticError("out of beat")

    return jobs._build(app, InMemoryConnector())


def failures() -> list[FailedOperation]:
    db.session.expire_all()
    return db.session.query(FailedOperation).order_by(FailedOperation.id).all()


def work(queue: App) -> None:
    queue.run_worker(wait=False, install_signal_handlers=False, listen_notify=False)


def make_due(queue: App) -> None:
    connector: Any = queue.connector
    for row in connector.jobs.values():
        row["scheduled_at"] = None


def test_a_job_is_put_before_a_person_when_its_tries_are_over(session: Any, queue: App) -> None:
    job_id = queue.tasks["test.fails"].defer(number=5)
    work(queue)
    assert failures() == []
    make_due(queue)
    work(queue)
    (found,) = failures()
    assert (found.operation, found.payload) == ("test.fails", {"job_id": job_id, "arguments": {"number": 5}})
    assert found.error == "ArithmeticError: cannot count to 5"
    assert 'raise ArithmeticError(f"cannot count to {number}")' in (found.stack_trace or "")


def test_a_periodic_job_is_put_before_a_person_once_until_resolved(session: Any, queue: App) -> None:
    for _beat in range(3):
        queue.tasks["test.beat"].defer(timestamp=1)
        work(queue)
    assert [one.operation for one in failures()] == ["test.beat"]
    session.execute(text("UPDATE failed_operations SET resolved_at = now(), resolution = 'mended'"))
    queue.tasks["test.beat"].defer(timestamp=1)
    work(queue)
    assert len(failures()) == 2


def fail_a_job(session: Any, name: str, lock: str | None = None) -> int:
    statement = text(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, queueing_lock)"
        " VALUES ('default', :name, '{\"n\": 1}', 'failed', :lock) RETURNING id"
    )
    return session.scalar(statement, {"name": name, "lock": lock})


def test_a_failed_job_that_nobody_recorded_is_collected_once(session: Any) -> None:
    job_id = fail_a_job(session, "payments.refund")
    fail_a_job(session, "jobs.recover_stalled", lock="jobs.recover_stalled")
    assert (collect_failed_jobs(), collect_failed_jobs()) == (1, 0)
    (found,) = failures()
    assert (found.operation, found.payload) == ("payments.refund", {"job_id": job_id, "arguments": {"n": 1}})
    assert found.stack_trace is None


def test_what_payments_give_up_comes_here(session: Any) -> None:
    payment_hooks.give_up("payments.refund", {"refund_id": "r"}, "charge_disputed")
    (found,) = failures()
    assert (found.operation, found.payload, found.error) == ("payments.refund", {"refund_id": "r"}, "charge_disputed")


def test_a_message_that_was_given_up_comes_here(session: Any) -> None:
    message = make_message()
    message.error = "refused: no such mailbox"
    notification_hooks.gave_up(message)
    (found,) = failures()
    assert found.payload == {"notification_id": str(message.id), "kind": message.kind.value}
    assert found.error == "refused: no such mailbox"


def test_a_failure_is_open_until_somebody_resolves_it(session: Any) -> None:
    record_failure("odoo.invoice", {"booking_id": str(uuid.uuid4())}, "no tax found", "Traceback ...")
    (found,) = failures()
    assert (found.resolved_at, found.resolution, found.stack_trace) == (None, None, "Traceback ...")


def test_what_is_over_is_resolved_by_what_its_job_was_about_too(session: Any) -> None:
    wanted, other = uuid.uuid4(), uuid.uuid4()
    for one in (wanted, other):
        jobs.gave_up("payments.capture", 7, {"payment_id": str(one)}, ArithmeticError("died"))
    payment_hooks.settle(("payments.capture",), [wanted], "not wanted any more")
    assert [one.resolution for one in failures()] == ["not wanted any more", None]
