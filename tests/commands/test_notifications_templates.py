"""Every message in both languages, as text and HTML: complete, escaped, and with links to us alone."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from b2c_web.notifications import facts, words
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from b2c_web.notifications.rendering import CannotWrite, Rendered, one_line, render
from tests.factories.messages import DROP_OFF, FACTS

KINDS = list(NotificationKind)
LANGUAGES = ("de", "en")
OF_RETURNS = {NotificationKind.RETURN_MOVED}  # never about a car that its customer fetches
LEFTOVERS = re.compile(r"None|Undefined|\{\{|\}\}|\{%|%\(|%%|&(amp|lt|gt|nbsp|#\d+);|, ,|\(\)| \.|  ")


def sparse(kind: NotificationKind, concierge: bool) -> dict[str, Any]:
    """Only what the kind cannot do without."""
    needed = facts.NEEDED.get(kind, facts.BOOKING)
    if concierge:
        needed = needed | facts.NEEDED_WITH_CONCIERGE.get(kind, frozenset())
    known = FACTS | {"concierge": concierge}
    return {key: known[key] for key in needed}


def cases(kind: NotificationKind) -> list[dict[str, Any]]:
    """A booking with concierge, and one without it where a message of this kind can be about that."""
    return [FACTS] if kind in OF_RETURNS else [FACTS, DROP_OFF]


def written(kind: NotificationKind, language: str, context: dict[str, Any]) -> Rendered:
    row = Notification(
        id=uuid4(),
        kind=kind,
        language=language,
        context=context,
        created_at=datetime(2026, 11, 24, 11, tzinfo=UTC),
        recipient="person@example.org",
    )
    return render(row)


@pytest.fixture
def speaking(app: Flask) -> Any:
    with app.app_context():
        yield app


def test_every_kind_has_its_templates(app: Flask) -> None:
    for kind in KINDS:
        for part in ("subject.txt", "body.html"):
            assert app.jinja_env.get_template(f"emails/{kind.value.lower()}/{part}")


@pytest.mark.parametrize("kind", [NotificationKind.PLACE_FREE, NotificationKind.PAYMENT_FAILED])
def test_until_when_a_place_is_held_names_the_day(speaking: Any, kind: NotificationKind) -> None:
    told = written(kind, "de", FACTS | {"hold_until": "2026-11-24T23:10:00+00:00"})
    assert "bis Mi, 25. Nov., 00:10 Uhr" in one_line(told.text)


def test_every_kind_and_state_has_its_word() -> None:
    assert set(words.KINDS) == set(NotificationKind)
    assert set(words.STATUSES) == set(NotificationStatus)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_message_has_gaps_or_foreign_links(speaking: Flask, kind: NotificationKind, language: str) -> None:
    for context in (*cases(kind), sparse(kind, True), sparse(kind, False)):
        message = written(kind, language, context)
        assert message.subject == one_line(message.subject) != ""
        for line in [message.subject, *message.text.splitlines()]:
            assert not LEFTOVERS.search(line), line
        assert message.text.count("\n--\n") == 1
        assert_links_lead_home(message, speaking.config["B2C_BASE_URL"], speaking.config["OPERATOR_EMAIL"])


def assert_links_lead_home(message: Rendered, base_url: str, operator: str) -> None:
    for address in re.findall(r"https?://\S+", message.text):
        assert address == base_url or address.startswith(f"{base_url}/"), address
    for address in re.findall(r'(?:href|src|action|background)="([^"]*)"', message.html):
        ours = address == base_url or address.startswith(f"{base_url}/")
        assert ours or address.startswith("tel:") or address == f"mailto:{operator}", address
    assert not re.search(r"<img|<script|<link|url\(|@import|@font-face", message.html)


@pytest.mark.parametrize("kind", KINDS)
def test_english_is_english(speaking: Flask, kind: NotificationKind) -> None:
    for context in cases(kind):
        german, english = (written(kind, language, context) for language in LANGUAGES)
        assert 'lang="en"' in english.html
        assert 'lang="de"' in german.html
        assert english.subject != german.subject
        ours = "Am Prüfstand|Fahrzeugschein"
        assert not re.search(r"[äöüÄÖÜß]|\b(und|Ihr|Ihre|Sie|Uhr|nicht)\b", re.sub(ours, "", english.text))
        shared = {line for line in english.text.splitlines() if line in german.text.splitlines()}
        assert not [line for line in shared if re.search(r"[a-z]{4,} [a-z]{4,}", line)], shared


@pytest.mark.parametrize("kind", KINDS)
def test_text_says_what_html_says(speaking: Flask, kind: NotificationKind) -> None:
    message = written(kind, "de", FACTS)
    body = re.sub(r"https?://\S+", "", message.text.split("\n--\n")[0])
    visible = re.sub(r"<(head|style).*?</\1>|<[^>]*>", " ", message.html, flags=re.DOTALL)
    for word in set(re.findall(r"[\wäöüÄÖÜß]{3,}", body)):
        assert word in visible, word


def test_what_people_typed_is_escaped_in_html_and_plain_in_text(speaking: Flask) -> None:
    evil = FACTS | {"car": "<b>Kombi</b> & Söhne &lt;", "address": '"><script>x</script>'}
    message = written(NotificationKind.BOOKING_CONFIRMED, "de", evil)
    assert "<b>Kombi</b> & Söhne &lt;, WIT XY 207" in message.text
    assert "&lt;b&gt;Kombi&lt;/b&gt; &amp; Söhne &amp;lt;" in message.html
    assert "<script" not in message.html


def test_a_name_cannot_start_another_header(speaking: Flask) -> None:
    evil = FACTS | {"number": "BK-1\r\nBcc: victim@example.org\x00\u2028X-Evil: 1"}
    subject = written(NotificationKind.BOOKING_CONFIRMED, "de", evil).subject
    assert subject.isprintable()
    assert subject.endswith("(BK-1 Bcc: victim@example.org X-Evil: 1)")


def test_the_exact_deadline_stands_in_the_confirmation(speaking: Flask) -> None:
    german = written(NotificationKind.BOOKING_CONFIRMED, "de", FACTS).text
    assert "Bis Mo, 7. Dez., 10:00 Uhr kostet beides nichts. Danach behalten wir 25,00\u00a0EUR." in german
    english = written(NotificationKind.BOOKING_CONFIRMED, "en", FACTS).text
    assert "Both are free until Mon 7 Dec, 10:00. After that we keep EUR\u00a025.00." in english


def test_a_booking_at_short_notice_is_told_that_nothing_is_free(speaking: Flask) -> None:
    past = FACTS | {"free_until": "2026-11-24T10:59:00+00:00"}
    text = written(NotificationKind.BOOKING_CONFIRMED, "de", past).text
    assert "weniger als 24 Stunden" in text
    assert "kostet beides nichts" not in text


def test_the_clock_is_berlins_on_both_sides_of_a_change(speaking: Flask) -> None:
    winter = FACTS | {"pickup_start": "2026-10-26T07:00:00+00:00", "pickup_end": "2026-10-26T09:00:00+00:00"}
    summer = FACTS | {"pickup_start": "2026-10-23T06:00:00+00:00", "pickup_end": "2026-10-23T08:00:00+00:00"}
    for context, day in ((winter, "Mo, 26. Okt."), (summer, "Fr, 23. Okt.")):
        assert f"{day}, 8–10\u00a0Uhr" in written(NotificationKind.PICKUP_REMINDER, "de", context).text


@pytest.mark.parametrize(
    ("amounts", "said", "unsaid"),
    [
        ({"refund_cents": 28800, "kept_cents": 0}, "Wir erstatten 288,00\u00a0EUR", "Einbehalten"),
        ({"refund_cents": 26300, "kept_cents": 2500}, "Einbehalten: 25,00\u00a0EUR", "Abgebucht wurde nichts"),
        ({"refund_cents": 0, "kept_cents": 0}, "Abgebucht wurde nichts.", "Wir erstatten"),
    ],
)
def test_a_cancellation_says_where_the_money_is(
    speaking: Flask, amounts: dict[str, int], said: str, unsaid: str
) -> None:
    text = written(NotificationKind.BOOKING_CANCELLED, "de", FACTS | amounts).text
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize(
    ("late", "said"),
    [
        ({}, "Gebucht ist deshalb nichts."),
        ({"paid_for": "move"}, "Die Gebühr für das Verschieben"),
        ({"paid_for": "anew"}, "Es gilt, was Sie neu gewählt haben."),
        ({"paid_for": "extension"}, "Ihre Zahlung für zusätzliche Arbeit"),
        ({"paid_for": "extension", "withdrawn_at": FACTS["withdrawn_at"]}, "Nach Ihrem Widerruf"),
    ],
)
def test_money_that_goes_back_is_called_what_it_was_for(speaking: Flask, late: dict[str, str], said: str) -> None:
    context = sparse(NotificationKind.MONEY_RETURNED, concierge=False) | late
    german, english = (written(NotificationKind.MONEY_RETURNED, language, context).text for language in LANGUAGES)
    assert said in german
    assert ("Gebucht" in german, "booked" in english) == (not late, not late)
    assert (context["booking_url_path"] in german) is (bool(late) and late != {"paid_for": "anew"})


def test_a_drop_off_is_never_promised_a_jockey(speaking: Flask) -> None:
    for kind in (NotificationKind.BOOKING_CONFIRMED, NotificationKind.PICKUP_REMINDER, NotificationKind.READY):
        text = written(kind, "de", DROP_OFF).text
        assert "Jockey" not in text
        assert "Am Prüfstand 1" in text


@pytest.mark.parametrize("kind", OF_RETURNS)
def test_a_return_without_its_window_cannot_be_written(speaking: Flask, kind: NotificationKind) -> None:
    with pytest.raises(CannotWrite, match="return_end, return_start"):
        written(kind, "de", DROP_OFF)


def test_a_template_that_asks_for_an_unknown_fact_cannot_write(
    speaking: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(facts.BookingFacts.__annotations__, "jockey_name")
    with pytest.raises(CannotWrite, match="jockey_name"):
        written(NotificationKind.JOCKEY_UNDER_WAY, "de", sparse(NotificationKind.JOCKEY_UNDER_WAY, True))


@pytest.mark.parametrize("kind", [NotificationKind.EXTENSION_RAISED, NotificationKind.READY])
def test_amounts_that_are_summed_up_stand_one_below_the_other(speaking: Flask, kind: NotificationKind) -> None:
    html = written(kind, "de", FACTS).html
    amounts = [cell for cell in re.findall(r"<td[^>]*>[^<]*</td>", html) if re.search(r"\d,\d\d\sEUR</td>", cell)]
    assert len(amounts) > 1
    assert all('align="right"' in cell and "text-align:right" in cell for cell in amounts)
