"""Calendar files and receipts say what the booking says, on every day of the year and in both languages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import force_locale
from icalendar import Calendar, Event
from pypdf import PdfReader

from b2c_web import clock
from b2c_web.bookings.calendar_file import booking_calendar
from b2c_web.payments.models import Document, DocumentKind
from b2c_web.payments.pdf import receipt_pdf
from b2c_web.payments.texts import method_words
from tests.factories.messages import DROP_OFF, FACTS

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _speaking(app: Flask) -> Iterator[None]:
    with app.app_context(), clock.frozen(NOON):
        yield


def events_of(content: bytes) -> list[Event]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def at(local: str) -> str:
    """A local time in Berlin as the facts hold it."""
    return datetime.fromisoformat(local).replace(tzinfo=BERLIN).astimezone(UTC).isoformat()


def facts_on(day: str) -> dict[str, Any]:
    windows = {"pickup_start": "08:00", "pickup_end": "10:00", "return_start": "16:00", "return_end": "18:00"}
    return FACTS | {key: at(f"{day}T{hour}") for key, hour in windows.items()}


@pytest.mark.parametrize("day", ["2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-10-24", "2026-10-25"])
def test_windows_keep_their_wall_clock_around_clock_changes(day: str) -> None:
    pickup, back = events_of(booking_calendar(facts_on(day), uid="u", sequence=0))
    wanted = [f"{day}T{hour}:00" for hour in ("08:00", "10:00", "16:00", "18:00")]
    found = [pickup.start, pickup.end, back.start, back.end]
    assert [moment.replace(tzinfo=None).isoformat() for moment in found] == wanted
    assert [moment.astimezone(UTC).isoformat() for moment in found] == [at(local) for local in wanted]


def test_the_zone_in_the_file_says_what_berlin_does() -> None:
    zone = next(iter(Calendar.from_ical(booking_calendar(FACTS, uid="u", sequence=0)).walk("VTIMEZONE"))).to_tz()
    hour = datetime(2026, 1, 1, 12, tzinfo=UTC)
    while hour.year < 2028:
        assert hour.astimezone(zone).utcoffset() == hour.astimezone(BERLIN).utcoffset(), hour
        hour += timedelta(hours=7)


def test_a_concierge_booking_has_both_windows_with_alarms() -> None:
    content = booking_calendar(FACTS, uid="0190-abc", sequence=0)
    assert Calendar.from_ical(content)["method"] == "PUBLISH"
    pickup, back = events_of(content)
    assert [str(pickup["uid"]), str(back["uid"])] == ["pickup-0190-abc", "return-0190-abc"]
    assert str(pickup["summary"]) == "Ihr Auto wird abgeholt (Inspektion)"
    assert str(pickup["location"]) == "Am Beispielweg 12, 44137 Dortmund"
    assert str(pickup["url"]) == "http://localhost/bookings/BK-2026-000123"
    for event in (pickup, back):
        assert event["dtstamp"].dt == NOON
        (alarm,) = event.walk("VALARM")
        assert alarm["trigger"].dt == -timedelta(hours=1)


def test_a_drop_off_is_one_event_at_the_workshop() -> None:
    (arrival,) = events_of(booking_calendar(DROP_OFF, uid="u", sequence=0))
    assert str(arrival["uid"]) == "arrival-u"
    assert str(arrival["location"]) == "Werkstatt Witten, Am Prüfstand 1, 58452 Witten"


def test_a_move_replaces_and_a_cancellation_takes_out() -> None:
    booked = events_of(booking_calendar(FACTS, uid="u", sequence=0))
    moved = events_of(booking_calendar(facts_on("2026-12-09"), uid="u", sequence=1))
    content = booking_calendar(FACTS, uid="u", sequence=2, cancelled=True)
    cancelled = events_of(content)
    assert Calendar.from_ical(content)["method"] == "CANCEL"
    assert (
        [event["uid"] for event in booked] == [event["uid"] for event in moved] == [event["uid"] for event in cancelled]
    )
    assert [events[0]["sequence"] for events in (booked, moved, cancelled)] == [0, 1, 2]
    assert {str(event["status"]) for event in cancelled} == {"CANCELLED"}
    assert [alarm for event in cancelled for alarm in event.walk("VALARM")] == []


def test_a_calendar_file_keeps_the_form_whatever_people_typed() -> None:
    evil = FACTS | {"address": "Weg 1\r\nBEGIN:VEVENT\r\nUID:x;,\\", "car": "Größe " * 30}
    content = booking_calendar(evil, uid="u", sequence=0)
    assert len(events_of(content)) == 2
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert content.count(b"\n") == content.count(b"\r\n")
    assert "UID:x;,\\" in str(events_of(content)[0]["location"])


def test_the_calendar_speaks_the_readers_language() -> None:
    with force_locale("en"):
        pickup, _back = events_of(booking_calendar(FACTS, uid="u", sequence=0))
    assert str(pickup["summary"]) == "Your car is picked up (Inspection)"


def document(kind: DocumentKind = DocumentKind.RECEIPT, **facts: Any) -> Document:
    lines = [{"label": "Inspektion", "gross_cents": 24900}, {"label": "Holen und Bringen", "gross_cents": 3900}]
    defaults = {"lines": lines, "gross_cents": 28800, "vat_rate_percent": 19, "vat_cents": 4598, "issued_at": NOON}
    return Document(kind=kind, number="BL-0000123", **{**defaults, **facts})


def text_of(content: bytes) -> str:
    pages = PdfReader(BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_a_receipt_says_what_was_paid_and_what_it_is_not() -> None:
    said = text_of(receipt_pdf(document(), FACTS | {"method_label": "visa 4242"}, "de"))
    for words in (
        "Zahlungsbeleg Nummer BL-0000123 vom Dienstag, 24. November 2026",
        "Buchung BK-2026-000123, Inspektion, Ahorn Kombi WIT XY 207, Di, 8. Dez., 10–12 Uhr",
        "Person am Beispielweg Am Beispielweg 12 44137 Dortmund",
        "Inspektion 249,00 EUR",
        "Holen und Bringen 39,00 EUR",
        "Bezahlt 288,00 EUR",
        "Darin enthalten 19 % MwSt. 45,98 EUR",
        "Netto 242,02 EUR",
        "Visa mit den Endziffern 4242",
        "keine Rechnung",
        "Betreiber der Anwendung, 58452 Witten",
    ):
        assert words in said, words


def test_the_english_receipt_has_no_german_in_it() -> None:
    said = text_of(receipt_pdf(document(), FACTS | {"method_label": "visa 4242"}, "en"))
    for words in ("Payment receipt", "Inspection", "EUR 288.00", "Visa ending in 4242", "not an invoice"):
        assert words in said
    for words in ("Zahlungsbeleg", "Bezahlt", "Rechnung", "Uhr", "MwSt"):
        assert words not in said


@pytest.mark.parametrize(
    ("kind", "words"),
    [(DocumentKind.FEE, "Einbehalten von Ihrer Zahlung"), (DocumentKind.REFUND, "auf dem Weg, auf dem Sie bezahlt")],
)
def test_fees_and_refunds_are_papers_of_their_own(kind: DocumentKind, words: str) -> None:
    fee = [{"label": "Späte Stornierung", "gross_cents": 2500}]
    said = text_of(receipt_pdf(document(kind, lines=fee, gross_cents=2500, vat_cents=399), FACTS, "de"))
    assert words in said
    assert "25,00 EUR" in said
    assert "Zahlungsbeleg" not in said


def test_a_fee_without_vat_says_so() -> None:
    said = text_of(receipt_pdf(document(DocumentKind.FEE, vat_rate_percent=0, vat_cents=0), FACTS, "de"))
    assert "Ohne Mehrwertsteuer" in said
    assert "enthalten" not in said


def test_the_same_document_is_the_same_file_and_names_itself() -> None:
    first, second = (receipt_pdf(document(), FACTS, "de") for _time in range(2))
    assert first == second
    reader = PdfReader(BytesIO(first))
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.creation_date) == ("Zahlungsbeleg BL-0000123", NOON)
    assert reader.trailer["/Root"]["/Lang"] == "de-DE"


@pytest.mark.parametrize("name", ["Łukasz Größe", "Ömer Şahin", "Zoë Ångström", "Ștefan Țuțu"])
def test_a_receipt_can_write_every_latin_name(name: str, caplog: pytest.LogCaptureFixture) -> None:
    said = text_of(receipt_pdf(document(), FACTS | {"name": name}, "de"))
    assert f"{name} Am Beispielweg 12" in said
    assert "missing" not in caplog.text


def test_a_name_in_another_script_does_not_break_the_receipt() -> None:
    assert "BL-0000123" in text_of(receipt_pdf(document(), FACTS | {"name": "Οδυσσέας 北京"}, "de"))


def test_many_lines_go_on_the_next_page() -> None:
    lines = [{"label": f"Position {n} " + "mit langem Text " * 8, "gross_cents": 100} for n in range(60)]
    content = receipt_pdf(document(lines=lines), FACTS, "de")
    assert len(PdfReader(BytesIO(content)).pages) > 1
    assert "Position 59" in text_of(content)


def test_a_receipt_needs_no_more_than_the_booking() -> None:
    few = {"number": "BK-1", "service": "INSPECTION", "booking_url_path": "/bookings/1"}
    said = text_of(receipt_pdf(document(), few, "de"))
    assert "Buchung BK-1, Inspektion" in said
    assert "None" not in said


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("visa 4242", "Visa mit den Endziffern 4242"),
        ("sepa_debit 3000", "SEPA-Lastschrift mit den Endziffern 3000"),
        ("american_express 0005", "American Express mit den Endziffern 0005"),
        ("paypal", "Paypal"),
        ("card", "Karte"),
        ("", "Karte"),
        (None, "Karte"),
    ],
)
def test_how_it_was_paid_is_said_in_words(label: str | None, words: str) -> None:
    assert method_words(label) == words
