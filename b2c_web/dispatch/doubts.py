"""Steps that ask back where our records speak against what a jockey does; the yes is kept in the audit log."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import bindparam, select, text

from b2c_web import audit
from b2c_web.bookings.models import AssignmentType
from b2c_web.dispatch.handovers import keys_of
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.steps import Step
from b2c_web.dispatch.whereabouts import WITH_CUSTOMER
from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db
from b2c_web.formatting import moment

RONJA_OUT = _l(
    "%(plate)s ist noch bei einem anderen Kunden eingetragen (%(number)s). "
    "Bitte rufen Sie die Disposition an, oder bestätigen Sie, dass Sie das Auto haben."
)
RONJA_OUT_UNTIL = _l(
    "%(plate)s ist noch bei einem anderen Kunden eingetragen (%(number)s, Rückgabe bis %(until)s). "
    "Bitte rufen Sie die Disposition an, oder bestätigen Sie, dass Sie das Auto haben."
)
RONJA_AT_DOOR = _l(
    "%(plate)s ist noch bei %(number)s eingetragen. Stehen Sie wirklich neben diesem Auto? Dann bestätigen Sie es."
)
FEWER_KEYS = _l(
    "Beim Abholen waren es %(taken)s Schlüssel, jetzt nur %(given)s. Fehlt keiner, dann bestätigen Sie die Zahl."
)
_HOLDERS = text(
    "SELECT a.vehicle_id, b.number, t.window_end"  # noqa: S608 - our own words
    " FROM jockey_assignments a JOIN bookings b ON b.id = a.booking_id"
    " LEFT JOIN trips t ON t.booking_id = b.id AND t.type = 'RETURN' AND t.released_at IS NULL"
    " WHERE a.type = 'PICKUP' AND a.departed_at IS NOT NULL AND a.vehicle_id IN :ronjas AND b.id <> :booking"
    f" AND {WITH_CUSTOMER} ORDER BY b.number DESC"
).bindparams(bindparam("ronjas", expanding=True))


@dataclass(frozen=True, slots=True)
class Holder:
    """The booking whose customer has a Ronja; `until`: the end of the promised return, when there is one."""

    number: str
    until: datetime | None


def holders(ronja_ids: Collection[uuid.UUID], but_for: uuid.UUID) -> Mapping[uuid.UUID, Holder]:
    """Who has these Ronjas now, as `flask verify` sees it, apart from the booking `but_for`. One statement."""
    rows = db.session.execute(_HOLDERS, {"ronjas": list(ronja_ids), "booking": but_for})
    return {ronja_id: Holder(number, until) for ronja_id, number, until in rows}


def holder_of(assignment: JockeyAssignment) -> Holder | None:
    """The other booking whose customer still has the Ronja that this pickup brings."""
    if assignment.type is not AssignmentType.PICKUP:
        return None
    return holders([assignment.vehicle_id], assignment.booking_id).get(assignment.vehicle_id)


def ronja_doubt(assignment: JockeyAssignment) -> str:
    """What a jockey is asked who brings a Ronja that another customer still has; empty when nobody has it."""
    holder = holder_of(assignment)
    return _asked(assignment, holder) if holder else ""


def ask_back_holder(step: Step, *, confirmed: bool) -> bool:
    """Step: a pickup's Ronja may still be with another customer. Raises Invalid ("ronja_out") when nobody confirmed.

    A return that somebody forgot to record must not stop a jockey, so this is a question only. Was there one?
    """
    assignment, holder = step.assignment, holder_of(step.assignment)
    if holder is None:
        return False
    if not confirmed:
        raise Invalid(_asked(assignment, holder), field="has_ronja", code="ronja_out")
    _note_yes(step, "ronja", {}, {"still_with": holder.number})
    return True


def ask_at_once(asks: Iterable[Callable[[], object]]) -> None:
    """Step: ask all of these. Raises the first one's Invalid; `details["also"]` holds those of the others."""
    doubts = []
    for ask in asks:
        try:
            ask()
        except Invalid as doubt:
            doubts.append(doubt)
    if doubts:
        doubts[0].details["also"] = doubts[1:]
        raise doubts[0]


def ask_back_keys(step: Step, given: int | None, *, confirmed: bool) -> None:
    """Step: fewer keys come back than were taken. Raises Invalid ("keys_doubt") when nobody confirmed that."""
    taken = _keys_taken(step.booking.id)
    if taken is None or given is None or given >= taken:
        return
    if not confirmed:
        raise Invalid(FEWER_KEYS % {"taken": taken, "given": given}, field="keys", code="keys_doubt")
    _note_yes(step, "keys", {"keys": taken}, {"keys": given})


def _asked(assignment: JockeyAssignment, holder: Holder) -> str:
    facts = {"plate": assignment.ronja.license_plate, "number": holder.number}
    if assignment.status is not AssignmentStatus.ASSIGNED:
        return str(RONJA_AT_DOOR % facts)
    if holder.until is None:
        return str(RONJA_OUT % facts)
    return str(RONJA_OUT_UNTIL % {**facts, "until": moment(holder.until)})


def _keys_taken(booking_id: uuid.UUID) -> int | None:
    pickups = select(JockeyAssignment).where(
        JockeyAssignment.booking_id == booking_id,
        JockeyAssignment.type == AssignmentType.PICKUP,
        JockeyAssignment.departed_at.is_not(None),
    )
    pickup = db.session.scalars(pickups.order_by(JockeyAssignment.departed_at.desc()).limit(1)).one_or_none()
    return keys_of(pickup.handover) if pickup else None


def _note_yes(step: Step, what: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    audit.record(
        f"assignment.{what}_confirmed",
        "assignment",
        step.assignment.id,
        before=before or None,
        after=after,
        actor=step.actor.role.value.lower() if step.actor else None,
    )
