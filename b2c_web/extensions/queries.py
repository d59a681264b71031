"""Reads of extensions for pages. Who may see them is decided by whoever found the booking or opened the link."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, text
from sqlalchemy.orm import aliased

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import visible_to
from b2c_web.catalog.models import ServiceType
from b2c_web.errors import NotFound
from b2c_web.extensions import rules
from b2c_web.extensions.items import ItemView, from_json
from b2c_web.extensions.models import (
    AuthorizationStatus,
    DecisionRight,
    Extension,
    ExtensionConsent,
    ExtensionDraft,
    ExtensionMessage,
    ExtensionStatus,
    MessageKind,
    WorkItem,
)
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot

# Extensions and drafts show files of their own booking only, which has an index: all files there are are asked about,
# hour by hour. A draft is the form's own shape: any text in it that is an id counts.
MEDIA_IN_USE = """
    SELECT m.id FROM media_files m WHERE m.id = ANY (CAST(:ids AS uuid[])) AND (
        EXISTS (SELECT 1 FROM extensions e WHERE e.booking_id = m.purpose_id
                AND (m.id::text = ANY (e.images) OR m.id::text = ANY (e.videos)
                     OR e.items @> jsonb_build_array(jsonb_build_object('media', jsonb_build_array(m.id::text)))))
        OR EXISTS (SELECT 1 FROM extension_drafts d
                   WHERE d.booking_id = m.purpose_id AND strpos(d.content::text, m.id::text) > 0))"""


@dataclass(frozen=True, slots=True)
class MessageView:
    kind: MessageKind
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A recorded consent. `may_object`: the customer still can."""

    channel: str
    name: str
    given_at: datetime
    words: str
    staff_name: str | None
    objected_at: datetime | None
    may_object: bool


@dataclass(frozen=True, slots=True)
class ExtensionView:
    """One extension as pages show it. `shown` goes back with every decision; `due_cents` is what completion charges.

    `work_over`: the work is completed, so that nobody can hold money for it any more.
    """

    id: uuid.UUID
    booking_id: uuid.UUID
    status: ExtensionStatus
    authorization_status: AuthorizationStatus
    description: str
    urgent: bool
    items: list[ItemView]
    media: list[uuid.UUID]
    total_cents: int
    approved_cents: int
    due_cents: int
    captured_cents: int
    vat_rate_percent: int
    requested_at: datetime
    raised_by_name: str | None
    decided_at: datetime | None
    decision_right: DecisionRight | None
    decision_channel: str | None
    decided_by_name: str | None
    decline_reason: str | None
    withdrawn_at: datetime | None
    withdraw_reason: str | None
    replaces_id: uuid.UUID | None
    replaced_by_id: uuid.UUID | None
    new_return_start: datetime | None
    new_promised_at: datetime | None
    delay_reason: str
    failure_code: str | None
    by_mandate: bool
    safe_to_begin: bool
    payment_captured_at: datetime | None
    work_over: bool
    shown: str
    messages: list[MessageView] = field(default_factory=list)
    consent: ConsentView | None = None

    @property
    def is_pending(self) -> bool:
        return self.status is ExtensionStatus.PENDING

    @property
    def needs_customer_for_money(self) -> bool:
        """The bank wants the customer, or said no: a payment page or another card is needed."""
        return self.authorization_status in rules.UNPAID and not self.work_over


@dataclass(frozen=True, slots=True)
class DeclinedItem:
    """Work that was declined for a car and not accepted since."""

    name: str
    description: str
    price_cents: int
    quantity: str
    declined_at: datetime
    booking_number: str
    extension_id: uuid.UUID
    index: int


def of_booking(booking_id: uuid.UUID) -> list[ExtensionView]:
    """All of a booking's extensions, oldest first, withdrawn ones too (the history). At most 4 statements."""
    return _views(select(Extension).where(Extension.booking_id == booking_id))


def view_of(extension_id: uuid.UUID) -> ExtensionView:
    """One extension. Raises NotFound. The caller has checked the person: a Link names it, else `visible_extension`."""
    found = _views(select(Extension).where(Extension.id == extension_id))
    if not found:
        raise NotFound
    return found[0]


def needs_customer_for_money(extension_id: uuid.UUID) -> bool:
    """Does the bank want the customer, or did it say no?"""
    status = db.session.scalar(select(Extension.authorization_status).where(Extension.id == extension_id))
    return status in rules.UNPAID


def visible_extension(user: User, extension_id: uuid.UUID) -> ExtensionView:
    """One extension that `user` may see: of their own booking, or of their workshop's. Raises NotFound."""
    mine = visible_to(user).with_only_columns(Booking.id)
    found = _views(select(Extension).where(Extension.id == extension_id, Extension.booking_id.in_(mine)))
    if not found:
        raise NotFound
    return found[0]


def _views(wanted: Select[Extension]) -> list[ExtensionView]:
    raiser, decider, later = aliased(User), aliased(User), aliased(Extension)
    rows = db.session.execute(
        wanted.add_columns(raiser.name, decider.name, later.id, TimeSlot.start_time, Booking.service_completed_at)
        .join(Booking, Booking.id == Extension.booking_id)
        .outerjoin(raiser, raiser.id == Extension.raised_by)
        .outerjoin(decider, decider.id == Extension.decided_by)
        .outerjoin(later, later.replaces_id == Extension.id)
        .outerjoin(TimeSlot, TimeSlot.id == Extension.new_return_slot_id)
        .order_by(Extension.requested_at, Extension.id)
        .execution_options(populate_existing=True)
    ).all()
    ids = [row[0].id for row in rows]
    messages, consents = _messages(ids), _consents(ids)
    return [
        _view(extension, names, messages.get(extension.id, []), consents.get(extension.id), done_at)
        for extension, *names, done_at in rows
    ]


def _view(
    extension: Extension,
    names: Sequence[Any],
    messages: list[MessageView],
    consent: tuple[ExtensionConsent, str | None] | None,
    done_at: datetime | None,
) -> ExtensionView:
    raised_by, decided_by, replaced_by, return_start = names
    return ExtensionView(
        id=extension.id,
        booking_id=extension.booking_id,
        status=extension.status,
        authorization_status=extension.authorization_status,
        description=extension.description,
        urgent=extension.urgent,
        items=item_views(extension),
        media=[uuid.UUID(one) for one in (*extension.images, *extension.videos)],
        total_cents=extension.total_amount,
        approved_cents=extension.approved_amount_cents,
        due_cents=rules.due_cents(extension),
        captured_cents=extension.captured_amount_cents,
        vat_rate_percent=extension.vat_rate_percent,
        requested_at=extension.requested_at,
        raised_by_name=raised_by,
        decided_at=extension.approved_at or extension.declined_at,
        decision_right=extension.decision_right,
        decision_channel=extension.decision_channel,
        decided_by_name=decided_by,
        decline_reason=extension.decline_reason,
        withdrawn_at=extension.withdrawn_at,
        withdraw_reason=extension.withdraw_reason,
        replaces_id=extension.replaces_id,
        replaced_by_id=replaced_by,
        new_return_start=return_start,
        new_promised_at=extension.new_promised_at,
        delay_reason=extension.delay_reason,
        failure_code=extension.failure_code,
        by_mandate=extension.by_mandate,
        safe_to_begin=rules.is_safe_to_begin(extension),
        payment_captured_at=extension.payment_captured_at,
        work_over=done_at is not None,
        shown=rules.digest_of(extension),
        messages=messages,
        consent=_consent_view(consent, is_over=done_at is not None or _is_taken(extension)) if consent else None,
    )


def item_views(extension: Extension) -> list[ItemView]:
    """An extension's items as pages show them, in the order in which they were offered."""
    decided = extension.status in (ExtensionStatus.APPROVED, ExtensionStatus.DECLINED)
    return [
        ItemView(
            index=index,
            name=item.name,
            description=item.description,
            price_cents=item.price_cents,
            quantity=item.quantity,
            sum_cents=rules.item_cents(item.price_cents, item.quantity),
            media=list(item.media),
            accepted=index in extension.accepted_items if decided else None,
            not_done=index in extension.not_done_items,
        )
        for index, item in enumerate(from_json(kept) for kept in extension.items)
    ]


def _messages(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[MessageView]]:
    found: dict[uuid.UUID, list[MessageView]] = {}
    wanted = select(ExtensionMessage).where(ExtensionMessage.extension_id.in_(ids))
    for row in db.session.scalars(wanted.order_by(ExtensionMessage.at, ExtensionMessage.id)):
        found.setdefault(row.extension_id, []).append(MessageView(row.kind, row.words, row.at))
    return found


def _consents(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[ExtensionConsent, str | None]]:
    wanted = (
        select(ExtensionConsent, User.name)
        .outerjoin(User, User.id == ExtensionConsent.staff_id)
        .where(ExtensionConsent.extension_id.in_(ids))
        .execution_options(populate_existing=True)
    )
    return {row.extension_id: (row, name) for row, name in db.session.execute(wanted)}


def consent_of(extension_id: uuid.UUID) -> ExtensionConsent | None:
    """The recorded consent by which an extension was approved, if it was."""
    wanted = select(ExtensionConsent).filter_by(extension_id=extension_id)
    return db.session.scalar(wanted.execution_options(populate_existing=True))


def _is_taken(extension: Extension) -> bool:
    return extension.authorization_status in rules.TAKEN


def _consent_view(found: tuple[ExtensionConsent, str | None], *, is_over: bool) -> ConsentView:
    row, staff_name = found
    return ConsentView(
        channel=row.channel,
        name=row.name,
        given_at=row.given_at,
        words=row.words,
        staff_name=staff_name,
        objected_at=row.objected_at,
        may_object=row.objected_at is None and not is_over,
    )


def digest_of(extension: Extension) -> str:
    """`shown`: the fingerprint of what a page shows, which every decision sends back."""
    return rules.digest_of(extension)


def limit_left_cents(booking: Booking) -> int:
    """What staff may still approve for this booking under the customer's standing limit, in cents."""
    return rules.limit_left_cents(booking)


def draft_of(booking_id: uuid.UUID) -> ExtensionDraft | None:
    """What staff have typed so far for this booking; None when that was sent or thrown away."""
    draft = db.session.get(ExtensionDraft, booking_id, populate_existing=True)
    return draft if draft is not None and draft.content else None


def media_in_use(ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these files an extension or a draft shows."""
    return set(db.session.scalars(text(MEDIA_IN_USE), {"ids": list(ids)}))


def catalogue(workshop_id: uuid.UUID, service: ServiceType) -> Sequence[WorkItem]:
    """Usual work of a workshop with this service: what belongs to it first, then what is usual with every one."""
    wanted = select(WorkItem).where(
        WorkItem.workshop_id == workshop_id,
        WorkItem.is_active,
        or_(WorkItem.service == service, WorkItem.service.is_(None)),
    )
    return db.session.scalars(wanted.order_by(WorkItem.service.is_(None), WorkItem.position, WorkItem.name)).all()


def declined_for(vehicle_id: uuid.UUID | None) -> list[DeclinedItem]:
    """What was declined for this car and not accepted since, newest first: to be offered again."""
    if vehicle_id is None:
        return []
    rows = db.session.execute(
        select(Extension, Booking.number)
        .join(Booking, Booking.id == Extension.booking_id)
        .where(Booking.vehicle_id == vehicle_id)
        .order_by(Extension.requested_at, Extension.id)
    ).all()
    numbers = {extension.id: number for extension, number in rows}
    open_items = rules.declined_items([extension for extension, _number in rows])
    return [_declined(extension, index, numbers[extension.id]) for extension, index in open_items]


def _declined(extension: Extension, index: int, number: str) -> DeclinedItem:
    kept = extension.items[index]
    return DeclinedItem(
        name=kept["name"],
        description=kept.get("description", ""),
        price_cents=kept["price"],
        quantity=kept["quantity"],
        declined_at=extension.declined_at or extension.approved_at or extension.requested_at,
        booking_number=number,
        extension_id=extension.id,
        index=index,
    )
