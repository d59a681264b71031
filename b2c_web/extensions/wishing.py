"""Wishes: open work that the customer would like done with a booking. Kept, changed, taken up, set aside."""

import uuid
from collections.abc import Collection, Sequence

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings.access import lock_as_workshop
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.wishes import WishGone
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid, NotFound
from b2c_web.extensions import rules, wishes
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import Extension, ExtensionWish
from b2c_web.extensions.refusing import WORDS, need_words, refuse
from b2c_web.extensions.wishes import OpenItem
from b2c_web.flask_extensions import db

MOST_WORDS = 300
OTHER_CAR = "other_car"  # the words when another car came; the page says it in the reader's language


def keep(booking_id: uuid.UUID, user_id: uuid.UUID, vehicle_id: uuid.UUID | None, keys: Sequence[str]) -> None:
    """In `bookings.wished`, within the claim: what was ticked becomes the booking's wishes, each once.

    Raises WishGone when something is not open any more, or not this person's and this car's.
    """
    offered = {work.key: work for work in wishes.open_for(vehicle_id, user_id)}
    wanted = dict.fromkeys(keys)
    if not wanted.keys() <= offered.keys():
        raise WishGone
    works = [offered[key] for key in wanted]
    _add(booking_id, works)
    _note(booking_id, [], [work.name for work in works])


def change_wishes(customer: User, booking_id: uuid.UUID, keys: Collection[str]) -> None:
    """The customer says anew what they wish, all of it at once; until the car is in the workshop.

    What staff set aside stays as it is. Raises NotFound, Conflict, Invalid (`wish`) for what is not open for this car.
    """
    with command_transaction():
        booking = lock_booking(booking_id)
        if booking.user_id != customer.id:
            raise NotFound
        refuse(rules.wish_change_refusal(booking))
        kept = {wishes.key_of(row): row for row in _rows(booking)}
        new = _open_work(booking, [key for key in dict.fromkeys(keys) if key not in kept])
        gone = [row for key, row in kept.items() if key not in keys and rules.taken_refusal(row) is None]
        if new or gone:
            db.session.execute(delete(ExtensionWish).where(ExtensionWish.id.in_([row.id for row in gone])))
            _add(booking.id, new)
            left = [row.name for row in kept.values() if row not in gone]
            _note(booking.id, [row.name for row in kept.values()], [*left, *(work.name for work in new)])


def _open_work(booking: Booking, keys: Sequence[str]) -> list[OpenItem]:
    offered = {work.key: work for work in wishes.open_work_of(booking)}
    if any(key not in offered for key in keys):
        raise Invalid(WishGone.message, field="wish")
    return [offered[key] for key in keys]


def _add(booking_id: uuid.UUID, works: Sequence[OpenItem]) -> None:
    db.session.add_all(
        ExtensionWish(
            booking_id=booking_id,
            extension_id=work.extension_id,
            place=work.index,
            name=work.name,
            description=work.description,
            price=work.price_cents,
            quantity=work.kept_quantity,
        )
        for work in works
    )
    db.session.flush()


def _rows(booking: Booking) -> Sequence[ExtensionWish]:
    """The wishes of a locked booking, fresh."""
    wanted = select(ExtensionWish).filter_by(booking_id=booking.id).order_by(ExtensionWish.id)
    return db.session.scalars(wanted.execution_options(populate_existing=True)).all()


def set_aside(staff: User, booking_id: uuid.UUID, wish_id: uuid.UUID, words: str) -> None:
    """Staff will not offer this wish this time, and say why; the customer reads the words.

    Raises NotFound, Invalid (`words`), Conflict: wish_gone, wish_taken_up, wish_set_aside, booking_over.
    """
    said = need_words(words, _l("Bitte sagen Sie dem Kunden, warum."), "words")[:MOST_WORDS]
    with command_transaction():
        booking = lock_as_workshop(staff, booking_id)
        wish = next((row for row in _rows(booking) if row.id == wish_id), None)
        if wish is None:
            refuse(rules.Refusal.WISH_GONE)
            return
        refuse(rules.set_aside_refusal(booking, wish))
        _put_aside(wish, said, staff.id)


def _put_aside(wish: ExtensionWish, words: str, staff_id: uuid.UUID | None) -> None:
    wish.set_aside_at, wish.set_aside_words, wish.set_aside_by = now_utc(), words, staff_id
    db.session.flush()
    audit.record("wish.set_aside", "booking", wish.booking_id, after={"wishes": wish.name, "words": words})


def part_from_car(booking: Booking) -> None:
    """In `bookings.other_car`: what was wished for the booked car is not done to the one that came instead."""
    for wish in _rows(booking):
        if rules.taken_refusal(wish) is None:
            _put_aside(wish, OTHER_CAR, None)


def take_up(booking: Booking, extension: Extension, offer: Offer) -> None:
    """Step, under the booking's lock: the wishes that the lines name, or that are called the same, are in this offer.

    Raises Invalid (`items-<n>`) for a wish that is in another offer already, was set aside or taken back.
    """
    rows = _rows(booking)
    named_first = sorted(enumerate(offer.items), key=lambda line: line[1].wish_id is None)
    for place, item in named_first:
        wish = _wish_of(item, rows, place)
        if wish is not None:
            wish.taken_up_by_id, wish.taken_up_place = extension.id, place
    db.session.flush()


def _wish_of(item: Item, rows: Sequence[ExtensionWish], place: int) -> ExtensionWish | None:
    if item.wish_id is None:
        free = (row for row in rows if rules.taken_refusal(row) is None)
        return next((row for row in free if rules.name_key(row.name) == rules.name_key(item.name)), None)
    named = next((row for row in rows if row.id == item.wish_id), None)
    refusal = rules.taken_refusal(named) if named else rules.Refusal.WISH_GONE
    if refusal is not None:
        raise Invalid(WORDS[refusal], field=f"items-{place}", code=refusal.value)
    return named


def let_go(extension: Extension) -> None:
    """Step: what an extension had taken up is open again, for it was withdrawn."""
    mine = update(ExtensionWish).where(ExtensionWish.taken_up_by_id == extension.id)
    db.session.execute(mine.values(taken_up_by_id=None, taken_up_place=None, updated_at=now_utc()))


def _note(booking_id: uuid.UUID, before: Sequence[str], after: Sequence[str]) -> None:
    facts = [{"wishes": ", ".join(names)} for names in (before, after)]
    audit.record("wish.change", "booking", booking_id, before=facts[0], after=facts[1])
