"""The heat map and the day beside it: what staff see, change, and are refused."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.catalog.models import Service, ServiceType
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot, WorkshopCapacity
from tests.commands.scene import Scene
from tests.factories import make_booking, make_ronja, make_user, make_workshop
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
PAGE = "/workshop/capacity"
THURSDAY = f"{PAGE}?day=2026-11-26"
MONTH = {"HX-Request": "true", "HX-Target": "month"}
Login = Callable[..., FlaskClient]


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile, savepoints of the test's own transaction left out."""
    sent: list[str] = []

    def note(*call: Any) -> None:
        if "SAVEPOINT" not in call[2]:
            sent.append(call[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def staff(scene: Scene, login: Login, role: Role = Role.WORKSHOP) -> FlaskClient:
    return login(make_user(role, **({} if role is Role.ADMIN else {"workshop_id": scene.workshop.id})))


def seen_on(page: str, action: str) -> str:
    """The hidden `seen` of the form that is sent to `action`."""
    form = re.search(rf'<form action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert form, action
    found = re.search(r'name="seen"[^>]*value="([^"]*)"', form.group())
    assert found
    return found.group(1)


def day_row(day: date = date(2026, 11, 26)) -> WorkshopCapacity:
    return db.session.scalars(select(WorkshopCapacity).where(WorkshopCapacity.date == day)).one()


def change_day(client: FlaskClient, day: str = "2026-11-26", **fields: Any) -> Any:
    action = f"{PAGE}/days/{day}"
    seen = fields.pop("seen", None) or seen_on(text_of(client.get(f"{PAGE}?day={day}")), action)
    return send(client, action, **{"max_bookings": "20", "note": "", "seen": seen, **fields})


# -- the month


def test_a_service_that_is_not_sold_shows_another_one(scene: Scene, session: Any, login: Login) -> None:
    session.execute(update(Service).where(Service.type == ServiceType.INSPECTION).values(is_active=False))
    session.commit()
    answer = staff(scene, login).get(f"{PAGE}?day=2026-11-26", follow_redirects=True)
    assert answer.status_code == 200
    assert "zurzeit nicht im Verkauf" in text_of(answer)
    assert "day=2026-11-26" in answer.request.url


def test_without_anything_to_sell_there_is_nothing_to_plan(scene: Scene, session: Any, login: Login) -> None:
    session.execute(update(Service).values(is_active=False))
    session.commit()
    assert staff(scene, login).get(PAGE).status_code == 409


def test_the_month_stands_with_what_is_booked(scene: Scene, login: Login) -> None:
    make_booking(scene.slots[0], scene.slots[2], ronja=scene.ronjas[0])
    db.session.commit()
    answer = staff(scene, login).get(PAGE)
    words = words_of(text_of(answer))
    assert answer.status_code == 200
    assert "November 2026" in words
    assert "Do, 26. Nov.: 1 / 20" in words
    assert "Fr, 27. Nov.: 0 / 20" in words


def test_on_the_last_day_of_a_month_the_next_one_opens(scene: Scene, login: Login, frozen_clock: Any) -> None:
    for local_noon, month in ((29, "November 2026"), (30, "Dezember 2026")):
        with frozen_clock(datetime(2026, 11, local_noon, 11, tzinfo=UTC)):
            assert f'id="month-head">{month}<' in staff(scene, login).get(PAGE).text


def test_stepping_is_a_fragment_with_four_statements(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    client.get(PAGE)
    with statements() as sent:
        answer = client.get(f"{PAGE}?month=2026-11-01", headers=MONTH)
    assert answer.status_code == 200
    assert "<h1" not in text_of(answer)
    assert len(sent) <= 4, sent


def test_a_maximum_below_the_bays_is_the_bottleneck_and_called_so(scene: Scene, login: Login) -> None:
    make_booking(scene.slots[0])
    db.session.commit()
    client = staff(scene, login)
    for maximum, state, left in ((2, "knapp", 1), (1, "voll", 0)):
        assert change_day(client, max_bookings=str(maximum)).status_code == 303
        page = text_of(client.get(f"{THURSDAY}&how=drop-off"))
        words = words_of(page.replace("\u00ad", ""))
        assert f"Do, 26. Nov.: 1 / {maximum} Tageslimit {state}" in words
        told = f"Der Engpass: Tageslimit. So viele Buchungen gingen noch: Bühnen 19, Tageslimit {left}."
        assert told in words
        rows = client.get(f"{PAGE}/days.csv?how=drop-off").get_data(as_text=True).splitlines()
        thursday = next(row for row in rows if row.startswith("2026-11-26")).split(";")
        assert thursday[7:12] == ["19", str(left), "", "", "Tageslimit"]


def test_full_windows_on_a_full_day_are_the_bays(scene: Scene, login: Login) -> None:
    make_booking(scene.slots[0])
    for slot in scene.slots[:5]:
        slot.max_bookings = slot.current_bookings
    db.session.commit()
    client = staff(scene, login)
    assert change_day(client, max_bookings="1").status_code == 303
    words = words_of(text_of(client.get(f"{THURSDAY}&how=drop-off")))
    assert "Der Engpass: Bühnen. So viele Buchungen gingen noch: Bühnen 0, Tageslimit 0." in words


def test_a_full_day_names_its_bottleneck(scene: Scene, login: Login) -> None:
    for ronja in scene.ronjas:
        make_booking(scene.slots[0], scene.slots[4], ronja=ronja)
    db.session.commit()
    client = staff(scene, login)
    words = words_of(text_of(client.get(THURSDAY)))
    assert "Do, 26. Nov.: 2 / 20 Ronjas voll" in words
    assert "Der Engpass: Ronjas. So viele Buchungen gingen noch: Bühnen 18, Tageslimit 18, Jockeys" in words
    assert "keine Ronja frei, 2 von 20" in words
    by_themselves = words_of(text_of(client.get(f"{THURSDAY}&how=drop-off")))
    assert "Ronjas voll" not in by_themselves


def test_a_free_day_says_how_many_of_its_places_can_be_with_pickup(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    words = words_of(text_of(client.get(THURSDAY)))
    assert "20 Plätze frei, 0 von 20" in words
    assert f"Davon höchstens {len(scene.ronjas)} mit Abholung" in words
    by_themselves = words_of(text_of(client.get(f"{THURSDAY}&how=drop-off")))
    assert "20 Plätze frei, 0 von 20" in by_themselves
    assert "mit Abholung: So viele" not in by_themselves


def test_what_is_chosen_stays_in_every_address(scene: Scene, login: Login) -> None:
    page = text_of(staff(scene, login).get(f"{THURSDAY}&how=drop-off&service=OIL_SERVICE&travel=30"))
    kept = "service=OIL_SERVICE&amp;how=drop-off&amp;travel=30"
    assert f"{kept}&amp;day=2026-11-27" in page
    assert f"month=2026-12-01&amp;{kept}" in page
    assert f"{PAGE}/days/2026-11-26?{kept}" in page


@pytest.mark.parametrize(
    "query", ["month=nonsense", "day=2026-13-40", "service=X&travel=9999&how=fly", "day=1999-01-01"]
)
def test_nonsense_in_the_address_counts_as_not_given(scene: Scene, login: Login, query: str) -> None:
    assert "November 2026" in words_of(text_of(staff(scene, login).get(f"{PAGE}?{query}")))


def test_a_holiday_breaks_between_syllables(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    change_day(client, note="Erster Weihnachtstag", closed="y")
    page = text_of(client.get(THURSDAY))
    assert 'class="capacity-note">Erster Weih\N{SOFT HYPHEN}nachts\N{SOFT HYPHEN}tag<' in page
    assert 'value="Erster Weihnachtstag"' in page


def test_a_holiday_is_named_in_the_readers_language_and_a_note_as_it_was_written(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    change_day(client, note="Erster Weihnachtstag", closed="y")
    with client.session_transaction() as browser:
        browser["language"] = "en"
    assert 'class="capacity-note">Christmas Day<' in text_of(client.get(THURSDAY))
    change_day(client, note="<b>Erster</b> Versuch", closed="y")
    assert 'class="capacity-note" lang="de">&lt;b&gt;Erster&lt;/b&gt; Versuch<' in text_of(client.get(THURSDAY))


# -- the day


def test_the_day_shows_windows_and_bookings(scene: Scene, login: Login) -> None:
    make_booking(scene.slots[0], scene.slots[2], ronja=scene.ronjas[0], customer_name="Ada Ahorn")
    db.session.commit()
    words = words_of(text_of(staff(scene, login).get(THURSDAY)))
    assert "8–10 Uhr 1/4 86/360 1/2" in words
    assert "12–14 Uhr 0/4 66/360 1/2" in words
    assert "16–18 Uhr 0/4 0/360 0/2" in words
    assert "Ada Ahorn, Bremsenservice Bestätigt" in words


def test_maximum_note_and_closing_are_saved_and_audited(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    answer = change_day(client, max_bookings="12", note="2 Jockeys auf Lehrgang", closed="y")
    assert (answer.status_code, answer.location) == (303, f"{THURSDAY}#day")
    row = day_row()
    assert (row.max_bookings, row.note, row.is_closed) == (12, "2 Jockeys auf Lehrgang", True)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "day.edited")).one()
    assert (entry.before["max_bookings"], entry.after["max_bookings"], entry.actor) == (20, 12, "workshop")
    change_day(client, max_bookings="12")
    assert not day_row().is_closed


def test_below_what_is_booked_is_refused_with_the_bookings_and_their_alternatives(scene: Scene, login: Login) -> None:
    first = make_booking(scene.slots[0], customer_name="Ada Ahorn")
    make_booking(scene.slots[1], customer_name="Bo Birke")
    db.session.commit()
    answer = change_day(staff(scene, login), max_bookings="1")
    page = text_of(answer)
    words = words_of(page)
    assert answer.status_code == 409
    assert "2 Buchungen sind hier schon zugesagt." in words
    assert "Bitte prüfen Sie 1 Angabe" in words.split("1 Buchung müsste umziehen")[0]
    assert "Ada Ahorn" in words
    assert "Fr, 27. Nov., 8–10 Uhr" in words
    assert f'href="{PAGE}/moves/{first.id}"' in page
    assert 'value="1"' in page  # what was typed stays
    assert day_row().max_bookings == 20


@pytest.mark.parametrize("what", ["day", "window"])
def test_a_refusal_takes_as_many_statements_for_many_bookings_as_for_one(scene: Scene, login: Login, what: str) -> None:
    client = staff(scene, login)
    sent = []
    for more in (1, 3):
        for number in range(more):
            ronja = make_ronja(scene.workshop)
            make_booking(scene.slots[0], scene.slots[2], ronja=ronja, customer_name=f"Person {more}.{number}")
        db.session.commit()
        change = change_day if what == "day" else change_window
        arguments = (client,) if what == "day" else (client, scene)
        change(*arguments, max_bookings="0")
        with statements() as found:
            page = text_of(change(*arguments, max_bookings="0"))
        sent.append(len(found))
        assert page.count("Am nächsten dran:") == scene.slots[0].current_bookings
    assert sent[0] == sent[1]


def test_a_booking_between_is_no_change_by_somebody_else(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    seen = seen_on(text_of(client.get(THURSDAY)), f"{PAGE}/days/2026-11-26")
    make_booking(scene.slots[0])
    db.session.commit()
    assert change_day(client, max_bookings="15", seen=seen).status_code == 303


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"max_bookings": "viele"}, "Bitte als ganze Zahl, zum Beispiel 16."),
        ({"max_bookings": ""}, "Bitte nennen Sie eine Zahl, zum Beispiel 16."),
        ({"max_bookings": "-1"}, "Bitte eine Zahl von 0 bis 1000 angeben."),
        ({"max_bookings": "5000"}, "Bitte eine Zahl von 0 bis 1000 angeben."),
        ({"note": "x" * 201}, "Bitte kürzer, höchstens 200 Zeichen."),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_field(scene: Scene, login: Login, fields: Any, why: str) -> None:
    answer = change_day(staff(scene, login), **fields)
    assert answer.status_code == 422
    assert words_of(text_of(answer)).count(why) == 2
    assert day_row().max_bookings == 20


def test_a_day_that_is_over_cannot_be_changed(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    assert "Dieser Tag ist vorbei" in words_of(text_of(client.get(f"{PAGE}?day=2026-11-20")))
    assert change_day(client, "2026-11-20", seen="new").status_code == 422


def test_a_free_day_can_be_opened_with_the_usual_windows(scene: Scene, login: Login) -> None:
    answer = change_day(staff(scene, login), "2026-11-28", max_bookings="6")
    assert answer.status_code == 303
    saturday = day_row(date(2026, 11, 28))
    assert (saturday.max_bookings, saturday.is_closed) == (6, False)
    slots = db.session.scalars(select(TimeSlot).where(TimeSlot.service_date == saturday.date)).all()
    assert len(slots) == 5


# -- windows


def window_action(scene: Scene, slot: int = 0) -> str:
    return f"{PAGE}/windows/{scene.slots[slot].id}"


def change_window(client: FlaskClient, scene: Scene, slot: int = 0, **fields: Any) -> Any:
    action = window_action(scene, slot)
    seen = fields.pop("seen", None) or seen_on(text_of(client.get(THURSDAY)), action)
    return send(client, action, **{"max_bookings": "4", "note": "", "seen": seen, **fields})


def test_a_window_is_changed_closed_and_noted(scene: Scene, login: Login) -> None:
    answer = change_window(staff(scene, login), scene, max_bookings="2", closed="y", note="Hebebühne defekt")
    assert answer.status_code == 303
    slot = db.session.get(TimeSlot, scene.slots[0].id)
    assert slot is not None
    assert (slot.max_bookings, slot.is_available, slot.note) == (2, False, "Hebebühne defekt")


def test_a_window_below_what_is_booked_offers_the_same_day_too(scene: Scene, login: Login) -> None:
    make_booking(scene.slots[0])
    db.session.commit()
    answer = change_window(staff(scene, login), scene, max_bookings="0")
    page = text_of(answer)
    assert answer.status_code == 409
    assert "Do, 26. Nov., 10–12 Uhr" in words_of(page)
    assert "same_day=y" in page
    assert re.search(r"<details[^>]*open>", page)


def test_one_window_more_is_opened(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    action = f"{PAGE}/days/2026-11-26/windows"
    answer = send(client, action, starts="18:00", ends="20:00", places="3")
    assert answer.status_code == 303
    words = words_of(text_of(client.get(THURSDAY)))
    assert "18–20 Uhr 0/3 60/60" not in words
    assert "18–20 Uhr 0/3 0/180 0/2" in words  # the shift ends at 19
    refused = send(client, action, starts="17:00", ends="19:00", places="3")
    assert refused.status_code == 422
    told = words_of(text_of(refused))
    assert "Von: 16:00–18:00 Uhr und 17:00–19:00 Uhr überschneiden sich. 17:00–19:00 Uhr und 18:00–20:00 Uhr" in told
    assert send(client, action, starts="abends", ends="", places="x").status_code == 422


@pytest.mark.parametrize("places", ["-3", "0", "1001"])
def test_a_new_window_says_which_field_cannot_be(scene: Scene, login: Login, places: str) -> None:
    typed = {"starts": "18:00", "ends": "20:00", "places": places}
    answer = send(staff(scene, login), f"{PAGE}/days/2026-11-26/windows", **typed)
    page = text_of(answer)
    assert answer.status_code == 422
    assert '<a href="#places">Plätze: Ein Fenster hat 1 bis 1000 Plätze.</a>' in page
    fields = {name: re.search(rf'<input[^>]* id="{name}"[^>]*>', page) for name in typed}
    assert all(field and f'value="{typed[name]}"' in field.group() for name, field in fields.items())
    assert [name for name, field in fields.items() if field and 'aria-invalid="true"' in field.group()] == ["places"]
    assert 'id="places-error"' in page


def test_a_day_leads_to_its_list(scene: Scene, login: Login) -> None:
    make_booking(scene.slots[0], customer_name="Ada Ahorn")
    db.session.commit()
    client = staff(scene, login)
    link = re.search(r'href="([^"]*)">1 Buchung in der Tagesliste', text_of(client.get(THURSDAY)))
    assert link
    listed = text_of(client.get(link[1]))
    assert "<h1>Tagesliste</h1>" in listed
    assert "Ada Ahorn" in listed


def test_a_refused_form_leaves_the_tab_marked(scene: Scene, login: Login) -> None:
    client, here = staff(scene, login), re.compile(r'<a class="btn[^>]*href="([^"]*)"[^>]*aria-current="page"')
    refused = [
        change_day(client, "2026-11-26", max_bookings="-3"),
        change_window(client, scene, max_bookings="-3"),
        send(client, f"{PAGE}/days/2026-11-26/windows", starts="18:00", ends="20:00", places="-3"),
    ]
    assert [(one.status_code, here.findall(one.text)) for one in refused] == [(422, [PAGE])] * 3


# -- who may


@pytest.mark.parametrize("role", [Role.WORKSHOP, Role.DISPATCHER, Role.ADMIN])
def test_staff_plan(scene: Scene, login: Login, role: Role) -> None:
    assert staff(scene, login, role).get(f"{PAGE}?workshop={scene.workshop.id}").status_code == 200


def test_nobody_plans_another_workshop(scene: Scene, login: Login) -> None:
    other = make_workshop()
    db.session.commit()
    client = staff(scene, login)
    assert client.get(f"{PAGE}?workshop={other.id}").status_code == 404
    assert client.get(f"{PAGE}?workshop=nonsense").status_code == 404
    assert client.get(f"{PAGE}?workshop={other.id}", headers=MONTH).status_code == 404
    stranger = login(make_user(Role.WORKSHOP, workshop_id=other.id), client)
    fields = {"max_bookings": "1", "note": "", "seen": "4|1|"}
    assert send(stranger, window_action(scene), **fields).status_code == 404
    assert send(stranger, f"{window_action(scene)}?workshop={scene.workshop.id}", **fields).status_code == 404


def test_an_admin_picks_the_workshop_and_keeps_it(scene: Scene, login: Login) -> None:
    other = make_workshop(name="Anderswo")
    db.session.commit()
    client = staff(scene, login, Role.ADMIN)
    page = text_of(client.get(f"{THURSDAY}&workshop={scene.workshop.id}"))
    assert f'<option value="{other.id}"' in page
    assert f"{PAGE}/days/2026-11-26?workshop={scene.workshop.id}" in page
