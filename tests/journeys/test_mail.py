"""Messages on their way through a real mail server: once, whatever happens to the job, the worker or the server."""

import asyncio
import email
import email.policy
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from sqlalchemy import select, text, update

from b2c_web import clock
from b2c_web.flask_extensions import db
from b2c_web.notifications import hooks, rules, sending
from b2c_web.notifications import jobs as message_jobs
from b2c_web.notifications.mailer import NotSent
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from tests.concurrency.races import Meeting, at_once
from tests.conftest import TEST_SETTINGS
from tests.factories.messages import FACTS, make_message, message_by_key
from tests.ports import free_port

KILLED_WORKER = """
import sys, uuid
from b2c_web import create_app
from b2c_web.notifications.sending import send
with create_app().app_context():
    send(uuid.UUID(sys.argv[1]))
"""


class Postbox:
    """A mail server's mind: what it took, and how it answers."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.after_text = "250 OK"
        self.after_recipient = "250 OK"
        self.seconds_to_answer = 0.0
        self.hang_up_after_text = False
        self.text_arrived = threading.Event()

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: Any) -> str:
        if self.after_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.after_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.text_arrived.set()
        await asyncio.sleep(self.seconds_to_answer)
        if self.after_text.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.envelopes.append(envelope)
            self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        if self.hang_up_after_text:
            server.transport.abort()
        return self.after_text


class MailServer:
    """Our mail server: it can be away and come back at the same address."""

    def __init__(self) -> None:
        self.box, self.port = Postbox(), free_port()
        self.controller: Controller | None = None

    def start(self) -> None:
        self.controller = Controller(
            self.box, hostname="127.0.0.1", port=self.port, server_hostname="mail.test", ready_timeout=30
        )
        self.controller.start()

    def stop(self) -> None:
        if self.controller is not None:
            self.controller.stop()
            self.controller = None


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


def use(server: MailServer, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MAIL_SERVER", "127.0.0.1"), ("MAIL_PORT", server.port), ("MAIL_USE_TLS", False)):
        monkeypatch.setitem(app.config, name, value)


@pytest.fixture
def box(mail_server: MailServer, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Postbox:
    """The mail server of the application under test."""
    use(mail_server, app, monkeypatch)
    return mail_server.box


def body_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_message_arrives_with_both_bodies_and_its_own_id(session: Any, box: Postbox) -> None:
    row = make_message()
    message_jobs.send(notification_id=str(row.id))
    session.refresh(row)
    (mail,) = box.taken
    assert box.envelopes[0].rcpt_tos == ["person@example.org"]
    assert (row.status, row.attempts, row.error) == (NotificationStatus.SENT, 1, None)
    assert row.sent_at is not None
    assert mail["Subject"] == row.subject == "Wir kommen am Di, 8. Dez., 10–12 Uhr (BK-2026-000123)"
    assert mail["Message-ID"] == f"<{row.id}@example.org>"
    assert (mail["To"], mail["From"]) == ("person@example.org", "Ronja <buchung@example.org>")
    assert (mail["Reply-To"], mail["Auto-Submitted"]) == ("hilfe@example.org", "auto-generated")
    assert body_of(mail, "plain").splitlines() == (row.body_text or "").splitlines()
    assert body_of(mail, "html").splitlines() == (row.body_html or "").splitlines()


def test_each_reader_gets_her_own_language(session: Any, box: Postbox) -> None:
    for language in ("en", "de", "en"):
        sending.send(make_message(key=f"{language}{len(box.taken)}", language=language).id)
    subjects = [str(mail["Subject"]) for mail in box.taken]
    assert [subject.split(" on ")[0].split(" am ")[0] for subject in subjects] == ["We come", "Wir kommen", "We come"]
    assert subjects[0] == "We come on Tue 8 Dec, 10:00–12:00 (BK-2026-000123)"


def test_files_arrive_as_they_are(session: Any, box: Postbox, monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = "BEGIN:VCALENDAR\r\nSUMMARY:Abholung für Söhne\r\nEND:VCALENDAR\r\n".encode()
    files = [
        hooks.Attachment("BK-1.ics", calendar, "text/calendar; method=PUBLISH; charset=utf-8"),
        hooks.Attachment("Beleg.pdf", b"%PDF-1.4\n\x00\xff\r\n.\r\n", "application/pdf"),
    ]
    monkeypatch.setitem(hooks.attachments, NotificationKind.BOOKING_CONFIRMED, lambda row: files)
    sending.send(make_message().id)
    parts = list(box.taken[0].iter_attachments())
    assert [part.get_filename() for part in parts] == ["BK-1.ics", "Beleg.pdf"]
    assert [part.get_payload(decode=True) for part in parts] == [file.content for file in files]
    assert parts[0]["Content-Type"].params["method"] == "PUBLISH"


def test_a_job_that_runs_twice_sends_once(session: Any, box: Postbox) -> None:
    row = make_message()
    for _again in range(3):
        message_jobs.send(notification_id=str(row.id))
    assert len(box.taken) == 1
    session.refresh(row)
    assert row.attempts == 1


def test_a_login_code_is_forgotten_once_it_was_sent(session: Any, box: Postbox) -> None:
    row = make_message(NotificationKind.LOGIN_CODE)
    sending.send(row.id)
    assert "481590" in box.taken[0]["Subject"]
    assert "481590" in body_of(box.taken[0], "plain")
    stored = session.execute(text("SELECT to_jsonb(notifications)::text FROM notifications")).scalar_one()
    assert "481590" not in stored
    assert '"status": "SENT"' in stored


def test_a_typed_name_reaches_no_header(session: Any, box: Postbox) -> None:
    evil = "BK-1\r\nBcc: victim@example.org\r\n\r\nbody"
    sending.send(make_message(context=FACTS | {"number": evil, "name": evil, "car": evil}).id)
    (mail,) = box.taken
    assert mail["Bcc"] is None
    assert box.envelopes[0].rcpt_tos == ["person@example.org"]
    assert mail["Subject"].endswith("(BK-1 Bcc: victim@example.org body)")


def test_a_server_that_is_away_is_tried_again_until_it_is_back(
    session: Any, box: Postbox, mail_server: MailServer, run_jobs: Callable[..., list[str]]
) -> None:
    mail_server.stop()
    row = make_message()
    for attempt in (1, 2):
        with pytest.raises(NotSent):
            run_jobs()
        session.refresh(row)
        assert (row.status, row.attempts) == (NotificationStatus.QUEUED, attempt)
        assert (row.error or "").startswith(f"{rules.NOT_YET}: ConnectionRefusedError")
    mail_server.start()
    assert run_jobs() == ["notifications.send"]
    session.refresh(row)
    assert (row.status, row.attempts, row.error) == (NotificationStatus.SENT, 3, None)
    assert [mail["Message-ID"] for mail in box.taken] == [sending.message_id(row.id)]


@pytest.mark.parametrize("place", ["after_text", "after_recipient"])
def test_a_server_that_asks_to_come_back_later_is_asked_later(session: Any, box: Postbox, place: str) -> None:
    setattr(box, place, "451 4.7.1 Greylisted")
    row = make_message()
    with pytest.raises(NotSent):
        sending.send(row.id)
    session.refresh(row)
    assert (row.status, row.error) == (NotificationStatus.QUEUED, f"{rules.NOT_YET}: 451 4.7.1 Greylisted")
    setattr(box, place, "250 OK")
    sending.send(row.id)
    assert len(box.taken) == 1


@pytest.mark.parametrize("place", ["after_text", "after_recipient"])
def test_a_refusal_for_good_is_reported_and_not_tried_again(session: Any, box: Postbox, place: str) -> None:
    told: list[str | None] = []
    listener: Callable[[Notification], None] = lambda failed: told.append(failed.error)  # noqa: E731
    hooks.gave_up.add(listener)
    setattr(box, place, "550 5.1.1 No such user here")
    row = make_message()
    try:
        sending.send(row.id)
        setattr(box, place, "250 OK")
        sending.send(row.id)
    finally:
        hooks.gave_up.functions.remove(listener)
    session.refresh(row)
    assert (row.status, row.attempts) == (NotificationStatus.FAILED, 1)
    assert told == [f"{rules.REFUSED}: 550 5.1.1 No such user here"] == [row.error]
    assert box.taken == []


def test_a_line_cut_after_the_text_is_never_sent_again_by_itself(session: Any, box: Postbox) -> None:
    box.hang_up_after_text = True
    row = make_message()
    sending.send(row.id)
    sending.send(row.id)
    session.refresh(row)
    assert row.status is NotificationStatus.FAILED
    assert (row.error or "").startswith(f"{rules.UNCERTAIN}: SMTPServerDisconnected")
    assert len(box.taken) == 1


def test_a_password_that_is_wrong_is_no_fault_of_the_message(
    session: Any, box: Postbox, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAIL_USERNAME", "ronja")
    monkeypatch.setitem(app.config, "MAIL_PASSWORD", "wrong")
    row = make_message()
    with pytest.raises(NotSent):
        sending.send(row.id)
    session.refresh(row)
    assert row.status is NotificationStatus.QUEUED


def take_without_looking(meeting: Meeting, notification_id: Any) -> Any:
    """The claim as one would write it first: read the state, then set it; all read before one sets."""
    with sending.command_transaction():
        row = db.session.execute(select(Notification).where(Notification.id == notification_id)).scalar_one()
        if row.status is not NotificationStatus.QUEUED:
            return None
        meeting.wait()
        row.status = NotificationStatus.SENDING
        return sending._letter(row, sending.render(row))


@pytest.mark.parametrize("guarded", [False, True], ids=["without the claim", "with the claim"])
def test_two_workers_at_once_send_once(
    committed_app: Flask, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    use(mail_server, committed_app, monkeypatch)
    if not guarded:
        monkeypatch.setattr(sending, "_take", partial(take_without_looking, Meeting(4)))
    with committed_app.app_context():
        row_id = make_message().id
        db.session.remove()
    at_once(committed_app, [lambda: sending.send(row_id)] * 4)
    sent = len(mail_server.box.taken)
    assert sent == 1 if guarded else sent > 1
    with committed_app.app_context():
        row = db.session.get_one(Notification, row_id)
        assert not guarded or row.status is NotificationStatus.SENT


def test_a_worker_killed_while_sending_leaves_at_most_one_mail(
    committed_app: Flask, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(mail_server, committed_app, monkeypatch)
    mail_server.box.seconds_to_answer = 60
    with committed_app.app_context():
        row = make_message()
        kill_worker_that_sends(str(row.id), committed_app, mail_server)
        mail_server.box.seconds_to_answer = 0
        message_jobs.send(notification_id=str(row.id))
        message_jobs.look_after()
        assert message_by_key(row.dedupe_key).status is NotificationStatus.SENDING
        long_ago = clock.now_utc() - sending.SENDING_TAKES_AT_MOST - timedelta(seconds=1)
        db.session.execute(update(Notification).values(updated_at=long_ago))
        db.session.commit()
        message_jobs.look_after()
        message_jobs.send(notification_id=str(row.id))
        after = message_by_key(row.dedupe_key)
        assert after.status is NotificationStatus.FAILED
        assert (after.error or "").startswith(rules.UNCERTAIN)
    assert len(mail_server.box.taken) <= 1


def kill_worker_that_sends(row_id: str, app: Flask, server: MailServer) -> None:
    """A worker of its own, killed after its text went out and before the server's answer."""
    settings = {
        **TEST_SETTINGS,
        "DATABASE_URL": app.config["DATABASE_URL"],
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(server.port),
        "MAIL_USE_TLS": "0",
    }
    worker = subprocess.Popen([sys.executable, "-c", KILLED_WORKER, row_id], env={**os.environ, **settings})
    try:
        assert server.box.text_arrived.wait(60)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
