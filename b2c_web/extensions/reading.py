"""Extensions as pages show them: read from the table, with the names, messages and consents that belong to them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.extensions import rules
from b2c_web.extensions.items import ItemView, from_json
from b2c_web.extensions.models import (
    AuthorizationStatus,
    DecisionRight,
    Extension,
    ExtensionConsent,
    ExtensionMessage,
    ExtensionStatus,
    MessageKind,
)
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot


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
    def shown_cents(self) -> int:
        """The one sum beside its state: offered, then approved, then what is charged when not all of it was done."""
        if self.status is not ExtensionStatus.APPROVED:
            return self.total_cents
        return self.due_cents or self.approved_cents

    @property
    def names(self) -> str:
        """What it is about: of an approved offer only the work that was approved and not left undone after all."""
        counts = [one.name for one in self.items if one.accepted and not one.not_done]
        is_approved = self.status is ExtensionStatus.APPROVED
        return ", ".join(counts if is_approved and counts else [one.name for one in self.items])

    def names_of(self, *, not_done: bool) -> str:
        """Of an approved offer what nobody does: refused by the customer, or accepted and `not_done`."""
        if self.status is not ExtensionStatus.APPROVED:
            return ""
        return ", ".join(one.name for one in self.items if (one.not_done if not_done else one.accepted is False))

    @property
    def all_media(self) -> list[uuid.UUID]:
        """Of the whole and of its items."""
        return [*self.media, *(one for item in self.items for one in item.media)]

    @property
    def is_pending(self) -> bool:
        return self.status is ExtensionStatus.PENDING

    @property
    def open_question(self) -> MessageView | None:
        """What the customer asked last and the workshop has not answered."""
        last = self.messages[-1] if self.messages else None
        return last if last and rules.is_question_open(last.kind, self.status) else None

    @property
    def money_shown(self) -> str:
        """The state of its money, as `ui.status` knows it."""
        return rules.money_shown(self.authorization_status, by_mandate=self.by_mandate)

    @property
    def needs_customer_for_money(self) -> bool:
        """A payment page or another card is needed."""
        return rules.needs_customer_for_money(self) and not self.work_over

    @property
    def is_not_taken(self) -> bool:
        """The work was finished once, and taking its money failed: that is for a person of ours."""
        return self.authorization_status is AuthorizationStatus.FAILED and not self.needs_customer_for_money


class _Beside(NamedTuple):
    """What other tables say of an extension, in the order in which `read` selects it."""

    raised_by_name: str | None
    decided_by_name: str | None
    replaced_by_id: uuid.UUID | None
    new_return_start: datetime | None
    service_completed_at: datetime | None


# made once, not for each page
Raiser, Decider, Later = aliased(User), aliased(User), aliased(Extension)
WITH_BESIDE: Any = (
    select(Extension, Raiser.name, Decider.name, Later.id, TimeSlot.start_time, Booking.service_completed_at)
    .join(Booking, Booking.id == Extension.booking_id)
    .outerjoin(Raiser, Raiser.id == Extension.raised_by)
    .outerjoin(Decider, Decider.id == Extension.decided_by)
    .outerjoin(Later, Later.replaces_id == Extension.id)
    .outerjoin(TimeSlot, TimeSlot.id == Extension.new_return_slot_id)
    .order_by(Extension.requested_at, Extension.id)
    .execution_options(populate_existing=True)
)
# what pages show just as the table keeps it
AS_KEPT = (
    "id",
    "booking_id",
    "status",
    "authorization_status",
    "description",
    "urgent",
    "vat_rate_percent",
    "requested_at",
    "decision_right",
    "decision_channel",
    "decline_reason",
    "withdrawn_at",
    "withdraw_reason",
    "replaces_id",
    "new_promised_at",
    "delay_reason",
    "failure_code",
    "by_mandate",
    "payment_captured_at",
)


def read(*criteria: ColumnElement[bool]) -> list[ExtensionView]:
    """The extensions that meet all of these, as pages show them, oldest first. At most 3 statements."""
    rows = db.session.execute(WITH_BESIDE.where(*criteria)).all()
    by_consent = [row[0].id for row in rows if row[0].decision_right is DecisionRight.RECORDED_CONSENT]
    messages = _messages([row[0].id for row in rows])
    consents = _consents(by_consent) if by_consent else {}
    return [
        _view(extension, _Beside(*beside), messages.get(extension.id, []), consents.get(extension.id))
        for extension, *beside in rows
    ]


def _view(
    extension: Extension, beside: _Beside, messages: list[MessageView], consent: tuple[ExtensionConsent, Any] | None
) -> ExtensionView:
    over = beside.service_completed_at is not None
    return ExtensionView(
        **{name: getattr(extension, name) for name in AS_KEPT},
        items=item_views(extension),
        media=[uuid.UUID(one) for one in (*extension.images, *extension.videos)],
        total_cents=extension.total_amount,
        approved_cents=extension.approved_amount_cents,
        captured_cents=extension.captured_amount_cents,
        due_cents=rules.due_cents(extension),
        raised_by_name=beside.raised_by_name,
        decided_by_name=beside.decided_by_name,
        decided_at=extension.approved_at or extension.declined_at,
        replaced_by_id=beside.replaced_by_id,
        new_return_start=beside.new_return_start,
        safe_to_begin=rules.is_safe_to_begin(extension),
        work_over=over,
        shown=rules.digest_of(extension),
        messages=messages,
        consent=_consent_view(consent, is_over=over or _is_taken(extension)) if consent else None,
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
