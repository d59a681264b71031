"""A calendar fragment is given out again exactly as long as nothing that it shows has changed.

The database says in one statement what it would be made of: a digest over the versions (place and transaction, ctid and
xmin) of every row that the three statements of `availability` read, and how many windows the lead time has passed. A
row that is changed is another version, also when it is changed back, so equal digests mean equal rows. (Nothing is
sorted: the same rows in another order are another digest, and only drawn once more.) The digest, the question, the
choice, the day and the language are the key. Nothing is ever invalidated: another version is another key,
and the oldest fragments fall out. What was rendered is kept only when the digest is still the same afterwards.

Where the rows themselves were read already, they are the key (`drawn`).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import timedelta

from flask import Flask, current_app
from sqlalchemy import text

from b2c_web.bookings.availability import Question
from b2c_web.clock import local_to_utc, now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS

KEPT = {"calendar_fragments": 2_000, "month_fragments": 100}  # of about 10 and 120 KB each, with their keys

DIGEST = text(
    """
    WITH usable AS (
      SELECT id, ctid AS place, xmin AS made FROM ronja_vehicles
      WHERE :concierge AND workshop_id = :workshop AND status IN ('AVAILABLE', 'IN_USE')
        AND (next_service_mileage IS NULL OR mileage + :lead_km < next_service_mileage))
    SELECT md5(concat(
      (SELECT concat_ws(',', s.ctid, s.xmin, p.ctid, p.xmin)
       FROM services s JOIN service_pricing p ON p.service_id = s.id
       WHERE s.type = CAST(:service AS service_type) AND s.is_active
         AND p.vehicle_class = CAST(:vehicle_class AS vehicle_class)
         AND p.valid_from <= :now AND (p.valid_until IS NULL OR :now < p.valid_until)), '|',
      (SELECT string_agg(tidsend(ctid) || xidsend(xmin), '') FROM workshop_capacity
       WHERE workshop_id = :workshop AND date BETWEEN :first AND :last), '|',
      (SELECT concat(count(*) FILTER (WHERE start_time < :bookable_from), '|',
         string_agg(tidsend(ctid) || xidsend(xmin), '')) FROM time_slots
       WHERE workshop_id = :workshop AND service_date BETWEEN :first AND :last), '|',
      (SELECT string_agg(tidsend(place) || xidsend(made), '') FROM usable), '|',
      (SELECT string_agg(tidsend(v.ctid) || xidsend(v.xmin), '')
       FROM usable JOIN ronja_reservations v ON v.ronja_id = usable.id AND v.during && tstzrange(:start, :end))))
    """
)


def digest(question: Question) -> str:
    """What the calendar of `question` would be made of now. One statement; equal exactly while nothing changed."""
    config, now, today = current_app.config, now_utc(), today_in(ZONE)
    last = today + timedelta(days=config["HORIZON_DAYS"] + RETURN_LOOKAHEAD_DAYS)
    facts = {
        "service": question.service.value,
        "vehicle_class": question.vehicle_class.value,
        "concierge": question.concierge,
        "workshop": question.workshop_id,
        "now": now,
        "bookable_from": now + timedelta(hours=config["LEAD_TIME_HOURS"]),
        "first": today,
        "last": last,
        "start": local_to_utc(today - timedelta(days=1), 0, ZONE),
        "end": local_to_utc(last + timedelta(days=2), 0, ZONE),
        "lead_km": config["RONJA_SERVICE_LEAD_KM"],
    }
    return str(db.session.execute(DIGEST, facts).scalar_one())


class Fragments:
    """The fragments rendered last, per process; safe between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> str | None:
        """The fragment of `key`, when it is there."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Hashable, made: str) -> None:
        """Keep a fragment; the one that was used longest ago falls out."""
        with self._lock:
            self._kept[key] = made
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)


def init_app(app: Flask) -> None:
    """Every application keeps its own fragments."""
    for name, size in KEPT.items():
        app.extensions[name] = Fragments(size)


def fragment(question: Question, shown: Hashable, render: Callable[[], str]) -> str:
    """The calendar's fragment for `question`; `shown` is everything else that it depends on (choice, language)."""
    if not current_app.config["CALENDAR_REUSE"]:
        return render()
    fragments: Fragments = current_app.extensions["calendar_fragments"]
    before, rest = digest(question), (question, shown, today_in(ZONE))
    found = fragments.get((before, rest))
    if found is not None:
        return found
    made = render()
    if digest(question) == before:
        fragments.keep((before, rest), made)
    return made


def drawn(name: str, shown: Hashable, render: Callable[[], str]) -> str:
    """What `render` draws; `shown` is everything that it depends on, and was read for this request."""
    if not current_app.config["CALENDAR_REUSE"]:
        return render()
    fragments: Fragments = current_app.extensions[name]
    found = fragments.get(shown)
    if found is None:
        found = render()
        fragments.keep(shown, found)
    return found
