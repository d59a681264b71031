"""Prices: which hold when, what is shown, and how they change."""

from datetime import UTC, datetime, timedelta

import pytest
from flask_babel import force_locale
from sqlalchemy import event, select

from b2c_web.audit import AuditEntry
from b2c_web.catalog import commands, queries
from b2c_web.catalog.models import Service, ServicePricing, ServiceType
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import frozen, now_utc
from b2c_web.errors import Invalid, NotFound
from b2c_web.vehicles.models import VehicleClass
from tests.conftest import NOON
from tests.factories import make_services

pytestmark = pytest.mark.usefixtures("session")
OIL, COMPACT = ServiceType.OIL_SERVICE, VehicleClass.COMPACT


@pytest.fixture
def running_clock():
    """For the test that must not hold the clock."""


@pytest.fixture(autouse=True)
def _noon(request):
    if "running_clock" in request.fixturenames:
        yield
    else:
        with frozen(NOON):
            yield


def prices_of(session, vehicle_class=COMPACT):
    rows = session.scalars(
        select(ServicePricing)
        .join(Service)
        .where(Service.type == OIL, ServicePricing.vehicle_class == vehicle_class)
        .order_by(ServicePricing.valid_from)
    )
    return [(row.base_price, row.valid_from, row.valid_until) for row in rows]


@pytest.fixture
def statements(session):
    """The statements sent to the database since the fixture was made."""
    sent = []
    connection = session.connection()

    def note(_connection, _cursor, statement, *_rest):
        sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)


def test_price_list_has_every_service_and_class_in_one_statement(statements):
    make_services()
    statements.clear()
    offers = queries.price_list(NOON)
    assert len(statements) == 1
    assert [offer.service for offer in offers] == list(ServiceType)
    assert all(list(offer.prices) == list(VehicleClass) for offer in offers)
    oil = offers[0]
    assert (oil.icon, oil.duration_minutes, oil.from_price_cents, oil.from_concierge_cents) == ("oil", 60, 14900, 3900)
    assert oil.prices[VehicleClass.LUXURY].base_cents == 26900


def test_from_price_counts_concierge(session):
    make_services()
    # 9900 + 3900 for the climate service is below 14900 + 3900 and 19900 + 0
    assert queries.from_price_cents(queries.price_list(NOON)) == 13800
    assert queries.from_price_cents([]) is None


def test_texts_are_german_and_english():
    texts = TEXTS[OIL]
    with force_locale("de"):
        assert str(texts.name) == "Ölservice"
    with force_locale("en"):
        assert str(texts.name) == "Oil service"
        assert all(str(point) for point in texts.included)
    assert set(TEXTS) == set(ServiceType)


def test_price_for_says_price_and_duration_in_one_statement(statements):
    make_services()
    statements.clear()
    price = queries.price_for(ServiceType.INSPECTION, VehicleClass.SUV, NOON)
    assert len(statements) == 1
    assert (price.base_cents, price.concierge_cents, price.duration_minutes) == (27900, 0, 180)
    assert price.total_cents(concierge=True) == 27900


def test_price_is_valid_from_its_first_instant_up_to_but_not_at_its_end():
    make_services()
    change = NOON + timedelta(days=3)
    commands.set_price(OIL, COMPACT, 15900, 3900, change)
    just_before = change - timedelta(microseconds=1)
    assert queries.price_for(OIL, COMPACT, just_before).base_cents == 14900
    assert queries.price_for(OIL, COMPACT, change).base_cents == 15900


def test_no_price_before_validity_or_for_an_inactive_service(session):
    services = make_services()
    with pytest.raises(queries.NotOffered):
        queries.price_for(OIL, COMPACT, datetime(2025, 12, 31, tzinfo=UTC))
    services[OIL].is_active = False
    session.flush()
    with pytest.raises(queries.NotOffered):
        queries.price_for(OIL, COMPACT, NOON)
    assert OIL not in [offer.service for offer in queries.price_list(NOON)]


def test_new_price_ends_the_old_one_and_fits_before_a_planned_one(session):
    make_services()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    january, december = datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    commands.set_price(OIL, COMPACT, 17900, 0, january)
    commands.set_price(OIL, COMPACT, 15900, 0, december)
    assert prices_of(session) == [
        (14900, start, december),
        (15900, december, january),
        (17900, january, None),
    ]


def test_planned_price_can_be_corrected(session):
    make_services()
    january = datetime(2027, 1, 1, tzinfo=UTC)
    commands.set_price(OIL, COMPACT, 17900, 0, january)
    commands.set_price(OIL, COMPACT, 16900, 0, january)
    assert [row[0] for row in prices_of(session)] == [14900, 16900]
    assert [row[0] for row in prices_of(session, VehicleClass.SUV)] == [22900]


@pytest.mark.parametrize(
    ("base", "concierge", "starts"),
    [(0, 0, None), (-1, 0, None), (100, -1, None), (100, 0, NOON - timedelta(seconds=1))],
)
def test_bad_price_is_refused_and_changes_nothing(session, base, concierge, starts):
    make_services()
    before = prices_of(session)
    with pytest.raises(Invalid):
        commands.set_price(OIL, COMPACT, base, concierge, starts)
    assert prices_of(session) == before


def test_a_price_without_a_day_holds_from_this_very_moment(session, running_clock):
    commands.add_service(OIL, 60)
    commands.set_price(OIL, COMPACT, 100, 0)
    assert queries.price_for(OIL, COMPACT, now_utc()).base_cents == 100


def test_price_of_an_unknown_service_is_refused():
    with pytest.raises(NotFound):
        commands.set_price(OIL, COMPACT, 100, 0)


def test_price_change_is_in_the_audit_log(session):
    commands.add_service(OIL, 60)
    commands.set_price(OIL, COMPACT, 14900, 3900)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == ["service.added", "price.set"]
    assert entries[1].before is None
    assert entries[1].after["base_price"] == 14900
    service = session.scalar(select(Service))
    assert service.name == "Ölservice"
    assert service.description.startswith("Motoröl nach Herstellerfreigabe")
