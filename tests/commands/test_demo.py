"""The demo: everything that the first look at the product needs, whole and the same each time."""

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select, text, update

from b2c_web import checks, clock
from b2c_web.accounts.commands import check_password
from b2c_web.accounts.models import Role, User
from b2c_web.audit import AuditEntry
from b2c_web.bookings.models import Booking, BookingStatus, PaymentStatus
from b2c_web.catalog.models import ServiceType
from b2c_web.catalog.queries import price_list
from b2c_web.config import ZONE
from b2c_web.dashboard.board import board
from b2c_web.dashboard.rules import Risk
from b2c_web.demo import load, people, stories, till
from b2c_web.demo.logins import demo_logins
from b2c_web.dispatch import tours
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaState
from b2c_web.payments.commands import reconcile
from b2c_web.schema_state import DEMO_BEGUN, DEMO_LOADED, is_half_made
from b2c_web.workshops.generation import holiday_name
from b2c_web.workshops.models import Jockey, JockeyShift, RonjaVehicle, TimeSlot, Workshop, WorkshopCapacity
from tests.conftest import make_app
from tests.contract.simulator_process import SimulatorProcess

KEY = "sk_test_contract"


@contextmanager
def loaded_demo(database_server, template_database, folder, name):
    """An application on a database with the demo in it, loaded once against a simulator of its own."""
    database_server.create_database(name, template=template_database)
    with SimulatorProcess(folder / "payments.sqlite3") as simulator:
        app = make_app(database_server.url(name), STRIPE_API_BASE=simulator.url, STRIPE_SECRET_KEY=KEY)
        app.instance_path = str(folder)
        app.extensions["media_store"].root = folder / "media"
        with app.app_context():
            loaded = load.load_demo()
            yield SimpleNamespace(app=app, loaded=loaded, simulator=simulator)
            db.session.remove()
            db.engine.dispose()
    database_server.drop_database(name)


@pytest.fixture(scope="module")
def demo(database_server, template_database, tmp_path_factory):
    with loaded_demo(database_server, template_database, tmp_path_factory.mktemp("demo"), "demo") as demo:
        yield demo


def rows(query):
    return db.session.execute(query).all()


def count(kind):
    return db.session.scalar(select(func.count()).select_from(kind))


def test_it_has_what_the_issue_lists(demo):
    workshop = db.session.scalars(select(Workshop)).one()
    assert (workshop.city, workshop.postal_code, workshop.service_radius) == ("Witten", "58452", 60)
    assert (workshop.lat, workshop.lng, workshop.federal_state) == (51.4436, 7.3353, "NW")
    roles = Counter(db.session.scalars(select(User.role)))
    assert roles == {Role.CUSTOMER: 30, Role.JOCKEY: 4, Role.WORKSHOP: 1, Role.DISPATCHER: 1, Role.ADMIN: 1}
    assert (count(Jockey), count(RonjaVehicle)) == (4, 8)
    assert demo.loaded.customers == 30
    assert demo.loaded.bookings == count(Booking) >= 55


def test_bookings_stand_in_every_state_over_past_and_coming_days(demo):
    assert set(db.session.scalars(select(Booking.status))) == set(BookingStatus)
    assert set(db.session.scalars(select(Booking.payment_status))) == set(PaymentStatus)
    now = clock.now_utc()
    pickups = db.session.scalars(select(Booking.pickup_time)).all()
    assert min(pickups) < now - timedelta(days=10)
    assert max(pickups) > now + timedelta(days=10)
    concierge = Counter(db.session.scalars(select(Booking.include_concierge)))
    assert min(concierge.values()) > 15


def test_the_workshop_has_found_more_and_customers_have_answered(demo):
    found = {tuple(row) for row in rows(select(Extension.status, Extension.authorization_status))}
    assert found == {
        (ExtensionStatus.PENDING, AuthorizationStatus.NONE),
        (ExtensionStatus.DECLINED, AuthorizationStatus.NONE),
        (ExtensionStatus.APPROVED, AuthorizationStatus.AUTHORIZED),
        (ExtensionStatus.APPROVED, AuthorizationStatus.CAPTURED),
    }
    assert set(db.session.scalars(select(MediaFile.state))) == {MediaState.READY}


def test_every_invariant_holds_on_it_and_the_provider_agrees(demo):
    broken = [one for one in checks.breaches() if not one.name.startswith("holds")]
    assert broken == []
    db.session.rollback()
    assert reconcile(fix=False) == []


def test_what_people_did_is_put_down_to_them(demo):
    by_itself = set(db.session.scalars(select(AuditEntry.action).where(AuditEntry.actor == "system")))
    of_bookings = {"booking.expire", "booking.finish_work", "assignment.assign"}
    of_money = {"payment.given_up"}
    vain = db.session.scalars(select(Booking).where(Booking.no_show_at.is_not(None))).one()
    if vain.status is BookingStatus.CANCELLED:  # whoever was waited for in vain may choose a new date for a day
        of_bookings.add("booking.cancel")
        of_money.add("refund.wanted")
    to_begin_with = {"capacity.generated", "price.set", "service.added", "work_item.put", DEMO_BEGUN, DEMO_LOADED}
    assert by_itself == of_bookings | of_money | to_begin_with


def test_what_happened_is_dated_when_it_happened(demo):
    for booking in db.session.scalars(select(Booking).where(Booking.status == BookingStatus.COMPLETED)):
        steps = [booking.created_at, booking.paid_at, booking.pickup_time, booking.workshop_checkin_at]
        steps += [booking.work_started_at, booking.service_completed_at, booking.completed_at]
        assert steps == sorted(steps), booking.number
    latest = db.session.scalar(text("SELECT max(sent_at) FROM notifications"))
    assert latest <= clock.now_utc()


def test_prices_lie_where_they_should_and_concierge_is_included_or_added(demo):
    offers = {offer.service: offer for offer in price_list(clock.now_utc())}
    spans = {
        service: tuple(fn(p.base_cents for p in offer.prices.values()) for fn in (min, max))
        for service, offer in offers.items()
    }
    assert spans == {
        ServiceType.OIL_SERVICE: (14900, 22900),
        ServiceType.INSPECTION: (19900, 35900),
        ServiceType.BRAKE_SERVICE: (24900, 48900),
        ServiceType.CLIMATE_SERVICE: (9900, 14900),
    }
    assert {offer.from_concierge_cents for offer in offers.values()} == {0, 3900}


def test_windows_reach_over_the_calendar_and_leave_out_holidays(demo):
    today = clock.today_in(ZONE)
    days = {row.date: row for row in db.session.scalars(select(WorkshopCapacity))}
    windows = Counter(db.session.scalars(select(TimeSlot.service_date)))
    for offset in range(61):
        day = today + timedelta(days=offset)
        if day.weekday() < 5:
            assert windows[day] == (0 if holiday_name("NW", day) else 5), day
            assert days[day].is_holiday == (holiday_name("NW", day) is not None)
        else:
            assert windows[day] == 0
    shifts = rows(select(func.min(JockeyShift.starts_at), func.max(JockeyShift.ends_at)))
    assert {at.astimezone(ZONE).hour for at in shifts[0]} == {7, 19}


def test_one_ronja_is_nearly_due(demo):
    soon = clock.now_utc() + timedelta(days=21)
    due = db.session.scalars(select(RonjaVehicle.next_service_due)).all()
    assert sum(at < soon for at in due) == 1


def test_the_logins_open(demo):
    for login in demo_logins():
        assert check_password(login.email, login.password, "198.51.100.0/24").role == login.role


def test_loading_again_changes_nothing(demo):
    before = count(Booking)
    assert load.load_demo() is None
    result = demo.app.test_cli_runner().invoke(args=["demo", "load"])
    assert (result.exit_code, result.output) == (0, "There is data already: nothing was loaded.\n")
    assert count(Booking) == before


def test_half_a_demo_is_known_as_that(demo):
    url = demo.app.config["SQLALCHEMY_DATABASE_URI"]
    assert not is_half_made(url)
    db.session.execute(update(AuditEntry).where(AuditEntry.action == DEMO_LOADED).values(entity_type="never"))
    db.session.commit()
    try:
        assert is_half_made(url)
        result = demo.app.test_cli_runner().invoke(args=["demo", "load"])
        assert (result.exit_code, "only half made" in result.output) == (1, True)
    finally:
        db.session.execute(update(AuditEntry).where(AuditEntry.entity_type == "never").values(entity_type="demo"))
        db.session.commit()


def test_production_takes_no_invented_data(demo, monkeypatch):
    monkeypatch.setitem(demo.app.config, "B2C_ENV", "production")
    result = demo.app.test_cli_runner().invoke(args=["demo", "load"])
    assert result.exit_code == 1
    assert "no invented data" in result.output


def test_a_true_provider_is_left_alone(demo, monkeypatch):
    monkeypatch.setitem(demo.app.config, "STRIPE_API_BASE", "")
    with pytest.raises(till.NoTillError, match="simulator only"), till.open_till():
        raise AssertionError("no till may open")


def test_a_simulator_that_is_away_is_named(demo, monkeypatch):
    monkeypatch.setitem(demo.app.config, "STRIPE_API_BASE", "http://127.0.0.1:9")
    with pytest.raises(till.NoTillError, match="does not answer"), till.open_till():
        raise AssertionError("no till may open")


def test_without_one_configured_the_demo_brings_its_own_simulator(demo, monkeypatch, tmp_path):
    monkeypatch.setenv("B2C_INSTANCE_DIR", str(tmp_path))
    monkeypatch.setitem(demo.app.config, "STRIPE_API_BASE", "")
    monkeypatch.setitem(demo.app.config, "STRIPE_SECRET_KEY", "")
    before = demo.app.extensions.pop("payment_gateway", None)
    with till.open_till():
        assert demo.app.config["STRIPE_API_BASE"].startswith("http://127.0.0.1:")
    assert (demo.app.config["STRIPE_API_BASE"], demo.app.config["STRIPE_SECRET_KEY"]) == ("", "")
    assert (tmp_path / "simulator.sqlite").exists()
    demo.app.extensions["payment_gateway"] = before


# -- on a weekend


def test_on_a_saturday_few_cars_are_late_and_somebody_drives_next(database_server, template_database, tmp_path):
    saturday = datetime(2026, 11, 21, 11, tzinfo=UTC)
    with clock.frozen(saturday), loaded_demo(database_server, template_database, tmp_path, "weekend"):
        staff = db.session.scalars(select(User).where(User.role == Role.WORKSHOP)).one()
        columns = board(staff, saturday.date(), saturday.date(), saturday).columns
        cards = [card for column in columns.values() for card in column]
        late = [one.booking for one in cards if one.punctuality and one.punctuality.risk is Risk.LATE]
        assert len(cards) >= 8
        # whom nobody opened to may still choose a new date
        assert len([one for one in late if not one.new_date_until]) <= 2, [(one.number, one.status) for one in late]
        jockey = db.session.scalars(select(Jockey).where(Jockey.email == "jockey1@example.org")).one()
        day = tours.day_of(jockey, saturday.date(), saturday.date(), saturday)
        assert day.now or day.following
        assert [one for one in checks.breaches() if not one.name.startswith("holds")] == []


@pytest.mark.parametrize(
    ("hour", "status"), [(10, AssignmentStatus.CANCELLED), (8, AssignmentStatus.AT_PICKUP_LOCATION)]
)
def test_who_waits_in_vain_has_waited_long_enough_or_waits_still(
    database_server, template_database, tmp_path, monkeypatch, hour, status
):
    """At 10:10 the wanted window has only just begun, but the one before it; at 8:10 none for long enough."""
    guests = people.customers(30)
    vain = stories.Story(1, stories.Fate.NO_SHOW, guests[0], ServiceType.BRAKE_SERVICE, True, date(2026, 11, 30), 1, 40)
    monkeypatch.setattr(load, "tell", lambda *_people, **_facts: [vain])
    now = datetime(2026, 11, 30, hour, 10, tzinfo=ZONE)
    with clock.frozen(now), loaded_demo(database_server, template_database, tmp_path, f"vain{hour}"):
        assert db.session.scalars(select(JockeyAssignment.status)).one() is status
        assert [one for one in checks.breaches() if not one.name.startswith("holds")] == []


# -- the stories behind it


def test_the_same_seed_tells_the_same_stories():
    guests = people.customers(30)
    assert guests == people.customers(30)
    assert guests != people.customers(30, seed=2)
    assert stories.tell(guests, date(2026, 11, 23)) == stories.tell(guests, date(2026, 11, 23))
    assert stories.tell(guests, date(2026, 11, 23)) != stories.tell(guests, date(2026, 11, 23), seed=2)


def test_nobody_is_real_and_everybody_is_different():
    guests = people.customers(30)
    assert len({guest.email for guest in guests}) == len({guest.plate for guest in guests}) == 30
    assert all(guest.email.endswith("@example.org") for guest in guests)
    assert all(guest.phone.startswith("+4917139200") for guest in guests)  # kept free for films
    assert {guest.language for guest in guests} == {"de", "en"}


@pytest.mark.parametrize("today", [date(2026, 12, 26), date(2027, 1, 1), date(2027, 3, 29), date(2026, 11, 22)])
def test_stories_find_working_days_around_holidays_and_weekends(today):
    told = stories.tell(people.customers(30), today)
    assert all(story.day.weekday() < 5 and holiday_name("NW", story.day) is None for story in told)
    oldest = min(story.day for story in told)
    # whoever books a week ahead of the oldest must find the books open
    assert oldest - timedelta(days=7) > today - timedelta(days=load.PAST_DAYS)
    assert {story.fate for story in told} == set(stories.Fate)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 24, 9, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 24, 10, 0, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 23, 23, 30, tzinfo=UTC), date(2026, 11, 23)),
    ],
)
def test_today_counts_once_its_first_cars_are_in(now, day):
    assert load._last_busy_day(now) == day
