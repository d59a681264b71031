"""The weekly template's page: only what was shown is saved, and what cannot be is said at its field."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from b2c_web.accounts.models import Role
from b2c_web.flask_extensions import db
from b2c_web.workshops import commands
from b2c_web.workshops.models import TimeSlot, WeeklyTemplate, Workshop, WorkshopCapacity
from tests.factories import make_booking, make_user, make_workshop
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
PAGE = "/workshop/capacity/template"
Login = Callable[..., FlaskClient]
FIELD = re.compile(r'<input[^>]*?name="([\w-]+)"[^>]*?value="([^"]*)"', re.DOTALL)


@pytest.fixture
def workshop(session: Any) -> Workshop:
    """Days until 4 December, by the settings."""
    workshop = make_workshop()
    commands.roll_on(workshop.id, date(2026, 12, 4))
    return workshop


@pytest.fixture
def planner(workshop: Workshop, login: Login) -> FlaskClient:
    return login(make_user(Role.WORKSHOP, workshop_id=workshop.id))


def fields_of(page: str) -> dict[str, str]:
    """What the template's form holds, as a browser would send it without a click on a tick."""
    form = next(part for part in page.split("<form ") if 'name="from-0"' in part)
    found = dict(FIELD.findall(form.split("</form>")[0]))
    return {name: value for name, value in found.items() if name not in ("csrf_token", "by_hand_too")}


def preview(client: FlaskClient, page: str | None = None, **fields: str) -> Any:
    shown = page or text_of(client.get(PAGE))
    return send(client, PAGE, **{**fields_of(shown), "action": "preview", **fields})


def save(client: FlaskClient, page: str, **fields: str) -> Any:
    return send(client, PAGE, **{**fields_of(page), "action": "save", **fields})


def maxima() -> set[int]:
    return set(
        db.session.scalars(select(WorkshopCapacity.max_bookings).where(WorkshopCapacity.date > date(2026, 11, 24)))
    )


def all_maxima(value: str) -> dict[str, str]:
    return {f"max-{day}": value for day in range(5)}


def test_the_page_shows_the_week_that_holds_tomorrow(planner: FlaskClient) -> None:
    fields = fields_of(text_of(planner.get(PAGE)))
    assert (fields["valid_from"], fields["from-0"], fields["to-4"], fields["places-0-0"]) == (
        "2026-11-25",
        "08:00",
        "18:00",
        "4",
    )
    assert (fields["max-0"], fields["max-5"], fields["places-0-5"], fields["from-6"]) == ("20", "", "", "")


def test_the_effect_is_seen_before_anything_is_saved(planner: FlaskClient) -> None:
    answer = preview(planner, **all_maxima("12"))
    words = words_of(text_of(answer))
    assert answer.status_code == 200
    assert "8 Tage ändern sich" in words
    assert "Mi, 25. Nov. 5 Fenster, höchstens 20 Buchungen → 5 Fenster, höchstens 12 Buchungen" in words
    assert "Speichern, 8 Tage umstellen" in words
    assert maxima() == {20}


def test_saving_what_was_shown(planner: FlaskClient) -> None:
    shown = text_of(preview(planner, **all_maxima("12")))
    answer = save(planner, shown)
    assert (answer.status_code, answer.location) == (303, f"{PAGE}?since=2026-11-25")
    assert maxima() == {12}
    page = words_of(text_of(planner.get(PAGE)))
    assert "Gespeichert: 8 Tage sind umgestellt." in page
    assert "gilt ab Mittwoch, 25. November 2026" in page


def test_what_was_not_shown_is_shown_first(planner: FlaskClient) -> None:
    shown = text_of(preview(planner, **all_maxima("12")))
    answer = save(planner, shown, **{"max-0": "13"})
    assert answer.status_code == 200
    assert "Noch ist nichts gespeichert." in words_of(text_of(answer))
    assert maxima() == {20}


def test_a_booking_that_came_between_is_shown_first(planner: FlaskClient, workshop: Workshop) -> None:
    shown = text_of(preview(planner, **all_maxima("0")))
    slot = db.session.scalars(select(TimeSlot).where(TimeSlot.service_date == date(2026, 11, 30))).first()
    assert slot is not None
    make_booking(slot)
    db.session.commit()
    again = save(planner, shown)
    words = words_of(text_of(again))
    assert "1 gebuchter Tag bleibt, wie er ist" in words
    assert "Mo, 30. Nov. 1 Buchung am Tag" in words
    assert save(planner, text_of(again)).status_code == 303
    assert maxima() == {0, 20}


def test_somebody_else_was_quicker(planner: FlaskClient) -> None:
    mine, theirs = text_of(preview(planner, **all_maxima("12"))), text_of(preview(planner, **all_maxima("9")))
    assert save(planner, theirs).status_code == 303
    answer = save(planner, text_of(preview(planner, mine)))
    assert answer.status_code == 409
    page = text_of(answer)
    assert "Jemand hat die Wochenvorlage inzwischen geändert." in words_of(page)
    assert fields_of(page)["max-0"] == "9"
    assert maxima() == {9}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {"from-5": "09:00", "to-5": "11:00", "places-5-0": "2"},
            "Mo: 08:00–10:00 Uhr und 09:00–11:00 Uhr überschneiden sich.",
        ),
        (
            {"from-5": "", "to-5": "", "places-5-0": "2"},
            "Fenster 6: Bitte nennen Sie Beginn und Ende, zum Beispiel 08:00.",
        ),
        ({"places-0-0": "viele"}, "Fenster 1, Plätze am Montag: Bitte eine Zahl von 0 bis 1000 angeben."),
        ({"places-1-4": "1001"}, "Fenster 2, Plätze am Freitag: Bitte eine Zahl von 0 bis 1000 angeben."),
        ({"places-1-4": "9" * 5000}, "Fenster 2, Plätze am Freitag: Bitte eine Zahl von 0 bis 1000 angeben."),
        ({"max-2": "viele"}, "Mi: Am Tag sind 0 bis 1000 Buchungen möglich."),
        ({"max-4": ""}, "Fr: Bitte nennen Sie, wie viele Buchungen der Tag nimmt."),
        ({"valid_from": ""}, "Gilt ab: Bitte nennen Sie den ersten Tag."),
        ({"valid_from": "2026-11-24"}, "Gilt ab: Eine Vorlage gilt frühestens ab morgen."),
        (
            {"to-0": "08:10"},
            "Mo: 08:00–08:10 Uhr geht nicht: Ein Fenster dauert mindestens 15 Minuten und endet am selben Tag.",
        ),
    ],
)
def test_what_cannot_be_is_said_and_kept(planner: FlaskClient, fields: dict[str, str], why: str) -> None:
    answer = preview(planner, **fields)
    assert answer.status_code == 422
    page = text_of(answer)
    assert why in words_of(page)
    assert {name: fields_of(page)[name] for name in fields} == fields


def test_all_that_cannot_be_is_said_at_once(planner: FlaskClient) -> None:
    wrong = {"from-5": "09:00", "to-5": "11:00", "places-5-0": "2", "places-1-4": "viele", "max-2": ""}
    page = text_of(preview(planner, valid_from="2026-11-24", **wrong))
    words = words_of(page)
    assert "Bitte prüfen Sie 5 Angaben" in words
    for why in (
        "Gilt ab: Eine Vorlage gilt frühestens ab morgen.",
        "Mo: 08:00–10:00 Uhr und 09:00–11:00 Uhr überschneiden sich.",
        "Mo: 09:00–11:00 Uhr und 10:00–12:00 Uhr überschneiden sich.",
        "Fenster 2, Plätze am Freitag: Bitte eine Zahl von 0 bis 1000 angeben.",
        "Mi: Bitte nennen Sie, wie viele Buchungen der Tag nimmt.",
    ):
        assert why in words


def test_the_first_days_mistake_stands_at_its_field(planner: FlaskClient) -> None:
    page = text_of(preview(planner, valid_from="2026-11-24"))
    assert re.search(r'id="valid_from"[^>]*aria-invalid="true"[^>]*aria-describedby="valid_from-error"', page)
    assert re.search(r'id="valid_from-error">.*?frühestens ab morgen', page, re.DOTALL)


def test_days_changed_by_hand_stay_or_come_along(planner: FlaskClient, workshop: Workshop) -> None:
    commands.set_day_maximum(workshop.id, date(2026, 11, 30), 7)
    words = words_of(text_of(preview(planner, **all_maxima("12"))))
    assert "7 Tage ändern sich" in words
    assert "1 von Hand geänderter Tag bleibt" in words
    assert "8 Tage ändern sich" in words_of(text_of(preview(planner, **all_maxima("12"), by_hand_too="y")))


def test_the_button_makes_the_days_that_are_missing(session: Any, login: Login) -> None:
    client = login(make_user(Role.WORKSHOP, workshop_id=make_workshop().id))
    answer = send(client, "/workshop/capacity/generation")
    assert answer.status_code == 303
    words = words_of(text_of(client.get(PAGE)))
    assert "Tage sind dazugekommen." in words
    assert "Fr, 25. Dez. bleibt zu: Erster Weihnachtstag." in words
    assert db.session.query(WeeklyTemplate).count() == 1
    send(client, "/workshop/capacity/generation")
    assert "Alle Tage bis zum Ende des Kalenders sind schon da." in words_of(text_of(client.get(PAGE)))


def test_nobody_sees_another_workshop(planner: FlaskClient) -> None:
    other = make_workshop()
    db.session.commit()
    assert planner.get(f"{PAGE}?workshop={other.id}").status_code == 404
    assert send(planner, f"{PAGE}?workshop={other.id}").status_code == 404
    assert send(planner, f"/workshop/capacity/generation?workshop={other.id}").status_code == 404


def test_too_many_places_are_doubted_before_and_saved_all_the_same(planner: FlaskClient) -> None:
    assert "Stimmen diese Zahlen?" not in text_of(preview(planner, **all_maxima("4")))
    typed = {"places-0-0": "99", "places-0-1": "99", "places-4-2": "13"} | {"max-2": "100"}
    answer = preview(planner, **typed)
    words = words_of(text_of(answer))
    carried = "So lange tragen die Bühnen bisher 4 Autos und die Jockeys höchstens 0 Abholungen."
    assert "Stimmen diese Zahlen? Speichern können Sie trotzdem." in words
    assert f"Mo, Di, 08:00–10:00: 99 Plätze, aber am ganzen Tag höchstens 20 Buchungen. {carried}" in words
    assert f"Mi, 16:00–18:00: 13 Plätze. {carried}" in words
    assert save(planner, text_of(answer)).status_code == 303
    taken = db.session.scalars(select(TimeSlot.max_bookings).where(TimeSlot.service_date == date(2026, 11, 30)))
    assert 99 in set(taken)


def test_jockeys_carry_what_their_shifts_have_room_for(planner: FlaskClient, workshop: Workshop) -> None:
    """Three jockeys at once make nine pickups of 40 minutes in two hours: 27 places are not far beyond, 28 are."""
    slots = db.session.scalars(select(TimeSlot).where(TimeSlot.service_date == date(2026, 11, 30))).all()
    for slot in slots:
        slot.jockey_minutes_room = 360
    db.session.commit()
    usual = all_maxima("40")
    assert "Stimmen diese Zahlen?" not in text_of(preview(planner, **usual, **{"places-0-0": "27"}))
    words = words_of(text_of(preview(planner, **usual, **{"places-0-0": "28"})))
    assert "Mo, 08:00–10:00: 28 Plätze. So lange tragen die Bühnen bisher 4 Autos und die Jockeys höchstens 9" in words
