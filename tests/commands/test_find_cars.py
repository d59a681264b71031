"""Looking for a car among very many: what is found, how it is counted, and how little of the table is read."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import BookingStatus
from b2c_web.dashboard import cars
from b2c_web.dashboard.cars import MOST, PER_PAGE, Found, Wanted, find_cars
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.factories import make_booking, make_customer, make_user, make_vehicle

pytestmark = pytest.mark.usefixtures("frozen_clock")
MANY = 12_000

# copies of one booking that is over, an hour apart, each with a plate, a name and a number of its own
COPIES = text(
    """
    INSERT INTO bookings (id, number, customer_name, car_details, pickup_time, user_id, workshop_id, service, slot_id,
      include_concierge, vehicle_class, base_price, total_price, terms_version, estimated_return_time, customer_phone,
      pickup_address, pickup_postal_code, pickup_city, status, payment_status, paid_at, completed_at)
    SELECT gen_random_uuid(), format('BK-%s-%s', 2010 + n / 1000, to_char(n, 'FM000000')),
      format('%s %s', (ARRAY['Ada', 'Bo', 'Cleo'])[1 + n % 3], translate(md5(n::text), '0123456789', 'ghijklmnop')),
      jsonb_build_object('license_plate', format('WIT %s %s', chr(65 + n % 26) || chr(65 + n / 26 % 26), n)),
      pickup_time - n * interval '1 hour', user_id, workshop_id, service, slot_id, include_concierge, vehicle_class,
      base_price, total_price, terms_version, estimated_return_time, customer_phone, pickup_address,
      pickup_postal_code, pickup_city, status, payment_status, paid_at, completed_at
    FROM bookings, generate_series(1, :many) n WHERE bookings.id = :id
    """
)


def named(number: int) -> str:
    """The name on a copy."""
    digest = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return f"{('Ada', 'Bo', 'Cleo')[number % 3]} {digest.translate(str.maketrans('0123456789', 'ghijklmnop'))}"


@pytest.fixture
def staff(session: Any) -> User:
    """Of a workshop with very many bookings that are over and one to come."""
    scene = Scene(session)
    over = make_booking(scene.slots[0], status=BookingStatus.COMPLETED)
    user = make_customer()
    car = make_vehicle(user, license_plate="WIT QX 77777")
    make_booking(scene.slots[1], user=user, customer_name="Zoe Li", vehicle_id=car.id)
    session.execute(COPIES, {"many": MANY, "id": over.id})
    session.execute(text("ANALYZE bookings"))
    person: User = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    session.commit()
    return person


@contextmanager
def plans() -> Iterator[list[dict[str, Any]]]:
    """The plan of each statement that is sent meanwhile, with what it read."""
    sent: list[tuple[str, Any]] = []
    found: list[dict[str, Any]] = []

    def note(*call: Any) -> None:
        sent.append((call[2], call[3]))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    raw = db.session.connection().connection.driver_connection
    assert raw is not None
    for statement, values in sent:
        answer = raw.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values).fetchone()[0]
        found.append((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def names(found: Found) -> list[str]:
    return [row.customer_name for row in found.rows]


def test_very_many_are_counted_to_a_thousand_and_no_further(staff: User) -> None:
    found = find_cars(staff, Wanted())
    assert (found.total, found.is_more, found.first, found.last) == (MOST, True, 1, PER_PAGE)
    assert names(found)[0] == "Zoe Li"
    last = find_cars(staff, Wanted(page=99))
    assert (last.page, last.last) == (MOST // PER_PAGE, MOST)
    oldest = find_cars(staff, Wanted(oldest_first=True))
    assert names(oldest)[0] == named(MANY)


FOUND = {
    "wit qx 77777": "Zoe Li",  # the plate of a saved car
    "QX77777": "Zoe Li",
    "li": "Zoe Li",  # two letters: among those that are not through
    named(11999)[3:]: named(11999),
    "011999": named(11999),  # the running number
    "BK-2021-011999": named(11999),
    "2021-0119 99": named(11999),
    f"wit{chr(65 + 11999 % 26)}{chr(65 + 11999 // 26 % 26)} 11999": named(11999),
}
NOT_FOUND = ("%%%", "___", "/%/", "' OR 1=1", "\\\\\\", "gibt es nicht")


def test_a_car_is_found_by_any_of_its_names(staff: User) -> None:
    for search, name in FOUND.items():
        found = find_cars(staff, Wanted(search))
        assert (names(found), found.total, found.is_more) == ([name], 1, False), search
    for search in NOT_FOUND:
        assert names(find_cars(staff, Wanted(search))) == [], search
    year = find_cars(staff, Wanted("BK-2021"))  # by number, the last one first
    assert (names(year)[0], year.total, year.is_more) == (named(11999), MOST, False)


def test_a_running_number_that_begins_like_a_year_is_found(session: Any) -> None:
    scene = Scene(session)
    make_booking(scene.slots[0], number="BK-2026-020471", customer_name="Running")
    make_booking(scene.slots[1], number="BK-2047-000009", customer_name="Year")
    make_booking(
        scene.slots[1], number="BK-2047-100009", customer_name="Both", car_details={"license_plate": "WIT X 20471"}
    )
    staff: User = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    assert sorted(names(find_cars(staff, Wanted("20471")))) == ["Both", "Running"]
    assert names(find_cars(staff, Wanted("20471", oldest_first=True))) == ["Running", "Both"]  # by time
    assert names(find_cars(staff, Wanted("BK-2047-1"))) == ["Both"]


def test_two_letters_find_none_that_is_over(session: Any) -> None:
    scene = Scene(session)
    make_booking(scene.slots[0], customer_name="Zoe Li", status=BookingStatus.COMPLETED)
    staff: User = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    assert find_cars(staff, Wanted("li", show="ended")) == Found((), 0, 1)
    assert names(find_cars(staff, Wanted("zoe", show="ended"))) == ["Zoe Li"]


def test_cars_elsewhere_do_not_hide_the_own_ones(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cars, "MOST_CARS", 2)
    scene, user = Scene(session), make_customer()
    for n in range(4):
        make_vehicle(user, license_plate=f"WIT QX {n}")
    own = make_vehicle(user, license_plate="WIT QX 77")
    make_booking(scene.slots[0], user=user, customer_name="Zoe Li", vehicle_id=own.id)
    staff: User = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    assert names(find_cars(staff, Wanted("witqx"))) == ["Zoe Li"]


# the rows of bookings that the two statements of a search may read; there are MANY
MOST_READ = [
    (Wanted(), MOST + 50),
    (Wanted(oldest_first=True), MOST + 50),
    (Wanted(show="open"), 10),
    (Wanted(show="ended"), MOST + 50),
    (Wanted(named(11999)), 10),
    (Wanted("qx 77777"), 10),
    (Wanted("BK-2021-011999"), 10),
    (Wanted("BK-2021"), MOST + 50),
    (Wanted("gibt es nicht"), 10),
    (Wanted("20210"), MOST + 50),
    (Wanted("li"), 10),
    (Wanted("li", show="ended"), 0),
]
MOST_READ_BY_ADMIN = [(Wanted("BK-2021-011999"), 10), (Wanted("BK-2021"), MOST + 50), (Wanted("gibt es nicht"), 10)]


def test_no_search_reads_the_whole_table(staff: User) -> None:
    admin: User = make_user(Role.ADMIN)
    db.session.commit()
    searches = [*((staff, *search) for search in MOST_READ), *((admin, *search) for search in MOST_READ_BY_ADMIN)]
    for user, wanted, most in searches:
        db.session.expire_all()
        db.session.refresh(user)
        with plans() as found:
            find_cars(user, wanted)
        assert len(found) <= 2
        scans = [node for plan in found for node in nodes(plan) if node.get("Relation Name") == "bookings"]
        assert "Seq Scan" not in [node["Node Type"] for node in scans], wanted
        assert sum(map(rows_read, scans)) <= most, (wanted, scans)
        if wanted.is_number and most == 10:  # by whichever index; PostgreSQL 18 may skip from workshop to workshop
            assert sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in scans) <= 20, (wanted, scans)


def rows_read(scan: dict[str, Any]) -> float:
    removed = scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    return float((scan["Actual Rows"] + removed) * scan["Actual Loops"])
