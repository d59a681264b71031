"""Moving with consent: the customer decides by a mailed link, and the same claim as ever carries it out.

What staff do is in `move_asking`.
"""

import hashlib
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select, update

from b2c_web import audit, jobs
from b2c_web.accounts.models import User
from b2c_web.bookings import moving
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.waiting import end_waiting_moves
from b2c_web.capacity.alternatives import Alternative, alternatives_for
from b2c_web.capacity.move_models import MoveOffer, MoveOfferState
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db

ANSWER_SHOWN = timedelta(hours=1)
Pair = tuple[uuid.UUID, uuid.UUID | None]


class OfferEnded(Conflict):
    """The link decides nothing any more: answered, run out, or the booking changed meanwhile."""

    code = "offer_ended"
    message = _l("Diese Anfrage ist schon beendet. An Ihrem Termin hat sich dadurch nichts geändert.")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of one request shows: the windows that are free now. `is_open`: can it still be answered?

    `is_fresh`: it was answered just now, so that the page says what became of the date; later the link only says that
    it is over.
    """

    offer: MoveOffer
    booking: Booking
    options: list[Alternative]
    is_open: bool
    is_fresh: bool


def hash_of(token: str) -> str:
    """What is kept of a mailed link."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_of(booking_id: uuid.UUID) -> Select[MoveOffer]:
    """The booking's request that nobody has answered or ended; at most one."""
    return select(MoveOffer).where(MoveOffer.booking_id == booking_id, MoveOffer.state == MoveOfferState.ASKED)


# -- the customer


def offer_by_token(token: str) -> MoveOffer:
    """The request that a mailed link stands for; nothing when the account was closed since. Raises NotFound."""
    asked = select(MoveOffer).join(MoveOffer.booking).join(Booking.user)
    found = asked.where(MoveOffer.token_hash == hash_of(token), User.is_active)
    offer = db.session.scalars(found).one_or_none()
    if offer is None:
        raise NotFound
    return offer


def offer_by_id(offer_id: uuid.UUID) -> MoveOffer:
    """One request, read anew. Raises NotFound."""
    found = select(MoveOffer).where(MoveOffer.id == offer_id).execution_options(populate_existing=True)
    offer = db.session.scalars(found).one_or_none()
    if offer is None:
        raise NotFound
    return offer


def offer_of_customer(user: User, offer_id: uuid.UUID) -> MoveOffer:
    """The same for a signed-in customer who was asked. Raises NotFound."""
    mine = select(MoveOffer).join(Booking).where(MoveOffer.id == offer_id, Booking.user_id == user.id)
    offer = db.session.scalars(mine).one_or_none()
    if offer is None:
        raise NotFound
    return offer


def shown(offer: MoveOffer) -> Shown:
    """What the page shows now: of the windows that were mailed those still free, filled up with the nearest others."""
    booking = offer.booking
    is_open = _is_open(offer, booking)
    mailed = tuple(uuid.UUID(option["slot_id"]) for option in offer.options)
    options = alternatives_for(booking, same_day=offer.same_day, first_choice=mailed) if is_open else []
    since = now_utc() - ANSWER_SHOWN
    is_fresh = booking.status is BookingStatus.CONFIRMED and offer.ended_at is not None and offer.ended_at > since
    return Shown(offer, booking, options, is_open, is_fresh)


def _is_open(offer: MoveOffer, booking: Booking) -> bool:
    waits = offer.state is MoveOfferState.ASKED and offer.expires_at > now_utc()
    return waits and booking.status is BookingStatus.CONFIRMED


def accept(offer_id: uuid.UUID, pair: Pair) -> None:
    """The customer takes one of the windows: moved by the same claim as any move, without fee and lead time.

    Locks booking, request, days, windows, a Ronja. Raises OfferEnded, PlaceTaken (then nothing has changed and the
    link still decides), Busy.
    """
    with command_transaction():
        offer, booking = _lock_open(offer_id)
        end_waiting_moves(booking)
        move = moving.plan(booking, *pair, fee_cents=0)
        end(offer, MoveOfferState.MOVED)
        moving.carry_out(booking, move, lead_time=False)
        _note_answer(offer, "booking.move_accepted")


def decline(offer_id: uuid.UUID) -> None:
    """The customer would rather keep the date; staff see it. Locks booking and request. Raises OfferEnded, Busy."""
    with command_transaction():
        offer, _booking = _lock_open(offer_id)
        end(offer, MoveOfferState.DECLINED)
        _note_answer(offer, "booking.move_declined")


def _lock_open(offer_id: uuid.UUID) -> tuple[MoveOffer, Booking]:
    offer = offer_by_id(offer_id)
    booking = lock_booking(offer.booking_id)
    db.session.refresh(offer, with_for_update=True)
    if not _is_open(offer, booking):
        raise OfferEnded
    return offer, booking


def _note_answer(offer: MoveOffer, action: str) -> None:
    before = {"state": MoveOfferState.ASKED.value}
    after = {"state": offer.state.value, "offer_id": str(offer.id)}
    audit.record(action, "booking", offer.booking_id, before=before, after=after, actor="customer")


def end(offer: MoveOffer, state: MoveOfferState) -> None:
    """Step: the request is over."""
    offer.state, offer.ended_at = state, now_utc()
    db.session.flush()


# -- what else ends a request


def end_open_offer(booking: Booking) -> None:
    """Step: the booking was moved or cancelled in another way; its open request is over."""
    open_ones = MoveOffer.booking_id == booking.id, MoveOffer.state == MoveOfferState.ASKED
    over = {"state": MoveOfferState.ENDED, "ended_at": now_utc()}
    db.session.execute(update(MoveOffer).where(*open_ones).values(over).execution_options(synchronize_session=False))


def end_old_offers() -> int:
    """Requests that ran out, or whose car is under way already, are over. Returns how many."""
    late = (MoveOffer.expires_at <= now_utc()) | (Booking.status != BookingStatus.CONFIRMED)
    old = select(MoveOffer.booking_id).join(Booking).where(MoveOffer.state == MoveOfferState.ASKED, late).limit(200)
    ended: list[uuid.UUID] = []
    jobs.for_each(db.session.scalars(old).all(), lambda booking_id: ended.extend(_end_old(booking_id)))
    return len(ended)


def _end_old(booking_id: uuid.UUID) -> list[uuid.UUID]:
    with command_transaction():
        booking = lock_booking(booking_id)
        offer = db.session.scalars(open_of(booking_id).with_for_update()).one_or_none()
        if offer is None or _is_open(offer, booking):
            return []
        end(offer, MoveOfferState.ENDED)
        return [offer.id]


# -- what is read


def waiting_for_customer(booking_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these bookings have a request that its customer can still answer."""
    asked = select(MoveOffer.booking_id).where(MoveOffer.booking_id.in_(booking_ids))
    open_ones = asked.where(MoveOffer.state == MoveOfferState.ASKED, MoveOffer.expires_at > now_utc())
    return set(db.session.scalars(open_ones.join(Booking).where(Booking.status == BookingStatus.CONFIRMED)))


def open_offer_of(booking: Booking) -> MoveOffer | None:
    """The request that this booking's customer can still answer, for the booking's page."""
    offer = db.session.scalars(open_of(booking.id)).one_or_none()
    return offer if offer is not None and _is_open(offer, booking) else None
