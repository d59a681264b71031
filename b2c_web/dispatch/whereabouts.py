"""Steps that keep the state of jockeys and Ronjas with what happens."""

import uuid

from flask_babel import lazy_gettext as _l
from sqlalchemy import text

from b2c_web import audit
from b2c_web.bookings.rules import MileageDoubt, mileage_doubt
from b2c_web.clock import now_utc
from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db
from b2c_web.formatting import kilometres
from b2c_web.workshops.models import Jockey, RonjaVehicle

# BUSY during a running trip, OFF_DUTY outside the shift; INACTIVE stays what a person made it
_JOCKEY_STATE = """
    SELECT j.id, (CASE
        WHEN EXISTS (SELECT FROM jockey_assignments a WHERE a.jockey_id = j.id
                     AND a.status NOT IN ('ASSIGNED', 'COMPLETED', 'CANCELLED')) THEN 'BUSY'
        WHEN EXISTS (SELECT FROM jockey_shifts s WHERE s.jockey_id = j.id
                     AND s.starts_at <= :now AND :now < s.ends_at) THEN 'ACTIVE'
        ELSE 'OFF_DUTY' END)::jockey_status AS status
    FROM jockeys j WHERE j.status <> 'INACTIVE'
"""
_REFRESH_JOCKEY = text(
    f"UPDATE jockeys SET status = state.status, updated_at = :now FROM ({_JOCKEY_STATE} AND j.id = :jockey) state"  # noqa: S608 - our own words
    " WHERE jockeys.id = state.id AND jockeys.status <> state.status"
)
_OUT_OF_DATE = text(
    f"SELECT state.id FROM ({_JOCKEY_STATE}) state JOIN jockeys ON jockeys.id = state.id"  # noqa: S608 - our own words
    " WHERE jockeys.status <> state.status ORDER BY state.id"
)
_RONJA_OUT = text(
    "UPDATE ronja_vehicles SET status = 'IN_USE', current_location = :place, updated_at = :now WHERE id = :id"
)
_RONJA_SHOWS = text(
    "UPDATE ronja_vehicles SET mileage = :km, updated_at = :now"
    " FROM (SELECT id, mileage FROM ronja_vehicles WHERE id = :id FOR NO KEY UPDATE) AS before"
    " WHERE ronja_vehicles.id = before.id AND before.mileage <> :km RETURNING before.mileage"
)
RONJA_DOUBTS = {
    MileageDoubt.LOWER: _l("Die Ronja hatte schon %(known)s. Stimmt die Zahl, dann bestätigen Sie sie."),
    MileageDoubt.HIGHER: _l("Die Ronja hatte zuletzt erst %(known)s. Stimmt die Zahl, dann bestätigen Sie sie."),
}
# the booking `b` has a Ronja that was handed over and is not back
WITH_CUSTOMER = """(
        b.status IN ('IN_TRANSIT_TO_WORKSHOP', 'IN_WORKSHOP', 'READY_FOR_RETURN', 'IN_TRANSIT_TO_CUSTOMER')
        OR b.status = 'CANCELLED' AND b.places_released_at IS NULL)"""
# at the workshop and clean: only when nobody drives it meanwhile and nobody took it out of service
_RONJA_READY = text(
    f"""
    UPDATE ronja_vehicles SET status = 'AVAILABLE', current_location = NULL, updated_at = :now
    WHERE id = :id AND status = 'IN_USE' AND NOT EXISTS (
      SELECT FROM ronja_reservations r JOIN bookings b ON b.id = r.booking_id
      WHERE r.ronja_id = :id AND {WITH_CUSTOMER})
    """  # noqa: S608 - our own words
)


def refresh_jockey(jockey_id: uuid.UUID) -> None:
    """Step: the jockey's state follows the running trips and the shift."""
    db.session.execute(_REFRESH_JOCKEY, {"jockey": jockey_id, "now": now_utc()})
    _forget(Jockey, jockey_id)


def jockeys_out_of_date() -> list[uuid.UUID]:
    """Whose state no longer fits the hour."""
    return list(db.session.execute(_OUT_OF_DATE, {"now": now_utc()}).scalars())


def ronja_goes_out(ronja_id: uuid.UUID, place: str) -> None:
    """Step: a customer has the Ronja. What happens is recorded, whatever its state was."""
    db.session.execute(_RONJA_OUT, {"id": ronja_id, "place": place, "now": now_utc()})
    _forget(RonjaVehicle, ronja_id)


def ask_back_ronja(ronja: RonjaVehicle, mileage_km: int) -> None:
    """Step: a mileage that nobody confirmed. Raises Invalid with the code "ronja_mileage_doubt" when it is strange.

    0 km is what nobody has read off yet.
    """
    doubt = mileage_doubt(mileage_km, ronja.mileage, 0) if ronja.mileage else None
    if doubt:
        words = RONJA_DOUBTS[doubt] % {"known": kilometres(ronja.mileage)}
        raise Invalid(words, field="ronja_mileage_km", code="ronja_mileage_doubt")


def ronja_shows(ronja_id: uuid.UUID, mileage_km: int | None) -> None:
    """Step: what was read off the Ronja; its next service by mileage follows. None: nobody did.

    Nobody does when the customer brings it to the workshop: the next handover tells, or a service that is noted.
    """
    if mileage_km is not None:
        before = db.session.scalar(_RONJA_SHOWS, {"id": ronja_id, "km": mileage_km, "now": now_utc()})
        if before is not None:
            old, new = {"mileage": before}, {"mileage": mileage_km}
            audit.record("ronja.mileage_read", "ronja_vehicles", ronja_id, before=old, after=new)
        _forget(RonjaVehicle, ronja_id)


def ronja_is_ready(ronja_id: uuid.UUID) -> None:
    """Step: the Ronja is back and clean, unless it is out again or out of service."""
    db.session.execute(_RONJA_READY, {"id": ronja_id, "now": now_utc()})
    _forget(RonjaVehicle, ronja_id)


def _forget(kind: type[Jockey | RonjaVehicle], row_id: uuid.UUID) -> None:
    """What the session remembers of a row that was just changed past it."""
    known = db.session.identity_map.get(db.session.identity_key(kind, row_id))
    if known is not None:
        db.session.expire(known)
