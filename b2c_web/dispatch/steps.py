"""One person taking one step of one trip: who may, from which state, and what a second press means."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l

from b2c_web import audit
from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus
from b2c_web.dispatch import rules
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.queries import lock_open
from b2c_web.dispatch.rules import AssignmentAction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Jockey, JockeyStatus

CHANGED = _l("Der Stand dieser Fahrt hat sich geändert. Bitte sehen Sie ihn sich neu an.")
TOO_EARLY = _l("Die Abfahrt ist erst später geplant. Bitte bestätigen Sie, dass Sie schon jetzt losfahren.")


def may_plan(actor: User | None, workshop_id: uuid.UUID) -> bool:
    """May this person plan the trips of that workshop? None is the system itself."""
    if actor is None or actor.role is Role.ADMIN:
        return True
    return actor.role is Role.DISPATCHER and actor.workshop_id == workshop_id


def check_jockey(jockey_id: uuid.UUID, workshop_id: uuid.UUID) -> None:
    """Raises Invalid unless this jockey can be planned at that workshop."""
    jockey = db.session.get(Jockey, jockey_id)
    if jockey is None or jockey.workshop_id != workshop_id or jockey.status is JockeyStatus.INACTIVE:
        raise Invalid(_l("Diesen Jockey können Sie nicht einplanen."), field="jockey_id")


@dataclass
class Step:
    """A locked assignment with its locked booking, and the person who acts (None: the system itself)."""

    assignment: JockeyAssignment
    booking: Booking
    actor: User | None

    @property
    def actor_id(self) -> uuid.UUID | None:
        return self.actor.id if self.actor else None

    def check_right(self) -> None:
        """Raises NotFound for everybody but the trip's jockey and those who plan it."""
        own = self.actor is not None and self.actor.role is Role.JOCKEY
        if own and self.assignment.jockey.user_id == self.actor_id:
            return
        self.check_plans()

    def check_plans(self) -> None:
        """Raises NotFound for everybody but those who plan this workshop's trips."""
        if not may_plan(self.actor, self.booking.workshop_id):
            raise NotFound

    def to_do(self, kind: AssignmentType, action: AssignmentAction) -> bool:
        """True when `action` is next; False when this person did it already. Raises Conflict otherwise."""
        assignment = self.assignment
        if assignment.type is kind:
            if rules.next_status(kind, assignment.status, action) is not None:
                return True
            if rules.is_behind(kind, assignment.status, action) and assignment.moved_by == self.actor_id:
                return False
        raise self.conflict()

    def take(
        self, kind: AssignmentType, action: AssignmentAction, *, needs: BookingStatus | None = None, **facts: Any
    ) -> bool:
        """Move the trip along, with `facts` as further columns, and write the audit entry. False: it was done already.

        Raises Conflict when the trip, or the booking (`needs`), is in another state.
        """
        if not self.to_do(kind, action):
            return False
        if needs is not None and self.booking.status is not needs:
            raise self.conflict()
        assignment, before = self.assignment, self.assignment.status
        to = rules.next_status(kind, before, action)
        for name, value in {"status": to, "moved_by": self.actor_id, **facts}.items():
            setattr(assignment, name, value)
        db.session.flush()
        audit.record(
            f"assignment.{action.value.lower()}",
            "assignment",
            assignment.id,
            before={"status": before.value},
            after={"status": assignment.status.value},
            actor=self.actor.role.value.lower() if self.actor else None,
        )
        return True

    def must_be(self, kind: AssignmentType, *states: AssignmentStatus) -> None:
        """Raises Conflict unless the trip is of this kind and in one of these states."""
        if self.assignment.type is not kind or self.assignment.status not in states:
            raise self.conflict()

    def is_ended_by_actor(self, reason: CancelReason) -> bool:
        """Did this person end the trip for this reason already?"""
        assignment = self.assignment
        ended = assignment.status is AssignmentStatus.CANCELLED and assignment.cancel_reason is reason
        return ended and assignment.moved_by == self.actor_id

    def open_again(self) -> JockeyAssignment:
        """The open assignment that took this one's place. Raises Conflict when there is none any more."""
        found = lock_open(self.booking.id, self.assignment.type)
        if found is None:
            raise self.conflict()
        return found

    def conflict(self) -> Conflict:
        return Conflict(CHANGED, code="wrong_state", status=self.assignment.status.value)

    def is_early(self, now: datetime) -> bool:
        """Is the trip's planned departure far ahead?"""
        return rules.is_early(self.assignment.scheduled_time - self.travel(), now, current_app.config)

    def check_time(self, now: datetime) -> None:
        """Raises Invalid when the trip's planned departure is far ahead."""
        if self.is_early(now):
            raise Invalid(TOO_EARLY, code="too_early", field="early")

    def travel(self) -> timedelta:
        return timedelta(minutes=self.assignment.trip.travel_minutes)


def seen_of(assignment: JockeyAssignment | None, ronja_id: uuid.UUID | None) -> str:
    """Names what a page showed of a trip, so that a decision about something older is told and changes nothing."""
    if assignment is None or assignment.status in rules.ENDED:
        return f"-/{ronja_id}"
    return f"{assignment.id}/{assignment.status.value}/{ronja_id}"


def check_seen(seen: str, now: str) -> None:
    """Raises Conflict when the person looked at something older, so somebody was quicker."""
    if seen != now:
        raise Conflict(
            _l("Jemand war schneller: Diese Fahrt ist inzwischen anders geplant. Unten steht der neue Stand."),
            code="changed",
        )
