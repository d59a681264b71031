"""Reads of extensions for pages. Who may see them is decided by whoever found the booking or opened the link."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from flask_login import current_user
from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select, text

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import visible_to
from b2c_web.catalog.models import ServiceType
from b2c_web.errors import NotFound
from b2c_web.extensions import rules
from b2c_web.extensions.models import (
    AuthorizationStatus,
    Extension,
    ExtensionConsent,
    ExtensionDraft,
    ExtensionMessage,
    ExtensionStatus,
    WorkItem,
)
from b2c_web.extensions.reading import ExtensionView, read
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState

# Extensions and drafts show files of their own booking only, which has an index: all files there are are asked about,
# hour by hour. A draft is the form's own shape: any text in it that is an id counts.
MEDIA_IN_USE = """
    SELECT m.id FROM media_files m WHERE m.id = ANY (CAST(:ids AS uuid[])) AND (
        EXISTS (SELECT 1 FROM extensions e WHERE e.booking_id = m.purpose_id
                AND (m.id::text = ANY (e.images) OR m.id::text = ANY (e.videos)
                     OR e.items @> jsonb_build_array(jsonb_build_object('media', jsonb_build_array(m.id::text)))))
        OR EXISTS (SELECT 1 FROM extension_drafts d
                   WHERE d.booking_id = m.purpose_id AND strpos(d.content::text, m.id::text) > 0))"""


def of_booking(booking_id: uuid.UUID) -> list[ExtensionView]:
    """All of a booking's extensions, oldest first, withdrawn ones too (the history). At most 3 statements."""
    return read(Extension.booking_id == booking_id)


def view_of(extension_id: uuid.UUID) -> ExtensionView:
    """One extension. Raises NotFound. The caller has checked the person: a Link names it, else `visible_extension`."""
    found = read(Extension.id == extension_id)
    if not found:
        raise NotFound
    return found[0]


def ready_at(booking: Booking) -> datetime | None:
    """By when the work will be done that the customer agreed to, as far as it has a time of its own.

    What the customer objected to later, or what is not done, counts no more.
    """
    agreed = Extension.status == ExtensionStatus.APPROVED
    counts = agreed & (Extension.authorization_status != AuthorizationStatus.RELEASED)
    return db.session.scalar(select(func.max(Extension.new_promised_at)).filter_by(booking_id=booking.id).where(counts))


def needs_customer_for_money(extension_id: uuid.UUID) -> bool:
    """As `rules.needs_customer_for_money`."""
    money = select(Extension.authorization_status, Extension.failure_code).where(Extension.id == extension_id)
    return rules.needs_customer_for_money(db.session.execute(money).one())


def waiting_for_customer(booking_ids: Collection[uuid.UUID] | Select[Any]) -> set[uuid.UUID]:
    """Which of these bookings have an extension that its customer is to decide, or to pay otherwise."""
    wanted = select(Extension.booking_id, Extension.status, Extension.authorization_status, Extension.failure_code)
    can_answer = Booking.status == BookingStatus.IN_WORKSHOP, Booking.service_completed_at.is_(None)
    wanted = wanted.join(Booking).where(Booking.id.in_(booking_ids), Booking.withdrawn_at.is_(None), *can_answer)
    pending = ExtensionStatus.PENDING
    rows = db.session.execute(wanted)
    return {row.booking_id for row in rows if row.status is pending or rules.needs_customer_for_money(row)}


def bookings_waiting() -> list[Booking]:
    """The signed-in customer's bookings whose workshop waits for an answer, the one with the oldest window first."""
    waiting = waiting_for_customer(select(Booking.id).where(Booking.user_id == current_user.id))
    if not waiting:
        return []
    return list(db.session.scalars(select(Booking).where(Booking.id.in_(waiting)).order_by(Booking.pickup_time)))


def visible_extension(user: User, extension_id: uuid.UUID) -> ExtensionView:
    """One extension that `user` may see: of their own booking, or of their workshop's. Raises NotFound."""
    mine = visible_to(user).with_only_columns(Booking.id)
    found = read(Extension.id == extension_id, Extension.booking_id.in_(mine))
    if not found:
        raise NotFound
    return found[0]


def consent_of(extension_id: uuid.UUID) -> ExtensionConsent | None:
    """The recorded consent by which an extension was approved, if it was."""
    wanted = select(ExtensionConsent).filter_by(extension_id=extension_id)
    return db.session.scalar(wanted.execution_options(populate_existing=True))


def is_question_open(extension: Extension) -> bool:
    """As `rules.is_question_open`."""
    said = select(ExtensionMessage.kind).filter_by(extension_id=extension.id)
    last = db.session.scalar(said.order_by(ExtensionMessage.at.desc(), ExtensionMessage.id.desc()).limit(1))
    return rules.is_question_open(last, extension.status)


def digest_of(extension: Extension) -> str:
    """`shown`: the fingerprint of what a page shows, which every decision sends back."""
    return rules.digest_of(extension)


def limit_left_cents(booking: Booking) -> int:
    """What staff may still approve for this booking under the customer's standing limit, in cents."""
    return rules.limit_left_cents(booking)


def later_return(booking: Booking, extension: Extension | ExtensionView) -> datetime | None:
    """Until when the return is promised while it is still as late as this extension made it, else None."""
    made_later = extension.new_promised_at is not None and booking.estimated_return_time >= extension.new_promised_at
    return booking.estimated_return_time if made_later and rules.work_refusal(booking) is None else None


def draft_of(booking_id: uuid.UUID) -> ExtensionDraft | None:
    """What staff have typed so far for this booking; None when that was sent or thrown away."""
    draft = db.session.get(ExtensionDraft, booking_id, populate_existing=True)
    return draft if draft is not None and draft.content else None


def media_in_use(ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these files an extension or a draft shows."""
    return set(db.session.scalars(text(MEDIA_IN_USE), {"ids": list(ids)}))


def shows_unreadable() -> ColumnElement[bool]:
    """Of an extension in a statement: does it wait for its customer with a photo or video that the worker refused?"""
    named = func.concat(Extension.images, Extension.videos, Extension.items)
    refused = select(MediaFile.id).where(
        MediaFile.purpose == MediaPurpose.BOOKING,
        MediaFile.purpose_id == Extension.booking_id,
        MediaFile.state == MediaState.REFUSED,
        func.strpos(named, cast(MediaFile.id, String)) > 0,
    )
    return and_(Extension.status == ExtensionStatus.PENDING, refused.correlate(Extension).exists())


def catalogue(workshop_id: uuid.UUID, service: ServiceType) -> Sequence[WorkItem]:
    """Usual work of a workshop with this service: what belongs to it first, then what is usual with every one."""
    wanted = select(WorkItem).where(
        WorkItem.workshop_id == workshop_id,
        WorkItem.is_active,
        or_(WorkItem.service == service, WorkItem.service.is_(None)),
    )
    return db.session.scalars(wanted.order_by(WorkItem.service.is_(None), WorkItem.position, WorkItem.name)).all()


def usual_work(workshop_id: uuid.UUID, search: str = "", *, archived: bool = False) -> Sequence[WorkItem]:
    """All of a workshop's catalogue, by service and name; what is usual with every service comes last."""
    wanted = select(WorkItem).where(WorkItem.workshop_id == workshop_id, WorkItem.is_active.is_(not archived))
    if search:
        found = WorkItem.name.icontains(search, autoescape=True)
        more = WorkItem.name_en, WorkItem.description, WorkItem.description_en
        wanted = wanted.where(or_(found, *(column.icontains(search, autoescape=True) for column in more)))
    return db.session.scalars(wanted.order_by(WorkItem.service, WorkItem.position, WorkItem.name)).all()


def usual_elsewhere(workshop_id: uuid.UUID, here: Sequence[WorkItem]) -> list[WorkItem]:
    """Usual work with other services, each name once, without those that are `here`."""
    named = {rules.name_key(work.name) for work in here}
    found: dict[str, WorkItem] = {}
    for work in usual_work(workshop_id):
        found.setdefault(rules.name_key(work.name), work)
    return [work for key, work in found.items() if key not in named]


def usual_work_named(workshop_id: uuid.UUID, service: ServiceType) -> dict[str, WorkItem]:
    """The catalogue by `rules.name_key`: by its own names, then by those in English; of several with one name that of
    this service, else that of every one.
    """
    found = usual_work(workshop_id)[::-1]  # of two elsewhere the first, as `usual_elsewhere` has it
    works = sorted(found, key=lambda work: (work.service is service, work.service is None))
    english = {rules.name_key(work.name_en): work for work in works if work.name_en}
    return english | {rules.name_key(work.name): work for work in works}


def work_item_of(user: User, item_id: uuid.UUID) -> WorkItem:
    """One piece of usual work of this person's workshop; an admin sees all. Raises NotFound."""
    wanted = select(WorkItem).where(WorkItem.id == item_id)
    if user.role is not Role.ADMIN:
        wanted = wanted.where(WorkItem.workshop_id == user.workshop_id)
    work = db.session.scalars(wanted).one_or_none()
    if work is None:
        raise NotFound
    return work
