"""Who sees which message, and how: admins, the demo's visitors, and a customer."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.notifications import hooks, rules, sending
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from tests.factories import make_customer, make_user
from tests.factories.messages import FACTS, make_message

Login = Callable[[Any], FlaskClient]
CODE = NotificationKind.LOGIN_CODE


def kept(kind: NotificationKind = NotificationKind.COMPLETED, **facts: Any) -> Notification:
    row = make_message(kind, **{"key": str(uuid4()), **facts})
    sending.send(row.id)
    return row


def failed(session: Any, **facts: Any) -> Notification:
    row = make_message(context={"number": "BK-LOST"}, **facts)
    sending.send(row.id)
    session.refresh(row)
    assert row.status is NotificationStatus.FAILED
    return row


@pytest.fixture
def admin(frozen_clock: Any, login: Login) -> FlaskClient:
    return login(make_user(Role.ADMIN))


def page(client: FlaskClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.status
    return answer.get_data(as_text=True)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# the demo's outbox


def test_the_outbox_exists_in_demo_mode_only(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kept()
    paths = [f"/dev/outbox{end}" for end in ("", f"/{row.id}", f"/{row.id}/html")]
    assert [client.get(path).status_code for path in paths] == [200, 200, 200]
    monkeypatch.setitem(app.config, "DEMO_MODE", False)
    paths.append(f"/dev/outbox/{row.id}/attachments/0")
    assert [client.get(path).status_code for path in paths] == [404, 404, 404, 404]


def test_a_newcomer_reads_her_code_in_the_outbox(client: FlaskClient) -> None:
    kept(CODE, recipient="newcomer@example.org")
    shown = page(client, "/dev/outbox")
    assert re.search(r'<p class="now-value[^"]*">481590</p>', shown)
    assert "An newcomer@example.org" in words(shown)


def test_the_outbox_has_the_newest_first_and_pages(client: FlaskClient, frozen_clock: Any) -> None:
    for minute in range(27):
        with frozen_clock(clock.now_utc() + timedelta(minutes=minute)):
            kept(recipient=f"person{minute:02}@example.org")
    first, second = page(client, "/dev/outbox"), page(client, "/dev/outbox?page=2")
    assert re.findall(r"An (person\d+)", words(first)) == [f"person{n:02}" for n in range(26, 1, -1)]
    assert re.findall(r"An (person\d+)", words(second)) == ["person01", "person00"]
    assert "27 Nachrichten, neueste zuerst." in words(first)
    assert "26–27 von 27" in words(second)
    assert 'href="/dev/outbox?page=2"' in first


def test_what_was_mailed_or_failed_is_never_public(client: FlaskClient, session: Any) -> None:
    row = kept(recipient="real@example.org")
    for status in ("SENT", "FAILED", "QUEUED", "SENDING"):
        session.execute(
            text("UPDATE notifications SET status = CAST(:status AS notification_status), sent_at = :at"),
            {"status": status, "at": clock.now_utc() if status == "SENT" else None},
        )
        session.commit()
        assert "real@example.org" not in page(client, "/dev/outbox")
        assert client.get(f"/dev/outbox/{row.id}").status_code == 404
        assert client.get(f"/dev/outbox/{row.id}/html").status_code == 404


def test_the_outbox_asks_again_only_while_a_message_is_on_its_way(client: FlaskClient) -> None:
    assert "Noch keine Nachrichten" in page(client, "/dev/outbox")
    row = make_message()
    waiting = page(client, "/dev/outbox", **{"HX-Request": "true"})
    assert 'hx-trigger="every 2s"' in waiting
    assert "1 wird gerade geschrieben." in words(waiting)
    assert waiting.lstrip().startswith("<section")
    sending.send(row.id)
    assert "every 2s" not in page(client, "/dev/outbox")


# all messages, for admins


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_admins_see_all_messages(login: Login, session: Any, role: Role) -> None:
    row = kept()
    other = login(make_user(role))
    for path in ("/admin/messages", f"/admin/messages/{row.id}", f"/admin/messages/{row.id}/html"):
        assert other.get(path).status_code == 404
    assert other.post(f"/admin/messages/{row.id}/sending").status_code in (400, 404)


def test_a_visitor_is_asked_to_sign_in(client: FlaskClient) -> None:
    assert client.get("/admin/messages").status_code in (302, 303, 401)
    assert client.get("/account/messages").status_code in (302, 303, 401)


def test_admins_filter_and_search_and_sort(admin: FlaskClient, session: Any, frozen_clock: Any) -> None:
    kept(recipient="anna@example.org")
    with frozen_clock(clock.now_utc() + timedelta(hours=1)):
        kept(NotificationKind.READY, recipient="berta@example.org", context=FACTS | {"number": "BK-100%"})
        failed(session, recipient="carla@example.org")
    with frozen_clock(clock.now_utc() + timedelta(hours=2)):
        make_message(NotificationKind.PICKED_UP, recipient="dora@example.org", context={})
    people = re.compile(r"(anna|berta|carla|dora)@")
    for query, expected in (
        ("", ["dora", "carla", "berta", "anna"]),
        ("?sort=oldest", ["anna", "berta", "carla", "dora"]),
        ("?status=QUEUED", ["dora"]),
        ("?q=ANNA", ["anna"]),
        ("?q=bk-100%25", ["berta"]),
        ("?q=BK-1__%25", []),
        ("?q=abgeschlossen", ["anna"]),
        ("?kind=READY", ["berta"]),
        ("?status=FAILED", ["carla"]),
        ("?status=KEPT&kind=COMPLETED", ["anna"]),
        ("?status=NONSENSE&kind=&page=x", ["dora", "carla", "berta", "anna"]),
        ("?page=999999", ["dora", "carla", "berta", "anna"]),
    ):
        assert people.findall(page(admin, f"/admin/messages{query}", **{"HX-Request": "true"})) == expected, query


def test_nothing_found_says_so_and_leads_back(admin: FlaskClient) -> None:
    shown = page(admin, "/admin/messages?q=nowhere")
    assert "Nichts gefunden" in shown
    assert 'href="/admin/messages"' in shown


def test_one_message_shows_text_state_and_reason(admin: FlaskClient, session: Any) -> None:
    fine, broken = kept(), failed(session)
    shown = words(page(admin, f"/admin/messages/{fine.id}"))
    assert "Abgeschlossen: Inspektion (BK-2026-000123)" in shown
    assert "Aufbewahrt" in shown
    shown = words(page(admin, f"/admin/messages/{broken.id}"))
    assert "Die Nachricht ließ sich nicht schreiben, es fehlen Angaben." in shown
    assert "lacks booking_url_path" in shown
    assert "Noch einmal senden" in shown
    assert admin.get(f"/admin/messages/{uuid4()}").status_code == 404


def test_a_message_can_do_nothing_but_be_looked_at(admin: FlaskClient, client: FlaskClient) -> None:
    row = kept(context=FACTS | {"number": "<script>alert(1)</script>"})
    for path in (f"/admin/messages/{row.id}/html", f"/dev/outbox/{row.id}/html"):
        answer = admin.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "style-src 'unsafe-inline'" in policy
        assert "sandbox" in policy
        assert "script-src" not in policy
        assert "<script" not in answer.get_data(as_text=True)
    assert "script-src 'self'" in admin.get("/admin/messages").headers["Content-Security-Policy"]


def test_what_was_never_written_has_no_page_of_its_own(admin: FlaskClient, session: Any) -> None:
    row = failed(session)
    assert admin.get(f"/admin/messages/{row.id}/html").status_code == 404
    assert "Der Text wurde nicht aufbewahrt." in page(admin, f"/admin/messages/{row.id}")


def test_files_of_a_message_can_be_saved(admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [hooks.Attachment("BK-1.ics", b"BEGIN:VCALENDAR", "text/calendar; charset=utf-8")]
    monkeypatch.setitem(hooks.attachments, NotificationKind.COMPLETED, lambda row: files)
    row = kept()
    for base in ("/admin/messages", "/dev/outbox"):
        assert "BK-1.ics" in page(admin, f"{base}/{row.id}")
        answer = admin.get(f"{base}/{row.id}/attachments/0")
        assert (answer.data, answer.mimetype) == (b"BEGIN:VCALENDAR", "text/calendar")
        assert answer.headers["Content-Disposition"] == "attachment; filename=BK-1.ics"
        assert admin.get(f"{base}/{row.id}/attachments/1").status_code == 404


def post(client: FlaskClient, path: str) -> Any:
    """POST as a page of ours would, with its token."""
    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/dev/outbox").get_data(as_text=True))
    assert token is not None
    return client.post(path, data={"csrf_token": token[1]})


SECRET = {"link_path": "/e/a-secret-key", "booking_url_path": "/bookings/7"}


@pytest.fixture
def with_secrets(monkeypatch: pytest.MonkeyPatch, admin: FlaskClient) -> list[Notification]:
    """A code and a link, kept before there was a mail server; a paper is made of the link."""

    def paper(row: Notification) -> list[hooks.Attachment]:
        return [hooks.Attachment("a.txt", row.context["link_path"].encode(), "text/plain")]

    monkeypatch.setitem(hooks.attachments, NotificationKind.EXTENSION_REMINDER, paper)
    return [kept(CODE), kept(NotificationKind.EXTENSION_REMINDER, context=FACTS | SECRET)]


def everything(client: FlaskClient, base: str, rows: list[Notification]) -> str:
    """All that the pages about these messages answer."""
    paths = [base, *[f"{base}/{row.id}{end}" for row in rows for end in ("", "/html")]]
    files = client.get(f"{base}/{rows[1].id}/attachments/0").get_data(as_text=True)
    return "".join([*[page(client, path) for path in paths], files])


@pytest.mark.parametrize("base", ["/admin/messages", "/dev/outbox"])
def test_once_mail_is_delivered_nobody_reads_other_peoples_codes_and_links(
    app: Flask, admin: FlaskClient, with_secrets: list[Notification], monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    shown = everything(admin, base, with_secrets)
    assert "481590" in shown  # where mail is only kept, this is the only way in
    assert shown.count("/e/a-secret-key") >= 3
    monkeypatch.setitem(app.config, "MAIL_SERVER", "mail.example.org")
    shown = everything(admin, base, with_secrets)
    assert "481590" not in shown
    assert "a-secret-key" not in shown
    assert "•••••• ist Ihr Anmeldecode" in shown
    assert "/bookings/7" in shown
    assert "Er ist nur für den Empfänger." in shown


def test_a_hidden_code_is_not_found_out_by_searching(
    app: Flask, admin: FlaskClient, with_secrets: list[Notification], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(with_secrets[0].id) in page(admin, "/admin/messages?q=4815")
    monkeypatch.setitem(app.config, "MAIL_SERVER", "mail.example.org")
    assert str(with_secrets[0].id) not in page(admin, "/admin/messages?q=4815")
    assert str(with_secrets[1].id) in page(admin, f"/admin/messages?q={with_secrets[1].recipient}")


def test_a_link_that_waits_for_its_next_try_is_hidden_too(
    app: Flask, admin: FlaskClient, with_secrets: list[Notification], monkeypatch: pytest.MonkeyPatch, session: Any
) -> None:
    row = with_secrets[1]
    row.status, row.sent_at = NotificationStatus.QUEUED, None
    session.commit()
    monkeypatch.setitem(app.config, "MAIL_SERVER", "mail.example.org")
    assert "a-secret-key" not in page(admin, f"/admin/messages/{row.id}")
    session.refresh(row)
    assert "a-secret-key" in str(row.body_text)  # the letter still needs it


def test_sending_again_needs_the_token_and_a_failure(admin: FlaskClient, session: Any) -> None:
    broken, fine = failed(session), kept()
    assert admin.post(f"/admin/messages/{broken.id}/sending").status_code == 400
    answer = post(admin, f"/admin/messages/{broken.id}/sending")
    assert (answer.status_code, answer.location) == (303, f"/admin/messages/{broken.id}")
    session.refresh(broken)
    assert broken.status is NotificationStatus.QUEUED
    assert post(admin, f"/admin/messages/{fine.id}/sending").status_code == 409


def test_an_error_is_explained_in_the_language_of_the_page(admin: FlaskClient, session: Any) -> None:
    row = failed(session)
    row.error = f"{rules.UNCERTAIN}: SMTPServerDisconnected"
    session.commit()
    assert "Ob die Nachricht ankam, ist unbekannt." in words(page(admin, f"/admin/messages/{row.id}"))


# a customer's own messages


def test_a_customer_sees_her_messages_and_no_codes(login: Login, session: Any) -> None:
    reader, stranger = make_customer(), make_customer()
    mine, other = kept(user_id=reader.id), kept(NotificationKind.READY, user_id=stranger.id)
    code = kept(CODE, user_id=reader.id)
    client = login(reader)
    shown = words(page(client, "/account/messages"))
    assert "1 Nachricht, 1 ungelesen" in shown
    assert "Abgeschlossen: Inspektion" in shown
    assert "481590" not in shown
    for to_staff in ("Anmeldecode", "Kunde hat widerrufen", "Frage zur Erweiterung", "Erweiterung ohne Antwort"):
        assert to_staff not in shown  # no kind to choose either
    assert client.get(f"/account/messages/{mine.id}").status_code == 200
    for foreign in (other, code):
        assert client.get(f"/account/messages/{foreign.id}").status_code == 404
        assert post(client, f"/account/messages/{foreign.id}/reading").status_code == 404


def test_looking_changes_nothing_reading_is_a_button(login: Login, session: Any) -> None:
    reader = make_customer()
    row = kept(user_id=reader.id)
    client = login(reader)
    shown = page(client, f"/account/messages/{row.id}")
    session.refresh(row)
    assert row.read_at is None
    assert '<a href="http://localhost/bookings/BK-2026-000123">Zur Buchung</a>' in shown
    assert "Betreiber der Anwendung" not in shown
    answer = post(client, f"/account/messages/{row.id}/reading")
    assert (answer.status_code, answer.location) == (303, "/account/messages")
    session.refresh(row)
    assert row.read_at is not None
    assert "ungelesen" not in page(client, "/account/messages")


def test_all_can_be_read_at_once(login: Login, session: Any) -> None:
    reader = make_customer()
    for _message in range(3):
        kept(user_id=reader.id)
    client = login(reader)
    assert "3 ungelesen" in page(client, "/account/messages")
    assert post(client, "/account/messages/reading").status_code == 303
    assert "ungelesen" not in page(client, "/account/messages")


def test_a_message_that_never_left_can_still_be_read_here(login: Login, session: Any) -> None:
    reader = make_customer()
    row = kept(user_id=reader.id)
    session.execute(text("UPDATE notifications SET status = 'FAILED', sent_at = NULL, error = 'refused'"))
    session.commit()
    assert str(row.id) in page(login(reader), "/account/messages")


def test_without_messages_the_page_says_what_will_come(login: Login, session: Any) -> None:
    assert "Noch keine Nachrichten" in page(login(make_customer()), "/account/messages")


def test_the_pages_speak_english(login: Login, session: Any) -> None:
    reader = make_customer(language="en")
    kept(user_id=reader.id, language="en")
    shown = words(page(login(reader), "/account/messages"))
    assert "1 message, 1 unread" in shown
    assert "Complete: Inspection" in shown
    assert "BK-2026-000123" in shown
