"""The rows of a big set, as lines for COPY. Values are our own words: they need no escaping."""

import random
import string
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import repeat
from typing import Any

import psycopg
from psycopg import sql
from uuid_utils import uuid7

from b2c_web.demo.bulk_plan import CLEANING_MINUTES, SHIFT, DayPlan, Planned
from b2c_web.demo.people import FAMILIES, GIVEN, TOWNS
from b2c_web.workshops.generation import Template

# in the order in which foreign keys allow them
COLUMNS: dict[str, tuple[str, ...]] = {
    "users": ("id", "email", "name", "phone", "email_verified"),
    "workshop_capacity": ("id", "workshop_id", "date", "max_bookings", "current_bookings"),
    "time_slots": (
        "id", "workshop_id", "start_time", "end_time", "service_date", "max_bookings", "current_bookings",
        "jockey_minutes_room", "jockey_minutes_taken", "longest_trip_minutes",
    ),
    "bookings": (
        "id", "number", "user_id", "workshop_id", "service", "vehicle_class", "include_concierge", "base_price",
        "concierge_price", "total_price", "terms_version", "slot_id", "return_slot_id", "pickup_time",
        "estimated_return_time", "actual_return_time", "places_released_at", "customer_name", "car_details",
        "customer_phone", "pickup_address", "pickup_postal_code", "pickup_city", "pickup_lat", "pickup_lng", "status",
        "payment_status", "paid_at", "stripe_payment_intent_id", "odoo_invoice_id", "completed_at", "cancelled_at",
        "cancellation_reason", "created_at", "updated_at",
    ),
    "trips": (
        "id", "booking_id", "type", "slot_id", "window_start", "window_end", "address", "postal_code", "city", "lat",
        "lng", "travel_minutes", "jockey_minutes",
    ),
    "trip_minutes": ("trip_id", "slot_id", "minutes"),
    "ronja_reservations": ("id", "booking_id", "ronja_id", "during"),
    "jockey_assignments": (
        "id", "booking_id", "trip_id", "jockey_id", "vehicle_id", "type", "scheduled_time", "completed_at", "status",
    ),
    "jockey_busy_ranges": ("id", "assignment_id", "jockey_id", "during"),
    "payments": (
        "id", "purpose", "purpose_id", "user_id", "amount_cents", "state", "captured_cents", "refunded_cents",
        "stripe_payment_intent_id", "stripe_charge_id", "method_label", "succeeded_at", "created_at",
    ),
    "refunds": (
        "id", "payment_id", "amount_cents", "reason", "state", "stripe_refund_id", "succeeded_at", "created_at",
    ),
    "ledger_entries": (
        "id", "payment_id", "refund_id", "kind", "amount_cents", "provider_reference", "occurred_at",
    ),
    "notifications": ("id", "kind", "booking_id", "recipient", "language", "dedupe_key", "status", "sent_at"),
}  # fmt: skip

NULL = "\\N"
LETTERS = string.ascii_uppercase
NAME, PHONE, STREET = "Person im großen Satz", "+491713920000", "Am Beispielweg 1"
REVIEWS_ASKED_FOR = timedelta(days=21)  # `flask verify` looks at two weeks


def new_ids() -> Iterator[str]:
    """Time-ordered ids as text."""
    return map(str, map(_uuid7, repeat(None)))


def _uuid7(_nothing: None) -> Any:
    return uuid7()


class Rows:
    """Lines by table, written to a connection in one go each."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {table: [] for table in COLUMNS}
        self.ids = new_ids()

    def add(self, table: str, *values: object) -> None:
        self.lines[table].append("\t".join([NULL if value is None else str(value) for value in values]))

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """COPY everything in the order of the foreign keys, and forget it."""
        for table, lines in self.lines.items():
            if lines:
                names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table]))
                command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
                with connection.cursor() as cursor, cursor.copy(command) as copy:
                    copy.write("\n".join(lines) + "\n")
                lines.clear()


class WorkshopRows:
    """Writes the days of one workshop. `numbers` gives booking numbers, `today` parts what is done from what comes."""

    def __init__(
        self, rows: Rows, place: dict[str, Any], *, users: list[str], numbers: Iterator[int], today: date, seed: int
    ) -> None:
        self.rows, self.place, self.users, self.numbers, self.today = rows, place, users, numbers, today
        self.chance = random.Random(seed)  # noqa: S311 - chance, not secrets

    def add_day(self, plan: DayPlan, template: Template) -> int:
        """Step: one day with its windows and bookings. Returns the number of bookings."""
        add, new, workshop_id = self.rows.add, self.rows.ids, self.place["id"]
        taken = 0
        cancelled = [self._cancelled(plan.day, booking) for booking in plan.bookings]
        for slot in plan.slots:
            live = sum(b.slot is slot and not c for b, c in zip(plan.bookings, cancelled, strict=True))
            taken += live
            longest = max(0, SHIFT[1] - slot.minutes_from)
            add(
                "time_slots", slot.id, workshop_id, slot.start, slot.end, plan.day, template.places_per_window, live,
                slot.room, slot.jockey_minutes, longest,
            )  # fmt: skip
        add("workshop_capacity", next(new), workshop_id, plan.day, template.day_maximum, taken)
        for booking, gone in zip(plan.bookings, cancelled, strict=True):
            self._add_booking(booking, plan.day < self.today, gone)
        return len(plan.bookings)

    def _cancelled(self, day: date, booking: Planned) -> bool:
        """One drop-off in ten of the past was cancelled; what is to come is still wanted."""
        return day < self.today and booking.back is None and self.chance.random() < 0.1

    def _add_booking(self, booking: Planned, past: bool, cancelled: bool) -> None:
        add, place = self.rows.add, self.place
        booking_id, number, user = next(self.rows.ids), next(self.numbers), self.chance.choice(self.users)
        base, concierge = booking.prices
        made = booking.slot.start - timedelta(days=2, minutes=self.chance.randrange(14 * 1440))
        paid = made + timedelta(minutes=2)
        done = booking.ends if past and not cancelled else None
        ended = made + timedelta(hours=5) if cancelled else None
        status = "CANCELLED" if cancelled else "COMPLETED" if past else "CONFIRMED"
        intent = f"pi_bulk_{booking_id}"
        lat, lng = self._near()
        add(
            "bookings", booking_id, f"BK-{made:%Y}-{number:06d}", user, place["id"], booking.service.value,
            booking.vehicle_class.value, "t" if booking.back else "f", base, concierge, base + concierge, "2026-11",
            booking.slot.id, booking.back.id if booking.back else None, booking.slot.start, booking.ends, done, ended,
            self._name(), self._car(), PHONE, STREET, place["postal_code"], place["city"], lat, lng, status,
            "REFUNDED" if cancelled else "PAID", paid, intent, number, done, ended,
            "Termin passt nicht" if cancelled else None, made, ended or done or paid,
        )  # fmt: skip
        self._add_money(booking_id, user, base + concierge, made=made, paid=paid, intent=intent, refunded=ended)
        if booking.back:
            self._add_concierge(booking, booking.back, booking_id, (lat, lng), past)
        if not past:
            self._add_message("BOOKING_CONFIRMED", booking_id, paid)
            self._add_message("PICKUP_REMINDER", booking_id, paid, once=booking.slot.start.astimezone(UTC).isoformat())
        elif done and done.date() > self.today - REVIEWS_ASKED_FOR:
            self._add_message("REVIEW_REQUEST", booking_id, done)

    def _add_message(self, kind: str, booking_id: str, at: datetime, once: str = "") -> None:
        """As if it had been sent: a big set has no queue."""
        key, to = f"{kind}:{booking_id}:{once}", "kunde@bulk.example.org"
        self.rows.add("notifications", next(self.rows.ids), kind, booking_id, to, "de", key, "SENT", at)

    def _name(self) -> str:
        return f"{self.chance.choice(GIVEN)} {self.chance.choice(FAMILIES)}"

    def _car(self) -> str:
        """What was said of the car: its plate."""
        _code, _town, letters = self.chance.choice(TOWNS)
        plate = f"{letters} {''.join(self.chance.choices(LETTERS, k=2))} {self.chance.randint(1, 9999)}"
        return f'{{"license_plate": "{plate}"}}'

    def _near(self) -> tuple[float, float]:
        spread = self.chance.uniform
        return round(self.place["lat"] + spread(-0.1, 0.1), 5), round(self.place["lng"] + spread(-0.1, 0.1), 5)

    def _add_money(
        self,
        booking_id: str,
        user: str,
        cents: int,
        *,
        made: datetime,
        paid: datetime,
        intent: str,
        refunded: datetime | None,
    ) -> None:
        add, payment_id = self.rows.add, next(self.rows.ids)
        charge = f"ch_bulk_{booking_id}"
        add(
            "payments", payment_id, "BOOKING", booking_id, user, cents, "SUCCEEDED", cents, cents if refunded else 0,
            intent, charge, "visa 4242", paid, made,
        )  # fmt: skip
        add("ledger_entries", next(self.rows.ids), payment_id, None, "CHARGE", cents, charge, paid)
        if refunded:
            refund_id = next(self.rows.ids)
            reference = f"re_bulk_{booking_id}"
            add("refunds", refund_id, payment_id, cents, "cancellation", "SUCCEEDED", reference, refunded, refunded)
            add("ledger_entries", next(self.rows.ids), payment_id, refund_id, "REFUND", cents, reference, refunded)

    def _add_concierge(self, booking: Planned, back: Any, booking_id: str, at: tuple[float, float], past: bool) -> None:
        add, place, new = self.rows.add, self.place, self.rows.ids
        ronja_id, jockey_id = place["ronjas"][booking.ronja], place["jockeys"][booking.jockey]
        travel = timedelta(minutes=booking.travel_minutes)
        ends = back.end + travel + timedelta(minutes=CLEANING_MINUTES)
        add("ronja_reservations", next(new), booking_id, ronja_id, _range(booking.slot.start - travel, ends))
        trips = (("PICKUP", booking.slot, booking.pickup_minutes), ("RETURN", back, booking.return_minutes))
        for kind, slot, minutes in trips:
            trip_id = next(new)
            add(
                "trips", trip_id, booking_id, kind, slot.id, slot.start, slot.end, STREET, place["postal_code"],
                place["city"], *at, booking.travel_minutes, minutes,
            )  # fmt: skip
            add("trip_minutes", trip_id, slot.id, minutes)
            if past or kind == "PICKUP":
                facts = {"jockey_id": jockey_id, "ronja_id": ronja_id, "kind": kind, "slot": slot}
                self._add_assignment(booking_id, trip_id, travel=travel, minutes=minutes, past=past, **facts)

    def _add_assignment(
        self,
        booking_id: str,
        trip_id: str,
        *,
        jockey_id: str,
        ronja_id: str,
        kind: str,
        slot: Any,
        travel: timedelta,
        minutes: int,
        past: bool,
    ) -> None:
        assignment_id = next(self.rows.ids)
        self.rows.add(
            "jockey_assignments", assignment_id, booking_id, trip_id, jockey_id, ronja_id, kind, slot.start + travel,
            slot.end if past else None, "COMPLETED" if past else "ASSIGNED",
        )  # fmt: skip
        if not past:  # what is done takes nobody's time any more
            during = _range(slot.start, slot.start + timedelta(minutes=minutes))
            self.rows.add("jockey_busy_ranges", next(self.rows.ids), assignment_id, jockey_id, during)


def _range(start: datetime, end: datetime) -> str:
    return f'["{start}","{end}")'


def add_users(rows: Rows, first: int, count: int) -> list[str]:
    """Customers of a big set, numbered from `first`. Returns their ids."""
    ids = [next(rows.ids) for _number in range(count)]
    verified = datetime(2020, 1, 1, tzinfo=UTC)
    for number, user_id in enumerate(ids, first):
        rows.add("users", user_id, f"kunde{number:07d}@bulk.example.org", NAME, PHONE, verified)
    return ids


def chunks(plans: Iterable[DayPlan], size: int) -> Iterator[list[DayPlan]]:
    """The plans in groups, so that one COPY is neither tiny nor endless."""
    group: list[DayPlan] = []
    for plan in plans:
        group.append(plan)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
