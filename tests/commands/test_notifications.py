"""Messages are written once, with their job, and end where they belong."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from b2c_web import clock
from b2c_web.errors import Conflict, NotFound
from b2c_web.notifications import commands, hooks, queries, rules, sending
from b2c_web.notifications import jobs as message_jobs
from b2c_web.notifications.commands import add_notification
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from tests.factories import make_customer
from tests.factories.messages import FACTS, make_message, message_by_key

JOBS = text("SELECT args->>'notification_id' FROM procrastinate_jobs WHERE task_name = 'notifications.send'")
Frozen = Callable[..., Any]


@pytest.fixture
def given_up() -> Any:
    """What the hook was told, as (id, status, error)."""
    told: list[tuple[uuid.UUID, NotificationStatus, str | None]] = []
    listener: Callable[[Notification], None] = lambda row: told.append((row.id, row.status, row.error))  # noqa: E731
    hooks.gave_up.add(listener)
    yield told
    hooks.gave_up.functions.remove(listener)


@pytest.fixture
def with_mail_server(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server is configured, and nobody answers there."""
    monkeypatch.setitem(app.config, "MAIL_SERVER", "127.0.0.1")
    monkeypatch.setitem(app.config, "MAIL_PORT", 9)


def queued_jobs(session: Any) -> list[str]:
    return list(session.execute(JOBS).scalars())


def test_a_message_comes_with_its_job(session: Any) -> None:
    row = make_message(user_id=make_customer().id)
    assert (row.status, row.attempts, row.sent_at) == (NotificationStatus.QUEUED, 0, None)
    assert queued_jobs(session) == [str(row.id)]


def test_the_same_event_twice_is_one_message_and_one_job(session: Any) -> None:
    first = make_message(key="once")
    second = make_message(key="once", recipient="other@example.org", context={})
    assert (second.id, second.recipient, second.context) == (first.id, "person@example.org", FACTS)
    assert queued_jobs(session) == [str(first.id)]


def test_what_is_rolled_back_leaves_neither_message_nor_job(session: Any) -> None:
    add_notification(
        NotificationKind.COMPLETED,
        user_id=None,
        recipient="person@example.org",
        language="de",
        dedupe_key="gone",
        context=FACTS,
    )
    session.rollback()
    assert session.execute(select(func.count(Notification.id))).scalar_one() == 0
    assert queued_jobs(session) == []


@pytest.mark.parametrize(
    "recipient",
    [
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\nb@example.org",
        "a@example.org, b@example.org",
        "A <a@example.org>",
        "a b@example.org",
        "a@example.org\x00",
        "nobody",
        "",
    ],
)
def test_anything_but_one_address_is_refused(session: Any, recipient: str) -> None:
    with pytest.raises(ValueError, match="exactly one mail address"):
        make_message(recipient=recipient)


def test_without_a_mail_server_the_message_is_written_and_kept(
    session: Any, frozen_clock: Frozen, run_jobs: Callable[..., list[str]]
) -> None:
    row = make_message()
    assert run_jobs() == ["notifications.send"]
    session.refresh(row)
    assert (row.status, row.sent_at, row.attempts) == (NotificationStatus.KEPT, clock.now_utc(), 1)
    assert row.subject == "Wir kommen am Di, 8. Dez., 10–12 Uhr (BK-2026-000123)"
    assert row.body_text is not None
    assert "WIT XY 207" in row.body_text
    assert row.body_html is not None
    assert "<!DOCTYPE html>" in row.body_html


def test_a_kept_login_code_stays_readable_however_late_it_is(session: Any, frozen_clock: Frozen) -> None:
    row = make_message(NotificationKind.LOGIN_CODE)
    with frozen_clock(clock.now_utc() + timedelta(days=30)):
        sending.send(row.id)
    session.refresh(row)
    assert (row.status, row.context["code"], row.subject) == (
        NotificationStatus.KEPT,
        "481590",
        "481590 ist Ihr Anmeldecode",
    )


def test_a_message_without_its_facts_fails_by_name_and_is_reported(session: Any, given_up: list[Any]) -> None:
    row = make_message(context={key: value for key, value in FACTS.items() if key not in ("free_until", "city")})
    sending.send(row.id)
    session.refresh(row)
    assert row.status is NotificationStatus.FAILED
    assert row.error == f"{rules.UNWRITABLE}: BOOKING_CONFIRMED lacks city, free_until"
    assert given_up == [(row.id, NotificationStatus.FAILED, row.error)]


@pytest.mark.parametrize(
    "broken", [{"service": "WASHING"}, {"pickup_start": "tomorrow"}, {"pickup_start": "2026-12-08T09:00:00"}]
)
def test_facts_that_cannot_be_read_fail_the_message(session: Any, broken: dict[str, str]) -> None:
    row = make_message(context=FACTS | broken)
    sending.send(row.id)
    session.refresh(row)
    assert row.status is NotificationStatus.FAILED
    assert (row.error or "").startswith(f"{rules.UNWRITABLE}: BOOKING_CONFIRMED: ")


def test_a_failing_report_leaves_the_message_queued(session: Any, given_up: list[Any]) -> None:
    def refuse(row: Notification) -> None:
        raise RuntimeError("the report could not be written")

    row = make_message(context={})
    hooks.gave_up.add(refuse)
    try:
        with pytest.raises(RuntimeError, match="report"):
            sending.send(row.id)
    finally:
        hooks.gave_up.functions.remove(refuse)
    session.refresh(row)
    assert (row.status, row.attempts) == (NotificationStatus.QUEUED, 0)


@pytest.mark.parametrize(
    ("kind", "useful", "too_late"),
    [
        (NotificationKind.LOGIN_CODE, timedelta(minutes=10), timedelta(minutes=10, seconds=1)),
        (NotificationKind.JOCKEY_UNDER_WAY, timedelta(hours=2), timedelta(hours=2, seconds=1)),
        (NotificationKind.PICKUP_REMINDER, timedelta(days=13, hours=22), timedelta(days=13, hours=22, seconds=1)),
        (NotificationKind.COMPLETED, timedelta(days=3), timedelta(days=3, seconds=1)),
    ],
)
def test_what_is_of_no_use_any_more_is_not_sent(
    session: Any,
    frozen_clock: Frozen,
    with_mail_server: None,
    given_up: list[Any],
    kind: NotificationKind,
    useful: timedelta,
    too_late: timedelta,
) -> None:
    written = clock.now_utc()
    row = make_message(kind)
    with frozen_clock(written + useful), pytest.raises(sending.NotSent):
        sending.send(row.id)
    session.refresh(row)
    assert row.status is NotificationStatus.QUEUED
    with frozen_clock(written + too_late):
        sending.send(row.id)
    session.refresh(row)
    assert (row.status, row.error) == (NotificationStatus.FAILED, rules.TOO_LATE)
    assert len(given_up) == 1


def test_a_login_code_that_was_not_sent_is_forgotten(
    session: Any, frozen_clock: Frozen, with_mail_server: None
) -> None:
    row = make_message(NotificationKind.LOGIN_CODE)
    with frozen_clock(clock.now_utc() + timedelta(minutes=11)):
        sending.send(row.id)
    session.refresh(row)
    assert (row.context["code"], row.subject, row.body_text) == ("", None, None)


def test_a_row_left_by_a_killed_worker_is_put_before_a_person(
    session: Any, frozen_clock: Frozen, given_up: list[Any]
) -> None:
    row = make_message()
    session.execute(text("UPDATE notifications SET status = 'SENDING'"))
    session.commit()
    with frozen_clock(clock.now_utc() + timedelta(minutes=10)):
        assert sending.give_up_on_lost() == 0
    with frozen_clock(clock.now_utc() + timedelta(minutes=10, seconds=1)):
        message_jobs.look_after()
    session.refresh(row)
    assert row.status is NotificationStatus.FAILED
    assert row.error == f"{rules.UNCERTAIN}: its worker went away while sending"
    assert [told[0] for told in given_up] == [row.id]


def test_a_queued_row_without_a_job_gets_one(session: Any, frozen_clock: Frozen) -> None:
    lost, tended = make_message(key="lost"), make_message(key="tended")
    session.execute(text("DELETE FROM procrastinate_jobs WHERE args->>'notification_id' = :id"), {"id": str(lost.id)})
    session.commit()
    with frozen_clock(clock.now_utc() + timedelta(minutes=2)):
        message_jobs.look_after()
    assert queued_jobs(session) == [str(tended.id)]
    with frozen_clock(clock.now_utc() + timedelta(minutes=2, seconds=1)):
        message_jobs.look_after()
        message_jobs.look_after()
    assert sorted(queued_jobs(session)) == sorted([str(lost.id), str(tended.id)])


def failed(session: Any, kind: NotificationKind = NotificationKind.COMPLETED) -> Notification:
    row = make_message(kind)
    row.status, row.error = NotificationStatus.FAILED, rules.UNCERTAIN
    session.execute(text("DELETE FROM procrastinate_jobs"))
    session.commit()
    return row


def test_a_person_may_have_a_failed_message_sent_again(session: Any, frozen_clock: Frozen) -> None:
    row = failed(session)
    with frozen_clock(clock.now_utc() + timedelta(days=4)):
        commands.send_again(row.id)
        session.refresh(row)
        assert row.status is NotificationStatus.QUEUED
        assert queued_jobs(session) == [str(row.id)]
        until = rules.of_use_until(row.kind, row.created_at, row.context, 10)
        assert until == clock.now_utc() + rules.KEPT_FOR_LATER
    audited = session.execute(text("SELECT before, after FROM audit_log WHERE action = 'notification.send_again'"))
    assert audited.one() == ({"status": "FAILED"}, {"status": "QUEUED"})


def test_sending_again_is_refused_for_all_else(session: Any) -> None:
    with pytest.raises(Conflict):
        commands.send_again(failed(session, NotificationKind.LOGIN_CODE).id)
    queued = make_message(key="queued")
    with pytest.raises(Conflict):
        commands.send_again(queued.id)
    with pytest.raises(NotFound):
        commands.send_again(uuid.uuid4())
    assert message_by_key(queued.dedupe_key).status is NotificationStatus.QUEUED


def test_reading_is_noted_once_and_only_by_whom_it_was_written_to(session: Any, frozen_clock: Frozen) -> None:
    reader, stranger = make_customer(), make_customer()
    row = make_message(user_id=reader.id)
    sending.send(row.id)
    with pytest.raises(NotFound):
        commands.mark_read(stranger.id, row.id)
    commands.mark_all_read(stranger.id)
    assert queries.unread_count(reader.id) == 1
    commands.mark_read(reader.id, row.id)
    first = clock.now_utc()
    with frozen_clock(first + timedelta(hours=1)):
        commands.mark_read(reader.id, row.id)
    session.refresh(row)
    assert (row.read_at, queries.unread_count(reader.id)) == (first, 0)


def test_everything_can_be_read_at_once_but_codes_are_no_messages(session: Any) -> None:
    reader = make_customer()
    for key, kind in enumerate((NotificationKind.COMPLETED, NotificationKind.READY, NotificationKind.LOGIN_CODE)):
        sending.send(make_message(kind, key=str(key), user_id=reader.id).id)
    assert queries.unread_count(reader.id) == 2
    commands.mark_all_read(reader.id)
    assert queries.unread_count(reader.id) == 0
    assert queries.messages_of(reader.id, queries.Wanted()).total == 2
