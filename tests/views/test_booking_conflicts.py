"""What happened meanwhile: somebody was quicker, the hold ran out, the price changed. Each has a kind, exact answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.hooks import CodeMail
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingDraft, BookingStatus
from b2c_web.catalog.models import ServicePricing
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import RonjaVehicle, TimeSlot, WorkshopCapacity
from tests.commands.scene import Scene
from tests.factories import make_customer, make_vehicle
from tests.views.walking import Walk, text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def walk(client: FlaskClient, session: Any, code_mails: list[CodeMail]) -> Walk:
    return Walk(client, Scene(session, ronjas=3), code_mails)


def bookings() -> list[Booking]:
    return db.session.query(Booking).order_by(Booking.id).all()


def fill(slot: TimeSlot) -> None:
    slot.current_bookings = slot.max_bookings
    db.session.commit()


def test_a_double_click_books_once(walk: Walk) -> None:
    walk.to_summary()
    first = walk.confirm()
    second = walk.confirm()
    assert first.location == second.location
    assert len(bookings()) == 1


def test_a_window_taken_meanwhile_is_told_with_the_nearest_free_ones(walk: Walk) -> None:
    walk.to_summary()
    fill(walk.scene.slots[0])
    refused = walk.confirm()
    assert refused.location == f"/book/{walk.draft_id}/date?slot={walk.scene.slots[0].id}"
    page = text_of(walk.client.get(refused.location))
    words = words_of(page)
    assert "Ihr Fenster ist gerade vergeben worden. Am nächsten dran:" in words
    for near in ("Do, 26. Nov., 10–12 Uhr", "Do, 26. Nov., 12–14 Uhr", "Do, 26. Nov., 14–16 Uhr"):
        assert near in words
    assert f"?slot={walk.scene.slots[1].id}#windows" in page
    assert bookings() == []
    assert db.session.query(BookingDraft).one().slot_id is None
    walk.pick(1, 3)
    assert walk.client.get(f"/book/{walk.draft_id}/contact").status_code == 200
    assert walk.confirm().location.endswith("/payment")


@pytest.mark.parametrize("closed", [False, True])
def test_the_window_of_a_car_that_is_brought_is_taken_before_the_summary(walk: Walk, closed: bool) -> None:
    walk.start()
    walk.choose(concierge=False)
    walk.pick(0, None)
    walk.say()
    walk.enter_code()
    if closed:
        walk.scene.slots[0].is_available = False
        db.session.commit()
    fill(walk.scene.slots[0])
    page = text_of(walk.client.get(f"/book/{walk.draft_id}/summary"))
    assert "Stimmt alles?" in page
    refused = walk.confirm()
    told = "In Ihrem Fenster haben wir inzwischen geschlossen." if closed else "Ihr Fenster ist gerade vergeben worden."
    assert told in words_of(text_of(walk.client.get(refused.location)))
    assert bookings() == []


@pytest.mark.parametrize(("slot", "told"), [(0, "In Ihrem Fenster"), (5, "In Ihrem Rückgabefenster")])
def test_a_day_that_was_closed_meanwhile_was_not_given_away(walk: Walk, slot: int, told: str) -> None:
    walk.to_date()
    walk.pick(0, 5)
    walk.say()
    walk.enter_code()
    day = db.session.query(WorkshopCapacity).filter_by(date=walk.scene.slots[slot].service_date).one()
    day.is_closed = True
    db.session.commit()
    page = words_of(text_of(walk.client.get(walk.confirm().location, follow_redirects=True)))
    assert f"{told} haben wir inzwischen geschlossen." in page
    assert "vergeben worden" not in page


def test_a_window_that_is_too_near_by_now_was_not_given_away(walk: Walk) -> None:
    walk.to_summary()
    with clock.frozen(walk.scene.slots[0].start_time - timedelta(minutes=10)):
        page = words_of(text_of(walk.client.get(f"/book/{walk.draft_id}/date?slot={walk.scene.slots[0].id}")))
    assert "Ihr Fenster lässt sich nicht mehr buchen. Am nächsten dran:" in page
    assert "An diesem Tag lässt sich nichts mehr buchen." in page
    assert "haben wir geschlossen" not in page
    assert "26 zu" not in page
    assert "28 zu" in page


def test_the_own_hold_of_the_last_place_can_be_looked_at_again(walk: Walk) -> None:
    walk.scene.slots[0].max_bookings = 1
    db.session.commit()
    walk.start()
    walk.choose(concierge=False)
    walk.pick(0, None)
    walk.say()
    walk.enter_code()
    assert walk.confirm().location.endswith("/payment")
    page = words_of(text_of(walk.client.get(f"/book/{walk.draft_id}/summary")))
    assert "Fertig spätestens" in page


def test_a_return_window_taken_meanwhile_is_told(walk: Walk) -> None:
    walk.to_summary()
    walk.scene.slots[2].jockey_minutes_taken = walk.scene.slots[2].jockey_minutes_room
    db.session.commit()
    refused = walk.confirm()
    page = words_of(text_of(walk.client.get(refused.location)))
    assert "Ihr Rückgabefenster ist gerade vergeben worden." in page
    assert "Ihr Fenster ist gerade vergeben worden." not in page
    assert "Abholung am Do, 26. Nov." in page


def test_a_window_that_filled_up_while_the_calendar_was_open(walk: Walk) -> None:
    walk.to_date()
    fill(walk.scene.slots[0])
    answer = walk.pick(0, 2)
    assert answer.status_code == 422
    words = words_of(text_of(answer))
    assert "Bitte wählen Sie ein anderes Zeitfenster." in words
    assert "Am nächsten dran: Do, 26. Nov., 10–12 Uhr" in words


def test_without_a_choice_the_calendar_asks_for_one(walk: Walk) -> None:
    walk.to_contact()
    answer = walk.send("date", day=walk.scene.slots[5].service_date.isoformat())
    assert answer.status_code == 422
    words = words_of(text_of(answer))
    assert "Bitte wählen Sie ein Zeitfenster." in words
    assert "Abholung am Fr, 27. Nov." in words


def test_the_calendar_takes_any_address(walk: Walk) -> None:
    walk.to_date()
    for query in ("?month=bald&day=heute&slot=7&back=x", "?month=1999-01-01", "?day=2031-05-05", "?month=9999-12-31"):
        assert walk.client.get(f"/book/{walk.draft_id}/date{query}").status_code == 200
    assert "An diesem Tag haben wir geschlossen." in walk.page("date", "?day=2026-11-28")


def test_a_free_window_of_another_day_is_not_called_gone(walk: Walk) -> None:
    walk.to_summary()
    other = walk.scene.slots[5]
    page = words_of(text_of(walk.client.get(f"/book/{walk.draft_id}/date?day=2026-11-26&slot={other.id}")))
    assert "Ihr Fenster" not in page
    assert "Am nächsten dran:" not in page


def test_the_calendar_keeps_what_is_chosen_while_months_are_turned(walk: Walk) -> None:
    walk.to_date()
    chosen = walk.scene.slots[0].id
    page = walk.page("date", f"?slot={chosen}")
    assert f"?month=2026-12-01&amp;slot={chosen}" in page
    december = walk.page("date", f"?month=2026-12-01&slot={chosen}")
    assert "Dezember 2026" in december
    assert f'value="{chosen}" checked' in " ".join(december.split())


def test_days_say_how_much_is_left(walk: Walk) -> None:
    walk.to_date()
    day = db.session.query(WorkshopCapacity).filter_by(date=walk.scene.slots[0].service_date).one()
    day.current_bookings = day.max_bookings - 1
    other = db.session.query(WorkshopCapacity).filter_by(date=walk.scene.slots[5].service_date).one()
    other.current_bookings = other.max_bookings
    db.session.commit()
    page = words_of(walk.page("date"))
    assert "26 1 frei" in page
    assert "27 voll" in page
    assert "28 zu" in page
    assert "noch 1 Platz" in page


def test_when_nothing_is_free_there_is_a_number_to_call(walk: Walk) -> None:
    walk.to_date()
    for ronja in db.session.query(RonjaVehicle):
        ronja.status = "MAINTENANCE"
    db.session.commit()
    page = walk.page("date")
    assert "In den nächsten Wochen ist alles vergeben" in page
    assert 'href="tel:+492302000000"' in page
    assert "Weiter" not in words_of(page)


def test_another_price_is_shown_before_it_is_paid(walk: Walk) -> None:
    walk.to_summary()
    row = db.session.query(ServicePricing).filter_by(base_price=28900).one()
    before = walk.page("summary")
    assert "328,00 EUR" in before
    row.base_price = 29900
    db.session.commit()
    answer = walk.confirm(shown_total_cents="32800")
    assert answer.location.endswith("/summary")
    page = words_of(walk.page("summary"))
    assert "Der Preis hat sich geändert." in page
    assert "338,00 EUR" in page
    assert bookings() == []
    walk.confirm()
    assert bookings()[0].total_price == 33800


@pytest.mark.parametrize("shown", ["", "0", "1e3", "-5", "umsonst", "²", "9" * 5000])
def test_a_sum_that_was_tampered_with_books_nothing(walk: Walk, shown: str) -> None:
    walk.to_summary()
    assert walk.confirm(shown_total_cents=shown).location.endswith("/summary")
    assert bookings() == []


def test_what_is_changed_after_the_hold_is_booked_anew(walk: Walk) -> None:
    walk.to_summary()
    walk.confirm()
    walk.pick(1, 3)
    walk.confirm()
    old, new = bookings()
    assert (old.status, new.status) == (BookingStatus.CANCELLED, BookingStatus.PENDING)
    assert new.slot_id == walk.scene.slots[1].id
    assert [slot.current_bookings for slot in walk.scene.slots[:2]] == [0, 1]


def test_a_second_tab_replaces_the_first_tabs_hold(walk: Walk) -> None:
    walk.to_summary()
    walk.confirm()
    other = Walk(walk.client, walk.scene)
    other.to_date()
    other.pick(1, 3)
    other.say(email="")
    other.confirm()
    assert [booking.status for booking in bookings()] == [BookingStatus.CANCELLED, BookingStatus.PENDING]
    page = words_of(text_of(walk.client.get(f"/bookings/{bookings()[0].id}")))
    assert "Der Termin ist wieder frei, bezahlt wurde nichts." in page


def test_after_an_expired_hold_the_same_draft_books_again(walk: Walk) -> None:
    walk.to_summary()
    walk.confirm()
    held = bookings()[0]
    with clock.frozen(clock.now_utc() + timedelta(minutes=31)):
        page = words_of(text_of(walk.client.get(f"/bookings/{held.id}")))
        assert "Die Zeit zum Bezahlen ist um" in page
        assert "bezahlen" not in page.split("Verlauf")[0].split("Die Zeit")[1]
        commands.expire_hold(held.id)
        page = words_of(text_of(walk.client.get(f"/bookings/{held.id}")))
        assert "Die Zeit zum Bezahlen war um" in page
        assert "Noch einmal buchen" in page
        assert walk.confirm().location.endswith("/payment")
    assert [booking.status for booking in bookings()] == [BookingStatus.CANCELLED, BookingStatus.PENDING]


def test_a_summary_whose_place_is_held_leads_to_its_payment(walk: Walk) -> None:
    """Whoever goes back from the payment page sees that it is ordered, and no second button that orders."""
    walk.to_summary()
    assert "Zahlungspflichtig buchen" in walk.page("summary")
    walk.confirm()
    db.session.query(ServicePricing).filter_by(base_price=28900).one().base_price = 99900
    db.session.commit()
    page = walk.page("summary")
    assert "ist bis 12:30 Uhr für Sie frei gehalten" in words_of(page)
    assert "328,00 EUR" in page.split('id="price-bar"')[1]  # what was ordered, at the price of then
    assert "1.038,00" not in page
    assert f'href="/bookings/{bookings()[0].id}/payment"' in page
    assert "Zahlungspflichtig buchen" not in page
    with clock.frozen(clock.now_utc() + timedelta(minutes=31)):
        assert "Zahlungspflichtig buchen" in walk.page("summary")
    walk.pick(1, 3)  # something else: what is held is not what the summary shows
    assert "Zahlungspflichtig buchen" in walk.page("summary")


def test_too_many_holds_are_refused_on_the_summary(walk: Walk, app: Flask) -> None:
    walk.to_summary()
    for n in range(app.config["HOLDS_PER_ADDRESS_PER_DAY"]):
        assert walk.confirm().status_code == 303
        walk.pick(n % 2, 3)
    refused = walk.confirm()
    assert refused.status_code == 429
    assert "Stimmt alles?" in text_of(refused)


def test_anothers_car_cannot_be_booked_for(walk: Walk, login: Callable[..., FlaskClient]) -> None:
    mine, theirs = make_customer(), make_vehicle(make_customer())
    db.session.commit()
    login(mine)
    assert walk.start(vehicle=str(theirs.id), vehicle_class="").status_code == 422
    assert walk.start(vehicle=str(theirs.id)).status_code == 303
    assert db.session.query(BookingDraft).one().vehicle_id is None


def test_without_the_token_nothing_is_taken(walk: Walk) -> None:
    walk.to_summary()
    answer = walk.client.post(f"/book/{walk.draft_id}/summary", data={"shown_total_cents": "32800"})
    assert answer.status_code == 400
    assert bookings() == []


def test_what_another_tab_changed_is_shown_before_it_is_bought(walk: Walk) -> None:
    """One tab shows Thursday; the other chooses Friday at the same price; the first one's button books nothing."""
    walk.to_summary()
    seen = walk.shown()
    assert walk.pick(5, 7).status_code == 303
    answer = walk.send("summary", **seen)
    assert answer.location.endswith("/summary")
    assert db.session.query(Booking).count() == 0
    assert "anderen Fenster" in words_of(walk.page("summary"))
    assert walk.confirm().location.endswith("/payment")


@pytest.mark.parametrize(("asked", "words"), [("y", "verlangt"), ("", "nicht verlangt")])
def test_the_summary_says_whether_work_may_begin_early(walk: Walk, asked: str, words: str) -> None:
    walk.to_contact()
    walk.say(**({"early_start": asked} if asked else {}))
    walk.enter_code()
    page = words_of(walk.page("summary"))
    assert f"Beginn in der Widerrufsfrist {words}" in page
    assert ("ohne jede Gebühr, bis wir auf Ihren Wunsch beginnen." in page) is bool(asked)
