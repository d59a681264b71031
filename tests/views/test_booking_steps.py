"""The five steps of booking without script: what each asks, keeps, refuses, and where it leads."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.hooks import CodeMail
from b2c_web.accounts.models import Address
from b2c_web.bookings.models import Booking, BookingDraft, BookingStatus
from b2c_web.catalog.models import Service, ServicePricing, ServiceType
from b2c_web.catalog.queries import from_price_cents, price_list
from b2c_web.flask_extensions import db
from b2c_web.formatting import eur
from tests.commands.scene import Scene
from tests.factories import make_customer, make_vehicle
from tests.views.browsing import send
from tests.views.walking import Walk, text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def walk(client: FlaskClient, session: Any, code_mails: list[CodeMail]) -> Walk:
    return Walk(client, Scene(session, ronjas=3), code_mails)


def only_booking() -> Booking:
    return db.session.query(Booking).one()


def test_the_whole_way_without_script(walk: Walk) -> None:
    assert walk.start().location.endswith("/service")
    assert walk.choose().location.endswith("/date")
    asked = walk.pick(0, None)
    assert asked.status_code == 422
    page = words_of(text_of(asked))
    assert "Abholung Do, 26. Nov., 8–10 Uhr ist frei. Wann soll Ihr Auto zurück sein?" in page
    assert "Bitte prüfen Sie" not in page
    assert f'id="b-{walk.scene.slots[2].id}" value="{walk.scene.slots[2].id}" checked' in " ".join(
        text_of(asked).split()
    )
    assert walk.pick(0, 3).location.endswith("/contact")
    assert walk.say().location.endswith("/code")
    assert walk.enter_code().location.endswith("/summary")
    summary = words_of(walk.page("summary"))
    for words in (
        "Bremsenservice",
        "Abholung Do, 26. Nov., 8–10 Uhr",
        "Rückgabe Do, 26. Nov., 14–16 Uhr",
        "328,00 EUR",
    ):
        assert words in summary
    assert "Enthält 52,37 EUR MwSt. (19 %)" in summary
    assert "Bis Mi, 25. Nov., 08:00 Uhr kostenlos verschieben oder stornieren" in summary
    booked = walk.confirm()
    booking = only_booking()
    assert booked.location == f"/bookings/{booking.id}/payment"
    assert (booking.status, booking.total_price, booking.customer_phone) == (
        BookingStatus.PENDING,
        32800,
        "+492311234567",
    )
    assert booking.return_slot_id == walk.scene.slots[3].id
    assert booking.user.email == "rosa@example.org"


def test_a_car_that_is_brought_needs_no_return_window(walk: Walk) -> None:
    walk.start()
    walk.choose(concierge=False)
    page = words_of(walk.page("date", f"?slot={walk.scene.slots[1].id}"))
    assert "Sie kommen am Do, 26. Nov." in page
    assert "Fertig ist Ihr Auto spätestens am Do, 26. Nov., 16:00 Uhr." in page
    assert "Rückgabe" not in page
    assert walk.pick(1, None).location.endswith("/contact")
    walk.say()
    walk.enter_code()
    assert "Sie bringen es Do, 26. Nov., 10–12 Uhr" in words_of(walk.page("summary"))
    walk.confirm()
    assert (only_booking().total_price, only_booking().return_slot_id) == (28900, None)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"postal_code": ""}, "Bitte nennen Sie die Postleitzahl, bei der das Auto steht."),
        ({"postal_code": "4413"}, "Eine Postleitzahl hat fünf Ziffern."),
        ({"postal_code": "80331"}, "Wir kommen bis 60 km weit."),
        ({"postal_code": "00000"}, "Diese Postleitzahl kennen wir nicht."),
        ({"postal_code": "00000", "nearby_postal_code": "00001"}, "Auch diese Postleitzahl kennen wir nicht."),
        ({"vehicle_class": ""}, "Bitte wählen Sie die Klasse"),
        ({"license_plate": "???"}, "Kennzeichen:"),
        ({"year": "bald"}, "Bitte als Zahl, zum Beispiel 2019."),
    ],
)
def test_step_one_says_kindly_what_is_wrong(walk: Walk, fields: dict[str, str], words: str) -> None:
    answer = walk.start(**fields)
    assert answer.status_code == 422
    assert words in words_of(text_of(answer))
    assert db.session.query(BookingDraft).count() == 0


def test_an_unknown_postal_code_is_located_by_its_neighbour(walk: Walk) -> None:
    assert 'name="nearby_postal_code"' not in text_of(walk.client.get("/book"))
    assert 'name="nearby_postal_code"' in text_of(walk.start(postal_code="00000"))
    assert walk.start(postal_code="00000", nearby_postal_code="44137").status_code == 303
    walk.choose()
    assert "Nächster freier Termin" in walk.page("date")
    assert 'name="nearby_postal_code"' in walk.page("car")


def test_the_front_page_brings_postal_code_and_service(walk: Walk) -> None:
    page = text_of(walk.client.get("/book?plz=44137&service=INSPECTION"))
    assert 'value="44137"' in page
    assert 'name="service" type="hidden" value="INSPECTION"' in page
    walk.start(service="INSPECTION")
    assert 'value="INSPECTION" checked' in " ".join(walk.page("service").split())
    walk.start(service="NONSENSE")
    assert "checked" not in walk.page("service").split("Wie kommt Ihr Auto")[0]


def test_back_keeps_everything(walk: Walk) -> None:
    walk.start(license_plate="wit xy 207", make="Ahorn")
    walk.choose("OIL_SERVICE", concierge=False)
    walk.pick(1, None)
    walk.say(standing_limit="10000")
    car = " ".join(walk.page("car").split())
    assert 'value="WIT XY 207"' in car
    assert 'value="MIDSIZE" checked' in car
    service = " ".join(walk.page("service").split())
    assert 'value="OIL_SERVICE" checked' in service
    assert 'value="0" checked' in service
    assert f'value="{walk.scene.slots[1].id}" checked' in " ".join(walk.page("date").split())
    contact = walk.page("contact")
    assert 'value="Am Beispielweg 12"' in contact
    assert '<option selected value="10000">' in contact


def test_nobody_gets_ahead_of_what_is_missing(walk: Walk) -> None:
    walk.start()
    for step in ("date", "contact"):
        assert walk.client.get(f"/book/{walk.draft_id}/{step}").location.endswith("/service")
    walk.choose()
    assert walk.client.get(f"/book/{walk.draft_id}/contact").location.endswith("/date")
    assert walk.client.get(f"/book/{walk.draft_id}/code").location.endswith("/date")
    assert "/login" in walk.client.get(f"/book/{walk.draft_id}/summary").location


def test_another_service_or_way_gives_the_date_back(walk: Walk) -> None:
    walk.to_contact()
    walk.choose()
    assert db.session.query(BookingDraft).one().slot_id is not None
    walk.choose(concierge=False)
    assert db.session.query(BookingDraft).one().slot_id is None


def test_another_place_gives_street_and_date_back(walk: Walk) -> None:
    walk.to_contact()
    walk.say()
    walk.send("car", vehicle="new", vehicle_class="MIDSIZE", postal_code="44137")
    assert db.session.query(BookingDraft).one().street == "Am Beispielweg 12"
    walk.send("car", vehicle="new", vehicle_class="MIDSIZE", postal_code="58452")
    draft = db.session.query(BookingDraft).one()
    assert (draft.street, draft.postal_code, draft.slot_id) == (None, "58452", None)


def test_two_tabs_are_two_bookings_in_the_making(walk: Walk) -> None:
    other = Walk(walk.client, walk.scene)
    walk.start()
    other.start(vehicle_class="SUV")
    walk.choose("OIL_SERVICE")
    other.choose("INSPECTION")
    assert "Mittelklasse" in walk.page("service")
    assert "SUV" in other.page("service")
    drafts = {draft.service for draft in db.session.query(BookingDraft)}
    assert drafts == {ServiceType.OIL_SERVICE, ServiceType.INSPECTION}


def test_nobody_sees_anothers_draft(walk: Walk, app: Flask, login: Callable[..., FlaskClient]) -> None:
    walk.to_contact()
    address = f"/book/{walk.draft_id}/contact"
    assert app.test_client().get(address).status_code == 404
    stranger = make_customer()
    db.session.commit()
    assert login(stranger, app.test_client()).get(address).status_code == 404
    walk.say()
    walk.enter_code()
    later = login(stranger, walk.client)  # the same browser, another person
    assert later.get(address).status_code == 404
    assert "Sie haben schon angefangen" not in text_of(later.get("/book"))


def test_a_wrong_code_is_told_and_a_new_one_sent(walk: Walk, code_mails: list[CodeMail]) -> None:
    walk.to_contact()
    walk.say()
    wrong = f"{(int(code_mails[0].code) + 1) % 1_000_000:06d}"
    answer = walk.send("code", code=wrong)
    assert answer.status_code == 422
    assert "r…@example.org" in text_of(answer)
    renewed = send(walk.client, f"/book/{walk.draft_id}/code/renewal", f"/book/{walk.draft_id}/code")
    assert renewed.location.endswith("/code")
    assert len(code_mails) == 2
    assert walk.enter_code().location.endswith("/summary")


def test_too_many_codes_are_refused_on_the_page(walk: Walk, app: Flask) -> None:
    walk.to_contact()
    walk.say()
    address = f"/book/{walk.draft_id}/code"
    for _n in range(app.config["LOGIN_CODES_PER_ADDRESS_PER_HOUR"] - 1):
        assert send(walk.client, f"{address}/renewal", address).status_code == 303
    refused = send(walk.client, f"{address}/renewal", address)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert walk.say().status_code == 429


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"terms": ""}, "Bitte stimmen Sie den AGB zu."),
        ({"email": "niemand"}, "An diese Adresse kommt keine E-Mail an."),
        ({"email": ""}, "Bitte nennen Sie Ihre E-Mail-Adresse."),
        ({"phone": "12"}, "Unter dieser Nummer erreichen wir niemanden."),
        ({"street": "Am Beispielweg"}, "Hat das Haus keine, schreiben Sie „ohne Nummer“ dazu."),
    ],
)
def test_contact_says_what_is_missing_and_keeps_the_rest(walk: Walk, fields: dict[str, str], words: str) -> None:
    walk.to_contact()
    answer = walk.say(**fields)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert 'value="Rosa Ahorn"' in text_of(answer)
    assert walk.mails == []


def test_who_is_signed_in_finds_car_and_address_filled_in(walk: Walk, login: Callable[..., FlaskClient]) -> None:
    user = make_customer(name="Rosa Ahorn", phone="+492302123456")
    car = make_vehicle(user, license_plate="WIT XY 207", is_primary=True)
    place = {"street": "Am Beispielweg 7", "postal_code": "44137", "city": "Dortmund"}
    db.session.add(Address(user_id=user.id, is_default=True, **place))
    db.session.commit()
    login(user)
    first = " ".join(text_of(walk.client.get("/book")).split())
    assert f'value="{car.id}" checked' in first
    assert 'value="44137"' in first
    walk.start(vehicle=str(car.id), vehicle_class="")
    walk.choose()
    walk.pick()
    contact = walk.page("contact")
    for value in ("Rosa Ahorn", "Am Beispielweg 7", "Dortmund"):
        assert f'value="{value}"' in contact
    assert 'name="email"' not in contact
    assert walk.say(email="").location.endswith("/summary")
    assert "WIT XY 207" in walk.page("summary")
    walk.confirm()
    assert only_booking().vehicle_id == car.id


def test_an_address_elsewhere_is_not_filled_in(walk: Walk, login: Callable[..., FlaskClient]) -> None:
    user = make_customer()
    db.session.add(
        Address(user_id=user.id, street="Musterallee 1", postal_code="58452", city="Witten", is_default=True)
    )
    db.session.commit()
    login(user)
    walk.start()
    walk.choose()
    walk.pick()
    assert "Musterallee" not in walk.page("contact")


def test_somebody_who_comes_back_can_go_on(walk: Walk, run_jobs: Any) -> None:
    walk.to_date()
    page = text_of(walk.client.get("/book"))
    assert "Sie haben schon angefangen" in page
    assert f"/book/{walk.draft_id}/date" in page
    walk.pick()
    walk.say()
    walk.enter_code()
    walk.confirm()
    assert "Sie haben schon angefangen" not in text_of(walk.client.get("/book"))
    with clock.frozen(clock.now_utc() + timedelta(seconds=1)):
        walk.scene.pay(only_booking())
        assert "Sie haben schon angefangen" not in text_of(walk.client.get("/bookings"))
        back = walk.client.get(f"/book/{walk.draft_id}/summary")
        assert back.location == f"/bookings/{only_booking().id}"


def test_prices_follow_the_choice(walk: Walk) -> None:
    walk.start()
    address = f"/book/{walk.draft_id}/service"
    answer = walk.client.get(f"{address}?service=INSPECTION&concierge=0", headers=HTMX)
    assert words_of(text_of(answer)) == "239,00 EUR Inspektion inbegriffen"
    answer = walk.client.get(f"{address}?service=BRAKE_SERVICE&concierge=1", headers=HTMX)
    assert words_of(text_of(answer)) == "328,00 EUR Bremsenservice mit Abholung 39,00 EUR"
    assert walk.send("service", concierge="1").status_code == 422


def test_a_service_that_is_sold_no_longer_leads_back_to_what_there_is(walk: Walk) -> None:
    walk.to_summary()
    brakes = db.session.query(Service).filter_by(type=ServiceType.BRAKE_SERVICE).one()
    brakes.is_active = False
    db.session.commit()
    answer = walk.client.get(f"/book/{walk.draft_id}/summary", follow_redirects=True)
    page = words_of(text_of(answer))
    assert "Diesen Service bieten wir für Ihre Fahrzeugklasse zurzeit nicht an." in page
    assert "Was soll gemacht werden?" in page
    assert "Bremsenservice" not in page


def test_a_workshop_that_drives_less_far_now_says_so(walk: Walk) -> None:
    walk.to_date()
    walk.scene.workshop.service_radius = 5
    db.session.commit()
    answer = walk.client.get(f"/book/{walk.draft_id}/date", follow_redirects=True)
    page = words_of(text_of(answer))
    assert "Bis 44137 sind es 11 km ab Witten. Wir kommen bis 5 km weit." in page
    assert "Um welches Auto geht es?" in page


def test_in_english(walk: Walk) -> None:
    with walk.client.session_transaction() as cookie:
        cookie["language"] = "en"
    walk.to_summary()
    page = words_of(walk.page("summary"))
    assert "Is everything right?" in page
    assert "Pickup Thu 26 Nov, 08:00–10:00" in page
    assert "EUR 328.00" in page
    assert "Book with obligation to pay" in page
    assert "When may we come?" in walk.page("date")


def test_prices_of_later_do_not_count_yet(walk: Walk) -> None:
    """The price of the day of booking counts: a new one that begins tomorrow changes nothing today."""
    walk.to_summary()
    row = db.session.query(ServicePricing).filter_by(base_price=28900).first()
    assert row
    row.valid_until = datetime(2026, 11, 25, tzinfo=UTC)
    db.session.commit()
    assert walk.confirm().status_code == 303
    assert only_booking().base_price == 28900


def concierge_price(page: str) -> str:
    found = re.search(r'<span id="concierge-price"[^>]*>(.*?)</span>', page)
    assert found
    return found[1]


def test_being_collected_has_its_price_before_and_after_a_choice(walk: Walk) -> None:
    walk.start()
    assert concierge_price(walk.page("service")) == "bis 39,00 EUR"
    for service, price in (("BRAKE_SERVICE", "39,00 EUR"), ("INSPECTION", "inbegriffen")):
        query = f"/book/{walk.draft_id}/service?service={service}&concierge=0"
        fragment = text_of(walk.client.get(query, headers=HTMX))
        assert 'hx-swap-oob="true"' in fragment
        assert concierge_price(fragment) == price
    page = walk.page("service", "?service=BRAKE_SERVICE")
    assert (concierge_price(page), "hx-swap-oob" in page) == ("39,00 EUR", False)


def once_more(walk: Walk, **car: Any) -> str:
    walk.start(**car)
    walk.choose(concierge=False)
    walk.pick(1, None)
    walk.say()
    return words_of(walk.page("summary"))


def test_the_same_service_for_the_same_car_is_pointed_out(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    scene, customer = Scene(session, ronjas=3), make_customer()
    car, other = make_vehicle(customer), make_vehicle(customer)
    session.commit()
    walk = Walk(login(customer), scene)
    assert "Für dieses Auto ist schon" not in once_more(walk, vehicle=car.id)
    walk.confirm()
    assert "Für dieses Auto ist schon" not in once_more(walk, vehicle=car.id)  # nothing is paid yet
    scene.pay(only_booking())
    number = only_booking().number
    notice = f"Für dieses Auto ist schon Bremsenservice am Do, 26. Nov. gebucht. Zur Buchung {number}"
    assert notice in once_more(walk, vehicle=car.id)
    assert "Für dieses Auto ist schon" not in once_more(walk, vehicle=other.id)
    assert notice in once_more(walk, vehicle=car.id)
    assert walk.confirm().location.endswith("/payment")


def test_a_car_known_by_its_plate_alone_is_known_again(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    scene, customer = Scene(session, ronjas=3), make_customer()
    walk = Walk(login(customer), scene)
    once_more(walk, license_plate="WIT XY 207")
    walk.confirm()
    scene.pay(only_booking())
    assert "Für dieses Auto ist schon" in once_more(walk, license_plate="wit-xy 207")
    assert "Für dieses Auto ist schon" not in once_more(walk, license_plate="WIT XY 208")
    assert "Für dieses Auto ist schon" not in once_more(walk)
    saved = make_vehicle(customer, license_plate="WIT XY 207")
    session.commit()
    assert "Für dieses Auto ist schon" in once_more(walk, vehicle=saved.id)


POLO = {"license_plate": "WIT XY 207", "make": "VW", "model": "Polo", "year": "2018"}


def test_a_car_that_was_told_whole_is_named_on_the_way_and_not_asked_for_again(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    walk = Walk(login(make_customer()), Scene(session, ronjas=3))
    assert "VW Polo" in once_more(walk, **POLO)
    walk.confirm()
    walk.scene.pay(only_booking())
    shown = text_of(client.get(f"/bookings/{only_booking().id}"))
    assert "VW Polo" in shown
    for page in (shown, text_of(client.get(f"/bookings/{only_booking().id}?paid=1"))):
        assert "fehlen noch" not in page


def test_a_month_that_is_looked_at_stays_open_when_nothing_was_picked(walk: Walk) -> None:
    walk.to_date()
    month = re.search(r'name="month" value="([0-9-]+)"', walk.page("date", "?month=2026-12-01"))
    assert month
    answer = walk.send("date", month=month[1], slot="", back="")
    assert answer.status_code == 422
    assert 'id="month" tabindex="-1" data-focus-instead>Dezember 2026' in " ".join(text_of(answer).split())


def test_days_that_are_over_are_not_called_closed(walk: Walk) -> None:
    walk.to_date()
    days = re.findall(r'class="day-number">(\d+)</span> <span class="day-state">([^<]*)<', walk.page("date"))
    assert days[:2] == [("23", ""), ("24", "zu")]  # Tuesday noon: yesterday, and too late for today


def test_the_first_bar_says_what_the_wanted_service_costs_at_least(client: FlaskClient, session: Any) -> None:
    Scene(session)
    offers = price_list(clock.now_utc())
    brakes = [offer for offer in offers if offer.service is ServiceType.BRAKE_SERVICE]
    for address, some in (("/book?service=BRAKE_SERVICE", brakes), ("/book", offers)):
        bar = text_of(client.get(address)).split('id="price-bar"')[1]
        assert eur(from_price_cents(some) or 0).replace("\xa0", " ") in bar
    assert from_price_cents(brakes) != from_price_cents(offers)
